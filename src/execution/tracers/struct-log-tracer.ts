/**
 * geth's default tracer: every instruction with its stack, memory, storage and cost (`structLogs`). The layout is that
 * of geth's current releases: all words are hex with a prefix, storage appears at the instructions that use it.
 *
 * A step does not know its cost yet. It follows from the gas at the next step of the same frame, less what callees gave
 * back, or from the gas that the frame ended with.
 */
import {
  bytesToHex,
  EMPTY_BYTES,
  UINT64_MAX,
  wordToHash,
  type Address,
  type Hash,
  type Hex,
} from '../../primitives/bytes.ts'
import { present } from '../../primitives/assert.ts'
import { memoryGas, wordCount } from '../../../runtime/evm/gas.ts'
import { INSTRUCTION_SETS, type Instruction } from '../../../runtime/evm/opcodes.ts'
import type { StepView } from '../../../runtime/host.ts'
import type { HaltReason } from '../../../runtime/outcome.ts'
import type { StateReader } from '../../state/state-reader.ts'
import type { FrameEntry, FrameExit, TransactionStart } from '../tracing.ts'
import { FrameErrors, opcodeName } from './frame-errors.ts'
import { opcodeOf, operand, quantity, TraceBudget, type Tracer } from './tracer.ts'

export interface StructLogOptions {
  readonly disableStack: boolean
  readonly disableStorage: boolean
  readonly enableMemory: boolean
  readonly enableReturnData: boolean
  /** Bytes of JSON after which no further instruction is listed; 0 = as many as the budget allows. */
  readonly limit: number
}

/** Bytes of JSON of an instruction without its lists, and of a storage slot, about. */
const LOG_SIZE = 80
const SLOT_SIZE = 140
const WORD_SIZE = 32

const SLOAD = opcodeOf('SLOAD')
const SSTORE = opcodeOf('SSTORE')
const RETURN = opcodeOf('RETURN')

/** Faults found before the instruction would have run: only these are shown beside it. */
const SHOWN_FAULTS = new Set<HaltReason>([
  'outOfGas',
  'stackUnderflow',
  'stackOverflow',
  'invalidInitcodeSize',
])

/** An instruction as it is printed, in this order. */
interface StructLog {
  readonly pc: number
  readonly op: string
  readonly gas: number
  gasCost: number
  /** 1 for the transaction's own frame. */
  readonly depth: number
  error?: string
  readonly stack?: readonly Hex[]
  readonly returnData?: Hex
  readonly memory?: readonly Hex[]
  readonly storage?: Readonly<Record<Hash, Hash>>
  readonly refund?: number
}

/** A frame that is not over. */
interface OpenFrame {
  readonly entry: FrameEntry
  /** The last instruction, while its cost is not known. */
  pending: { readonly log: StructLog; readonly opcode: number; readonly gas: bigint } | undefined
  /** Gas that went to a creation since, and that callees gave back. */
  given: bigint
  returned: bigint
}

export class StructLogTracer implements Tracer {
  private readonly options: StructLogOptions
  private readonly budget: TraceBudget
  private readonly errors = new FrameErrors()
  private readonly frames: OpenFrame[] = []
  private readonly logs: StructLog[] = []
  /** Slots seen so far, as they are printed. */
  private readonly storage = new Map<Address, Record<Hash, Hash>>()
  private instructions: readonly (Instruction | undefined)[] = INSTRUCTION_SETS.cancun
  private state: StateReader | undefined
  /** Bytes listed, where a limit is set. */
  private size = 0
  private gasUsed = 0n
  private failed = false
  private output = EMPTY_BYTES

  constructor(options: StructLogOptions, budget = new TraceBudget()) {
    this.options = options
    this.budget = budget
  }

  start({ environment, state }: TransactionStart): void {
    this.instructions = INSTRUCTION_SETS[environment.rules.evm]
    this.errors.start(environment.rules.evm)
    this.state = state
  }

  enter(entry: FrameEntry): void {
    this.errors.enter(entry.kind)
    const caller = this.frames.at(-1)
    if (caller !== undefined && (entry.kind === 'create' || entry.kind === 'create2'))
      caller.given = entry.gas
    this.frames.push({ entry, pending: undefined, given: 0n, returned: 0n })
  }

  step(view: StepView): void {
    this.errors.step(view)
    const frame = present(this.frames.at(-1), 'frame that runs')
    settle(frame, view.gas)
    if (this.options.limit > 0 && this.size > this.options.limit) return
    const log = this.logOf(view)
    this.logs.push(log)
    if (this.options.limit > 0) this.size += JSON.stringify(log).length
    if (view.opcode === RETURN) log.gasCost = returnCost(view)
    else frame.pending = { log, opcode: view.opcode, gas: view.gas }
  }

