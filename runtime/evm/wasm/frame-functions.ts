/**
 * What happens to a frame's record when a frame begins, is suspended and goes on: in Wasm, as a record is 16 vectors to
 * move, and as gas is 64 bits that JavaScript has only as a `bigint`.
 */
import { I32, I64, type FunctionBody } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../wasm/module-writer.ts'
import { ENGINE, FRAME, FRAME_RECORD, FRAME_RECORD_SIZE, WORD_SIZE } from './layout.ts'

/** Indices of functions. */
export interface FrameFunctions {
  /**
   * (saved, stack, code, codeSize, jumpTargets, input, inputSize, memoryBase, isStatic, account, address of the word of
   * ADDRESS, of that of CALLER: i32; gas: i64). Saves the record in place to `saved`, unless that is 0, and makes a new
   * one. CALLVALUE is 0.
   */
  readonly beginFrame: number
  /**
   * (saved, returnDataSize, result, output: i32; gas: i64). Takes the record from `saved`, unless that is 0, gives the gas
   * back, replaces the operands of the call or creation by `result`, and copies the output of a call to where it goes,
   * unless its address is 0.
   */
  readonly resumeFrame: number
  /** (saved: i32): takes the record from there. */
  readonly restoreFrame: number
  /**
   * (price: i32, address of the word that asks for so much: i32) → gas taken, at most all but one 64th of what is left
   * after the price (EIP-150); −1 when the price cannot be paid.
   */
  readonly takeCallGas: number
}

export function emitFrameFunctions(module: ModuleWriter): FrameFunctions {
  return {
    beginFrame: emitBegin(module),
    resumeFrame: emitResume(module),
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
  const saved = 0
  const [stack, memoryBase, self, caller, gas] = [1, 7, 10, 11, 12]
  body.get(saved).if(() => save(body, saved))
  const set = (field: number, value: Local): void => {
    body.i32Const(0).get(value).i32Store(field)
  }
  const clear = (field: number): void => {
    body.i32Const(0).i32Const(0).i32Store(field)
  }
  set(FRAME.sp, stack)
  set(FRAME.stackBase, stack)
  set(FRAME.code, 2)
  set(FRAME.codeSize, 3)
  set(FRAME.jumpTargets, 4)
  set(FRAME.input, 5)
  set(FRAME.inputSize, 6)
  set(FRAME.memoryBase, memoryBase)
  set(FRAME.zeroEnd, memoryBase)
  set(FRAME.isStatic, 8)
  set(FRAME.storageAccount, 9)
  clear(FRAME.pc)
  clear(FRAME.memorySize)
  clear(FRAME.returnDataSize)
  clear(FRAME.isBalanceKnown)
  body.i32Const(0).get(gas).i64Store(FRAME.gas)
  for (const half of [0, 16]) {
    body
      .i32Const(0)
      .get(self)
      .v128Load(half)
      .v128Store(FRAME.address + half)
    body
      .i32Const(0)
      .get(caller)
      .v128Load(half)
      .v128Store(FRAME.caller + half)
    body
      .i32Const(0)
      .v128Const(new Uint8Array(16))
      .v128Store(FRAME.value + half)
  }
  return index
}

function emitResume(module: ModuleWriter): number {
  const index = module.function(module.type([I32, I32, I32, I32, I64], []), 'resumeFrame')
  const body = module.body(index)
  const [saved, returnDataSize, result, output, gas] = [0, 1, 2, 3, 4]
  const [at, size] = body.locals(I32, 2) as [Local, Local]
  body.get(saved).if(() => restore(body, saved))
  body.i32Const(0).i32Const(0).i64Load(FRAME.gas).get(gas).i64Add().i64Store(FRAME.gas)
  body.i32Const(0).get(returnDataSize).i32Store(FRAME.returnDataSize)
  body.i32Const(0).i32Const(0).i32Store(FRAME.isBalanceKnown)
  body.i32Const(0).i32Load(FRAME.resultAt).tee(at).get(result).i64ExtendI32U().i64Store(0)
  for (const offset of [8, 16, 24]) body.get(at).i64Const(0).i64Store(offset)
  body.i32Const(0).get(at).i32Const(WORD_SIZE).i32Add().i32Store(FRAME.sp)
  body.get(output).if(() => {
    body.get(returnDataSize).i32Const(0).i32Load(FRAME.outputSize).tee(size)
    body
      .get(returnDataSize)
      .get(size)
      .i32LtU()
      .select()
      .tee(size)
      .if(() => {
        body.i32Const(0).i32Load(FRAME.memoryBase).i32Const(0).i32Load(FRAME.outputOffset).i32Add()
        body.get(output).get(size).memoryCopy()
      })
  })
  return index
}

function emitRestore(module: ModuleWriter): number {
  const index = module.function(module.type([I32], []), 'restoreFrame')
  restore(module.body(index), 0)
  return index
}

function emitTakeCallGas(module: ModuleWriter): number {
  const index = module.function(module.type([I32, I32], [I64]), 'takeCallGas')
  const body = module.body(index)
  const [price, requestedAt] = [0, 1]
  const [left, taken] = body.locals(I64, 2) as [Local, Local]
  body.i32Const(0).i64Load(FRAME.gas).get(price).i64ExtendI32U().i64Sub().tee(left)
  body
    .i64Const(0)
    .i64LtS()
    .if(() => body.i64Const(-1, -1).return())
  body.get(left).get(left).i64Const(6).i64ShrU().i64Sub().set(taken)
  for (const [i, offset] of [8, 16, 24].entries()) {
    body.get(requestedAt).i64Load(offset)
    if (i > 0) body.i64Or()
  }
  body.i64Eqz().get(requestedAt).i64Load().get(taken).i64LtU().i32And()
  body.if(() => body.get(requestedAt).i64Load().set(taken))
  body.i32Const(0).get(left).get(taken).i64Sub().i64Store(FRAME.gas)
  markStorage(body)
  body.get(taken)
  return index
}
