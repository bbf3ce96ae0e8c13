/** Random cases: a block, a state full of random programs, and transactions that call them. */
import { wordToAddress, wordToHash, ZERO_ADDRESS, type Address } from '../../src/primitives/bytes.ts'
import { createAddress } from '../../src/chain/contract-address.ts'
import { FORKS, type ForkName } from '../../src/chain/forks.ts'
import { SYSTEM_CONTRACTS } from '../../src/chain/system-contracts.ts'
import { precompilesOf } from '../../runtime/evm/precompiles/table.ts'
import { Prng } from '../support/prng.ts'
import { addressOfKey, KEYS, type Blueprint } from './blueprint.ts'
import type { CaseBlock } from './case.ts'
import { contractAddress, PLAIN_ACCOUNT, randomAccounts } from './generate-accounts.ts'
import type { Scope } from './generate-expression.ts'
import { randomTransactions } from './generate-transactions.ts'
import { limitCase } from './limit-cases.ts'

/** The forks that cases are spread over. Osaka comes most often: it is the newest. */
const FORK_WEIGHTS: readonly (readonly [number, ForkName])[] = [
  [6, 'osaka'],
  [2, 'prague'],
  [2, 'cancun'],
]
const LIMIT_SHARE = 0.03

/** The case of a seed. @param fork `undefined`: one of several. */
export function generateCase(seed: string, fork?: ForkName): Blueprint {
  const prng = new Prng(seed)
  const chosen = fork ?? prng.weighted(FORK_WEIGHTS)
  const contracts = Array.from({ length: prng.between(1, 5) }, (_, index) => contractAddress(index))
  const block = randomBlock(prng, chosen, contracts)
  if (prng.chance(LIMIT_SHARE)) return limitCase(prng, block)
  const addresses = addressPool(chosen, contracts, block)
  const scope: Scope = {
    prng,
    evm: FORKS[chosen].evm,
    addresses,
    blockNumber: block.number,
    callees: contracts,
    isQuiet: false,
  }
  const accounts = randomAccounts(scope, contracts)
  return { block, accounts, transactions: randomTransactions(scope, block, accounts, contracts) }
}

function randomBlock(prng: Prng, fork: ForkName, contracts: readonly Address[]): CaseBlock {
  return {
    fork,
    chainId: prng.pick([1n, 1n, 31_337n, 0xffff_ffffn]),
    number: prng.pick([1n, 100n, 256n, 257n, 20_000_000n]),
    timestamp: 1_700_000_000n + prng.integer(3),
    beneficiary: prng.weighted([
      [4, wordToAddress(0xfee0n)],
      [2, prng.pick(contracts)],
      [1, addressOfKey(0)],
      [1, PLAIN_ACCOUNT],
    ]),
    gasLimit: 1n << 50n,
    prevRandao: wordToHash(prng.integer(32)),
    baseFeePerGas: prng.pick([0n, 7n, 1_000_000_000n]),
    excessBlobGas: prng.pick([0n, 10n * 131_072n, 400n * 131_072n]),
  }
}

/** What programs call, look at and pay to. */
function addressPool(fork: ForkName, contracts: readonly Address[], block: CaseBlock): Address[] {
  const keys = KEYS.map(({ address }) => address)
  const creators = [...contracts, ...keys.slice(0, 2)]
  return [
    ...contracts,
    ...contracts,
    ...contracts,
    ...keys,
    ...precompilesOf(FORKS[fork].evm).keys(),
    ...creators.map((creator) => createAddress(creator, 1n)),
    ...SYSTEM_CONTRACTS.map(({ address }) => address),
    PLAIN_ACCOUNT,
    ZERO_ADDRESS,
    block.beneficiary,
  ]
}
