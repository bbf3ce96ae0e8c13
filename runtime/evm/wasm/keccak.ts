/**
 * Keccak-256 over linear memory: the sponge of FIPS 202 with rate 136 and the padding that Ethereum kept.
 *
 * Nearly all that contracts hash are 64 bytes, a key of a mapping and its slot, and 32. They have a function of their own:
 * their lanes never were in a state in memory (209 ns instead of 231). Where {@link ENGINE.remembersHashes} is set, it
 * also remembers hashes: a table with one place for a hash of the input, all bytes of which are compared. Inputs that
 * collide on purpose push each other out, and then cost what an unknown one does.
 */
import { present } from '../../../src/primitives/assert.ts'
import { I32, I64, V128, type FunctionBody } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../wasm/module-writer.ts'
import { LANES, writePermutation } from './keccak-permutation.ts'
import { ENGINE, HASH, HASH_SIZE, HASHES, HASHES_BITS, SCRATCH } from './layout.ts'
import { REVERSE_BYTES, WORD } from './words/word-writer.ts'

const RATE = 136
/** {@link LANES} of 64 bits. */
const STATE = SCRATCH + 0x100

/** Indices of functions. */
export interface KeccakFunctions {
  /** (address, size: i32) → the hash as a word: its first byte is the highest. */
  readonly keccak256: number
  /** {@link keccak256} of 32 or 64 bytes. */
  readonly keccak256Short: number
}

export function emitKeccak(module: ModuleWriter): KeccakFunctions {
  const short = emitShort(module)
  return { keccak256: emitSponge(module, short), keccak256Short: short }
}

function emitSponge(module: ModuleWriter, short: number): number {
  const permute = emitPermutation(module)
  const index = module.function(module.type([I32, I32], WORD), 'keccak256')
  const body = module.body(index)
  const [address, size] = [0, 1]
  const offset = body.local(I32)
  body.get(size).i32Const(32).i32Eq().get(size).i32Const(64).i32Eq().i32Or()
  body.if(() => body.get(address).get(size).returnCall(short))
  const zero = new Uint8Array(16)
  for (let i = 0; i < 192; i += 16)
    body
      .i32Const(0)
      .v128Const(zero)
      .v128Store(STATE + i)
  body
    .i32Const(0)
    .i64Const(0)
    .i64Store(STATE + 192)

  body.block((done) => {
    body.loop((again) => {
      body.get(size).i32Const(RATE).i32LtU().brIf(done)
      for (let i = 0; i < RATE; i += 8) {
        body
          .i32Const(0)
          .i32Const(0)
          .i64Load(STATE + i)
          .get(address)
          .i64Load(i)
          .i64Xor()
          .i64Store(STATE + i)
      }
      body.call(permute)
      body.get(address).i32Const(RATE).i32Add().set(address)
      body.get(size).i32Const(RATE).i32Sub().set(size).br(again)
    })
  })
  // What is left is less than a block: by lanes, then by bytes, reading nothing behind the input.
  absorbRest(body, { address, size, offset, step: 8 })
  absorbRest(body, { address, size, offset, step: 1 })
  body.get(offset).get(offset).i32Load8U(STATE).i32Const(0x01).i32Xor().i32Store8(STATE)
  body
    .i32Const(0)
    .i32Const(0)
    .i32Load8U(STATE + RATE - 1)
    .i32Const(0x80)
    .i32Xor()
    .i32Store8(STATE + RATE - 1)
  body.call(permute)
  const half = body.local(V128)
  for (const from of [16, 0]) {
    body
      .i32Const(0)
      .v128Load(STATE + from)
      .tee(half)
      .get(half)
      .i8x16Shuffle(REVERSE_BYTES)
      .tee(half)
    body.i64x2ExtractLane(0).get(half).i64x2ExtractLane(1)
  }
  return index
}

interface Rest {
  readonly address: Local
  readonly size: Local
  /** Bytes absorbed already. */
  readonly offset: Local
  readonly step: 1 | 8
}

function absorbRest(body: FunctionBody, { address, size, offset, step }: Rest): void {
  body.block((done) => {
    body.loop((again) => {
      body.get(offset).i32Const(step).i32Add().get(size).i32GtU().brIf(done)
      body.get(offset).get(offset)
      if (step === 8) body.i64Load(STATE)
      else body.i32Load8U(STATE)
      body.get(address).get(offset).i32Add()
      if (step === 8) body.i64Load().i64Xor().i64Store(STATE)
      else body.i32Load8U().i32Xor().i32Store8(STATE)
      body.get(offset).i32Const(step).i32Add().set(offset).br(again)
    })
  })
}

