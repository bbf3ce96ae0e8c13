/**
 * A {@link Host} over plain maps for tests of engines, and a way to run one frame of code on it. Nothing is ever rolled
 * back: that is the driver's part.
 */
import { assert } from '../../src/primitives/assert.ts'
import {
  bytesToBigint,
  EMPTY_BYTES,
  toAddress,
  toHash,
  ZERO_HASH,
  type Address,
  type Hash,
} from '../../src/primitives/bytes.ts'
import { EMPTY_CODE_HASH, keccak256Hash } from '../../src/primitives/keccak.ts'
import { FORKS, type ForkRules } from '../../src/chain/forks.ts'
import type { PackedLogs } from '../../src/chain/packed-logs.ts'
import { tier0 } from '../../runtime/evm/engine.ts'
import type {
  BlockContext,
  Engine,
  Frame,
  Host,
  Message,
  SlotAccess,
  StepTracer,
  TransactionContext,
} from '../../runtime/host.ts'
import type { FinalOutcome, Outcome } from '../../runtime/outcome.ts'
import { assemble } from './assembler.ts'

export const SELF: Address = toAddress(`0x${'c0'.repeat(20)}`)
export const CALLER: Address = toAddress(`0x${'ca'.repeat(20)}`)
export const OTHER: Address = toAddress(`0x${'0d'.repeat(20)}`)

export interface FakeAccount {
  nonce?: bigint
  balance?: bigint
  code?: Uint8Array
}

export interface FakeLog {
  readonly address: Address
  readonly topics: readonly Hash[]
  readonly data: Uint8Array
}

export class FakeHost implements Host {
  readonly block: BlockContext = {
    number: 1000n,
    timestamp: 1_700_000_000n,
    beneficiary: toAddress(`0x${'be'.repeat(20)}`),
    gasLimit: 30_000_000n,
    prevRandao: toHash(`0x${'7a'.repeat(32)}`),
    baseFeePerGas: 7n,
    blobBaseFee: 3n,
    chainId: 1337n,
  }
  readonly transaction: TransactionContext = {
    origin: toAddress(`0x${'01'.repeat(20)}`),
    gasPrice: 9n,
    blobVersionedHashes: [toHash(`0x01${'b1'.repeat(31)}`), toHash(`0x01${'b2'.repeat(31)}`)],
  }
  readonly accounts = new Map<Address, FakeAccount>()
  readonly warmAccounts = new Set<Address>([SELF, CALLER])
  readonly warmSlots = new Set<string>()
  readonly slots = new Map<string, bigint>()
  readonly originalSlots = new Map<string, bigint>()
  readonly transientSlots = new Map<string, bigint>()
  readonly logs: FakeLog[] = []
  readonly selfDestructs: { readonly address: Address; readonly beneficiary: Address }[] = []
  refunded = 0n

  accessAccount(address: Address): boolean {
    const isCold = !this.warmAccounts.has(address)
    this.warmAccounts.add(address)
    return isCold
  }

  accessStorage(address: Address, slot: bigint): boolean {
    const key = keyOf(address, slot)
    const isCold = !this.warmSlots.has(key)
    this.warmSlots.add(key)
    return isCold
  }

  isEmptyAccount(address: Address): boolean {
    const { nonce = 0n, balance = 0n, code = EMPTY_BYTES } = this.accounts.get(address) ?? {}
    return nonce === 0n && balance === 0n && code.length === 0
  }

  balance(address: Address): bigint {
    return this.accounts.get(address)?.balance ?? 0n
  }

  code(address: Address): Uint8Array {
    return this.accounts.get(address)?.code ?? EMPTY_BYTES
  }

  codeHash(address: Address): Hash {
    if (this.isEmptyAccount(address)) return ZERO_HASH
    const code = this.code(address)
    return code.length === 0 ? EMPTY_CODE_HASH : keccak256Hash(code)
  }

  storage(address: Address, slot: bigint): bigint {
    return this.slots.get(keyOf(address, slot)) ?? this.originalStorage(address, slot)
  }

