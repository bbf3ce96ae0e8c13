/**
 * Runs a call or a creation with everything below it: an explicit stack of frames, no recursion. The engine runs one
 * frame until it is over or asks for another; value transfers, snapshots, depth, nonces, precompiles and the rules
 * for new code (EIP-170, 684, 3541, 7610) are decided here, once, whatever engine runs.
 */
import { present } from '../primitives/assert.ts'
import { EMPTY_BYTES, UINT64_MAX, type Address, type Hash } from '../primitives/bytes.ts'
import { create2Address, createAddress } from '../chain/contract-address.ts'
import type { ForkRules } from '../chain/forks.ts'
import type { Journal } from '../state/journal.ts'
import type { Engine, Frame, Message } from '../../runtime/host.ts'
import type { CallRequest, CreateRequest, FinalOutcome } from '../../runtime/outcome.ts'
import type { Precompile } from '../../runtime/evm/precompiles/precompile.ts'
import type { JournalHost } from './journal-host.ts'
import type { ExecutionTracer, FrameFailure } from './tracing.ts'

/** Deepest callee; the transaction itself runs at depth 0. */
export const CALL_DEPTH_MAX = 1024
/** Largest contract, in bytes (EIP-170). */
export const CODE_SIZE_MAX = 24_576
const CODE_DEPOSIT_GAS_PER_BYTE = 200n
/** First byte that no new code may have (EIP-3541). */
const RESERVED_FIRST_BYTE = 0xef

/** What all frames of a transaction share. */
export interface DriverContext {
  readonly journal: Journal
  readonly host: JournalHost
  readonly engine: Engine
  readonly rules: ForkRules
  readonly precompiles: ReadonlyMap<Address, Precompile>
  readonly tracer: ExecutionTracer | undefined
}

/** How the outermost call or creation ended. */
export interface DriverResult {
  readonly outcome: FinalOutcome
  /** The contract, when a creation succeeded. */
  readonly created: Address | undefined
}

/** A frame in progress. */
interface Activation {
  readonly frame: Frame
  /** Where the journal goes back to when the frame fails. */
  readonly checkpoint: number
  /** What it began with; 0 when nobody traces. */
  readonly gasAtStart: bigint
  /** Set when the frame runs initcode. */
  readonly creates: Address | undefined
  /** Its caller's. */
  below: Activation | undefined
}

/** Frames in progress, the innermost on top. */
class Activations {
  top: Activation | undefined = undefined
  count = 0

  push(activation: Activation): void {
    activation.below = this.top
    this.top = activation
    this.count += 1
  }

  pop(activation: Activation): void {
    this.top = activation.below
    this.count -= 1
  }
}

/** Runs a call as a transaction's outermost frame. */
export function runCall(context: DriverContext, request: CallRequest): DriverResult {
  const stack = new Activations()
  return drive(context, stack, beginCall(context, stack, request))
}

/** Runs a creation as a transaction's outermost frame. The creator's nonce is already raised. */
export function runCreate(context: DriverContext, request: CreateRequest, created: Address): DriverResult {
  const stack = new Activations()
  return drive(context, stack, beginInitcode(context, stack, request, created))
}

/**
 * Hot: once a frame.
 * @param refused how the outermost frame ended, if it did not begin.
 */
function drive(context: DriverContext, stack: Activations, refused: FinalOutcome | undefined): DriverResult {
  if (refused !== undefined) return { outcome: refused, created: undefined }
  let top = present(stack.top, 'outermost frame')
  let outcome = top.frame.run()
  for (;;) {
    if (outcome.kind === 'call' || outcome.kind === 'create') {
      const ended =
        outcome.kind === 'call'
          ? beginCall(context, stack, outcome.request)
          : beginCreate(context, stack, outcome.request)
      if (ended === undefined) {
        context.host.depth = stack.count - 1
        top = present(stack.top, 'frame')
        outcome = top.frame.run()
      } else {
        outcome = top.frame.resume(ended)
      }
      continue
    }
    const { creates, below } = top
    const ended = finish(context, top, outcome, stack.count - 1)
    const created = ended.kind === 'return' ? creates : undefined
    if (below === undefined) return { outcome: ended, created }
    stack.pop(top)
    context.host.depth = stack.count - 1
    top = below
    outcome = top.frame.resume(ended, created)
  }
}

/**
 * A call in progress: what the callee gets of its caller's request, and what the driver keeps. Hot: one object for both, and
 * of a class, so that nothing is read before it is asked for.
 */
