/**
 * Keccak-f[1600] (FIPS 202, §3) as WebAssembly, made here when the module loads: 64-bit lanes are what JavaScript has no
 * number for, so that the same permutation on pairs of 32-bit halves takes several times as long.
 *
 * The emitted module has one memory and one function, `absorb(start, end, isFirst)`. Memory holds the state at 0 (25 lanes,
 * little endian), the round constants behind it, and from {@link INPUT} on what is hashed. `absorb` takes up the blocks of
 * 136 bytes from `start` to `end`, at least one, starting from a zero state where `isFirst`. The sponge around it is
 * `keccak.ts`.
 *
 * Inside `absorb` all lanes are locals. A round reads 25 of them and writes 25 others; the loop holds two rounds, one in
 * each direction, so that nothing is ever copied.
 */

/** Bytes a block takes up: 1600 bits less twice the 256 of the digest. */
export const KECCAK_RATE = 136
/** Where input starts in memory. */
export const INPUT = 1024
/** Bytes of input that memory takes at a time: whole blocks. */
export const INPUT_SIZE = KECCAK_RATE * 480

/** Memory behind the input, where callers of `keccak.ts` put together what they hash. */
export const WORKSPACE = INPUT + INPUT_SIZE + KECCAK_RATE
export const WORKSPACE_SIZE = 60 * 1024

const PAGE_SIZE = 65_536
const LANES = 25
const RATE_LANES = KECCAK_RATE / 8
const ROUND_CONSTANTS = LANES * 8
const ROUNDS = 24

/** The module's one function and the memory it works on. */
export interface KeccakCore {
  readonly memory: Uint8Array
  absorb(start: number, end: number, isFirst: 0 | 1): void
}

/** Compiles the module; a matter of a millisecond. */
export function instantiateKeccak(): KeccakCore {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(emitModule()))
  // The emitter below exports exactly these two.
  const { memory, absorb } = exports as {
    memory: WebAssembly.Memory
    absorb: (start: number, end: number, isFirst: number) => void
  }
  return { memory: new Uint8Array(memory.buffer), absorb }
}

// ---- The permutation -----------------------------------------------------------------------------------------------

/** Opcodes of WebAssembly 1.0. */
const OP = {
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  brIf: 0x0d,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
  i64Load: 0x29,
  i64Store: 0x37,
  i32Const: 0x41,
  i64Const: 0x42,
  i32Eqz: 0x45,
  i32Ne: 0x47,
  i32LtU: 0x49,
  i32Add: 0x6a,
  i64And: 0x83,
  i64Xor: 0x85,
  i64Rotl: 0x89,
} as const
const I32 = 0x7f
const I64 = 0x7e
const NO_RESULT = 0x40

/** Numbers of the locals; the parameters come first. */
const BLOCK = 0
const END = 1
const IS_FIRST = 2
const ROUND = 3
const STATE = 4
const OTHER = STATE + LANES
/** Parities of the columns, then what theta adds to each. */
const PARITY = OTHER + LANES
const THETA = PARITY + 5
/** A plane between rho and chi. */
const PLANE = THETA + 5
const I64_LOCALS = 2 * LANES + 15

/** Rotation of lane x + 5y (rho) and where it goes (pi), by walking the 24 lanes other than the first. */
const ROTATION: number[] = Array.from({ length: LANES }, () => 0)
const SOURCE: number[] = Array.from({ length: LANES }, () => 0)
for (let t = 0, x = 1, y = 0; t < 24; t++) {
  ROTATION[x + 5 * y] = (((t + 1) * (t + 2)) / 2) % 64
  const turned = (2 * x + 3 * y) % 5
  SOURCE[y + 5 * turned] = x + 5 * y
  x = y
  y = turned
}

/** One round from the 25 locals at `from` to those at `to`; the local ROUND holds the address of its constant. */
function emitRound(code: number[], from: number, to: number): void {
  for (let x = 0; x < 5; x++) {
    code.push(OP.get, from + x)
    for (let y = 1; y < 5; y++) code.push(OP.get, from + x + 5 * y, OP.i64Xor)
    code.push(OP.set, PARITY + x)
  }
  for (let x = 0; x < 5; x++) {
    code.push(OP.get, PARITY + ((x + 4) % 5), OP.get, PARITY + ((x + 1) % 5))
    code.push(OP.i64Const, 1, OP.i64Rotl, OP.i64Xor, OP.set, THETA + x)
  }
  for (let y = 0; y < 5; y++) {
    for (let x = 0; x < 5; x++) {
      const source = SOURCE[x + 5 * y] as number
      code.push(OP.get, from + source, OP.get, THETA + (source % 5), OP.i64Xor)
      code.push(OP.i64Const, ...signedLeb(ROTATION[source] as number), OP.i64Rotl, OP.set, PLANE + x)
    }
    for (let x = 0; x < 5; x++) {
      // a ^ (~b & c)
      code.push(OP.get, PLANE + x, OP.get, PLANE + ((x + 1) % 5), OP.i64Const, 0x7f, OP.i64Xor)
      code.push(OP.get, PLANE + ((x + 2) % 5), OP.i64And, OP.i64Xor)
      if (x + y === 0) code.push(OP.get, ROUND, OP.i64Load, 3, 0, OP.i64Xor)
      code.push(OP.set, to + x + 5 * y)
    }
  }
}

