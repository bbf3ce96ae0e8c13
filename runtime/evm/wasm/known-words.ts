/**
 * Words that cost a few gas and would cost a call of the host each: SELFBALANCE, BLOBHASH, BLOCKHASH. They are asked for
 * once, and read from linear memory afterwards: a block full of nothing else takes no longer than any other one.
 */
import { I32, I64, type FunctionBody } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../wasm/module-writer.ts'
import {
  BLOB_HASHES,
  BLOB_HASHES_MAX,
  BLOCK_HASHES,
  BLOCK_HASHES_COUNT,
  BLOCK_HASHES_KNOWN,
  CONTEXT,
  ENGINE,
  FRAME,
  WORD_SIZE,
} from './layout.ts'

/** Indices of functions. */
export interface KnownWordFunctions {
  /** (address: i32): writes the balance of the frame's account there. */
  readonly selfBalance: number
  /** (address of an index: i32): replaces it by the hash, 0 beyond the last one (EIP-4844). */
  readonly blobHash: number
  /** (address of a number: i32): replaces it by the hash, 0 for what is none of the 256 blocks before this one. */
  readonly blockHash: number
}

export function emitKnownWords(module: ModuleWriter, host: number): KnownWordFunctions {
  return {
    selfBalance: emitSelfBalance(module, host),
    blobHash: emitBlobHash(module, host),
    blockHash: emitBlockHash(module, host),
  }
}

/** Copies a word. Takes nothing: `target` and `source` are locals, an offset is added to each. */
function copy(
  body: FunctionBody,
  target: Local,
  targetOffset: number,
  source: Local,
  sourceOffset: number,
): void {
  for (const half of [0, 16]) {
    body
      .get(target)
      .get(source)
      .v128Load(sourceOffset + half)
      .v128Store(targetOffset + half)
  }
}

function setZero(body: FunctionBody, target: Local): void {
  for (const half of [0, 16]) body.get(target).v128Const(new Uint8Array(16)).v128Store(half)
}

/** Pushes whether the word does not fit 64 bits. */
function isLarge(body: FunctionBody, address: Local): void {
  body.get(address).i64Load(8).get(address).i64Load(16).i64Or().get(address).i64Load(24).i64Or()
  body.i64Eqz().i32Eqz()
}

function ask(body: FunctionBody, host: number, opcode: number, pushSp: () => void): void {
  body.i32Const(opcode)
  pushSp()
  body.i32Const(0).call(host).drop()
}

function emitSelfBalance(module: ModuleWriter, host: number): number {
  const index = module.function(module.type([I32], []), 'selfBalance')
  const body = module.body(index)
  const [target, zero] = [0, body.local(I32)]
  body
    .i32Const(0)
    .i32Load(FRAME.isBalanceKnown)
    .i32Eqz()
    .if(() => {
      ask(body, host, 0x47, () => body.get(target))
      copy(body, zero, FRAME.balance, target, 0)
      body.i32Const(0).i32Const(1).i32Store(FRAME.isBalanceKnown).return()
    })
  copy(body, target, 0, zero, FRAME.balance)
  return index
}

function emitBlobHash(module: ModuleWriter, host: number): number {
  const index = module.function(module.type([I32], []), 'blobHash')
  const body = module.body(index)
  const [at, source] = [0, body.local(I32)]
  isLarge(body, at)
  body
    .get(at)
    .i64Load()
    .i32Const(0)
    .i64Load32U(ENGINE.blobHashCount)
    .i64GeU()
    .i32Or()
    .if(() => {
      setZero(body, at)
      body.return()
    })
  body
    .get(at)
    .i32Load()
    .tee(source)
    .i32Const(BLOB_HASHES_MAX)
    .i32GeU()
    .if(() => {
      ask(body, host, 0x49, () => body.get(at).i32Const(WORD_SIZE).i32Add())
      body.return()
    })
  body.get(source).i32Const(WORD_SIZE).i32Mul().set(source)
  copy(body, at, 0, source, BLOB_HASHES)
  return index
}

function emitBlockHash(module: ModuleWriter, host: number): number {
  const index = module.function(module.type([I32], []), 'blockHash')
  const body = module.body(index)
  const [at, position, source, tag] = [0, ...body.locals(I32, 3)] as [Local, Local, Local, Local]
  const age = body.local(I64)
  // 1 for the parent. The number of a block fits 64 bits.
  body.i32Const(0).i64Load(CONTEXT.NUMBER).get(at).i64Load().i64Sub().set(age)
  isLarge(body, at)
  body
    .get(age)
    .i64Const(1)
    .i64Sub()
    .i64Const(BLOCK_HASHES_COUNT)
    .i64GeU()
    .i32Or()
    .if(() => {
      setZero(body, at)
      body.return()
    })
  body
    .get(at)
    .i32Load()
    .i32Const(BLOCK_HASHES_COUNT - 1)
    .i32And()
    .tee(position)
  body.i32Const(WORD_SIZE).i32Mul().set(source)
  body.get(position).i32Const(4).i32Mul().tee(tag).i32Load(BLOCK_HASHES_KNOWN)
  body
    .i32Const(0)
    .i32Load(ENGINE.hostEpoch)
    .i32Ne()
    .if(() => {
      ask(body, host, 0x40, () => body.get(at).i32Const(WORD_SIZE).i32Add())
      copy(body, source, BLOCK_HASHES, at, 0)
      body.get(tag).i32Const(0).i32Load(ENGINE.hostEpoch).i32Store(BLOCK_HASHES_KNOWN).return()
    })
  copy(body, at, 0, source, BLOCK_HASHES)
  return index
}
