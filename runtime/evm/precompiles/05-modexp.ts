/**
 * base^exponent mod modulus over integers of declared lengths (EIP-198), in its two prices: EIP-2565 up to Prague,
 * EIP-7883 from Osaka on, which also bounds each length (EIP-7823).
 *
 * Input: three words with the byte lengths of base, exponent and modulus, then the three, all zero-padded on the right
 * where the input ends early. The declared lengths are hostile: they reach 2²⁵⁶ − 1, in a call that pays 200 gas.
 */
import { bigintToFixedBytes, bytesToBigint, EMPTY_BYTES } from '../../../src/primitives/bytes.ts'
import { paddedSlice, precompileAddress, type Precompile } from './precompile.ts'

const HEADER_SIZE = 96
/** EIP-7823: most bytes of each of base, exponent and modulus. */
const LENGTH_MAX = 1024n
/**
 * Longer numbers cost 5 · 10⁹ gas and more on every fork: no block can pay for them. A simulated call with unlimited gas
 * can, and is told that the call fails rather than given gigabytes.
 */
const LENGTH_PAYABLE_MAX = 1n << 31n

interface Lengths {
  readonly base: bigint
  readonly exponent: bigint
  readonly modulus: bigint
}

export const modexpEip2565: Precompile = {
  name: 'MODEXP',
  address: precompileAddress(0x05),

  gas(input) {
    const lengths = readLengths(input)
    const words = (max(lengths.base, lengths.modulus) + 7n) / 8n
    const gas = (words * words * iterationCount(input, lengths, 8n)) / 3n
    return max(200n, gas)
  },

  run: (input) => modexp(input, readLengths(input)),
}

export const modexpEip7883: Precompile = {
  name: 'MODEXP',
  address: precompileAddress(0x05),

  gas(input) {
    const lengths = readLengths(input)
    const longest = max(lengths.base, lengths.modulus)
    const words = (longest + 7n) / 8n
    const complexity = longest <= 32n ? 16n : 2n * words * words
    return max(500n, complexity * iterationCount(input, lengths, 16n))
  },

  run(input) {
    const lengths = readLengths(input)
    if (max(max(lengths.base, lengths.exponent), lengths.modulus) > LENGTH_MAX) return undefined
    return modexp(input, lengths)
  },
}

function readLengths(input: Uint8Array): Lengths {
  const word = (offset: number): bigint => bytesToBigint(paddedSlice(input, offset, 32))
  return { base: word(0), exponent: word(32), modulus: word(64) }
}

/** Estimated squarings: the bit length of the exponent's first word less one, and `perByte` for each byte behind it. */
function iterationCount(input: Uint8Array, lengths: Lengths, perByte: bigint): bigint {
  const headSize = lengths.exponent < 32n ? Number(lengths.exponent) : 32
  const start = BigInt(HEADER_SIZE) + lengths.base
  const head = start >= BigInt(input.length) ? 0n : bytesToBigint(paddedSlice(input, Number(start), headSize))
  const bitIndex = head === 0n ? 0n : BigInt(bitLength(head) - 1)
  const count = lengths.exponent <= 32n ? bitIndex : perByte * (lengths.exponent - 32n) + bitIndex
  return max(1n, count)
}

function modexp(input: Uint8Array, lengths: Lengths): Uint8Array | undefined {
  // Free in a sense: no bytes of output, whatever the other lengths are.
  if (lengths.modulus === 0n) return EMPTY_BYTES
  if (max(max(lengths.base, lengths.exponent), lengths.modulus) > LENGTH_PAYABLE_MAX) return undefined
  const baseSize = Number(lengths.base)
  const exponentSize = Number(lengths.exponent)
  const modulusSize = Number(lengths.modulus)
  const base = bytesToBigint(paddedSlice(input, HEADER_SIZE, baseSize))
  const modulus = bytesToBigint(paddedSlice(input, HEADER_SIZE + baseSize + exponentSize, modulusSize))
  const exponent = paddedSlice(input, HEADER_SIZE + baseSize, exponentSize)
  if (modulus === 0n) return new Uint8Array(modulusSize)
  return bigintToFixedBytes(power(base, exponent, modulus), modulusSize)
}

/**
 * base^exponent mod modulus, exponent as big-endian bytes, by sliding windows over its bits from the top.
 *
 * Hot: the remainder after each product is V8's own, which beats Montgomery's form on `bigint` (two more products and
 * two masks) at every size that can be paid for; see `benchmarks/precompiles.bench.ts` for the time per gas.
 */
function power(base: bigint, exponent: Uint8Array, modulus: bigint): bigint {
  if (modulus === 1n) return 0n
  let bit = 0
  const bitCount = 8 * exponent.length
  while (bit < bitCount && !isSet(exponent, bit)) bit++
  const windowSize = bitCount - bit > 64 ? 5 : bitCount - bit > 8 ? 3 : 1
  const odds = oddPowers(base % modulus, windowSize, modulus)
  let result = 1n
  while (bit < bitCount) {
    if (!isSet(exponent, bit)) {
      result = (result * result) % modulus
      bit++
      continue
    }
    // The longest window of at most `windowSize` bits that ends in a set bit.
    let end = Math.min(bit + windowSize, bitCount)
    while (!isSet(exponent, end - 1)) end--
    let window = 0
    for (; bit < end; bit++) {
      window = 2 * window + (isSet(exponent, bit) ? 1 : 0)
      result = (result * result) % modulus
    }
    result = (result * (odds[window >> 1] as bigint)) % modulus
  }
  return result
}

/** base¹, base³, base⁵, … below 2^windowSize. */
function oddPowers(base: bigint, windowSize: number, modulus: bigint): bigint[] {
  const odds = [base]
  const square = (base * base) % modulus
  for (let i = 1; i < 1 << (windowSize - 1); i++) odds.push(((odds[i - 1] as bigint) * square) % modulus)
  return odds
}

/** @param bit counted from the most significant bit of big-endian bytes. */
function isSet(bytes: Uint8Array, bit: number): boolean {
  // Exponents of up to 2³⁴ bits: their index does not fit a shift.
  return (((bytes[Math.floor(bit / 8)] as number) >> (7 - (bit % 8))) & 1) === 1
}

function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
