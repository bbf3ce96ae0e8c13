/**
 * Arithmetic of the EVM on words: 0 ≤ word < 2²⁵⁶, wrapping modulo 2²⁵⁶, two's complement where an operation is signed.
 * Each function takes its operands in the order in which the instruction takes them from the stack.
 *
 * Sources: yellow paper appendix H.2, EIP-145 (shifts), EIP-7939 (CLZ).
 */
import { WORD_MAX } from '../../src/primitives/bytes.ts'

const MODULUS = 1n << 256n

/** A word read as a signed number. */
function toSigned(word: bigint): bigint {
  return BigInt.asIntN(256, word)
}

/** The word of any integer. */
function toWord(integer: bigint): bigint {
  return BigInt.asUintN(256, integer)
}

/** (a + b) mod 2²⁵⁶: a comparison is cheaper than a second allocation, 43 against 53 ns. */
export function add(a: bigint, b: bigint): bigint {
  const sum = a + b
  return sum > WORD_MAX ? sum - MODULUS : sum
}

/** (a − b) mod 2²⁵⁶. */
export function subtract(a: bigint, b: bigint): bigint {
  const difference = a - b
  return difference < 0n ? difference + MODULUS : difference
}

/** (a · b) mod 2²⁵⁶. */
export function multiply(a: bigint, b: bigint): bigint {
  return (a * b) & WORD_MAX
}

/** ⌊a ÷ b⌋; 0 when b is 0. */
export function divide(a: bigint, b: bigint): bigint {
  return b === 0n ? 0n : a / b
}

/** Signed a ÷ b, rounded towards 0; 0 when b is 0. −2²⁵⁵ ÷ −1 wraps to −2²⁵⁵. */
export function signedDivide(a: bigint, b: bigint): bigint {
  return b === 0n ? 0n : toWord(toSigned(a) / toSigned(b))
}

/** a mod b; 0 when b is 0. */
export function modulo(a: bigint, b: bigint): bigint {
  return b === 0n ? 0n : a % b
}

/** Signed remainder with the sign of a; 0 when b is 0. */
export function signedModulo(a: bigint, b: bigint): bigint {
  return b === 0n ? 0n : toWord(toSigned(a) % toSigned(b))
}

/** (a + b) mod n, the sum not wrapping; 0 when n is 0. */
export function addModulo(a: bigint, b: bigint, n: bigint): bigint {
  return n === 0n ? 0n : (a + b) % n
}

/** (a · b) mod n, the product not wrapping; 0 when n is 0. */
export function multiplyModulo(a: bigint, b: bigint, n: bigint): bigint {
  return n === 0n ? 0n : (a * b) % n
}

/** base to the power of exponent, mod 2²⁵⁶, by squaring. */
export function exponentiate(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let square = base
  for (let rest = exponent; rest !== 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = multiply(result, square)
    square = multiply(square, square)
  }
  return result
}

/** Extends the sign bit of byte `index`, counted from the lowest, to the left. */
export function signExtend(index: bigint, word: bigint): bigint {
  return index >= 31n ? word : toWord(BigInt.asIntN(8 * (Number(index) + 1), word))
}

/** Signed a < b. */
export function signedLess(a: bigint, b: bigint): boolean {
  return toSigned(a) < toSigned(b)
}

export function not(word: bigint): bigint {
  return WORD_MAX - word
}

/** Byte `index`, counted from the highest; 0 beyond the word. */
export function byteAt(index: bigint, word: bigint): bigint {
  return index >= 32n ? 0n : (word >> (248n - 8n * index)) & 0xffn
}

export function shiftLeft(shift: bigint, word: bigint): bigint {
  return shift >= 256n ? 0n : (word << shift) & WORD_MAX
}

export function shiftRight(shift: bigint, word: bigint): bigint {
  return shift >= 256n ? 0n : word >> shift
}

/** Shifts copies of the sign bit in. */
export function shiftRightSigned(shift: bigint, word: bigint): bigint {
  return toWord(toSigned(word) >> (shift >= 256n ? 255n : shift))
}

/** Zero bits above the highest set one: 256 for 0. */
export function countLeadingZeros(word: bigint): bigint {
  if (word === 0n) return 256n
  const digits = word.toString(16)
  return BigInt(4 * (64 - digits.length) + Math.clz32(Number.parseInt(digits.slice(0, 1), 16)) - 28)
}
