/**
 * geth's `prestateTracer`: the accounts and slots that a transaction touches as they were before it, enough to run it
 * again anywhere; in diff mode what it changed, before and after.
 */
import { bytesToHex, wordToHash, type Address, type Hash, type Hex } from '../../primitives/bytes.ts'
import { present } from '../../primitives/assert.ts'
import { AevirError } from '../../primitives/errors.ts'
import { EMPTY_CODE_HASH } from '../../primitives/keccak.ts'
import { create2Address, createAddress } from '../../chain/contract-address.ts'
import { delegationTarget } from '../../chain/delegation.ts'
import type { StateReader } from '../../state/state-reader.ts'
import { INITCODE_SIZE_MAX } from '../../../runtime/evm/gas.ts'
import type { StepView } from '../../../runtime/host.ts'
import type { HaltReason } from '../../../runtime/outcome.ts'
import type { TransactionStart } from '../tracing.ts'
import {
  isCall,
  namedAccount,
  namedSlot,
  opcodeOf,
  operand,
  quantity,
  TraceBudget,
  type Tracer,
} from './tracer.ts'

export interface PrestateTracerOptions {
  readonly diffMode: boolean
  readonly disableCode: boolean
  readonly disableStorage: boolean
  /** Keeps accounts that were empty. Not in diff mode. */
  readonly includeEmpty: boolean
}

export class PrestateOptionsError extends AevirError {
  override readonly code = 'PRESTATE_OPTIONS'
}

/** Bytes of JSON of an account or slot, about. */
const ACCOUNT_SIZE = 250
const SLOT_SIZE = 140

const CREATE = opcodeOf('CREATE')
const CREATE2 = opcodeOf('CREATE2')

/** Faults that come before an instruction does anything: then it touched nothing. */
const BEFORE_EFFECTS = new Set<HaltReason>([
  'outOfGas',
  'stackUnderflow',
  'stackOverflow',
  'staticViolation',
  'invalidInitcodeSize',
])

/** An account as it was found. */
interface Snapshot {
  readonly balance: bigint
  readonly nonce: bigint
  readonly codeHash: Hash
  /** By their keys as hex: who chooses slots could have V8 go through all bigints of a Map each time. */
  readonly slots: Map<Hash, bigint>
}

/** An account as it is printed, in this order; optional fields are left out when empty or not changed. */
interface PrintedAccount {
  readonly balance?: Hex
  readonly code?: Hex
  readonly codeHash?: Hash
  readonly nonce?: number
  readonly storage?: Readonly<Record<Hash, Hash>>
}

type Printed = Record<Address, PrintedAccount>

export class PrestateTracer implements Tracer {
  private readonly options: PrestateTracerOptions
  private readonly budget: TraceBudget
  private readonly touched = new Map<Address, Snapshot>()
  private state: StateReader | undefined
  private hasDelegation = false
  private outcome: unknown
  /** Takes back what the last step added. */
  private undo: (() => void)[] = []

  /** @throws PrestateOptionsError on options that exclude each other. */
  constructor(options: PrestateTracerOptions, budget = new TraceBudget()) {
    if (options.diffMode && options.includeEmpty) {
      throw new PrestateOptionsError('cannot use diffMode with includeEmpty')
    }
    this.options = options
    this.budget = budget
  }

  start(start: TransactionStart): void {
    this.state = start.state
    this.hasDelegation = start.environment.rules.hasSetCode
    const nonce = start.state.account(start.sender)?.nonce ?? 0n
    this.touchAccount(start.sender)
    this.touchCallee(start.to ?? createAddress(start.sender, nonce))
    this.touchAccount(start.environment.beneficiary)
    for (const address of start.authorities) this.touchAccount(address)
  }

  step(view: StepView): void {
    this.undo = []
    const slot = namedSlot(view)
    if (slot !== undefined) {
      this.touchSlot(view.address, slot)
      return
    }
    const named = namedAccount(view)
    if (named !== undefined) {
      if (isCall(view.opcode)) this.touchCallee(named)
      else this.touchAccount(named)
    } else if (view.opcode === CREATE) this.touchAccount(this.nextContract(view.address))
    else if (view.opcode === CREATE2) this.touchCreate2(view)
  }

  fault(reason: HaltReason): void {
    if (!BEFORE_EFFECTS.has(reason)) return
    for (const takeBack of this.undo) takeBack()
  }

  end({ state, deleted }: { readonly state: StateReader; readonly deleted: readonly Address[] }): void {
    this.outcome = this.options.diffMode ? this.difference(state, new Set(deleted)) : this.before()
  }

  result(): unknown {
    return present(this.outcome, 'the end of the traced transaction')
  }

  // Collecting ------------------------------------------------------------------------------------------------------

  private reader(): StateReader {
    return present(this.state, 'start of the traced transaction')
  }

  private touchAccount(address: Address): void {
    if (this.touched.has(address)) return
    const account = this.reader().account(address)
    const codeHash = account?.codeHash ?? EMPTY_CODE_HASH
    this.budget.spend(ACCOUNT_SIZE + (this.options.disableCode ? 0 : 2 * this.reader().code(codeHash).length))
    this.touched.set(address, {
      balance: account?.balance ?? 0n,
      nonce: account?.nonce ?? 0n,
      codeHash,
      slots: new Map(),
    })
    this.undo.push(() => this.touched.delete(address))
  }

