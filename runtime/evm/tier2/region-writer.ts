/**
 * What the parts of the emitter share while one region's function is written: its locals, the ways out of it, gas, and
 * ranges of EVM memory. The function is `(sp: i32, gas: i64) → status`; `sp` is the address behind the top word at entry.
 */
import { present } from '../../../src/primitives/assert.ts'
import { I32, I64, V128, type FunctionBody, type Label } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import { FRAME, haltStatus, WORD_SIZE, type HALTS } from '../wasm/layout.ts'
import type { RuntimeFunction } from '../wasm/runtime-module.ts'
import { smallNumberOf } from './constant.ts'
import { LimbWriter } from './limb-writer.ts'
import { HeldValues, isZeroLimb, limbCount, type Held } from './held-values.ts'
import { OFFSET_BITS, type Region, type Value } from './ir.ts'
import { baseAndDelta, CONSTANT_OFFSET_MAX, MemoryReach } from './memory-reach.ts'

type Halt = (typeof HALTS)[number]

/** Indices of what a region calls. */
export interface RegionCallees {
  readonly runtime: Readonly<Record<RuntimeFunction, number>>
  /** The import `operation(opcode: i32, sp: i32, gas: i32) → i32`: gas to charge, or a negative status. */
  readonly host: number
  /** The function of the region at an offset; `undefined` when there is none, and control leaves compiled code. */
  regionAt(offset: number): number | undefined
  /** `(sp: i32, gas: i64, target: i32) → status`: goes on at a computed target. */
  jumpTo(): number
  /** `(sp: i32, gas: i64, offset: i32) → status`: out of compiled code, before the instruction at an offset. */
  readonly leaveAt: number
  /** `(gas: i64) → status`: the frame has no gas left, or a charge says that the arena is full. */
  readonly outOfGas: number
}

/** What the host is told at most of the gas left: no charge of its operations is larger. */
const HOST_GAS_MAX = 0x7fff_ffff

/** Where a range of EVM memory is: an address in a local plus a constant. */
export interface Place {
  readonly base: Local
  readonly offset: number
}

/** A size that was touched, so that there was gas for it, if it is a constant: nobody has the gas for 2³¹ bytes. */
export function knownSize(size: Held): number | undefined {
  return size.kind === 'constant' ? (smallNumberOf(size.constant) ?? 0) : undefined
}

export class RegionWriter {
  readonly body: FunctionBody
  readonly region: Region
  readonly callees: RegionCallees
  readonly values: HeldValues
  readonly words: LimbWriter
  readonly sp: Local = 0
  readonly gas: Local = 1
  /** Address of the lowest slot that any path looks at. */
  private lowest: Local = 0
  /** Address of EVM memory. */
  readonly memoryBase: Local
  /** i64, in bytes. */
  readonly memorySize: Local
  /** Scratch: nothing lives in it from one operation to the next. */
  readonly address: Local
  readonly wide: Local
  readonly half: Local
  /** Set once: bytes in the opposite order. As the operand of a shuffle, it would be 16 bytes of code each time. */
  readonly reversal: Local
  /** Never set: 16 zero bytes, which as a constant would take 18. */
  readonly zero: Local
  /** Iterations until a loop enters its function anew. */
  readonly fuel: Local
  readonly reach = new MemoryReach()
  #outOfGas: Label | undefined

  constructor(body: FunctionBody, region: Region, callees: RegionCallees) {
    this.body = body
    this.region = region
    this.callees = callees
    this.memoryBase = body.local(I32)
    this.address = body.local(I32)
    this.fuel = body.local(I32)
    this.memorySize = body.local(I64)
    this.wide = body.local(I64)
    this.half = body.local(V128)
    this.reversal = body.local(V128)
    this.zero = body.local(V128)
    this.values = new HeldValues(body)
    this.words = new LimbWriter(body, this.values, callees.runtime)
  }

  /** Writes `inside`, which must not fall through, with the way out around it that most operations need. */
  withOutOfGas(inside: () => void): void {
    const { body } = this
    const label = body.openBlock()
    this.#outOfGas = label
    inside()
    body.close(label)
    body.get(this.gas).returnCall(this.callees.outOfGas)
  }

