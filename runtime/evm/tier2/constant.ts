/**
 * Constants of the compiler: words whose 32-bit pieces and width are known without a bigint, which would cost more
 * than everything else that happens to a PUSH. Arithmetic on constants is rare, and goes through tier 0's own
 * functions on bigints.
 */

/** A word, made only by {@link ConstantPool}, so that equal words are one object. */
export interface Constant {
  /** Eight 32-bit pieces, lowest first, each as a signed number. */
  readonly pieces: Int32Array
  /** Position of the highest set bit, from 1; 0 for zero. */
  readonly bits: number
}

const PIECES = 8

/** The constants of one region. */
export class ConstantPool {
  readonly #small = new Map<number, Constant>()
  readonly #large = new Map<string, Constant>()

  /** The word of a number from 0 to 2³¹ − 1. */
  ofNumber(value: number): Constant {
    let constant = this.#small.get(value)
    if (constant === undefined) {
      const pieces = new Int32Array(PIECES)
      pieces[0] = value
      this.#small.set(value, (constant = { pieces, bits: 32 - Math.clz32(value) }))
    }
    return constant
  }

  /** The word of the `size` bytes at `offset`, big-endian; bytes behind the end of `code` are zero. */
  ofImmediate(code: Uint8Array, offset: number, size: number): Constant {
    const pieces = new Int32Array(PIECES)
    for (let i = 0; i < size; i++) {
      const fromLow = size - 1 - i
      const byte = code[offset + i] ?? 0
      pieces[fromLow >> 2] = (pieces[fromLow >> 2] as number) | (byte << (8 * (fromLow & 3)))
    }
    return this.#intern(pieces)
  }

  ofWord(word: bigint): Constant {
    const pieces = new Int32Array(PIECES)
    for (let i = 0; i < PIECES; i++) pieces[i] = Number(BigInt.asIntN(32, word >> BigInt(32 * i)))
    return this.#intern(pieces)
  }

  #intern(pieces: Int32Array): Constant {
    const bits = bitsOf(pieces)
    if (bits < 32) return this.ofNumber(pieces[0] as number)
    const key = pieces.join()
    let constant = this.#large.get(key)
    if (constant === undefined) this.#large.set(key, (constant = { pieces, bits }))
    return constant
  }
}

function bitsOf(pieces: Int32Array): number {
  for (let i = PIECES - 1; i >= 0; i--) {
    const piece = pieces[i] as number
    if (piece !== 0) return 32 * i + 32 - Math.clz32(piece)
  }
  return 0
}

export function wordOf(constant: Constant): bigint {
  let word = 0n
  for (let i = PIECES - 1; i >= 0; i--) word = (word << 32n) | BigInt((constant.pieces[i] as number) >>> 0)
  return word
}

/** The constant as a number; `undefined` from 2³¹ on. */
export function smallNumberOf(constant: Constant): number | undefined {
  return constant.bits < 32 ? constant.pieces[0] : undefined
}

/** Position of the only set bit; `undefined` when there are none or several. */
export function exactLog2(constant: Constant): number | undefined {
  const { bits, pieces } = constant
  if (bits === 0) return undefined
  const top = (bits - 1) >> 5
  for (let i = 0; i < top; i++) if (pieces[i] !== 0) return undefined
  return pieces[top] === 1 << ((bits - 1) & 31) ? bits - 1 : undefined
}

/** Whether all 64 bits of a limb are set; limbs count from the lowest. */
export function isLimbFull(constant: Constant, limb: number): boolean {
  return constant.pieces[2 * limb] === -1 && constant.pieces[2 * limb + 1] === -1
}

export function isLimbZero(constant: Constant, limb: number): boolean {
  return constant.pieces[2 * limb] === 0 && constant.pieces[2 * limb + 1] === 0
}
