/**
 * Overrides of calls and simulations: accounts and block fields that are other than on the chain, for one request
 * (execution-apis, eth_simulateV1; geth takes them for `eth_call` and `debug_traceCall`, too).
 */
import type { Address, Hash } from '../primitives/bytes.ts'
import { UINT64_MAX } from '../primitives/bytes.ts'
import { EMPTY_CODE_HASH, keccak256Hash } from '../primitives/keccak.ts'
import type { Withdrawal } from '../chain/block.ts'
import { rulesAt } from '../chain/forks.ts'
import { EMPTY_TRIE_ROOT } from '../chain/ordered-trie.ts'
import type { BlockEnvironment } from '../execution/environment.ts'
import { OverlayState } from '../state/overlay-state.ts'
import type { Account, SlotValues, StateDiff, StateReader } from '../state/state-reader.ts'
import { WordMap } from '../state/word-map.ts'
import type { Precompile } from '../../runtime/evm/precompiles/precompile.ts'
import { precompilesOf } from '../../runtime/evm/precompiles/table.ts'
import { invalidParams } from './errors.ts'
import {
  isAbsent,
  optional,
  parseAddress,
  parseArray,
  parseData,
  parseHash,
  parseLooseQuantity,
  parseObject,
  parseQuantity,
  parseUint64,
} from './parse.ts'

/** What is other about an account; `undefined` leaves it as it is. */
interface AccountOverride {
  readonly nonce: bigint | undefined
  readonly balance: bigint | undefined
  readonly code: Uint8Array | undefined
  /** All of the storage; at most one of this and {@link stateDiff}. */
  readonly state: SlotValues | undefined
  /** Some slots of the storage. */
  readonly stateDiff: SlotValues | undefined
  readonly movePrecompileTo: Address | undefined
}

export type StateOverride = ReadonlyMap<Address, AccountOverride>

/** What is other about a block; `undefined` leaves it as it is. */
export interface BlockOverride {
  readonly number: bigint | undefined
  readonly timestamp: bigint | undefined
  readonly gasLimit: bigint | undefined
  readonly beneficiary: Address | undefined
  readonly prevRandao: Hash | undefined
  readonly baseFeePerGas: bigint | undefined
  readonly blobBaseFee: bigint | undefined
  /** This one and the next for simulated blocks only. */
  readonly beaconRoot: Hash | undefined
  readonly withdrawals: readonly Withdrawal[] | undefined
}

export type PrecompileTable = ReadonlyMap<Address, Precompile>

/** Withdrawals of a simulated block (EIP-4895). */
const WITHDRAWALS_MAX = 16

export function parseStateOverride(value: unknown, where: string): StateOverride {
  const accounts = Object.entries(parseObject(value, where)).map(
    ([key, account]): [Address, AccountOverride] => {
      const path = `${where}.${key}`
      return [parseAddress(key, path), parseAccountOverride(account, path)]
    },
  )
  return new Map(accounts)
}

function parseAccountOverride(value: unknown, where: string): AccountOverride {
  const account = parseObject(value, where)
  const at = (name: string): string => `${where}.${name}`
  const override = {
    nonce: optional(account['nonce'], at('nonce'), (nonce, path) =>
      parseLooseQuantity(nonce, path, UINT64_MAX),
    ),
    balance: optional(account['balance'], at('balance'), parseLooseQuantity),
    code: optional(account['code'], at('code'), parseData),
    state: optional(account['state'], at('state'), parseSlots),
    stateDiff: optional(account['stateDiff'], at('stateDiff'), parseSlots),
    movePrecompileTo: optional(
      account['movePrecompileToAddress'],
      at('movePrecompileToAddress'),
      parseAddress,
    ),
  }
  if (override.state !== undefined && override.stateDiff !== undefined) {
    throw invalidParams(`${where} has both 'state' and 'stateDiff', use one of them`)
  }
  return override
}

/** Tools write slots as words and as quantities alike. */
function parseSlots(value: unknown, where: string): SlotValues {
  const slots = new WordMap<bigint>()
  for (const [key, word] of Object.entries(parseObject(value, where))) {
    const path = `${where}.${key}`
    slots.set(parseLooseQuantity(key, path), parseLooseQuantity(word, path))
  }
  return slots
}

