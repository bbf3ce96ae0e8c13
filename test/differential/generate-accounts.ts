/** Random accounts: contracts with random programs, externally owned ones with keys, and what may stand in the way. */
import { EMPTY_BYTES, UINT64_MAX, wordToAddress, type Address } from '../../src/primitives/bytes.ts'
import { createAddress } from '../../src/chain/contract-address.ts'
import { delegationTo } from '../../src/chain/delegation.ts'
import { SYSTEM_CONTRACTS } from '../../src/chain/system-contracts.ts'
import type { Prng } from '../support/prng.ts'
import { addressOfKey, KEYS, type BlueprintAccount } from './blueprint.ts'
import type { Scope } from './generate-expression.ts'
import { randomProgram } from './generate-program.ts'
import { randomSlot, randomWord } from './values.ts'

/** In wei. */
export const ETHER = 10n ** 18n
const CONTRACT_BASE = 0xc0de_0000n
/** Of accounts, whose next contract finds its place taken. */
const OBSTACLE_SHARE = 0.08
/** An account with a balance and nothing else. */
export const PLAIN_ACCOUNT = wordToAddress(0xbeefn)

export function contractAddress(index: number): Address {
  return wordToAddress(CONTRACT_BASE + BigInt(index))
}

export function plainAccount(address: Address, balance: bigint): BlueprintAccount {
  return { address, balance, nonce: 0n, code: EMPTY_BYTES, storage: [] }
}

export function randomAccounts(scope: Scope, contracts: readonly Address[]): BlueprintAccount[] {
  const { prng } = scope
  const accounts = [
    ...contracts.map((address, index) =>
      randomContract({ ...scope, callees: contracts.slice(index + 1) }, address),
    ),
    ...KEYS.map(({ address }, index) => randomExternal(scope, address, index, contracts)),
    plainAccount(PLAIN_ACCOUNT, BigInt(prng.between(1, 3))),
    ...SYSTEM_CONTRACTS.filter(() => prng.chance(0.3)).map(({ address, code }) => ({
      ...plainAccount(address, 0n),
      nonce: 1n,
      code,
    })),
  ]
  // Where contracts would be created, something may stand already.
  const obstacles = accounts
    .filter(() => prng.chance(OBSTACLE_SHARE))
    .map(({ address, nonce }) => randomObstacle(prng, createAddress(address, nonce)))
  // Since EIP-161 no state holds empty accounts; what would happen to one is nobody's rule.
  const filled = [...accounts, ...obstacles].filter(
    ({ balance, nonce, code }) => balance > 0n || nonce > 0n || code.length > 0,
  )
  return [...new Map(filled.map((account) => [account.address, account])).values()]
}

function randomContract(scope: Scope, address: Address): BlueprintAccount {
  const { prng } = scope
  const storage = prng.times(prng.below(5), (): [bigint, bigint] => [
    randomSlot(prng),
    prng.chance(0.6) ? BigInt(prng.between(1, 2)) : randomWord(prng),
  ])
  return {
    address,
    balance: prng.pick([0n, 0n, 1n, 50n, ETHER]),
    nonce: prng.weighted([
      [30, 1n],
      [1, UINT64_MAX],
      [1, UINT64_MAX - 1n],
    ]),
    code: randomProgram(scope),
    storage: [...new Map(storage.filter(([, value]) => value !== 0n))],
  }
}

/** The first keys have means; the last ones may be poor, unknown or delegated to a contract (EIP-7702). */
function randomExternal(
  scope: Scope,
  address: Address,
  index: number,
  contracts: readonly Address[],
): BlueprintAccount {
  const { prng, evm } = scope
  const nonce = index === 0 ? 0n : BigInt(prng.pick([0, 1, 1, 7]))
  const balance = index < 3 ? 1000n * ETHER : prng.pick([0n, 1n, ETHER])
  // A contract that has a key: it may neither send (EIP-3607) nor delegate.
  if (index === KEYS.length - 1 && prng.chance(0.3)) {
    return { address, balance, nonce: 1n, code: randomProgram(scope), storage: [] }
  }
  const isDelegated = evm !== 'cancun' && index > 0 && prng.chance(0.3)
  const target = prng.weighted([
    [8, prng.pick(contracts)],
    [1, address],
    [1, wordToAddress(4n)],
    [1, PLAIN_ACCOUNT],
    [1, addressOfKey(2)],
  ])
  return { address, balance, nonce, code: isDelegated ? delegationTo(target) : EMPTY_BYTES, storage: [] }
}

/** Only the first of these lets a contract be created in its place (EIP-684, EIP-7610). */
function randomObstacle(prng: Prng, address: Address): BlueprintAccount {
  return prng.pick<BlueprintAccount>([
    plainAccount(address, 5n),
    { ...plainAccount(address, 0n), nonce: 1n },
    { ...plainAccount(address, 1n), code: Uint8Array.of(0) },
    { ...plainAccount(address, 1n), storage: [[0n, 1n]] },
  ])
}
