/**
 * What a node notes of the contracts that were hot, so that it can have them compiled when it starts again: a line each,
 * `fork codeHash gas`, those first that were used last. The file is only a hint: what is no such line is passed over.
 */
import { toHash, type Hash } from '../../../src/primitives/bytes.ts'
import { EVM_FORKS, type EvmFork } from '../opcodes.ts'
import type { HotCode } from './hot-code.ts'

/** Contracts in a profile. */
export const PROFILE_MAX = 256
const LINE = /^([a-z]{1,16}) (0x[0-9a-f]{64}) ([1-9][0-9]{0,14})$/u

export function formatProfile(codes: readonly HotCode[]): string {
  return codes
    .slice(0, PROFILE_MAX)
    .map(({ fork, hash, gas }) => `${fork} ${hash} ${gas}\n`)
    .join('')
}

/** Never throws. */
export function parseProfile(text: string): readonly HotCode[] {
  const codes = new Map<string, HotCode>()
  for (const line of text.split('\n')) {
    if (codes.size === PROFILE_MAX) break
    const [, forkName, hash, gas] = LINE.exec(line) ?? []
    const fork = EVM_FORKS.find((known) => known === forkName)
    if (fork === undefined || hash === undefined || gas === undefined) continue
    codes.set(`${fork} ${hash}`, hotCode(fork, toHash(hash), Number(gas)))
  }
  return [...codes.values()]
}

function hotCode(fork: EvmFork, hash: Hash, gas: number): HotCode {
  return { fork, hash, gas }
}
