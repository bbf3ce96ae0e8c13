/**
 * Keccak-f[1600] (FIPS 202, §3) as WebAssembly, made here when the module loads: 64-bit lanes are what JavaScript has no
 * number for, so that the same permutation on pairs of 32-bit halves takes several times as long.
 *
 * The emitted module has one memory and two functions. Memory holds the state at 0 (25 lanes, little endian), the round
 * constants behind it, and from {@link INPUT} on what is hashed. `absorb(start, end, isFirst)` takes up the blocks of 136
 * bytes from `start` to `end`, at least one, starting from a zero state where `isFirst`. `digest(start, end, to)` pads what
 * stands from `start` to `end`, takes it up and leaves the 32 bytes of its hash at `to`. The sponge around it is `keccak.ts`.
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

/** Bytes behind what it hashes that `digest` overwrites: a block of padding, cleared by eight bytes. */
export const PADDING_SIZE = KECCAK_RATE + 8

/** Memory behind the input, where callers of `keccak.ts` put together what they hash. */
export const WORKSPACE = INPUT + INPUT_SIZE + PADDING_SIZE
export const WORKSPACE_SIZE = 60 * 1024

const PAGE_SIZE = 65_536
const LANES = 25
const RATE_LANES = KECCAK_RATE / 8
const ROUND_CONSTANTS = LANES * 8
const ROUNDS = 24

/** The module's functions and the memory they work on. */
export interface KeccakCore {
  readonly memory: Uint8Array
  absorb(start: number, end: number, isFirst: 0 | 1): void
  digest(start: number, end: number, to: number): void
}

/** Compiles the module; a matter of a millisecond. */
export function instantiateKeccak(): KeccakCore {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(emitModule()))
  // The emitter below exports exactly these three.
  const { memory, absorb, digest } = exports as Pick<KeccakCore, 'absorb' | 'digest'> & {
    memory: WebAssembly.Memory
  }
  return { memory: new Uint8Array(memory.buffer), absorb, digest }
}

// ---- The permutation -----------------------------------------------------------------------------------------------

/** Opcodes of WebAssembly 1.0. */
const OP = {
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  brIf: 0x0d,
  call: 0x10,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
  i64Load: 0x29,
  i32Load8: 0x2d,
  i64Store: 0x37,
  i32Store8: 0x3a,
  i32Const: 0x41,
  i64Const: 0x42,
  i32Eqz: 0x45,
  i32Ne: 0x47,
  i32LtU: 0x49,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32RemU: 0x70,
  i32Or: 0x72,
  i64And: 0x83,
  i64Xor: 0x85,
  i64Rotl: 0x89,
} as const
/** The index of a function. */
const ABSORB = 0
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

function emitDigest(): number[] {
  const [start, end, to, padded, at] = [0, 1, 2, 3, 4]
  const code: number[] = [1, 2, I32]
  code.push(OP.get, end, OP.i32Const, ...signedLeb(KECCAK_RATE), OP.i32Add)
  code.push(OP.get, end, OP.get, start, OP.i32Sub)
  code.push(OP.i32Const, ...signedLeb(KECCAK_RATE), OP.i32RemU, OP.i32Sub, OP.set, padded)
  code.push(OP.get, end, OP.set, at, OP.loop, NO_RESULT)
  code.push(OP.get, at, OP.i64Const, 0, OP.i64Store, 0, 0)
  code.push(OP.get, at, OP.i32Const, 8, OP.i32Add, OP.tee, at, OP.get, padded, OP.i32LtU, OP.brIf, 0, OP.end)
  // Little endian: the padding's first bit is the lowest of its byte, its last bit the highest. They may share a byte.
  code.push(OP.get, end, OP.i32Const, 1, OP.i32Store8, 0, 0)
  code.push(OP.get, padded, OP.i32Const, 1, OP.i32Sub, OP.tee, at, OP.get, at, OP.i32Load8, 0, 0)
  code.push(OP.i32Const, ...signedLeb(0x80), OP.i32Or, OP.i32Store8, 0, 0)
  code.push(OP.get, start, OP.get, padded, OP.i32Const, 1, OP.call, ABSORB)
  for (let i = 0; i < 32; i += 8) code.push(OP.get, to, OP.i32Const, 0, OP.i64Load, 3, i, OP.i64Store, 0, i)
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
      section(3, [2, 0, 0]),
      section(5, [1, 1, pages, pages]),
      section(7, [3, name('memory'), 2, 0, name('absorb'), 0, ABSORB, name('digest'), 0, ABSORB + 1].flat()),
      section(10, [2, sized(emitAbsorb()), sized(emitDigest())].flat()),
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
