/** The case of a seed for engines: hostile, in the manner of Solidity, or one of those for the reference. */
import { wordToAddress, wordToHash } from '../../../src/primitives/bytes.ts'
import type { ForkName } from '../../../src/chain/forks.ts'
import { Prng } from '../../support/prng.ts'
import type { Blueprint } from '../blueprint.ts'
import type { CaseBlock } from '../case.ts'
import { generateCase } from '../generate-case.ts'
import { hostileCase } from './generate-hostile.ts'
import { solidityCase } from './generate-solidity.ts'

export function engineCase(seed: string, fork?: ForkName): Blueprint {
  const prng = new Prng(seed)
  const chosen =
    fork ??
    prng.weighted<ForkName>([
      [4, 'osaka'],
      [1, 'prague'],
      [1, 'cancun'],
    ])
  return prng.weighted<() => Blueprint>([
    [5, () => hostileCase(prng, blockOf(prng, chosen))],
    [4, () => solidityCase(prng, blockOf(prng, chosen))],
    [1, () => generateCase(seed, chosen)],
  ])()
}

function blockOf(prng: Prng, fork: ForkName): CaseBlock {
  return {
    fork,
    chainId: 1n,
    number: prng.pick([1n, 300n]),
    timestamp: 1_700_000_000n,
    beneficiary: wordToAddress(0xfee0n),
    gasLimit: 1n << 40n,
    prevRandao: wordToHash(prng.integer(32)),
    baseFeePerGas: 0n,
    excessBlobGas: 0n,
  }
}
