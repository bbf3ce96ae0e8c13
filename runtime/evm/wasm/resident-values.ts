/**
 * What a frame in linear memory hands over, left where it lies: a call with its gas and call data, an ending with its gas
 * and output. Nothing is copied and no number is made unless JavaScript asks; a frame in the same memory takes it there.
 *
 * Each belongs to its machine until what it lies in changes: then it is over, or whoever changes it keeps a copy first.
 */
import { assert } from '../../../src/primitives/assert.ts'
import { EMPTY_BYTES, type Address } from '../../../src/primitives/bytes.ts'
import type { CallKind, CallRequest, Outcome } from '../../outcome.ts'
import type { KnownAddress } from './address-book.ts'
import type { ResidentFrame } from './frame-tree.ts'
import { ENGINE, FRAME } from './layout.ts'
import type { Machine } from './machine.ts'

/**
 * The call that a frame waits for, from when it is suspended until it is resumed. Hot: one object for all calls of a frame,
 * of which fields are written in place.
 */
export class ResidentCall implements CallRequest {
  kind: CallKind
  to: Address
  codeAddress: Address
  isDelegated: boolean
  caller: Address
  value: bigint
  transfersValue: boolean
  isStatic: boolean
  /** The account that the instruction names. */
  named: KnownAddress
  /** Address in linear memory. */
  inputAt: number
  /** In bytes. */
  inputSize: number
  /** How the frame asks for it. */
  readonly outcome: Outcome
  private readonly machine: Machine
  private state: 'asked' | 'begun' | 'kept' | 'over'
  private keptGas: bigint | undefined
  private keptInput: Uint8Array | undefined

  constructor(machine: Machine, address: Address, named: KnownAddress) {
    this.kind = 'call'
    this.to = address
    this.codeAddress = address
    this.isDelegated = false
    this.caller = address
    this.value = 0n
    this.transfersValue = false
    this.isStatic = false
    this.named = named
    this.inputAt = 0
    this.inputSize = 0
    this.outcome = { kind: 'call', request: this }
    this.machine = machine
    this.state = 'over'
    this.keptGas = undefined
    this.keptInput = undefined
  }

  /** Another call is asked for. */
  ask(): void {
    this.state = 'asked'
    this.keptGas = undefined
  }

  get gas(): bigint {
    if (this.keptGas === undefined) {
      assert(this.state === 'asked', 'the gas of a call is read before its callee begins')
      this.keptGas = this.machine.longField(ENGINE.callGas)
    }
    return this.keptGas
  }

  get input(): Uint8Array {
    const { machine, inputAt, inputSize } = this
    if (inputSize === 0) return EMPTY_BYTES
    if (this.keptInput !== undefined) return this.keptInput
    assert(this.state !== 'over', 'call data is read before the caller goes on')
    machine.refresh()
    return machine.bytes.subarray(inputAt, inputAt + inputSize)
  }

  /** Whether a callee can begin on what lies in the machine. */
  isReadyIn(machine: Machine): boolean {
    return this.state === 'asked' && this.machine === machine
  }

  /** The callee has taken the gas. */
  begin(): void {
    this.state = 'begun'
  }

  /** Before the caller's memory goes elsewhere, for good. */
  keep(): void {
    if (this.state === 'asked') this.keptGas = this.gas
    this.keptInput = this.input.slice()
    this.state = 'kept'
  }

  /** The caller goes on. */
  end(): void {
    this.state = 'over'
  }
}

/**
 * A frame that is over, until its caller goes on. Its record is in place. Hot: one object for all endings of frames that
 * follow each other in one place.
 */
export class ResidentEnding {
  kind: 'return' | 'revert'
  /** Of the output, in bytes. */
  size: number
  /** Nobody has it any more once its caller went on. */
  readonly frame: ResidentFrame
  private readonly machine: Machine
  private state: 'in place' | 'kept' | 'over'
  private keptGas: bigint | undefined
  private keptOutput: Uint8Array | undefined

  constructor(machine: Machine, frame: ResidentFrame) {
    this.kind = 'return'
    this.size = 0
    this.frame = frame
    this.machine = machine
    this.state = 'over'
    this.keptGas = undefined
    this.keptOutput = undefined
  }

  /** The frame's record is complete. */
  begin(kind: 'return' | 'revert'): void {
    this.kind = kind
    this.size = this.machine.field(FRAME.outputSize) >>> 0
    this.state = 'in place'
    this.keptGas = undefined
    this.keptOutput = undefined
  }

  get gasLeft(): bigint {
    if (this.keptGas === undefined) {
      assert(this.state === 'in place', 'the gas that is left is read before the caller goes on')
      this.keptGas = this.machine.longField(FRAME.gas)
    }
    return this.keptGas
  }

  /** A copy, for whoever asks. */
  get output(): Uint8Array {
    if (this.size === 0) return EMPTY_BYTES
    if (this.keptOutput === undefined) {
      assert(this.state === 'in place', 'output is read before the caller goes on')
      this.keptOutput = this.machine.copyOutput()
    }
    return this.keptOutput
  }

  /** Before the record or the memory change. */
  keep(): void {
    if (this.state !== 'in place') return
    this.keptGas = this.gasLeft
    this.keptOutput = this.output
    this.state = 'kept'
  }

  /** The caller goes on. */
  end(): void {
    this.state = 'over'
  }
}
