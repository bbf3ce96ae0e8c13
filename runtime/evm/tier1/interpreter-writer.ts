/**
 * What the handlers of `instructions/` share while the interpreter's one function is written: its locals, the ways out of
 * it, and the small steps from which instructions are made. The counterpart of tier 0's `machine.ts`.
 */
import { present } from '../../../src/primitives/assert.ts'
import { I32, I64, V128, type FunctionBody, type Label } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import { ENGINE, FRAME, HALTS, STATUS, haltStatus, WORD_SIZE } from '../wasm/layout.ts'
import { ARENA_IS_FULL } from '../wasm/memory-functions.ts'
import type { RuntimeFunction } from '../wasm/runtime-module.ts'
import { REVERSE_BYTES, WordWriter, type Word } from '../wasm/words/word-writer.ts'

export type Halt = (typeof HALTS)[number]

/** Functions that the interpreter calls, by index. */
export interface Callees {
  readonly runtime: Readonly<Record<RuntimeFunction, number>>
  /** The import `host(operation: i32, sp: i32, gas: i32) → i32`: see `host-operations.ts`. */
  readonly host: number
  /** The interpreter itself, to be entered anew. */
  readonly self: number
}

/**
 * Backward and forward jumps until the function is entered anew. V8 replaces baseline by optimized code only between two
 * calls of a function: without it, a loop that is hot from the start stays slow for good.
 */
const JUMPS_PER_ENTRY = 10_000

/** What the host is told at most of the gas left: no charge of its operations is larger. */
const HOST_GAS_MAX = 0x7fff_ffff

export class InterpreterWriter {
  readonly body: FunctionBody
  readonly words: WordWriter
  readonly callees: Callees
  /** Address of the next byte of code; in an instruction, of what follows its opcode. */
  readonly pc: Local
  /** Address behind the top word. */
  readonly sp: Local
  readonly gas: Local
  readonly code: Local
  readonly stackBase: Local
  readonly memoryBase: Local
  /** i64, in bytes. */
  readonly memorySize: Local
  readonly jumpsLeft: Local
  /** Operands, the top one in `a`. Nothing lives in them from instruction to instruction, as in the locals below. */
  readonly a: Word
  readonly b: Word
  readonly c: Word
  readonly index: Local
  readonly extra: Local
  readonly end: Local
  readonly low: Local
  readonly high: Local
  private readonly halts = new Map<Halt, Label>()
  private leaving: Label = 0
  private again: Label = 0

  constructor(body: FunctionBody, callees: Callees) {
    this.body = body
    this.callees = callees
    this.words = new WordWriter(body)
    ;[this.pc, this.sp, this.code, this.stackBase, this.memoryBase, this.jumpsLeft, this.index] = body.locals(
      I32,
      7,
    ) as [Local, Local, Local, Local, Local, Local, Local]
    ;[this.gas, this.memorySize, this.extra, this.end] = body.locals(I64, 4) as [Local, Local, Local, Local]
    ;[this.low, this.high] = body.locals(V128, 2) as [Local, Local]
    this.a = this.words.word()
    this.b = this.words.word()
    this.c = this.words.word()
  }

  /** The whole function: takes the frame over, runs `loop` again and again, and knows the ways out. */
  write(loop: () => void): void {
    const { body } = this
    this.enter()
    for (const reason of HALTS) this.halts.set(reason, body.openBlock())
    this.leaving = body.openBlock()
    body.loop((again) => {
      this.again = again
      loop()
    })
    body.unreachable()
    body.close(this.leaving)
    // Back to before the instruction: its opcode is one byte before what follows it.
    body.get(this.pc).i32Const(1).i32Sub().set(this.pc)
    this.save()
    body.i32Const(STATUS.leave).return()
    for (const reason of HALTS.toReversed()) {
      body.close(present(this.halts.get(reason), reason))
      body.i32Const(haltStatus(reason)).return()
    }
    body.unreachable()
  }

  private enter(): void {
    const { body } = this
    const load = (field: number, local: Local): void => {
      body.i32Const(0).i32Load(field).set(local)
    }
    load(FRAME.sp, this.sp)
    load(FRAME.code, this.code)
    load(FRAME.stackBase, this.stackBase)
    load(FRAME.memoryBase, this.memoryBase)
    body.i32Const(0).i32Load(FRAME.pc).get(this.code).i32Add().set(this.pc)
    body.i32Const(0).i64Load(FRAME.gas).set(this.gas)
    this.reloadMemorySize()
    body.i32Const(0).i32Load(ENGINE.turnJumps).tee(this.jumpsLeft).i32Const(JUMPS_PER_ENTRY)
    body.get(this.jumpsLeft).select().set(this.jumpsLeft)
  }