class CallActivation implements Message, Activation {
  readonly depth: number
  readonly isStatic: boolean
  readonly address: Address
  readonly caller: Address
  readonly value: bigint
  readonly code: Uint8Array
  readonly codeHash: Hash
  readonly request: CallRequest
  readonly frame: Frame
  readonly checkpoint: number
  readonly gasAtStart: bigint
  readonly creates: undefined
  below: Activation | undefined

  constructor(
    context: DriverContext,
    request: CallRequest,
    depth: number,
    checkpoint: number,
    code: Uint8Array,
    codeHash: Hash,
  ) {
    this.depth = depth
    this.isStatic = request.isStatic
    this.address = request.to
    this.caller = request.caller
    this.value = request.value
    this.code = code
    this.codeHash = codeHash
    this.request = request
    this.checkpoint = checkpoint
    this.creates = undefined
    this.below = undefined
    this.gasAtStart = context.tracer === undefined ? 0n : request.gas
    this.frame = startFrame(context, this)
  }

  get gas(): bigint {
    return this.request.gas
  }

  get input(): Uint8Array {
    return this.request.input
  }
}

function startFrame({ engine, host, rules, tracer }: DriverContext, message: Message): Frame {
  return engine.start(message, host, rules, stepTracer(tracer))
}

/**
 * Begins a callee: puts its frame on the stack.
 * @returns how it ended, when it was over without running code.
 */
function beginCall(
  context: DriverContext,
  stack: Activations,
  request: CallRequest,
): FinalOutcome | undefined {
  const { journal, tracer } = context
  const depth = stack.count
  const precompile = request.isDelegated ? undefined : context.precompiles.get(request.codeAddress)
  if (tracer !== undefined) {
    tracer.enter?.({ ...entryOf(request), depth, isPrecompile: precompile !== undefined })
  }
  if (depth > CALL_DEPTH_MAX) return refuse(context, depth, request.gas, 'depth')
  if (request.transfersValue && journal.balance(request.caller) < request.value) {
    return refuse(context, depth, request.gas, 'balance')
  }
  const checkpoint = journal.checkpoint()
  if (request.transfersValue) {
    journal.subtractBalance(request.caller, request.value)
    journal.addBalance(request.to, request.value)
  } else if (request.kind === 'call') {
    journal.addBalance(request.to, 0n)
  }
  if (precompile !== undefined)
    return over(context, runPrecompile(context, precompile, request, checkpoint), depth, request.gas)
  const codeHash = journal.codeHash(request.codeAddress)
  const code = journal.code(codeHash)
  if (code.length === 0) {
    return over(context, { kind: 'return', gasLeft: request.gas, output: EMPTY_BYTES }, depth, request.gas)
  }
  stack.push(new CallActivation(context, request, depth, checkpoint, code, codeHash))
  return undefined
}

function runPrecompile(
  { journal }: DriverContext,
  precompile: Precompile,
  { gas, input }: CallRequest,
  checkpoint: number,
): FinalOutcome {
  const cost = precompile.gas(input)
  if (cost <= gas) {
    const output = precompile.run(input)
    if (output !== undefined) return { kind: 'return', gasLeft: gas - cost, output }
  }
  journal.revertTo(checkpoint)
  return { kind: 'halt', reason: cost > gas ? 'outOfGas' : 'precompileFailed' }
}

/** A creation by an instruction: checks that leave the creator its gas, then its nonce, then collisions. */
function beginCreate(
  context: DriverContext,
  stack: Activations,
  request: CreateRequest,
): FinalOutcome | undefined {
  const { journal } = context
  const depth = stack.count
  const { creator, gas } = request
  const nonce = journal.nonce(creator)
  const created =
    request.salt === undefined
      ? createAddress(creator, nonce)
      : create2Address(creator, request.salt, request.initcode)
  const refusal = refusalOfCreation(context, request, nonce, depth)
  if (refusal !== undefined) {
    traceCreation(context, request, created, depth)
    return refuse(context, depth, gas, refusal)
  }
  journal.setNonce(creator, nonce + 1n)
  return beginInitcode(context, stack, request, created)
}

type Refusal = Extract<FrameFailure, { kind: 'refused' }>['reason']

function refusalOfCreation(
  { journal }: DriverContext,
  request: CreateRequest,
  nonce: bigint,
  depth: number,
): Refusal | undefined {
  if (depth > CALL_DEPTH_MAX) return 'depth'
  if (journal.balance(request.creator) < request.value) return 'balance'
  return nonce === UINT64_MAX ? 'nonce' : undefined
}

