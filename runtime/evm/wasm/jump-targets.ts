/**
 * Where a jump may land, found out as late as possible. To mark every JUMPDEST of a contract takes longer than a short call
 * of it: code that is new answers for each target on its own instead, and is gone through only once that has been asked
 * for about as much time as this takes.
 *
 * A JUMPDEST is a target unless it lies in the immediate of a PUSH. That PUSH would be one of the 32 bytes before it: an
 * offset that no byte there reaches, read as a PUSH, is the start of an instruction for certain. From such a one, at or
 * before the target, instructions are followed up to it. Bytes in immediates that only look like a PUSH can make an offset
 * uncertain, never the wrong one certain. The {@link CODE_MARGIN} zeros before code reach nothing: its start is certain.
 */
import { I32, type FunctionBody } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../wasm/module-writer.ts'
import { CODE_MARGIN, CODE_PADDING, FRAME, JUMP_TARGETS } from './layout.ts'

const JUMPDEST = 0x5b
const PUSH1 = 0x60
/** PUSH1 … PUSH32. */
const PUSHES_COUNT = 32
const VECTOR_SIZE = 16
/**
 * Bytes of code for each offset that may be looked at before the map is made. To look at one costs as much as to mark
 * a few bytes: together, searches and the map cost at most twice what the map alone would have.
 */
const BYTES_PER_SEARCH = 16

/** Indices of functions. */
export interface JumpTargetFunctions {
  /** (code: i32, size: i32): the zeros before and behind code that was written there, and no map yet. */
  readonly prepareCode: number
  /** (offset below the code's size: i32) → 1 when the frame in place may jump there, else 0. */
  readonly isJumpTarget: number
}

export function emitJumpTargets(module: ModuleWriter): JumpTargetFunctions {
  return {
    prepareCode: emitPrepareCode(module),
    isJumpTarget: emitIsJumpTarget(module, emitMark(module)),
  }
}

/** Pushes the target's bit in the map of the frame in place. */
export function pushMapped(body: FunctionBody, target: Local): void {
  body.get(target).i32Const(3).i32ShrU().i32Const(0).i32Load(FRAME.jumpTargets).i32Add()
  body.i32Load8U(JUMP_TARGETS.map).get(target).i32Const(7).i32And().i32ShrU().i32Const(1).i32And()
}

function emitPrepareCode(module: ModuleWriter): number {
  const index = module.function(module.type([I32, I32], []), 'prepareCode')
  const body = module.body(index)
  const [code, size, end] = [0, 1, body.local(I32)]
  const zero = (pushAddress: () => void, offset: number): void => {
    pushAddress()
    body.v128Const(new Uint8Array(VECTOR_SIZE)).v128Store(offset)
  }
  const pushMargin = (): void => {
    body.get(code).i32Const(CODE_MARGIN).i32Sub()
  }
  for (let offset = 0; offset < CODE_MARGIN; offset += VECTOR_SIZE) zero(pushMargin, offset)
  body.get(code).get(size).i32Add().set(end)
  for (const offset of [0, VECTOR_SIZE, CODE_PADDING - VECTOR_SIZE]) zero(() => body.get(end), offset)
  body.get(end).get(size).i32Const(Math.log2(BYTES_PER_SEARCH)).i32ShrU().i32Const(1).i32Add()
  body.i32Store(CODE_PADDING + JUMP_TARGETS.searchesLeft)
  return index
}

