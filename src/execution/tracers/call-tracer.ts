/** geth's `callTracer`: the tree of calls and creations, with their logs when asked for. */
import { bytesToHex, type Address, type Hash, type Hex } from '../../primitives/bytes.ts'
import { present } from '../../primitives/assert.ts'
import type { Log } from '../../chain/receipt.ts'
import type { StepView } from '../../../runtime/host.ts'
import type { FrameEntry, FrameExit, FrameKind, TransactionStart } from '../tracing.ts'
import { revertReason } from '../revert-reason.ts'
import { FrameErrors } from './frame-errors.ts'
import { namedAccount, quantity, TraceBudget, type Tracer } from './tracer.ts'

export interface CallTracerOptions {
  /** Leaves out everything below the transaction's own frame. */
  readonly onlyTopCall: boolean
  readonly withLog: boolean
}

const TYPES: Readonly<Record<FrameKind, string>> = {
  call: 'CALL',
  callcode: 'CALLCODE',
  delegatecall: 'DELEGATECALL',
  staticcall: 'STATICCALL',
  create: 'CREATE',
  create2: 'CREATE2',
  selfdestruct: 'SELFDESTRUCT',
}

/** Bytes of JSON of a frame or log without its payload, about. */
const FRAME_SIZE = 400

interface CallLog {
  readonly address: Address
  readonly topics: readonly Hash[]
  readonly data: Hex
  /** In the block. */
  readonly index: Hex
  /** How many calls the frame had made before it. */
  readonly position: Hex
}

/** A frame as it is printed, in this order; optional fields are left out when empty. */
interface CallFrame {
  readonly from: Address
  readonly gas: Hex
  gasUsed: Hex
  readonly to?: Address
  readonly input: Hex
  readonly output?: Hex
  readonly error?: string
  readonly revertReason?: string
  readonly calls?: readonly CallFrame[]
  logs?: readonly CallLog[]
  readonly value?: Hex
  readonly type: string
}

/** A frame that is not over. */
interface OpenCall {
  readonly kind: FrameKind
  readonly from: Address
  readonly to: Address
  readonly gas: bigint
  readonly value: bigint
  readonly input: Hex
  readonly calls: CallFrame[]
  readonly logs: CallLog[]
  readonly firstLogIndex: number
}

export class CallTracer implements Tracer {
  private readonly options: CallTracerOptions
  private readonly budget: TraceBudget
  private readonly errors = new FrameErrors()
  /** From the transaction's own frame to the one that runs. */
  private readonly open: OpenCall[] = []
  private root: CallFrame | undefined
  private gasLimit = 0n
  /** Account that the last step named: the one a call is made to, before a delegation leads elsewhere. */
  private lastNamed: Address | undefined
  private logIndex: number

  /** @param firstLogIndex how many logs the transactions before this one left in the block. */
  constructor(options: CallTracerOptions, budget = new TraceBudget(), firstLogIndex = 0) {
    this.options = options
    this.budget = budget
    this.logIndex = firstLogIndex
  }

  start(start: TransactionStart): void {
    this.gasLimit = start.gasLimit
    this.errors.start(start.environment.rules.evm)
  }

  step(view: StepView): void {
    this.errors.step(view)
    this.lastNamed = namedAccount(view)
  }

  fault(): void {
    this.errors.fault()
  }

  enter(entry: FrameEntry): void {
    const { kind, depth, from, value, input } = entry
    this.errors.enter(kind)
    if (this.options.onlyTopCall && depth > 0) return
    this.budget.spend(FRAME_SIZE + 2 * input.length)
    const isBorrowed = kind === 'delegatecall' || kind === 'callcode'
    this.open.push({
      kind,
      from,
      to: isBorrowed ? (this.lastNamed ?? entry.to) : entry.to,
      gas: depth === 0 ? this.gasLimit : entry.gas,
      value,
      input: bytesToHex(input),
      calls: [],
      logs: [],
      firstLogIndex: this.logIndex,
    })
  }

  exit(exit: FrameExit): void {
    const error = this.errors.exit(exit.failure)
    if (this.options.onlyTopCall && exit.depth > 0) return
    const call = present(this.open.pop(), 'frame that ends')
    // Indexes count the logs that stay.
    if (error !== undefined) this.logIndex = call.firstLogIndex
    const frame = this.printed(call, exit, error)
    const caller = this.open.at(-1)
    if (caller === undefined) this.root = frame
    else caller.calls.push(frame)
  }

  log(log: Log, depth: number): void {
    if (!this.options.withLog || (this.options.onlyTopCall && depth > 0)) return
    const call = present(this.open.at(-1), 'frame of a log')
    this.budget.spend(FRAME_SIZE + 2 * log.data.length)
    const { address, topics, data } = log
    const position = quantity(call.calls.length)
    call.logs.push({ address, topics, data: bytesToHex(data), index: quantity(this.logIndex), position })
    this.logIndex += 1
  }

  end({ gasUsed }: { readonly gasUsed: bigint }): void {
    const root = present(this.root, 'frame of the transaction')
    root.gasUsed = quantity(gasUsed)
    dropLostLogs(root, false)
  }

  result(): unknown {
    return present(this.root, 'traced transaction')
  }

  private printed(call: OpenCall, exit: FrameExit, error: string | undefined): CallFrame {
    const isCreation = call.kind === 'create' || call.kind === 'create2'
    const hasOutput = exit.output.length > 0 && (error === undefined || exit.failure?.kind === 'revert')
    const reason = error !== undefined && hasOutput ? revertReason(exit.output) : undefined
    if (hasOutput) this.budget.spend(2 * exit.output.length)
    return {
      from: call.from,
      gas: quantity(call.gas),
      gasUsed: quantity(exit.gasUsed),
      ...(isCreation && error !== undefined ? {} : { to: call.to }),
      input: call.input,
      ...(hasOutput ? { output: bytesToHex(exit.output) } : {}),
      ...(error === undefined ? {} : { error }),
      ...(reason === undefined || reason === '' ? {} : { revertReason: reason }),
      ...(call.calls.length === 0 ? {} : { calls: call.calls }),
      ...(call.logs.length === 0 ? {} : { logs: call.logs }),
      // A static call has no value, not a value of 0.
      ...(call.kind === 'staticcall' ? {} : { value: quantity(call.value) }),
      type: TYPES[call.kind],
    }
  }
}

/** A frame that fails takes back its logs and those of all frames below it. As deep as calls are: at most 1,025. */
function dropLostLogs(frame: CallFrame, isLost: boolean): void {
  const isGone = isLost || frame.error !== undefined
  if (isGone) delete frame.logs
  for (const call of frame.calls ?? []) dropLostLogs(call, isGone)
}