  /** An account and, where it is delegated (EIP-7702), the one whose code it runs. */
  private touchCallee(address: Address): void {
    this.touchAccount(address)
    const target = this.hasDelegation ? delegationTarget(codeOf(this.reader(), address)) : undefined
    if (target !== undefined) this.touchAccount(target)
  }

  private touchSlot(address: Address, slot: bigint): void {
    const slots = present(this.touched.get(address), 'the account that runs').slots
    const key = wordToHash(slot)
    if (this.options.disableStorage || slots.has(key)) return
    this.budget.spend(SLOT_SIZE)
    slots.set(key, this.reader().storage(address, slot))
    this.undo.push(() => slots.delete(key))
  }

  private nextContract(creator: Address): Address {
    return createAddress(creator, this.reader().account(creator)?.nonce ?? 0n)
  }

  private touchCreate2(view: StepView): void {
    const [offset, size, salt] = [operand(view, 1), operand(view, 2), operand(view, 3)]
    if (offset === undefined || size === undefined || salt === undefined || size > INITCODE_SIZE_MAX) return
    const initcode = new Uint8Array(Number(size))
    // Memory that is not there yet reads as 0.
    const start = offset < BigInt(view.memorySize) ? Number(offset) : view.memorySize
    initcode.set(view.memory.subarray(start, Math.min(start + initcode.length, view.memorySize)))
    this.touchAccount(create2Address(view.address, salt, initcode))
  }

  // Printing --------------------------------------------------------------------------------------------------------

  private before(): Printed {
    const printed: Printed = {}
    for (const [address, snapshot] of this.touched) {
      if (this.options.includeEmpty || !isEmpty(snapshot))
        printed[address] = this.full(snapshot, snapshot.slots)
    }
    return printed
  }

  private full({ balance, nonce, codeHash }: Snapshot, slots: ReadonlyMap<Hash, bigint>): PrintedAccount {
    const hasCode = codeHash !== EMPTY_CODE_HASH
    return {
      balance: quantity(balance),
      ...(hasCode && !this.options.disableCode ? { code: bytesToHex(this.reader().code(codeHash)) } : {}),
      ...(hasCode ? { codeHash } : {}),
      ...(nonce === 0n ? {} : { nonce: Number(nonce) }),
      ...(slots.size === 0 ? {} : { storage: printedSlots(slots) }),
    }
  }

  private difference(
    state: StateReader,
    deleted: ReadonlySet<Address>,
  ): { readonly post: Printed; readonly pre: Printed } {
    const [post, pre]: [Printed, Printed] = [{}, {}]
    for (const [address, snapshot] of this.touched) {
      const isDeleted = deleted.has(address)
      const after = isDeleted ? undefined : this.changes(address, snapshot, state)
      if (after === undefined && !isDeleted) continue
      if (after !== undefined) post[address] = after
      if (isEmpty(snapshot)) continue
      const lost = [...snapshot.slots].filter(
        ([slot, value]) => isDeleted || (value !== 0n && value !== state.storage(address, BigInt(slot))),
      )
      pre[address] = this.full(snapshot, new Map(lost))
    }
    return { post, pre }
  }

  /** What is different now; `undefined` when nothing is. */
  private changes(address: Address, before: Snapshot, state: StateReader): PrintedAccount | undefined {
    const account = state.account(address)
    const balance = account?.balance ?? 0n
    const nonce = account?.nonce ?? 0n
    const codeHash = account?.codeHash ?? EMPTY_CODE_HASH
    const changed = [...before.slots]
      .map(([slot, value]) => ({ slot, value, now: state.storage(address, BigInt(slot)) }))
      .filter(({ value, now }) => value !== now)
    const isCodeChanged = codeHash !== before.codeHash
    const isChanged =
      balance !== before.balance || nonce !== before.nonce || isCodeChanged || changed.length > 0
    if (!isChanged) return undefined
    const set = changed.filter(({ now }) => now !== 0n)
    const showsCode = isCodeChanged && !this.options.disableCode
    return {
      ...(balance === before.balance ? {} : { balance: quantity(balance) }),
      ...(showsCode ? { code: bytesToHex(state.code(codeHash)) } : {}),
      ...(isCodeChanged ? { codeHash } : {}),
      ...(nonce === before.nonce || nonce === 0n ? {} : { nonce: Number(nonce) }),
      ...(set.length === 0
        ? {}
        : { storage: printedSlots(new Map(set.map(({ slot, now }) => [slot, now]))) }),
    }
  }
}

function isEmpty({ balance, nonce, codeHash, slots }: Snapshot): boolean {
  return (
    balance === 0n &&
    nonce === 0n &&
    codeHash === EMPTY_CODE_HASH &&
    [...slots.values()].every((value) => value === 0n)
  )
}

/** Ascending, so that equal traces print equally. */
function printedSlots(slots: ReadonlyMap<Hash, bigint>): Record<Hash, Hash> {
  const sorted = [...slots].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(sorted.map(([slot, value]) => [slot, wordToHash(value)]))
}

function codeOf(state: StateReader, address: Address): Uint8Array {
  return state.code(state.account(address)?.codeHash ?? EMPTY_CODE_HASH)
}