function beginInitcode(
  context: DriverContext,
  stack: Activations,
  request: CreateRequest,
  created: Address,
): FinalOutcome | undefined {
  const { journal } = context
  const depth = stack.count
  traceCreation(context, request, created, depth)
  journal.accessAccount(created)
  if (journal.isOccupied(created)) {
    return over(context, { kind: 'halt', reason: 'addressCollision' }, depth, request.gas)
  }
  const checkpoint = journal.checkpoint()
  journal.createContract(created)
  journal.subtractBalance(request.creator, request.value)
  journal.addBalance(created, request.value)
  const frame = startFrame(context, {
    depth,
    isStatic: false,
    gas: request.gas,
    address: created,
    caller: request.creator,
    value: request.value,
    input: EMPTY_BYTES,
    code: request.initcode,
    codeHash: undefined,
  })
  stack.push({ frame, checkpoint, gasAtStart: request.gas, creates: created, below: undefined })
  return undefined
}

/** Ends a frame: keeps or takes back what it did, and lays down the code that initcode returned. */
function finish(
  context: DriverContext,
  { creates, checkpoint, gasAtStart }: Activation,
  ended: FinalOutcome,
  depth: number,
): FinalOutcome {
  const outcome = creates !== undefined && ended.kind === 'return' ? deposit(context, creates, ended) : ended
  if (outcome.kind !== 'return') context.journal.revertTo(checkpoint)
  if (context.tracer !== undefined) traceExit(context, outcome, depth, gasAtStart)
  return outcome
}

function deposit(
  { journal }: DriverContext,
  created: Address,
  ended: Extract<FinalOutcome, { kind: 'return' }>,
): FinalOutcome {
  const code = ended.output
  if (code.length > CODE_SIZE_MAX) return { kind: 'halt', reason: 'codeSizeExceeded' }
  if (code[0] === RESERVED_FIRST_BYTE) return { kind: 'halt', reason: 'invalidCode' }
  const cost = CODE_DEPOSIT_GAS_PER_BYTE * BigInt(code.length)
  if (cost > ended.gasLeft) return { kind: 'halt', reason: 'outOfGas' }
  // It has none so far.
  if (code.length > 0) journal.setCode(created, code)
  return { kind: 'return', gasLeft: ended.gasLeft - cost, output: code }
}

/** A callee that was over without running code. */
function over(context: DriverContext, outcome: FinalOutcome, depth: number, gas: bigint): FinalOutcome {
  traceExit(context, outcome, depth, gas)
  return outcome
}

/** A callee that may not begin; the caller keeps its gas. */
function refuse({ tracer }: DriverContext, depth: number, gas: bigint, reason: Refusal): FinalOutcome {
  tracer?.exit?.({ depth, gasUsed: 0n, output: EMPTY_BYTES, failure: { kind: 'refused', reason } })
  return { kind: 'revert', gasLeft: gas, output: EMPTY_BYTES }
}

/** A tracer is a step tracer only when it wants steps: otherwise the engine takes its loop without hooks. */
function stepTracer(tracer: ExecutionTracer | undefined): Parameters<Engine['start']>[3] {
  return tracer?.step === undefined ? undefined : (tracer as Required<Pick<ExecutionTracer, 'step'>>)
}

function entryOf(request: CallRequest) {
  const { kind, codeAddress, gas, value, input } = request
  // A delegatecall runs for its caller's caller; a tracer wants the contract that made it.
  const from = kind === 'delegatecall' ? request.to : request.caller
  const to = kind === 'delegatecall' || kind === 'callcode' ? codeAddress : request.to
  return { kind, from, to, codeAddress, gas, value, input }
}

function traceCreation(
  { tracer }: DriverContext,
  request: CreateRequest,
  created: Address,
  depth: number,
): void {
  tracer?.enter?.({
    kind: request.salt === undefined ? 'create' : 'create2',
    depth,
    from: request.creator,
    to: created,
    codeAddress: created,
    gas: request.gas,
    value: request.value,
    input: request.initcode,
    isPrecompile: false,
  })
}

function traceExit({ tracer }: DriverContext, outcome: FinalOutcome, depth: number, gas: bigint): void {
  if (tracer?.exit === undefined) return
  if (outcome.kind === 'halt') {
    const failure: FrameFailure = { kind: 'halt', reason: outcome.reason }
    tracer.exit({ depth, gasUsed: gas, output: EMPTY_BYTES, failure })
    return
  }
  const failure: FrameFailure | undefined = outcome.kind === 'revert' ? { kind: 'revert' } : undefined
  tracer.exit({ depth, gasUsed: gas - outcome.gasLeft, output: outcome.output, failure })
}