  fault(reason: HaltReason, gasCharged: bigint): void {
    this.errors.fault()
    const frame = present(this.frames.at(-1), 'frame of a fault')
    const { pending } = frame
    if (pending === undefined) return
    // Operands beyond all memory have no price worth printing: then the fixed part stands alone.
    const isPriced = gasCharged <= UINT64_MAX
    pending.log.gasCost = isPriced ? Number(gasCharged) : (this.instructions[pending.opcode]?.gas ?? 0)
    if (SHOWN_FAULTS.has(reason)) pending.log.error = this.errors.textOf({ kind: 'halt', reason })
    frame.pending = undefined
  }

  exit(exit: FrameExit): void {
    this.errors.exit(exit.failure)
    const frame = present(this.frames.pop(), 'frame that ends')
    const { kind, gas } = frame.entry
    const gasLeft = gas - exit.gasUsed
    settle(frame, gasLeft)
    const caller = this.frames.at(-1)
    if (caller !== undefined) {
      if (kind !== 'selfdestruct') caller.returned = gasLeft
      return
    }
    this.failed = exit.failure !== undefined
    if (!this.failed || exit.failure?.kind === 'revert') this.output = exit.output
  }

  end({ gasUsed }: { readonly gasUsed: bigint }): void {
    this.gasUsed = gasUsed
  }

  result(): unknown {
    return {
      gas: Number(this.gasUsed),
      failed: this.failed,
      returnValue: bytesToHex(this.output),
      structLogs: this.logs,
    }
  }

  private logOf(view: StepView): StructLog {
    const { disableStack, enableMemory, enableReturnData, disableStorage } = this.options
    const stack = disableStack ? undefined : view.stack.slice(0, view.stackSize).map(quantity)
    const memory = enableMemory && view.memorySize > 0 ? memoryWords(view) : undefined
    const returnData =
      enableReturnData && view.returnData.length > 0 ? bytesToHex(view.returnData) : undefined
    const storage = disableStorage ? undefined : this.storageAt(view)
    this.budget.spend(
      LOG_SIZE +
        (stack?.reduce((size, word) => size + word.length + 3, 0) ?? 0) +
        (memory?.length ?? 0) * (2 * WORD_SIZE + 5) +
        (returnData?.length ?? 0) +
        (storage === undefined ? 0 : Object.keys(storage).length * SLOT_SIZE),
    )
    return {
      pc: view.pc,
      op: opcodeName(view.opcode, this.instructions),
      gas: Number(view.gas),
      gasCost: 0,
      depth: view.depth + 1,
      ...(stack === undefined ? {} : { stack }),
      ...(returnData === undefined ? {} : { returnData }),
      ...(memory === undefined ? {} : { memory }),
      ...(storage === undefined ? {} : { storage }),
      ...(view.refund === 0n ? {} : { refund: Number(view.refund) }),
    }
  }

  /** All slots of the running contract seen so far, at an instruction that reads or writes one. */
  private storageAt(view: StepView): Record<Hash, Hash> | undefined {
    const slot = operand(view, 0)
    const written = operand(view, 1)
    if (slot === undefined) return undefined
    let value: bigint
    if (view.opcode === SLOAD) value = present(this.state, 'state').storage(view.address, slot)
    else if (view.opcode === SSTORE && written !== undefined) value = written
    else return undefined
    const seen = { ...this.storage.get(view.address), [wordToHash(slot)]: wordToHash(value) }
    this.storage.set(view.address, seen)
    return seen
  }
}

/** Completes the last instruction of a frame that has `gas` left now. */
function settle(frame: OpenFrame, gas: bigint): void {
  if (frame.pending !== undefined) {
    frame.pending.log.gasCost = Number(frame.pending.gas - gas + frame.returned - frame.given)
    frame.pending = undefined
  }
  frame.given = 0n
  frame.returned = 0n
}

/** What RETURN costs: the memory it makes. The end of its frame may contain the deposit of code, too. */
function returnCost(view: StepView): number {
  const [offset, size] = [Number(operand(view, 0) ?? 0n), Number(operand(view, 1) ?? 0n)]
  const words = size === 0 ? 0 : wordCount(offset + size)
  return Math.max(0, memoryGas(words) - memoryGas(view.memorySize / WORD_SIZE))
}

function memoryWords({ memory, memorySize }: StepView): Hex[] {
  const words: Hex[] = []
  for (let offset = 0; offset < memorySize; offset += WORD_SIZE) {
    words.push(bytesToHex(memory.subarray(offset, offset + WORD_SIZE)))
  }
  return words
}
