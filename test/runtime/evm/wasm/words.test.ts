/** Arithmetic on words in Wasm against the same on bigints, which is tier 0's. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import * as words from '../../../../runtime/evm/words.ts'
import type { RuntimeFunction } from '../../../../runtime/evm/wasm/runtime-module.ts'
import { createRuntimeWorld, fromResult, limbsOf } from './runtime-world.ts'

const WORD_MAX = 2n ** 256n - 1n
const world = createRuntimeWorld()

/** Where carries, signs and numbers of limbs change. */
const POSITIVE_EDGES: readonly bigint[] = [
  ...new Set(
    [0n, 1n, 31n, 32n, 63n, 64n, 65n, 127n, 128n, 191n, 192n, 255n]
      .flatMap((bits) => [2n ** bits - 1n, 2n ** bits, 2n ** bits + 1n])
      .concat(0n, 2n, 3n, 5n, 10n, 10n ** 18n, WORD_MAX, WORD_MAX - 1n, 2n ** 256n - 2n ** 32n - 977n)
      .concat(2n ** 256n - 2n ** 64n, 2n ** 256n - 2n ** 192n, 2n ** 255n + 2n ** 64n),
  ),
]

/** With either sign. */
const EDGES = [...new Set(POSITIVE_EDGES.flatMap((edge) => [edge, BigInt.asUintN(256, -edge)]))]

/** Uniform in the number of bits, so that all numbers of limbs are common; runs of ones and zeros; edges. */
const word: fc.Arbitrary<bigint> = fc.oneof(
  fc.constantFrom(...EDGES),
  fc
    .tuple(fc.bigInt({ min: 0n, max: WORD_MAX }), fc.integer({ min: 0, max: 256 }))
    .map(([value, bits]) => BigInt.asUintN(bits, value)),
  fc
    .tuple(fc.bigInt({ min: 0n, max: WORD_MAX }), fc.integer({ min: 1, max: 256 }))
    .map(([value, bits]) => BigInt.asUintN(256, BigInt.asIntN(bits, value))),
  fc
    .array(fc.constantFrom(0n, 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 2n, 2n ** 32n, 2n ** 63n - 1n), {
      minLength: 4,
      maxLength: 4,
    })
    .map((limbs) => limbs.reduce((value, limb) => (value << 64n) | limb, 0n)),
)

type Reference = (...words: bigint[]) => bigint

const REFERENCES: readonly [name: RuntimeFunction, operandCount: number, reference: Reference][] = [
  ['mul', 2, words.multiply],
  ['div', 2, words.divide],
  ['sdiv', 2, words.signedDivide],
  ['mod', 2, words.modulo],
  ['smod', 2, words.signedModulo],
  ['exp', 2, words.exponentiate],
  ['addmod', 3, words.addModulo],
  ['mulmod', 3, words.multiplyModulo],
  ['clz', 1, words.countLeadingZeros],
]

const COUNTED: readonly [name: RuntimeFunction, reference: Reference][] = [
  ['shl', words.shiftLeft],
  ['shr', words.shiftRight],
  ['sar', words.shiftRightSigned],
  ['byte', words.byteAt],
  ['signextend', words.signExtend],
]

function check(name: RuntimeFunction, operands: bigint[], expected: bigint, actual: bigint): void {
  if (actual === expected) return
  assert.fail(
    `${name}(${operands.map((operand) => `0x${operand.toString(16)}`).join(', ')}): ${actual.toString(16)}`,
  )
}

suite('functions of words', () => {
  for (const [name, operandCount, reference] of REFERENCES) {
    test(`${name} of any operands`, () => {
      const runs = { numRuns: name === 'exp' ? 200 : 3000 }
      fc.assert(
        fc.property(fc.tuple(...Array.from({ length: operandCount }, () => word)), (operands) => {
          check(name, operands, reference(...operands), world.word(name, ...operands))
        }),
        runs,
      )
    })
    if (operandCount !== 2) continue
    test(`${name} of all pairs of edges`, () => {
      for (const a of EDGES) {
        for (const b of EDGES) check(name, [a, b], reference(a, b), world.word(name, a, b))
      }
    })
  }

  test('a quotient digit that is estimated too large twice is corrected', () => {
    // The divisor's lower limbs are as large as they can be, its highest one as small.
    const divisor = 2n ** 191n + 2n ** 128n - 1n
    for (let i = 0n; i < 200n; i++) {
      const dividend = divisor * (2n ** 64n - 1n - i) - 1n
      check('div', [dividend, divisor], dividend / divisor, world.word('div', dividend, divisor))
      check('mod', [dividend, divisor], dividend % divisor, world.word('mod', dividend, divisor))
    }
  })

  for (const [name, reference] of COUNTED) {
    test(`${name} by any count`, () => {
      const counts = [
        ...Array.from({ length: 300 }, (_, i) => BigInt(i)),
        2n ** 32n,
        2n ** 63n,
        2n ** 64n - 1n,
      ]
      fc.assert(
        fc.property(word, (value) => {
          for (const count of counts) {
            const result = fromResult(world.functions[name](BigInt.asIntN(64, count), ...limbsOf(value)))
            check(name, [count, value], reference(count, value), result)
          }
        }),
        { numRuns: 60 },
      )
    })
  }
})
