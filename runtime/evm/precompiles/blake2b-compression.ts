/**
 * BLAKE2b's compression function F (RFC 7693 §3.2) with a free number of rounds, as EIP-152 sells them: 1 gas each, so
 * a block can ask for tens of millions. Two 32-bit halves per word cost about 400 ns a round in JavaScript; 64-bit
 * integers in Wasm cost about 17 ns. The Wasm is generated below; `test/` holds the plain formula as reference.
 *
 * Rounds are run in many short calls: V8 replaces a function by its optimized form when it is called, not while it
 * runs, and the first form takes about 140 ns a round however long it runs.
 */
import {
  assemble,
  const32,
  const64,
  get,
  I32,
  I64,
  instantiate,
  load64,
  NO_RESULT,
  OP,
  set,
  store64,
  type Code,
  type WasmFunction,
} from './wasm-assembler.ts'

export interface CompressionInput {
  /** 0 to 2³² − 1. */
  readonly roundCount: number
  /** h: 8 little-endian words, 64 bytes. */
  readonly state: Uint8Array
  /** m: 16 little-endian words, 128 bytes. */
  readonly block: Uint8Array
  /** t: 2 little-endian words, 16 bytes. */
  readonly offset: Uint8Array
  readonly isFinal: boolean
}

/** @returns the new state, 64 bytes. */
export function compressBlake2b(input: CompressionInput): Uint8Array {
  const { begin, runRounds, end, memory } = (instance ??= createInstance())
  const bytes = new Uint8Array(memory.buffer)
  bytes.set(input.state, STATE)
  bytes.set(input.block, BLOCK)
  bytes.set(input.offset, OFFSET)
  begin(input.isFinal ? -1n : 0n)
  for (let left = input.roundCount; left > 0; left -= ROUNDS_PER_CALL) {
    runRounds(Math.min(left, ROUNDS_PER_CALL))
  }
  end()
  return bytes.slice(STATE, STATE + 64)
}

/** Rounds of one call into Wasm: a multiple of 10, so that each call begins with the first schedule. */
const ROUNDS_PER_CALL = 2_000

interface Exports {
  /** Makes v of state and offset. @param finalMask all ones for the last block. */
  begin(finalMask: bigint): void
  runRounds(roundCount: number): void
  /** Folds v into the state. */
  end(): void
}

let instance: ReturnType<typeof createInstance> | undefined

function createInstance(): Exports & { readonly memory: WebAssembly.Memory } {
  return instantiate<Exports>(assemble([beginFunction(), roundsFunction(), endFunction()], 1))
}

/** Addresses in the module's memory. */
const STATE = 0
const BLOCK = 64
const OFFSET = 192
/** v, 16 words, between calls. */
const WORK = 208

/** RFC 7693 §2.6. */
const IV = [
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
] as const

/** RFC 7693 §2.7; BLAKE2b's rounds 10 and 11 take the first two again. */
const SIGMA = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
] as const

/** The words of v that each of a round's eight mixings works on: four columns, then four diagonals. */
const LANES = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const

const word = (base: number, index: number): Code => [const32(0), load64(base + 8 * index)]
const setWord = (base: number, index: number, value: Code): Code => [
  const32(0),
  value,
  store64(base + 8 * index),
]

const FINAL_MASK = 0

function beginFunction(): WasmFunction {
  const body = IV.map((iv, i) => [
    setWord(WORK, i, word(STATE, i)),
    setWord(WORK, 8 + i, [
      const64(iv),
      // v₁₂ and v₁₃ take the offset, v₁₄ the final flag.
      i === 4 || i === 5 ? [word(OFFSET, i - 4), OP.i64Xor] : [],
      i === 6 ? [get(FINAL_MASK), OP.i64Xor] : [],
    ]),
  ])
  return { name: 'begin', params: [I64], results: [], locals: [], body }
}

const ROUND_COUNT = 0
/** v₀ is local 1, v₁₅ local 16. */
const V = 1
const v = (index: number): Code => get(V + index)
const setV = (index: number): Code => set(V + index)

function roundsFunction(): WasmFunction {
  const words = Array.from({ length: 16 }, (_, index) => index)
  return {
    name: 'runRounds',
    params: [I32],
    results: [],
    locals: words.map(() => I64),
    body: [
      words.map((index) => [word(WORK, index), setV(index)]),
      rounds(),
      words.map((index) => setWord(WORK, index, v(index))),
    ],
  }
}

/** Ten rounds unrolled in a loop, left before any of them when none is left. */
function rounds(): Code {
  const leaveWhenDone = [get(ROUND_COUNT), OP.i32Eqz, OP.brIf, 1]
  const countDown = [get(ROUND_COUNT), const32(1), OP.i32Sub, set(ROUND_COUNT)]
  const unrolled = SIGMA.map((schedule) => [
    leaveWhenDone,
    countDown,
    LANES.map((lanes, i) => mix(lanes, schedule[2 * i] as number, schedule[2 * i + 1] as number)),
  ])
  return [OP.block, NO_RESULT, OP.loop, NO_RESULT, unrolled, OP.br, 0, OP.end, OP.end]
}

/**
 * RFC 7693 §3.1: a += b + x; d = (d ^ a) >>> 32; c += d; b = (b ^ c) >>> 24;
 *                a += b + y; d = (d ^ a) >>> 16; c += d; b = (b ^ c) >>> 63.
 */
function mix([a, b, c, d]: readonly [number, number, number, number], x: number, y: number): Code {
  const half = (m: number, first: bigint, second: bigint): Code => [
    [v(a), v(b), OP.i64Add, word(BLOCK, m), OP.i64Add, setV(a)],
    [v(d), v(a), OP.i64Xor, const64(first), OP.i64Rotr, setV(d)],
    [v(c), v(d), OP.i64Add, setV(c)],
    [v(b), v(c), OP.i64Xor, const64(second), OP.i64Rotr, setV(b)],
  ]
  return [half(x, 32n, 24n), half(y, 16n, 63n)]
}

function endFunction(): WasmFunction {
  const body = IV.map((_, i) => {
    const folded = [word(STATE, i), word(WORK, i), OP.i64Xor, word(WORK, 8 + i), OP.i64Xor]
    return setWord(STATE, i, folded)
  })
  return { name: 'end', params: [], results: [], locals: [], body }
}
