/**
 * Keccak-256 over linear memory: the sponge of FIPS 202 with rate 136 and the padding that Ethereum kept. The
 * permutation is unrolled: a round reads one set of 25 locals and writes the other.
 *
 * WebAssembly has no AND NOT. Six lanes are kept complemented (Bertoni et al., "Keccak implementation overview" §2.2):
 * most of the 25 NOTs of a round vanish then. Which ones is worked out here from which lanes are complemented.
 */
import { present } from '../../../src/primitives/assert.ts'
import { I32, I64, type FunctionBody } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../wasm/module-writer.ts'
import { SCRATCH } from './layout.ts'
import { REVERSE_BYTES, WORD } from './words/word-writer.ts'

const RATE = 136
const ROUND_COUNT = 24
/** 25 lanes of 64 bits; the lane in column x and row y is number x + 5y. */
const STATE = SCRATCH + 0x100
const COMPLEMENTED: ReadonlySet<number> = new Set([1, 2, 8, 12, 17, 20])

/** (address, size) → the hash as a word: its first byte is the highest. */
export function emitKeccak(module: ModuleWriter): number {
  const permute = emitPermutation(module)
  const index = module.function(module.type([I32, I32], WORD), 'keccak256')
  const body = module.body(index)
  const [address, size] = [0, 1]
  const offset = body.local(I32)
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
  const half = body.local(0x7b)
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
  let from = body.locals(I64, 25)
  let to = body.locals(I64, 25)
  const scratch = { parities: body.locals(I64, 5), deltas: body.locals(I64, 5), row: body.locals(I64, 5) }
  for (const [i, lane] of from.entries()) {
    body.i32Const(0).i64Load(STATE + 8 * i)
    if (COMPLEMENTED.has(i)) body.i64Const(-1, -1).i64Xor()
    body.set(lane)
  }
  for (const constant of roundConstants()) {
    writeRound(body, from, to, scratch, constant)
    ;[from, to] = [to, from]
  }
  for (const [i, lane] of from.entries()) {
    body.i32Const(0).get(lane)
    if (COMPLEMENTED.has(i)) body.i64Const(-1, -1).i64Xor()
    body.i64Store(STATE + 8 * i)
  }
  return index
}

interface RoundScratch {
  readonly parities: readonly Local[]
  readonly deltas: readonly Local[]
  readonly row: readonly Local[]
}

/** θ, ρ, π, χ, ι: rows of the result one after the other, each from five lanes all over the state. */
function writeRound(
  body: FunctionBody,
  from: readonly Local[],
  to: readonly Local[],
  { parities, deltas, row }: RoundScratch,
  constant: bigint,
): void {
  const isParityComplemented: boolean[] = []
  for (let x = 0; x < 5; x++) {
    const column = [0, 5, 10, 15, 20].map((y) => x + y)
    column.forEach((lane, i) => {
      body.get(present(from[lane], 'lane'))
      if (i > 0) body.i64Xor()
    })
    body.set(present(parities[x], 'parity'))
    isParityComplemented.push(column.filter((lane) => COMPLEMENTED.has(lane)).length % 2 === 1)
  }
  const isDeltaComplemented: boolean[] = []
  for (let x = 0; x < 5; x++) {
    const [left, right] = [(x + 4) % 5, (x + 1) % 5]
    body.get(present(parities[right], 'parity')).i64Const(1).i64Rotl()
    body.get(present(parities[left], 'parity')).i64Xor().set(present(deltas[x], 'delta'))
    isDeltaComplemented.push(isParityComplemented[left] !== isParityComplemented[right])
  }
  for (let y = 0; y < 5; y++) {
    const isComplemented: boolean[] = []
    for (let x = 0; x < 5; x++) {
      // π: lane (x, y) comes from column x + 3y of row x.
      const [sourceX, sourceY] = [(x + 3 * y) % 5, x]
      const source = sourceX + 5 * sourceY
      body.get(present(from[source], 'lane')).get(present(deltas[sourceX], 'delta')).i64Xor()
      const rotation = present(ROTATIONS[source], 'rotation')
      if (rotation !== 0) body.i64Const(rotation).i64Rotl()
      body.set(present(row[x], 'lane'))
      isComplemented.push(COMPLEMENTED.has(source) !== isDeltaComplemented[sourceX])
    }
    for (let x = 0; x < 5; x++) {
      const lane = x + 5 * y
      writeChi(body, row, isComplemented, x, COMPLEMENTED.has(lane))
      if (lane === 0) {
        body.i64Const(Number(constant & 0xffff_ffffn), Number(constant >> 32n)).i64Xor()
      }
      body.set(present(to[lane], 'lane'))
    }
  }
}

/**
 * Pushes b₀ ⊕ (¬b₁ ∧ b₂) for the lanes from x on, complemented or not as wanted, with at most one NOT: an AND of
 * complements is a complemented OR.
 */
function writeChi(
  body: FunctionBody,
  row: readonly Local[],
  isComplemented: readonly boolean[],
  x: number,
  isWantedComplemented: boolean,
): void {
  const [b0, b1, b2] = [0, 1, 2].map((i) => (x + i) % 5) as [number, number, number]
  const [lane0, lane1, lane2] = [b0, b1, b2].map((i) => present(row[i], 'lane')) as [Local, Local, Local]
  const [first, second] = [isComplemented[b1] === true, isComplemented[b2] === true]
  const isTermComplemented = (isComplemented[b0] === true) !== isWantedComplemented
  const not = (): FunctionBody => body.i64Const(-1, -1).i64Xor()
  body.get(lane0)
  if (first !== second) {
    // ¬b₁ and b₂ are there as they are, or both complemented. If b₀ does not fit to that, it takes the NOT.
    if (isTermComplemented !== second) not()
    body.get(lane1).get(lane2)
    if (second) body.i64Or()
    else body.i64And()
  } else if (first === isTermComplemented) {
    // ¬(¬b₁ ∧ b₂) = b₁ ∨ ¬b₂ with both complemented; or ¬b₁ ∧ b₂ with neither.
    body.get(lane1)
    not().get(lane2)
    if (isTermComplemented) body.i64Or()
    else body.i64And()
  } else {
    body.get(lane1).get(lane2)
    not()
    if (isTermComplemented) body.i64Or()
    else body.i64And()
  }
  body.i64Xor()
}

/** ρ: how far each lane rotates, t·(t + 1) ÷ 2 along the walk of FIPS 202 §3.2.2. */
const ROTATIONS: readonly number[] = rotations()

function rotations(): number[] {
  const result = Array.from({ length: 25 }, () => 0)
  let [x, y] = [1, 0]
  for (let t = 0; t < 24; t++) {
    result[x + 5 * y] = (((t + 1) * (t + 2)) / 2) % 64
    ;[x, y] = [y, (2 * x + 3 * y) % 5]
  }
  return result
}

/** ι: bits 2ʲ − 1 of each constant from a shift register (FIPS 202 §3.2.5). */
function roundConstants(): bigint[] {
  const constants: bigint[] = []
  let register = 1
  for (let round = 0; round < ROUND_COUNT; round++) {
    let constant = 0n
    for (let j = 0; j < 7; j++) {
      if ((register & 1) === 1) constant |= 1n << BigInt(2 ** j - 1)
      register = register & 0x80 ? ((register << 1) ^ 0x171) & 0xff : register << 1
    }
    constants.push(constant)
  }
  return constants
}
