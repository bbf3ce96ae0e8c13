/**
 * Keccak-f[1600] (FIPS 202 §3) on locals, unrolled: a round reads one set of 25 lanes and writes the other.
 *
 * WebAssembly has no AND NOT. Six lanes are kept complemented (Bertoni et al., "Keccak implementation overview" §2.2):
 * most of the 25 NOTs of a round vanish then. Which ones is worked out here from which lanes are complemented.
 */
import { present } from '../../../src/primitives/assert.ts'
import { I64, type FunctionBody } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'

/** Of 64 bits; the one in column x and row y is number x + 5y. */
export const LANES = 25
const ROUND_COUNT = 24
const COMPLEMENTED: ReadonlySet<number> = new Set([1, 2, 8, 12, 17, 20])

/** Permutes lanes, and leaves them where they were. */
export function writePermutation(body: FunctionBody, lanes: readonly Local[]): void {
  complement(body, lanes)
  const scratch = { parities: body.locals(I64, 5), deltas: body.locals(I64, 5), row: body.locals(I64, 5) }
  let [from, to] = [lanes, body.locals(I64, LANES)]
  for (const constant of roundConstants()) {
    writeRound(body, from, to, scratch, constant)
    ;[from, to] = [to, from]
  }
  complement(body, lanes)
}

function complement(body: FunctionBody, lanes: readonly Local[]): void {
  for (const lane of COMPLEMENTED) {
    const local = present(lanes[lane], 'lane')
    body.get(local).i64Const(-1, -1).i64Xor().set(local)
  }
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