function emitAbsorb(): number[] {
  const code: number[] = [2, 1, I32, I64_LOCALS, I64]
  // Locals start as 0: only a state that goes on is loaded.
  code.push(OP.get, IS_FIRST, OP.i32Eqz, OP.if, NO_RESULT)
  for (let i = 0; i < LANES; i++) {
    code.push(OP.i32Const, 0, OP.i64Load, 3, ...unsignedLeb(8 * i), OP.set, STATE + i)
  }
  code.push(OP.end)
  code.push(OP.loop, NO_RESULT)
  for (let i = 0; i < RATE_LANES; i++) {
    code.push(
      OP.get,
      STATE + i,
      OP.get,
      BLOCK,
      OP.i64Load,
      3,
      ...unsignedLeb(8 * i),
      OP.i64Xor,
      OP.set,
      STATE + i,
    )
  }
  code.push(OP.i32Const, ...signedLeb(ROUND_CONSTANTS), OP.set, ROUND)
  code.push(OP.loop, NO_RESULT)
  emitRound(code, STATE, OTHER)
  code.push(OP.get, ROUND, OP.i32Const, 8, OP.i32Add, OP.set, ROUND)
  emitRound(code, OTHER, STATE)
  code.push(OP.get, ROUND, OP.i32Const, 8, OP.i32Add, OP.tee, ROUND)
  code.push(OP.i32Const, ...signedLeb(ROUND_CONSTANTS + 8 * ROUNDS), OP.i32Ne, OP.brIf, 0, OP.end)
  code.push(OP.get, BLOCK, OP.i32Const, ...signedLeb(KECCAK_RATE), OP.i32Add, OP.tee, BLOCK)
  code.push(OP.get, END, OP.i32LtU, OP.brIf, 0, OP.end)
  for (let i = 0; i < LANES; i++) {
    code.push(OP.i32Const, 0, OP.get, STATE + i, OP.i64Store, 3, ...unsignedLeb(8 * i))
  }
  code.push(OP.end)
  return code
}

/** The constants of iota: bits of a linear feedback shift register over x⁸ + x⁶ + x⁵ + x⁴ + 1. Little endian. */
function roundConstants(): number[] {
  const bytes: number[] = []
  let register = 1
  for (let round = 0; round < ROUNDS; round++) {
    let constant = 0n
    for (let j = 0; j < 7; j++) {
      if ((register & 1) === 1) constant |= 1n << (2n ** BigInt(j) - 1n)
      register = (register << 1) ^ (register >= 0x80 ? 0x171 : 0)
    }
    for (let i = 0n; i < 8n; i++) bytes.push(Number((constant >> (8n * i)) & 0xffn))
  }
  return bytes
}

// ---- The module around it ------------------------------------------------------------------------------------------

// `flat` and `concat`, not spreads: those run element by element in the interpreter, 3 ms for these 2,300 bytes.

function emitModule(): Uint8Array<ArrayBuffer> {
  const pages = Math.ceil((WORKSPACE + WORKSPACE_SIZE) / PAGE_SIZE)
  const constantsAt = [OP.i32Const, signedLeb(ROUND_CONSTANTS), OP.end].flat()
  return new Uint8Array(
    [
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, [1, 0x60, 3, I32, I32, I32, 0]),
      section(3, [1, 0]),
      section(5, [1, 1, pages, pages]),
      section(7, [2, name('memory'), 2, 0, name('absorb'), 0, 0].flat()),
      section(10, [1, sized(emitAbsorb())].flat()),
      section(11, [1, 0, constantsAt, sized(roundConstants())].flat()),
    ].flat(),
  )
}

function section(id: number, content: readonly number[]): number[] {
  return [id].concat(sized(content))
}

function name(text: string): number[] {
  return sized(Array.from(text, (character) => character.charCodeAt(0)))
}

function sized(content: readonly number[]): number[] {
  return unsignedLeb(content.length).concat(content)
}

function unsignedLeb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsignedLeb(value >>> 7)]
}

/** Of a number that is not negative: bit 6 of the last byte would be its sign. */
function signedLeb(value: number): number[] {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signedLeb(value >>> 7)]
}
