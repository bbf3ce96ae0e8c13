/**
 * What all tracers share: a result that is ready for JSON, and a bound on how large it may become. The results have
 * the shape and texts of geth's tracers, as debuggers and explorers expect them.
 */
import { wordToAddress, type Address, type Hex } from '../../primitives/bytes.ts'
import { AevirError } from '../../primitives/errors.ts'
import { INSTRUCTION_SETS } from '../../../runtime/evm/opcodes.ts'
import { present } from '../../primitives/assert.ts'
import type { StepView } from '../../../runtime/host.ts'
import type { ExecutionTracer } from '../tracing.ts'

/** A tracer of one transaction; {@link result} is asked once, after its end. */
export interface Tracer extends ExecutionTracer {
  /** Plain objects, ready for JSON. */
  result(): unknown
}

/** Most bytes of JSON that the traces of one request may come to. */
export const TRACE_SIZE_MAX = 25_000_000

export class TraceTooLargeError extends AevirError {
  override readonly code = 'TRACE_TOO_LARGE'
  constructor(sizeMax: number) {
    super(
      `the trace is larger than ${sizeMax} bytes: ask for less, by a tracer such as callTracer, or for struct logs ` +
        `by disableStack, disableStorage or limit`,
    )
  }
}

/** Counts what traces of one request come to; shared by the transactions of a block. */
export class TraceBudget {
  private readonly sizeMax: number
  private size = 0

  constructor(sizeMax = TRACE_SIZE_MAX) {
    this.sizeMax = sizeMax
  }

  /** @throws TraceTooLargeError, through the engine: the run is given up, its journal is nobody's. */
  spend(bytes: number): void {
    this.size += bytes
    if (this.size > this.sizeMax) throw new TraceTooLargeError(this.sizeMax)
  }
}

/** A JSON-RPC quantity. */
export function quantity(value: bigint | number): Hex {
  return `0x${value.toString(16)}`
}

/** An opcode by its name in the instruction table; every fork gives it the same byte. */
export function opcodeOf(name: string): number {
  const instruction = INSTRUCTION_SETS.osaka.find((candidate) => candidate?.name === name)
  return present(instruction, `instruction ${name}`).byte
}

/** The operand `index` words below the top of the stack; `undefined` when there is none. */
export function operand(view: StepView, index: number): bigint | undefined {
  return index < view.stackSize ? view.stack[view.stackSize - 1 - index] : undefined
}

const ACCOUNT_READERS = new Set(
  ['BALANCE', 'EXTCODESIZE', 'EXTCODECOPY', 'EXTCODEHASH', 'SELFDESTRUCT'].map(opcodeOf),
)
const CALLS = new Set(['CALL', 'CALLCODE', 'DELEGATECALL', 'STATICCALL'].map(opcodeOf))
const SLOAD = opcodeOf('SLOAD')
const SSTORE = opcodeOf('SSTORE')

/** Whether the opcode is one of the four calls. */
export function isCall(opcode: number): boolean {
  return CALLS.has(opcode)
}

/** The account that an instruction names by an operand; creations name none. */
export function namedAccount(view: StepView): Address | undefined {
  const isCallee = isCall(view.opcode)
  if (!isCallee && !ACCOUNT_READERS.has(view.opcode)) return undefined
  const word = operand(view, isCallee ? 1 : 0)
  return word === undefined ? undefined : wordToAddress(word)
}

/** The storage slot that an instruction reads or writes. */
export function namedSlot(view: StepView): bigint | undefined {
  return view.opcode === SLOAD || view.opcode === SSTORE ? operand(view, 0) : undefined
}
