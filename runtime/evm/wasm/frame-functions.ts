/**
 * What happens to a frame's record when a frame begins, is suspended and goes on: in Wasm, as a record is 16 vectors to
 * move, and as gas is 64 bits that JavaScript has only as a `bigint`.
 */
import { I32, I64, type FunctionBody } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../wasm/module-writer.ts'
import {
  ENGINE,
  FRAME,
  FRAME_RECORD,
  FRAME_RECORD_SIZE,
  RETURN_DATA,
  RETURN_DATA_MAX,
  WORD_SIZE,
} from './layout.ts'

const OPCODE = { callcode: 0xf2, delegatecall: 0xf4, staticcall: 0xfa } as const

/** Indices of functions. */
export interface FrameFunctions {
  /**
   * (saved, stack, code, codeSize, jumpTargets, input, inputSize, memoryBase, isStatic, account, address of the word of
   * ADDRESS, of that of CALLER: i32; gas: i64). Saves the record in place to `saved`, unless that is 0, and makes a new
   * one. CALLVALUE is 0.
   */
  readonly beginFrame: number
  /**
   * (saved, code, codeSize, jumpTargets, input, inputSize, memoryBase, account: i32). The same for the callee of the call
   * that the record in place asks for: everything else is taken from that.
   */
  readonly beginCallee: number
  /**
   * (saved, returnDataSize, result: i32; gas: i64). Takes the record from `saved`, unless that is 0, gives the gas
   * back, and replaces the operands of the call or creation by `result`.
   */
  readonly resumeFrame: number
  /**
   * (saved, result: i32). The same after a callee whose record is in place still, with its gas and output, which becomes
   * the output of the call, and {@link RETURN_DATA} unless it is too large.
   */
  readonly resumeCaller: number
  /** (saved: i32): takes the record from there. */
  readonly restoreFrame: number
  /**
   * (price: i32, address of the word that asks for so much, stipend: i32) → 0 when the price cannot be paid. Takes what is
   * asked for, at most all but one 64th of what is left after the price (EIP-150), for `ENGINE.callGas`.
   */
  readonly takeCallGas: number
}

export function emitFrameFunctions(module: ModuleWriter): FrameFunctions {
  return {
    beginFrame: emitBegin(module),
    beginCallee: emitBeginCallee(module),
    resumeFrame: emitResume(module),
    resumeCaller: emitResumeCaller(module),
    restoreFrame: emitRestore(module),
    takeCallGas: emitTakeCallGas(module),
  }
}

function save(body: FunctionBody, target: Local): void {
  for (let i = 0; i < FRAME_RECORD_SIZE; i += 16) {
    body
      .get(target)
      .i32Const(0)
      .v128Load(FRAME_RECORD + i)
      .v128Store(i)
  }
}

function restore(body: FunctionBody, source: Local): void {
  for (let i = 0; i < FRAME_RECORD_SIZE; i += 16) {
    body
      .i32Const(0)
      .get(source)
      .v128Load(i)
      .v128Store(FRAME_RECORD + i)
  }
}

/** Before a callee begins: where its failure goes back to. */
function markStorage(body: FunctionBody): void {
  body.i32Const(0).i32Const(0).i32Load(ENGINE.undoCount).i32Store(FRAME.undoMark)
  body.i32Const(0).i32Const(0).i32Load(ENGINE.storageEpoch).i32Store(FRAME.undoEpoch)
}

function emitBegin(module: ModuleWriter): number {
  const parameters = [I32, I32, I32, I32, I32, I32, I32, I32, I32, I32, I32, I32, I64] as const
  const index = module.function(module.type(parameters, []), 'beginFrame')
  const body = module.body(index)
  const [saved, stack, code, input, memoryBase, isStatic, account, self, caller, gas] = [
    0, 1, 2, 5, 7, 8, 9, 10, 11, 12,
  ]
  body.get(saved).if(() => save(body, saved))
  beginRecord(body, stack, code, input, memoryBase)
  set(body, FRAME.isStatic, isStatic)
  set(body, FRAME.storageAccount, account)
  body.i32Const(0).get(gas).i64Store(FRAME.gas)
  setWord(body, FRAME.address, self)
  setWord(body, FRAME.caller, caller)
  clearWord(body, FRAME.value)
  return index
}