  originalStorage(address: Address, slot: bigint): bigint {
    return this.originalSlots.get(keyOf(address, slot)) ?? 0n
  }

  accessSlot(address: Address, slot: bigint): SlotAccess {
    const isCold = this.accessStorage(address, slot)
    return {
      isCold,
      value: this.storage(address, slot),
      original: this.originalStorage(address, slot),
      write: (value) => this.setStorage(address, slot, value),
    }
  }

  setStorage(address: Address, slot: bigint, value: bigint): void {
    this.slots.set(keyOf(address, slot), value)
  }

  transientStorage(address: Address, slot: bigint): bigint {
    return this.transientSlots.get(keyOf(address, slot)) ?? 0n
  }

  setTransientStorage(address: Address, slot: bigint, value: bigint): void {
    this.transientSlots.set(keyOf(address, slot), value)
  }

  addRefund(gas: number): void {
    this.refunded += BigInt(gas)
  }

  refund(): bigint {
    return this.refunded
  }

  packedLogs(logs: PackedLogs): void {
    this.logs.push(...logs.read())
  }

  log(address: Address, topics: readonly Hash[], data: Uint8Array): void {
    this.logs.push({ address, topics, data })
  }

  selfDestruct(address: Address, beneficiary: Address): void {
    this.selfDestructs.push({ address, beneficiary })
  }

  blockHash(number: bigint): Hash {
    const { number: current } = this.block
    if (number >= current || number + 256n < current) return ZERO_HASH
    return toHash(`0x${number.toString(16).padStart(64, '0')}`)
  }
}

/** The key of a slot in the maps of {@link FakeHost}. */
export function keyOf(address: Address, slot: bigint): string {
  return `${address}:${slot.toString(16)}`
}

export interface RunOptions extends Partial<Message> {
  readonly host?: Host
  readonly rules?: ForkRules
  readonly tracer?: StepTracer
  readonly engine?: Engine
}

let engineOfTests: Engine = tier0

/** From now on tests in this process run on `engine` unless they name one. */
export function testEngine(engine: Engine): void {
  engineOfTests = engine
}

/** A frame of `code` that is ready to run: of {@link SELF}, called by {@link CALLER}, with 1,000,000 gas, on Osaka. */
export function startFrame(code: Uint8Array, options: RunOptions = {}): Frame {
  const { host = new FakeHost(), rules = FORKS.osaka, tracer, engine = engineOfTests, ...message } = options
  return engine.start({ ...messageOf(code), ...message }, host, rules, tracer)
}

/** Calls `code` as {@link startFrame} does. */
export function messageOf(code: Uint8Array): Message {
  return {
    depth: 0,
    isStatic: false,
    gas: 1_000_000n,
    address: SELF,
    caller: CALLER,
    value: 0n,
    input: EMPTY_BYTES,
    code,
    codeHash: undefined,
  }
}

/** What the first run of {@link startFrame} comes to. */
export function runCode(code: Uint8Array, options: RunOptions = {}): Outcome {
  return startFrame(code, options).run()
}

/** The word that a program leaves on top of the stack; throws unless it ends well. */
export function evaluate(program: string, options: RunOptions = {}): bigint {
  const outcome = runCode(assemble(program, 'PUSH0 MSTORE PUSH1 32 PUSH0 RETURN'), options)
  assert(outcome.kind === 'return', `${program}: ${outcome.kind === 'halt' ? outcome.reason : outcome.kind}`)
  return bytesToBigint(outcome.output)
}

/** Runs a frame to its end; each call and creation fails with its gas given back. */
export function finish(frame: Frame): FinalOutcome {
  let outcome = frame.run()
  while (outcome.kind === 'call' || outcome.kind === 'create') {
    const { gas } = outcome.request
    outcome = frame.resume({ kind: 'revert', gasLeft: gas, output: EMPTY_BYTES })
  }
  return outcome
}