  /** Completes the frame's record. */
  save(): void {
    const { body } = this
    body.i32Const(0).get(this.pc).get(this.code).i32Sub().i32Store(FRAME.pc)
    body.i32Const(0).get(this.sp).i32Store(FRAME.sp)
    body.i32Const(0).get(this.gas).i64Store(FRAME.gas)
  }

  // Ways on and out.

  /** On to the next instruction. */
  next(): void {
    this.body.br(this.again)
  }

  haltLabel(reason: Halt): Label {
    return present(this.halts.get(reason), reason)
  }

  halt(reason: Halt): void {
    this.body.br(this.haltLabel(reason))
  }

  /** Takes a condition. */
  haltIf(reason: Halt): void {
    this.body.brIf(this.haltLabel(reason))
  }

  haltIfStatic(): void {
    this.body.i32Const(0).i32Load(FRAME.isStatic)
    this.haltIf('staticViolation')
  }

  /** Leaves with a status, the record complete. */
  exit(status: number): void {
    this.save()
    this.body.i32Const(status).return()
  }

  /**
   * Counts a jump, whose JUMPDEST is paid. From time to time enters the function anew, or, at the end of a turn, leaves it
   * before the JUMPDEST, where compiled code may go on.
   */
  countJump(jumpdestGas: number): void {
    const { body } = this
    body
      .get(this.jumpsLeft)
      .i32Const(1)
      .i32Sub()
      .tee(this.jumpsLeft)
      .i32Eqz()
      .if(() => {
        body
          .i32Const(0)
          .i32Load(ENGINE.turnJumps)
          .if(() => {
            body.get(this.pc).i32Const(1).i32Sub().set(this.pc)
            body.get(this.gas).i64Const(jumpdestGas).i64Add().set(this.gas)
            this.exit(STATUS.switch)
          })
        this.save()
        body.returnCall(this.callees.self)
      })
  }

  // Gas.

  charge(gas: number): void {
    if (gas === 0) return
    const { body } = this
    body.get(this.gas).i64Const(gas).i64Sub().tee(this.gas).i64Const(0).i64LtS()
    this.haltIf('outOfGas')
  }

  /** Takes an amount of 64 bits, below 2⁶². */
  chargeAmount(): void {
    const { body } = this
    body.set(this.extra).get(this.gas).get(this.extra).i64Sub().tee(this.gas).i64Const(0).i64LtS()
    this.haltIf('outOfGas')
  }

  /** Charges for each word that the size at stack position `index` fills; the range was touched. */
  chargeWords(perWord: number, index: number): void {
    this.pushLimb(index)
    this.body.i64Const(31).i64Add().i64Const(5).i64ShrU().i64Const(perWord).i64Mul()
    this.chargeAmount()
  }

  // Stack: position 0 is the top word.

  /** Relative to {@link sp}. */
  static offsetOf(index: number): number {
    return -WORD_SIZE * (index + 1)
  }

  /** Pushes the address of the word at a position. */
  pushAddress(index: number): void {
    this.body
      .get(this.sp)
      .i32Const(WORD_SIZE * (index + 1))
      .i32Sub()
  }

  /** Loads the words at positions 0, 1, … */
  load(...targets: readonly Word[]): void {
    const { body } = this
    // Constant offsets are unsigned: addresses are relative to the lowest word.
    this.pushAddress(targets.length - 1)
    body.set(this.index)
    targets.forEach((target, i) => this.words.load(target, this.index, WORD_SIZE * (targets.length - 1 - i)))
  }

  /** Drops `count` words, and replaces the one below them. */
  replace(count: number, source: Word): void {
    this.drop(count)
    this.pushAddress(0)
    this.body.set(this.index)
    this.words.store(this.index, source)
  }

  /** {@link replace} by 64 bits in `extra`. */
  replaceBySmall(count: number, limb: Local): void {
    const { body } = this
    this.drop(count)
    this.pushAddress(0)
    body.tee(this.index).get(limb).i64Store(0)
    this.zeroHighLimbs()
  }

  /** Pushes onto the EVM stack the 64 bits in a local. */
  pushSmall(limb: Local): void {
    const { body } = this
    body.get(this.sp).tee(this.index).get(limb).i64Store(0)
    this.zeroHighLimbs()
    this.grow()
  }

  /** Pushes onto the EVM stack the word at a constant address. */
  pushFrom(address: number): void {
    const { body } = this
    for (const half of [0, 16])
      body
        .get(this.sp)
        .i32Const(0)
        .v128Load(address + half)
        .v128Store(half)
    this.grow()
  }