  halt(reason: Exclude<Halt, 'outOfGas'>): void {
    this.body.i32Const(haltStatus(reason)).return()
  }

  /** Takes a condition. */
  haltIf(reason: Halt): void {
    if (reason === 'outOfGas') this.body.brIf(present(this.#outOfGas, 'way out'))
    else this.body.if(() => this.halt(reason))
  }

  // Gas.

  charge(gas: number): void {
    this.body.get(this.gas).i64Const(gas).i64Sub()
    this.#setGas()
  }

  /** Takes an amount of 64 bits, below 2⁶². */
  chargeAmount(): void {
    const { body, gas, wide } = this
    body.set(wide).get(gas).get(wide).i64Sub()
    this.#setGas()
  }

  /** Charges for each word that `size` bytes fill; the range was touched. */
  chargeWords(perWord: number, size: Held): void {
    const known = knownSize(size)
    if (known !== undefined) {
      if (known > 0) this.charge(perWord * Math.ceil(known / WORD_SIZE))
      return
    }
    const { body } = this
    this.words.limb(size, 0)
    body.i64Const(31).i64Add().i64Const(5).i64ShrU().i64Const(perWord).i64Mul()
    this.chargeAmount()
  }

  /** Charges for each of `size` bytes; the range was touched. */
  chargeBytes(perByte: number, size: Held): void {
    const known = knownSize(size)
    if (known !== undefined) {
      if (known > 0) this.charge(perByte * known)
      return
    }
    this.words.limb(size, 0)
    this.body.i64Const(perByte).i64Mul()
    this.chargeAmount()
  }

  /** Pops what is left. */
  #setGas(): void {
    this.body.tee(this.gas).i64Const(0).i64LtS()
    this.haltIf('outOfGas')
  }

  // The stack in memory.

  /** Makes slots addressable; the height was checked. Offsets of loads and stores are unsigned. */
  findLowestSlot(): void {
    const { needed } = this.region
    if (needed === 0) return
    this.lowest = this.body.local(I32)
    this.body
      .get(this.sp)
      .i32Const(WORD_SIZE * needed)
      .i32Sub()
      .set(this.lowest)
  }

  /** Pushes the address of a slot, less what the returned offset adds. */
  slotAddress(slot: number): number {
    this.body.get(this.lowest)
    return WORD_SIZE * (slot + this.region.needed)
  }

  /** Pushes the address of a slot. */
  pushSlotAddress(slot: number): void {
    const offset = this.slotAddress(slot)
    if (offset > 0) this.body.i32Const(offset).i32Add()
  }

  /** Stores a word little-endian at a slot. */
  storeSlot(slot: number, held: Held): void {
    const { body, words } = this
    for (let limb = 0; limb < 4; limb += 2) {
      if (isZeroLimb(held, limb) && isZeroLimb(held, limb + 1)) {
        const offset = this.slotAddress(slot)
        body.get(this.zero).v128Store(offset + 8 * limb)
        continue
      }
      for (const index of [limb, limb + 1]) {
        const offset = this.slotAddress(slot)
        words.limb(held, index)
        body.i64Store(offset + 8 * index)
      }
    }
  }

  /** Loads the words at slots, `bits` wide. */
  loadSlot(slot: number, bits: number): Held {
    const { body, values } = this
    const limbs = values.takeLimbs(Math.ceil(bits / 64))
    for (const [index, local] of limbs.entries()) {
      const offset = this.slotAddress(slot)
      body.i64Load(offset + 8 * index).set(local)
    }
    return { kind: 'limbs', limbs }
  }

  // EVM memory.

  /**
   * Makes memory reach as far as an operation on a word or a byte needs it, and those behind it that nothing separates.
   * @param offset its first operand.
   */
  touch(offset: Held, operation: Value): Place {
    const { body, words, address, wide } = this
    const known = offset.kind === 'constant' ? smallNumberOf(offset.constant) : undefined
    if (known !== undefined && known <= CONSTANT_OFFSET_MAX) {
      this.touchConstant(this.reach.endOf(operation))
      return { base: this.memoryBase, offset: known }
    }
    const value = present(operation.operands[0], 'offset')
    const { base, delta } = baseAndDelta(value)
    const end = this.reach.endOf(operation)
    if (this.reach.behind(base) < end) {
      if (value.bits > OFFSET_BITS) this.#haltIfLarge(offset)
      words
        .limb(offset, 0)
        .i64Const(end - delta)
        .i64Add()
      body.tee(wide).get(this.memorySize).i64GtU()
      body.if(() => {
        body.get(wide)
        this.#expand()
      })
      this.reach.extend(base, end)
    }
    words.limb(offset, 0).i32WrapI64().get(this.memoryBase).i32Add().set(address)
    return { base: address, offset: 0 }
  }

  /** Makes memory reach to a constant end. */
  touchConstant(end: number): void {
    if (end <= this.reach.constant) return
    const { body } = this
    body
      .get(this.memorySize)
      .i64Const(end)
      .i64LtU()
      .if(() => {
        body.i64Const(end)
        this.#expand()
      })
    this.reach.constant = end
  }

  /** Makes memory reach over a range, which may be empty. The place of an empty one is anywhere. */
  touchRange(offset: Held, size: Held, into: Local): void {
    const { body, words, wide } = this
    // What is too large for a number is also too large for an end: the checks below see to it.
    const [knownOffset, knownSize] = [offset, size].map((held) =>
      held.kind === 'constant' ? (smallNumberOf(held.constant) ?? CONSTANT_OFFSET_MAX + 1) : undefined,
    )
    if (knownSize === 0) {
      body.i32Const(0).set(into)
      return
    }
    if (
      knownOffset !== undefined &&
      knownSize !== undefined &&
      knownOffset + knownSize <= CONSTANT_OFFSET_MAX
    ) {
      this.touchConstant(knownOffset + knownSize)
      body.get(this.memoryBase).i32Const(knownOffset).i32Add().set(into)
      return
    }
    this.#haltIfLarge(size)
    const touchIt = (): void => {
      this.#haltIfLarge(offset)
      words.limb(offset, 0)
      words.limb(size, 0).i64Add().tee(wide).get(this.memorySize).i64GtU()
      body.if(() => {
        body.get(wide)
        this.#expand()
      })
      words.limb(offset, 0).i32WrapI64().get(this.memoryBase).i32Add().set(into)
    }
    if (knownSize !== undefined) {
      touchIt()
      return
    }
    body.i32Const(0).set(into)
    words.limb(size, 0).i64Const(0).i64Ne()
    body.if(touchIt)
  }

  /** An offset or a size from 2³² on costs more gas than there is. */
  #haltIfLarge(held: Held): void {
    const { body, words } = this
    words.limb(held, 0).i64Const(32).i64ShrU()
    if (limbCount(held) > 1 && words.orFrom(held, 1)) body.i64Or()
    body.i64Const(0).i64Ne()
    this.haltIf('outOfGas')
  }

