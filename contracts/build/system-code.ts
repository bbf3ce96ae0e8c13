/**
 * Writes the runtime code of the system contracts where the node has it: nodes need the code to make a genesis, and
 * have no compiler. `npm run contracts` writes the file anew, and a test compares it with what the sources compile to.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ContractArtifacts } from './compile.ts'

const TARGET = fileURLToPath(new URL('../../src/consensus/system-contracts/code.ts', import.meta.url))
const FOLDER = 'system/'

/** The module with the code of everything under `contracts/system` that has any. */
export function systemCodeModule(artifacts: ContractArtifacts): string {
  const contracts = [...artifacts.values()]
    .filter(({ source, abi, bytecode }) => source.startsWith(FOLDER) && abi.length > 0 && bytecode !== '0x')
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const entries = contracts.map(({ name, deployedBytecode }) => `  ${name}:\n    '${deployedBytecode}',\n`)
  return (
    '/** Runtime code of the system contracts. Written by `npm run contracts`: change `contracts/system` instead. */\n' +
    `export const SYSTEM_CODE = {\n${entries.join('')}} as const\n`
  )
}

/** The module as it is checked in. */
export function readSystemCode(): string {
  return readFileSync(TARGET, 'utf8').replaceAll('\r\n', '\n')
}

/** @returns whether the file has changed. */
export function writeSystemCode(artifacts: ContractArtifacts): boolean {
  const text = systemCodeModule(artifacts)
  let isNew = true
  try {
    isNew = readSystemCode() !== text
  } catch {
    // Not there yet, or not readable: writing it says what is wrong with it.
  }
  if (isNew) writeFileSync(TARGET, text)
  return isNew
}