/** Names that geth had before those of execution-apis are taken, too. */
export function parseBlockOverride(value: unknown, where: string): BlockOverride {
  const block = parseObject(value, where)
  const at = (name: string): string => `${where}.${name}`
  return {
    number: optional(block['number'], at('number'), parseUint64),
    timestamp: optional(block['time'], at('time'), parseUint64),
    gasLimit: optional(block['gasLimit'], at('gasLimit'), parseUint64),
    beneficiary: optional(block['feeRecipient'] ?? block['coinbase'], at('feeRecipient'), parseAddress),
    prevRandao: optional(block['prevRandao'] ?? block['random'], at('prevRandao'), parseHash),
    baseFeePerGas: optional(block['baseFeePerGas'] ?? block['baseFee'], at('baseFeePerGas'), parseQuantity),
    blobBaseFee: optional(block['blobBaseFee'], at('blobBaseFee'), parseQuantity),
    beaconRoot: optional(block['beaconRoot'], at('beaconRoot'), parseHash),
    withdrawals: optional(block['withdrawals'], at('withdrawals'), (list, path) =>
      parseArray(list, path, WITHDRAWALS_MAX, parseWithdrawal),
    ),
  }
}

function parseWithdrawal(value: unknown, where: string): Withdrawal {
  const item = parseObject(value, where)
  return {
    index: parseUint64(item['index'], `${where}.index`),
    validatorIndex: parseUint64(item['validatorIndex'], `${where}.validatorIndex`),
    address: parseAddress(item['address'], `${where}.address`),
    amount: parseUint64(item['amount'], `${where}.amount`),
  }
}

/** {@link parseBlockOverride} where a block cannot be built, only looked at. */
export function parseCallBlockOverride(value: unknown, where: string): BlockOverride {
  const block = parseObject(value, where)
  for (const name of ['beaconRoot', 'withdrawals']) {
    if (!isAbsent(block[name]))
      throw invalidParams(`block override "${name}" is not supported for this method`)
  }
  return parseBlockOverride(value, where)
}

export function overriddenState(state: StateReader, override: StateOverride | undefined): StateReader {
  return override === undefined ? state : new OverlayState(state, overrideDiff(state, override))
}

/** An override as the change that it is. */
export function overrideDiff(state: StateReader, override: StateOverride): StateDiff {
  const accounts = new Map<Address, Account>()
  const storage = new Map<Address, SlotValues>()
  const clearedStorage = new Set<Address>()
  const codes = new Map<Hash, Uint8Array>()
  for (const [address, { nonce, balance, code, state: slots, stateDiff }] of override) {
    const former = state.account(address)
    const codeHash = code === undefined ? (former?.codeHash ?? EMPTY_CODE_HASH) : keccak256Hash(code)
    if (code !== undefined && code.length > 0) codes.set(codeHash, code)
    accounts.set(address, {
      nonce: nonce ?? former?.nonce ?? 0n,
      balance: balance ?? former?.balance ?? 0n,
      storageRoot: former?.storageRoot ?? EMPTY_TRIE_ROOT,
      codeHash,
    })
    if (slots !== undefined) clearedStorage.add(address)
    const changed = slots ?? stateDiff
    if (changed !== undefined && changed.size > 0) storage.set(address, changed)
  }
  return { accounts, storage, clearedStorage, codes }
}

/**
 * The precompiles that are left: an account that is overridden runs its own code, a moved precompile is found at its
 * new address. `undefined`: those of the fork.
 */
export function overriddenPrecompiles(
  environment: BlockEnvironment,
  override: StateOverride | undefined,
): PrecompileTable | undefined {
  if (override === undefined) return undefined
  const original: PrecompileTable = precompilesOf(environment.rules.evm)
  const table = new Map(original)
  const destinations = new Set<Address>()
  for (const [address, { movePrecompileTo }] of override) {
    const precompile = original.get(address)
    if (movePrecompileTo !== undefined) {
      if (precompile === undefined) throw invalidParams(`account ${address} is not a precompile`)
      if (override.has(movePrecompileTo) || destinations.has(movePrecompileTo)) {
        throw invalidParams(`account ${movePrecompileTo} is already overridden`)
      }
      destinations.add(movePrecompileTo)
      table.set(movePrecompileTo, precompile)
    }
    if (precompile !== undefined) table.delete(address)
  }
  return table
}

/** The environment with what is other about its block. A new time may bring another fork. */
export function overriddenEnvironment(
  environment: BlockEnvironment,
  override: BlockOverride | undefined,
): BlockEnvironment {
  if (override === undefined) return environment
  const timestamp = override.timestamp ?? environment.timestamp
  return {
    ...environment,
    rules: rulesAt(environment.config, timestamp),
    number: override.number ?? environment.number,
    timestamp,
    gasLimit: override.gasLimit ?? environment.gasLimit,
    beneficiary: override.beneficiary ?? environment.beneficiary,
    prevRandao: override.prevRandao ?? environment.prevRandao,
    baseFeePerGas: override.baseFeePerGas ?? environment.baseFeePerGas,
    blobBaseFee: override.blobBaseFee ?? environment.blobBaseFee,
  }
}
