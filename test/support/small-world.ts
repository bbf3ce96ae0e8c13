/** A few accounts and a block to run messages in, for tests that need no chain. */
import { memoryStateOf } from '../../src/state/genesis-state.ts'
import type { MemoryState } from '../../src/state/memory-state.ts'
import { FORKS, type ChainConfig, type ForkName } from '../../src/chain/forks.ts'
import { EMPTY_BYTES, toAddress, ZERO_ADDRESS, ZERO_HASH, type Address } from '../../src/primitives/bytes.ts'
import type { BlockEnvironment } from '../../src/execution/environment.ts'
import type { CallMessage } from '../../src/execution/message.ts'

/** An account; what is left out is 0 or empty. */
export interface SmallAccount {
  readonly balance?: bigint
  readonly nonce?: bigint
  readonly code?: Uint8Array
  readonly storage?: Readonly<Record<string, bigint>>
}

/** An address that is easy to recognise: `addressOf(0xc0de)` ends in c0de. */
export function addressOf(value: number): Address {
  return toAddress(`0x${value.toString(16).padStart(40, '0')}`)
}

/** In-memory state with these accounts. */
export function smallWorld(accounts: ReadonlyMap<Address, SmallAccount>): MemoryState {
  return memoryStateOf(
    new Map(
      [...accounts].map(([address, { balance = 0n, nonce = 0n, code = EMPTY_BYTES, storage = {} }]) => {
        const slots = Object.entries(storage).map(([slot, value]): [bigint, bigint] => [BigInt(slot), value])
        return [address, { balance, nonce, code, storage: new Map(slots) }]
      }),
    ),
  )
}

export function smallConfig(fork: ForkName = 'osaka', chainId = 31_337n): ChainConfig {
  return {
    chainId,
    forks: [{ name: fork, timestamp: 0n }],
    blobSchedule: {},
    depositContractAddress: ZERO_ADDRESS,
  }
}

/** Block 100 of a chain at `fork`, free of base fee. */
export function smallEnvironment(
  fork: ForkName = 'osaka',
  changes: Partial<BlockEnvironment> = {},
): BlockEnvironment {
  return {
    config: smallConfig(fork),
    rules: FORKS[fork],
    parentHash: ZERO_HASH,
    number: 100n,
    timestamp: 1_700_000_000n,
    beneficiary: addressOf(0xbe),
    gasLimit: 30_000_000n,
    prevRandao: ZERO_HASH,
    baseFeePerGas: 0n,
    excessBlobGas: 0n,
    blobBaseFee: 1n,
    parentBeaconBlockRoot: ZERO_HASH,
    blockHash: () => ZERO_HASH,
    ...changes,
  }
}

/** A message without fees. */
export function smallMessage(changes: Partial<CallMessage> = {}): CallMessage {
  return {
    from: addressOf(0xaa),
    to: addressOf(0xc0de),
    gasLimit: 1_000_000n,
    maxFeePerGas: 0n,
    maxPriorityFeePerGas: 0n,
    value: 0n,
    data: EMPTY_BYTES,
    nonce: undefined,
    accessList: [],
    blobVersionedHashes: [],
    maxFeePerBlobGas: 0n,
    authorizationList: [],
    ...changes,
  }
}

/** More than any block has left. */
export const AMPLE_ALLOWANCE = { gas: 1n << 40n, blobGas: 1n << 30n }
