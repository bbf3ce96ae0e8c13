/** Calls on one of our engines, as `eth_call` makes them: a journal of its own over a state in memory. */
import { assert } from '../src/primitives/assert.ts'
import {
  EMPTY_BYTES,
  bytesToHex,
  hexToBytes,
  toAddress,
  ZERO_ADDRESS,
  ZERO_HASH,
  type Address,
  type Hash,
  type Hex,
} from '../src/primitives/bytes.ts'
import { keccak256Hash } from '../src/primitives/keccak.ts'
import { FORKS, MAINNET_DEPOSIT_CONTRACT } from '../src/chain/forks.ts'
import { EMPTY_TRIE_ROOT } from '../src/chain/ordered-trie.ts'
import { Journal } from '../src/state/journal.ts'
import type { Account, StateReader } from '../src/state/state-reader.ts'
import type { BlockEnvironment } from '../src/execution/environment.ts'
import { intrinsicGas } from '../src/execution/intrinsic-gas.ts'
import { runMessage } from '../src/execution/transaction.ts'
import { CALL_POLICY } from '../src/execution/validation.ts'
import type { Engine } from '../runtime/host.ts'
import type { EvmCall, PlacedAccount } from './evm-calls.ts'
import type { CallResult, CompileResult } from './evm-contestant.ts'
import type { OpenEngine } from './evm-engines.ts'

export interface Runner {
  place(accounts: readonly PlacedAccount[]): Promise<void>
  run(call: EvmCall, count: number): Promise<CallResult>
  /** Waits for what is being compiled in the background. @returns how much that was */
  settle(): Promise<number>
}

/** As tier 2 has it. */
const COMPILED_BYTES_MAX = 4 * 1024 * 1024

const ENVIRONMENT: BlockEnvironment = {
  config: {
    chainId: 31_337n,
    forks: [{ name: 'osaka', timestamp: 0n }],
    blobSchedule: {},
    depositContractAddress: MAINNET_DEPOSIT_CONTRACT,
  },
  rules: FORKS.osaka,
  parentHash: ZERO_HASH,
  number: 1n,
  timestamp: 1n,
  beneficiary: ZERO_ADDRESS,
  gasLimit: 2n ** 60n,
  prevRandao: ZERO_HASH,
  baseFeePerGas: 0n,
  excessBlobGas: 0n,
  blobBaseFee: 1n,
  parentBeaconBlockRoot: ZERO_HASH,
  blockHash: () => ZERO_HASH,
}

export function createEngineRunner({ engine, settle }: OpenEngine): Runner {
  const state = new PlacedState()
  return {
    place: async (accounts) => state.place(accounts),
    run: async (call, count) => runCalls(engine, state, call, count),
    settle,
  }
}

function runCalls(engine: Engine, state: StateReader, call: EvmCall, count: number): CallResult {
  const message = {
    from: toAddress(call.from),
    to: toAddress(call.to),
    gasLimit: BigInt(call.gas),
    maxFeePerGas: 0n,
    maxPriorityFeePerGas: 0n,
    value: 0n,
    data: hexToBytes(call.data),
    nonce: undefined,
    accessList: [],
    blobVersionedHashes: [],
    maxFeePerBlobGas: 0n,
    authorizationList: [],
  }
  const allowance = { gas: message.gasLimit, blobGas: 0n }
  const execute = () =>
    runMessage(new Journal(state), ENVIRONMENT, message, allowance, CALL_POLICY, { engine })
  const processorBefore = processorMs()
  const start = performance.now()
  for (let i = 1; i < count; i++) execute()
  const result = execute()
  const wallMs = (performance.now() - start) / count
  return {
    time: { wallMs, processorMs: (processorMs() - processorBefore) / count },
    output: result.status === 'succeeded' ? bytesToHex(result.output) : undefined,
    gasUsed: Number(result.gasSpent - intrinsicGas(message, ENVIRONMENT.rules).intrinsic),
  }
}

/** Processor time of this thread so far. */
export function processorMs(): number {
  // The system brings a thread's own account up to date only when asked for that of the process.
  process.cpuUsage()
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** State that only grows, without tries: nothing here is committed. */
class PlacedState implements StateReader {
  private readonly accounts = new Map<Address, Account>()
  private readonly codes = new Map<Hash, Uint8Array>()
  private readonly slots = new Map<Address, ReadonlyMap<bigint, bigint>>()

  place(accounts: readonly PlacedAccount[]): void {
    for (const { address: hex, code: codeHex, storage = {} } of accounts) {
      const [address, code] = [toAddress(hex), hexToBytes(codeHex)]
      const codeHash = keccak256Hash(code)
      this.codes.set(codeHash, code)
      this.accounts.set(address, { nonce: 1n, balance: 0n, storageRoot: EMPTY_TRIE_ROOT, codeHash })
      const slots = Object.entries(storage).map(([slot, value]) => [BigInt(slot), BigInt(value)] as const)
      this.slots.set(address, new Map(slots))
    }
  }

  account(address: Address): Account | undefined {
    return this.accounts.get(address)
  }

  storage(address: Address, slot: bigint): bigint {
    return this.slots.get(address)?.get(slot) ?? 0n
  }

  code(codeHash: Hash): Uint8Array {
    return this.codes.get(codeHash) ?? EMPTY_BYTES
  }
}

/** Compiles code without running it. @returns `undefined` when the engine does not compile. */
export async function compileAlone(engine: string, code: Hex): Promise<CompileResult | undefined> {
  if (engine !== 'tier2' && engine !== 'tiered') return undefined
  const { compile, REGION_LIMITS } = await import('../runtime/evm/tier2/compile.ts')
  const start = performance.now()
  const { bytes, regions } = compile(hexToBytes(code), ENVIRONMENT.rules.evm, {
    limits: REGION_LIMITS,
    bytesMax: COMPILED_BYTES_MAX,
  })
  const emitMs = performance.now() - start
  const module = new WebAssembly.Module(bytes)
  assert(module instanceof WebAssembly.Module, 'compiled')
  const moduleMs = performance.now() - start - emitMs
  return { emitMs, moduleMs, byteCount: bytes.length, regionCount: regions.length }
}