/** Keccak-f[1600] on {@link STATE}. */
function emitPermutation(module: ModuleWriter): number {
  const index = module.function(module.type([], []), 'keccakF1600')
  const body = module.body(index)
  const lanes = body.locals(I64, LANES)
  for (const [i, lane] of lanes.entries()) {
    body
      .i32Const(0)
      .i64Load(STATE + 8 * i)
      .set(lane)
  }
  writePermutation(body, lanes)
  for (const [i, lane] of lanes.entries()) {
    body
      .i32Const(0)
      .get(lane)
      .i64Store(STATE + 8 * i)
  }
  return index
}

/** Lanes of 64 bytes and of what pads them: those behind are constant. */
const SHORT_LANES = 9

function emitShort(module: ModuleWriter): number {
  const index = module.function(module.type([I32, I32], WORD), 'keccak256Short')
  const body = module.body(index)
  const [address, size] = [0, 1]
  const lanes = body.locals(I64, LANES)
  const input = lanes.slice(0, SHORT_LANES)
  const load = (first: number, end: number): void => {
    for (let i = first; i < end; i++) {
      body
        .get(address)
        .i64Load(8 * i)
        .set(input[i] as Local)
    }
  }
  load(0, 4)
  body
    .get(size)
    .i32Const(64)
    .i32Eq()
    .if(
      () => {
        load(4, 8)
        body.i64Const(1).set(input[8] as Local)
      },
      () => body.i64Const(1).set(input[4] as Local),
    )
  const entry = body.local(I32)
  body
    .i32Const(0)
    .i32Load(ENGINE.remembersHashes)
    .if(() => findHash(body, input, entry))
  body.i64Const(0, 0x8000_0000).set(lanes[RATE / 8 - 1] as Local)
  writePermutation(body, lanes)
  const half = body.local(V128)
  const words = body.locals(I64, 4)
  for (const [from, to] of [
    [2, 0],
    [0, 2],
  ] as const) {
    body.get(lanes[from] as Local).i64x2Splat()
    body
      .get(lanes[from + 1] as Local)
      .i64x2ReplaceLane(1)
      .tee(half)
    body.get(half).i8x16Shuffle(REVERSE_BYTES).tee(half)
    body.i64x2ExtractLane(0).set(words[to] as Local)
    body
      .get(half)
      .i64x2ExtractLane(1)
      .set(words[to + 1] as Local)
  }
  body.get(entry).if(() => {
    for (const [i, word] of words.entries()) {
      body
        .get(entry)
        .get(word)
        .i64Store(HASH.word + 8 * i)
    }
  })
  for (const word of words) body.get(word)
  return index
}

/** Odd numbers with bits all over, one for each lane. */
const MULTIPLIERS = Array.from({ length: SHORT_LANES }, (_, i): [low: number, high: number] => [
  (Math.imul(0x7f4a7c15, 2 * i + 1) | 1) >>> 0,
  Math.imul(0x9e3779b9, 2 * i + 1) >>> 0,
])

/**
 * Returns the hash of padded input if it is known; otherwise, leaves in `entry` where it is to be remembered. The place is
 * in the high bits of a product, to which all bits below add: the last bytes of keys differ most, and are the high bits of
 * lanes, so that those of the sum are added to the low ones first.
 */
function findHash(body: FunctionBody, input: readonly Local[], entry: Local): void {
  const sum = body.local(I64)
  for (const [i, lane] of input.entries()) {
    body
      .get(lane)
      .i64Const(...present(MULTIPLIERS[i], 'multiplier'))
      .i64Mul()
    if (i > 0) body.i64Add()
  }
  body.tee(sum).get(sum).i64Const(32).i64ShrU().i64Xor()
  body.i64Const(...present(MULTIPLIERS[0], 'multiplier')).i64Mul()
  body
    .i64Const(64 - HASHES_BITS)
    .i64ShrU()
    .i32WrapI64()
    .i32Const(HASH_SIZE)
    .i32Mul()
    .i32Const(HASHES)
    .i32Add()
    .set(entry)
  for (const [i, lane] of input.entries()) {
    body
      .get(entry)
      .i64Load(HASH.input + 8 * i)
      .get(lane)
      .i64Xor()
    if (i > 0) body.i64Or()
  }
  body.i64Eqz().if(() => {
    for (let i = 0; i < 32; i += 8) body.get(entry).i64Load(HASH.word + i)
    body.return()
  })
  for (const [i, lane] of input.entries()) {
    body
      .get(entry)
      .get(lane)
      .i64Store(HASH.input + 8 * i)
  }
}