  /** Pops the end that memory must reach. */
  #expand(): void {
    const { body, gas } = this
    body.get(gas).call(this.callees.runtime.expandMemory)
    this.#setGas()
    this.reloadMemorySize()
  }

  reloadMemorySize(): void {
    this.body.i32Const(0).i64Load32U(FRAME.memorySize).set(this.memorySize)
  }

  // The host.

  /** Pushes the address behind so many operands, which stand above all that the region has on the stack. */
  pushOperandAddress(count: number): void {
    this.pushSlotAddress(this.region.growth + count)
  }

  /** Calls a function that takes what is pushed and the gas, and returns what is left of it. */
  callCharging(name: 'storageLoad' | 'storageStore'): void {
    this.body.get(this.gas).call(this.callees.runtime[name])
    this.#setGas()
  }

  /** Lets the host do an instruction on operands that are placed; charges what it asks for. */
  callHost(opcode: number, operandCount: number): void {
    const { body, gas, address } = this
    body.i32Const(opcode)
    this.pushOperandAddress(operandCount)
    body.get(gas).i64Const(HOST_GAS_MAX).get(gas).i64Const(HOST_GAS_MAX).i64LtU().select().i32WrapI64()
    body.call(this.callees.host).tee(address).i32Const(0).i32LtS()
    body.if(() => body.i32Const(0).get(address).i32Sub().return())
    body.get(address).i64ExtendI32U()
    this.chargeAmount()
  }
}