  grow(): void {
    this.body.get(this.sp).i32Const(WORD_SIZE).i32Add().set(this.sp)
  }

  drop(count: number): void {
    if (count > 0)
      this.body
        .get(this.sp)
        .i32Const(WORD_SIZE * count)
        .i32Sub()
        .set(this.sp)
  }

  /** Pushes the lowest limb of the word at a position. */
  pushLimb(index: number): void {
    this.pushAddress(index)
    this.body.i64Load()
  }

  /** Pushes the word at a position as 64 bits, all ones when it has more. */
  pushSaturated(index: number): void {
    const { body } = this
    this.pushAddress(index)
    body.set(this.index)
    body.i64Const(-1, -1).get(this.index).i64Load()
    body.get(this.index).i64Load(8).get(this.index).i64Load(16).i64Or().get(this.index).i64Load(24).i64Or()
    body.i64Eqz().i32Eqz().select()
  }

  private zeroHighLimbs(): void {
    for (const offset of [8, 16, 24]) this.body.get(this.index).i64Const(0).i64Store(offset)
  }

  // Memory.

  /**
   * Makes memory reach to the `end` that was pushed, an end by `rangeEnd`. Nothing but `fixedGas` may have been charged, and
   * the stack must be as it was: the instruction may have to begin again on tier 0.
   */
  touch(fixedGas: number): void {
    const { body } = this
    body
      .tee(this.end)
      .get(this.memorySize)
      .i64GtU()
      .if(() => this.expand(fixedGas))
  }

  /** {@link touch} of `size` bytes from the offset in a word. Leaves the address of the first one in `index`. */
  touchAt(offset: Word, size: 1 | 32, fixedGas: number): void {
    const { body, extra } = this
    this.words.orOf([offset[1], offset[2], offset[3]])
    body.get(offset[0]).i64Const(32).i64ShrU().i64Or().set(extra)
    body.get(offset[0]).i64Const(size).i64Add().tee(this.end).get(this.memorySize).i64GtU()
    body
      .get(extra)
      .i64Eqz()
      .i32Eqz()
      .i32Or()
      .if(() => {
        body.i64Const(0, 0x100).get(this.end).get(extra).i64Eqz().i32Eqz().select().set(this.end)
        this.expand(fixedGas)
      })
    body.get(this.memoryBase).get(offset[0]).i32WrapI64().i32Add().set(this.index)
  }

  private expand(fixedGas: number): void {
    const { body, extra } = this
    body
      .get(this.end)
      .get(this.gas)
      .call(this.callees.runtime.expandMemory)
      .tee(extra)
      .i64Const(0)
      .i64LtS()
      .if(() => {
        body
          .get(extra)
          .i64Const(...ARENA_IS_FULL)
          .i64Ne()
        this.haltIf('outOfGas')
        body.get(this.gas).i64Const(fixedGas).i64Add().set(this.gas).br(this.leaving)
      })
    body.get(extra).set(this.gas)
    this.reloadMemorySize()
  }

  private reloadMemorySize(): void {
    this.body.i32Const(0).i64Load32U(FRAME.memorySize).set(this.memorySize)
  }

  /** Pushes where the range ends whose offset and size are at two positions. */
  pushRangeEnd(offset: number, size: number): void {
    this.pushAddress(offset)
    this.pushAddress(size)
    this.body.call(this.callees.runtime.rangeEnd)
  }

  /** Pushes the address in memory to which the word at a position is the offset. */
  pushMemoryAddress(index: number): void {
    this.body.get(this.memoryBase)
    this.pushLimb(index)
    this.body.i32WrapI64().i32Add()
  }

  /** Pushes 16 bytes of big-endian memory as half a word. Takes an address. */
  loadReversed(offset: number): void {
    this.body.v128Load(offset).tee(this.low).get(this.low).i8x16Shuffle(REVERSE_BYTES)
  }

  // The host.

  /** Lets the host do what no tier can, charges what it asks for, or halts. */
  callHost(opcode: number): void {
    const { body } = this
    body.i32Const(opcode).get(this.sp)
    body.get(this.gas).i64Const(HOST_GAS_MAX).get(this.gas).i64Const(HOST_GAS_MAX).i64LtU().select()
    body
      .i32WrapI64()
      .call(this.callees.host)
      .tee(this.index)
      .i32Const(0)
      .i32LtS()
      .if(() => {
        body.i32Const(0).get(this.index).i32Sub().return()
      })
    body.get(this.gas).get(this.index).i64ExtendI32U().i64Sub().set(this.gas)
  }
}