/** What is alike in all frames. Size and jump targets of the code follow `code`, the size of the call data `input`. */
function beginRecord(body: FunctionBody, stack: Local, code: Local, input: Local, memoryBase: Local): void {
  set(body, FRAME.sp, stack)
  set(body, FRAME.stackBase, stack)
  set(body, FRAME.code, code)
  set(body, FRAME.codeSize, code + 1)
  set(body, FRAME.jumpTargets, code + 2)
  set(body, FRAME.input, input)
  set(body, FRAME.inputSize, input + 1)
  set(body, FRAME.memoryBase, memoryBase)
  set(body, FRAME.zeroEnd, memoryBase)
  for (const field of [FRAME.pc, FRAME.memorySize, FRAME.returnDataSize, FRAME.isBalanceKnown]) {
    body.i32Const(0).i32Const(0).i32Store(field)
  }
}

function set(body: FunctionBody, field: number, value: Local): void {
  body.i32Const(0).get(value).i32Store(field)
}

/** @param from address of a word; none for 0. */
function setWord(body: FunctionBody, field: number, from: Local | undefined): void {
  for (const half of [0, 16]) {
    if (from === undefined) body.i32Const(0).i32Const(0)
    else body.i32Const(0).get(from)
    body.v128Load(half).v128Store(field + half)
  }
}

function clearWord(body: FunctionBody, field: number): void {
  for (const half of [0, 16]) {
    body
      .i32Const(0)
      .v128Const(new Uint8Array(16))
      .v128Store(field + half)
  }
}

function emitBeginCallee(module: ModuleWriter): number {
  const parameters = [I32, I32, I32, I32, I32, I32, I32, I32] as const
  const index = module.function(module.type(parameters, []), 'beginCallee')
  const body = module.body(index)
  const [saved, code, input, memoryBase, account] = [0, 1, 4, 6, 7]
  const [stack, operation, operand] = body.locals(I32, 3) as [Local, Local, Local]
  const isOperation = (opcode: number): void => {
    body.get(operation).i32Const(opcode).i32Eq()
  }
  save(body, saved)
  body.i32Const(0).i32Load(FRAME.sp).set(stack)
  body.i32Const(0).i32Load(FRAME.operation).set(operation)
  beginRecord(body, stack, code, input, memoryBase)
  set(body, FRAME.storageAccount, account)
  body.i32Const(0).i32Const(0).i64Load(ENGINE.callGas).i64Store(FRAME.gas)
  body.i32Const(0).i32Const(0).i32Load(FRAME.isStatic)
  isOperation(OPCODE.staticcall)
  body.i32Or().i32Store(FRAME.isStatic)
  // A delegatecall runs for its caller's caller, with the same value and, like a callcode, as the same account.
  isOperation(OPCODE.delegatecall)
  body.i32Eqz().if(() => {
    copyWord(body, FRAME.address, FRAME.caller)
    isOperation(OPCODE.staticcall)
    body.if(
      () => clearWord(body, FRAME.value),
      () => {
        body
          .get(stack)
          .i32Const(3 * WORD_SIZE)
          .i32Sub()
          .set(operand)
        setWord(body, FRAME.value, operand)
      },
    )
    isOperation(OPCODE.callcode)
    body.i32Eqz().if(() => {
      body
        .get(stack)
        .i32Const(2 * WORD_SIZE)
        .i32Sub()
        .set(operand)
      setWord(body, FRAME.address, operand)
      // An address has 20 bytes, whatever is above them.
      body
        .i32Const(0)
        .i32Const(0)
        .i64Load32U(FRAME.address + 16)
        .i64Store(FRAME.address + 16)
      body
        .i32Const(0)
        .i64Const(0)
        .i64Store(FRAME.address + 24)
    })
  })
  return index
}

function copyWord(body: FunctionBody, from: number, to: number): void {
  for (const half of [0, 16]) {
    body
      .i32Const(0)
      .i32Const(0)
      .v128Load(from + half)
      .v128Store(to + half)
  }
}

function emitResume(module: ModuleWriter): number {
  const index = module.function(module.type([I32, I32, I32, I64], []), 'resumeFrame')
  const body = module.body(index)
  const [saved, returnDataSize, result, gas] = [0, 1, 2, 3]
  const at = body.local(I32)
  body.get(saved).if(() => restore(body, saved))
  resumeRecord(body, { returnDataSize, result, gas, at })
  return index
}