function emitIsJumpTarget(module: ModuleWriter, mark: number): number {
  const index = module.function(module.type([I32], [I32]), 'isJumpTarget')
  const body = module.body(index)
  const target = 0
  const [left, start, offset, opcode] = body.locals(I32, 4) as [Local, Local, Local, Local]
  const pushState = (): void => {
    body.i32Const(0).i32Load(FRAME.jumpTargets)
  }
  const pushOpcodeAt = (at: Local): void => {
    body.i32Const(0).i32Load(FRAME.code).get(at).i32Add().i32Load8U()
  }
  pushState()
  body
    .i32Load(JUMP_TARGETS.searchesLeft)
    .tee(left)
    .if(() => {
      pushOpcodeAt(target)
      body
        .i32Const(JUMPDEST)
        .i32Ne()
        .if(() => body.i32Const(0).return())
      body.block((spent) => {
        body.get(target).i32Const(1).i32Add().set(start)
        body.loop((again) => {
          body.get(left).i32Eqz().brIf(spent)
          body.get(left).i32Const(1).i32Sub().set(left)
          body.get(start).i32Const(1).i32Sub().set(start)
          pushIsUncertain(body, start)
          body.brIf(again)
        })
        pushState()
        body.get(left).i32Store(JUMP_TARGETS.searchesLeft)
        body.get(left).i32Eqz().brIf(spent)
        body.get(start).set(offset)
        body.block((arrived) => {
          body.loop((again) => {
            body.get(offset).get(target).i32GeU().brIf(arrived)
            pushOpcodeAt(offset)
            advance(body, offset, opcode)
            body.br(again)
          })
        })
        body.get(offset).get(target).i32Eq().return()
      })
      body.call(mark)
    })
  pushMapped(body, target)
  return index
}

/** Pushes whether a byte before the offset reaches it, read as a PUSH. */
function pushIsUncertain(body: FunctionBody, offset: Local): void {
  // A byte at position j of the 32 lies 32 − j before the offset, which PUSH32 … PUSH(32 − j) reach: j + 1 opcodes,
  // whose distances from the lowest of them are at most j.
  const position = (half: number) => Uint8Array.from({ length: VECTOR_SIZE }, (_, i) => half + i)
  for (const half of [0, VECTOR_SIZE]) {
    body.i32Const(0).i32Load(FRAME.code).get(offset).i32Add()
    body.i32Const(PUSHES_COUNT).i32Sub().v128Load(half)
    body.v128Const(position(half).map((j) => PUSH1 + PUSHES_COUNT - 1 - j)).i8x16Sub()
    body.v128Const(position(half)).i8x16LeU()
    if (half > 0) body.v128Or()
  }
  body.v128AnyTrue()
}

/** Moves an offset on to the next instruction. Takes the opcode. */
function advance(body: FunctionBody, offset: Local, opcode: Local): void {
  body.i32Const(PUSH1).i32Sub().tee(opcode).i32Const(1).i32Add().i32Const(0)
  // As an unsigned number, the distance from the first PUSH tells all of them.
  body.get(opcode).i32Const(PUSHES_COUNT).i32LtU().select()
  body.get(offset).i32Add().i32Const(1).i32Add().set(offset)
}

/** Makes the map of the code of the frame in place. */
function emitMark(module: ModuleWriter): number {
  const index = module.function(module.type([], []), 'markJumpTargets')
  const body = module.body(index)
  const [code, size, state, offset, opcode, address] = body.locals(I32, 6) as [
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
  ]
  for (const [field, local] of [
    [FRAME.code, code],
    [FRAME.codeSize, size],
    [FRAME.jumpTargets, state],
  ] as const) {
    body.i32Const(0).i32Load(field).set(local)
  }
  body.get(state).i32Const(0).i32Store(JUMP_TARGETS.searchesLeft)
  body.get(state).i32Const(JUMP_TARGETS.map).i32Add().i32Const(0)
  body.get(size).i32Const(3).i32ShrU().i32Const(1).i32Add().memoryFill()
  body.block((done) => {
    body.loop((again) => {
      body.get(offset).get(size).i32GeU().brIf(done)
      body
        .get(code)
        .get(offset)
        .i32Add()
        .i32Load8U()
        .tee(opcode)
        .i32Const(JUMPDEST)
        .i32Eq()
        .if(() => {
          body.get(state).get(offset).i32Const(3).i32ShrU().i32Add().tee(address)
          body.get(address).i32Load8U(JUMP_TARGETS.map)
          body.i32Const(1).get(offset).i32Const(7).i32And().i32Shl().i32Or().i32Store8(JUMP_TARGETS.map)
        })
      body.get(opcode)
      advance(body, offset, opcode)
      body.br(again)
    })
  })
  return index
}
