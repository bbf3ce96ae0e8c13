/**
 * Compiles the contract that client tests deploy (`test/clients/contracts`). Loading the compiler takes seconds, so the
 * result is kept under `.cache/`, named by a hash of all that it depends on.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Hex } from '../../src/primitives/bytes.ts'

const SOURCE = fileURLToPath(new URL('../clients/contracts/Vault.sol', import.meta.url))
const CACHE = fileURLToPath(new URL('../../.cache/test-contracts', import.meta.url))

export interface CompiledContract {
  readonly abi: readonly unknown[]
  /** Initcode; the constructor takes no arguments. */
  readonly bytecode: Hex
}

/** `Vault` for the newest fork. @throws Error with the compiler's complaints. */
export async function compileVault(): Promise<CompiledContract> {
  const input = JSON.stringify({
    language: 'Solidity',
    sources: { 'Vault.sol': { content: readFileSync(SOURCE, 'utf8') } },
    settings: {
      evmVersion: 'osaka',
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
    },
  })
  const compiler = readFileSync(createRequire(import.meta.url).resolve('solc/package.json'))
  const key = createHash('sha256').update(compiler).update(input).digest('hex')
  const path = join(CACHE, `${key}.json`)
  try {
    // Written below, whole or not at all.
    return JSON.parse(readFileSync(path, 'utf8')) as CompiledContract
  } catch {
    const contract = await compile(input)
    mkdirSync(CACHE, { recursive: true })
    // Several test files may do this at the same time.
    const scratch = `${path}.${process.pid}`
    writeFileSync(scratch, JSON.stringify(contract))
    renameSync(scratch, path)
    return contract
  }
}

interface Output {
  readonly errors?: readonly { readonly formattedMessage: string }[]
  readonly contracts: {
    readonly 'Vault.sol': {
      readonly Vault: {
        readonly abi: readonly unknown[]
        readonly evm: { readonly bytecode: { readonly object: string } }
      }
    }
  }
}

async function compile(input: string): Promise<CompiledContract> {
  const { default: solc } = await import('solc')
  const { errors = [], contracts } = JSON.parse(solc.compile(input)) as Output
  if (errors.length > 0) throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join('\n'))
  const { abi, evm } = contracts['Vault.sol'].Vault
  return { abi, bytecode: `0x${evm.bytecode.object}` }
}