function resumeRecord(
  body: FunctionBody,
  locals: Readonly<Record<'returnDataSize' | 'result' | 'gas' | 'at', Local>>,
): void {
  const { returnDataSize, result, gas, at } = locals
  body.i32Const(0).i32Const(0).i64Load(FRAME.gas).get(gas).i64Add().i64Store(FRAME.gas)
  set(body, FRAME.returnDataSize, returnDataSize)
  body.i32Const(0).i32Const(0).i32Store(FRAME.isBalanceKnown)
  body.i32Const(0).i32Load(FRAME.resultAt).tee(at).get(result).i64ExtendI32U().i64Store(0)
  for (const offset of [8, 16, 24]) body.get(at).i64Const(0).i64Store(offset)
  body.i32Const(0).get(at).i32Const(WORD_SIZE).i32Add().i32Store(FRAME.sp)
}

function emitResumeCaller(module: ModuleWriter): number {
  const index = module.function(module.type([I32, I32], []), 'resumeCaller')
  const body = module.body(index)
  const [saved, result] = [0, 1]
  const [returnDataSize, output, at, size] = body.locals(I32, 4) as [Local, Local, Local, Local]
  const gas = body.local(I64)
  body.i32Const(0).i32Load(FRAME.outputSize).set(returnDataSize)
  body.i32Const(0).i32Load(FRAME.memoryBase).i32Const(0).i32Load(FRAME.outputOffset).i32Add().set(output)
  body.i32Const(0).i64Load(FRAME.gas).set(gas)
  restore(body, saved)
  resumeRecord(body, { returnDataSize, result, gas, at })
  body.get(returnDataSize).if(() => {
    body
      .get(returnDataSize)
      .i32Const(RETURN_DATA_MAX)
      .i32LeU()
      .if(() => {
        body.i32Const(RETURN_DATA).set(at)
        copyBytes(body, at, output, returnDataSize)
      })
    // The instruction has paid for so many bytes; behind less, all stays.
    body.get(returnDataSize).i32Const(0).i32Load(FRAME.outputSize).tee(size)
    body
      .get(returnDataSize)
      .get(size)
      .i32LtU()
      .select()
      .tee(size)
      .if(() => {
        body.i32Const(0).i32Load(FRAME.memoryBase).i32Const(0).i32Load(FRAME.outputOffset).i32Add().set(at)
        copyBytes(body, at, output, size)
      })
  })
  return index
}

/** Most output is a word, and `memory.copy` leaves Wasm. */
function copyBytes(body: FunctionBody, to: Local, from: Local, size: Local): void {
  body
    .get(size)
    .i32Const(WORD_SIZE)
    .i32Eq()
    .if(
      () => {
        body.get(to).get(from).v128Load(0).get(to).get(from).v128Load(16).v128Store(16).v128Store(0)
      },
      () => body.get(to).get(from).get(size).memoryCopy(),
    )
}

function emitRestore(module: ModuleWriter): number {
  const index = module.function(module.type([I32], []), 'restoreFrame')
  restore(module.body(index), 0)
  return index
}

function emitTakeCallGas(module: ModuleWriter): number {
  const index = module.function(module.type([I32, I32, I32], [I32]), 'takeCallGas')
  const body = module.body(index)
  const [price, requestedAt, stipend] = [0, 1, 2]
  const [left, taken] = body.locals(I64, 2) as [Local, Local]
  body.i32Const(0).i64Load(FRAME.gas).get(price).i64ExtendI32U().i64Sub().tee(left)
  body
    .i64Const(0)
    .i64LtS()
    .if(() => body.i32Const(0).return())
  body.get(left).get(left).i64Const(6).i64ShrU().i64Sub().set(taken)
  for (const [i, offset] of [8, 16, 24].entries()) {
    body.get(requestedAt).i64Load(offset)
    if (i > 0) body.i64Or()
  }
  body.i64Eqz().get(requestedAt).i64Load().get(taken).i64LtU().i32And()
  body.if(() => body.get(requestedAt).i64Load().set(taken))
  body.i32Const(0).get(left).get(taken).i64Sub().i64Store(FRAME.gas)
  body.i32Const(0).get(taken).get(stipend).i64ExtendI32U().i64Add().i64Store(ENGINE.callGas)
  markStorage(body)
  body.i32Const(1)
  return index
}
