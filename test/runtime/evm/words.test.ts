/** Arithmetic: public vectors run as bytecode, and properties against the plain formulas. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { WORD_MAX } from '../../../src/primitives/bytes.ts'
import { present } from '../../../src/primitives/assert.ts'
import * as words from '../../../runtime/evm/words.ts'
import { evaluate } from '../../support/fake-host.ts'
import { parseJson, SHARED_SKIP, untar } from '../../support/shared.ts'

const MODULUS = 1n << 256n
const SIGN = 1n << 255n

/** Words of every width, and the ones beside a power of two. */
const word: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: 0n, max: WORD_MAX }),
  fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: -1, max: 1 }))
    .map(([bit, delta]) => modulo((1n << BigInt(bit)) + BigInt(delta), MODULUS)),
  fc.bigInt({ min: 0n, max: 300n }),
)

/** The representative of `integer` in 0 … modulus − 1. */
function modulo(integer: bigint, modulus: bigint): bigint {
  return ((integer % modulus) + modulus) % modulus
}

function signed(value: bigint): bigint {
  return value >= SIGN ? value - MODULUS : value
}

/** Bits from the highest, as text: the slow but plain way to shift and to cut. */
function bits(value: bigint): string {
  return value.toString(2).padStart(256, '0')
}

function fromBits(text: string): bigint {
  return BigInt(`0b${text}`)
}

/** File of vectors → instruction. Y is on top of X. */
const VECTOR_FILES: Readonly<Record<string, string>> = {
  add: 'ADD',
  and: 'AND',
  byte: 'BYTE',
  div: 'DIV',
  eq: 'EQ',
  exp: 'EXP',
  gt: 'GT',
  lt: 'LT',
  mod: 'MOD',
  mul: 'MUL',
  or: 'OR',
  sar: 'SAR',
  sdiv: 'SDIV',
  sgt: 'SGT',
  shl: 'SHL',
  shr: 'SHR',
  signext: 'SIGNEXTEND',
  slt: 'SLT',
  smod: 'SMOD',
  sub: 'SUB',
  xor: 'XOR',
}

test('public vectors of two-operand instructions', { skip: SHARED_SKIP }, () => {
  const files = untar('evm/precompiles.tar.gz')
  let caseCount = 0
  for (const [file, mnemonic] of Object.entries(VECTOR_FILES)) {
    const path = [...files.keys()].find((name) => name.endsWith(`/testcases_${file}.json`))
    const bytes = present(files.get(present(path, `vectors of ${file}`)), file)
    for (const { X, Y, Expected } of parseJson<{ X: string; Y: string; Expected: string }[]>(bytes)) {
      const program = `PUSH32 0x${X} PUSH32 0x${Y} ${mnemonic}`
      assert.equal(evaluate(program), BigInt(`0x${Expected}`), program)
      caseCount += 1
    }
  }
  assert.ok(caseCount >= 1701, `only ${caseCount} cases`)
})

suite('operations agree with the plain formula', () => {
  const formulas: [string, (a: bigint, b: bigint) => bigint, (a: bigint, b: bigint) => bigint][] = [
    ['add', words.add, (a, b) => modulo(a + b, MODULUS)],
    ['subtract', words.subtract, (a, b) => modulo(a - b, MODULUS)],
    ['multiply', words.multiply, (a, b) => modulo(a * b, MODULUS)],
    ['divide', words.divide, (a, b) => (b === 0n ? 0n : (a - (a % b)) / b)],
    ['modulo', words.modulo, (a, b) => (b === 0n ? 0n : a - b * (a / b))],
    ['signedDivide', words.signedDivide, (a, b) => (b === 0n ? 0n : modulo(signed(a) / signed(b), MODULUS))],
    ['signedModulo', words.signedModulo, (a, b) => (b === 0n ? 0n : modulo(signed(a) % signed(b), MODULUS))],
    ['signedLess', (a, b) => BigInt(words.signedLess(a, b)), (a, b) => BigInt(signed(a) < signed(b))],
    [
      'shiftLeft',
      words.shiftLeft,
      (a, b) => (a > 255n ? 0n : fromBits(bits(b).slice(Number(a)).padEnd(256, '0'))),
    ],
    [
      'shiftRight',
      words.shiftRight,
      (a, b) =>
        a > 255n
          ? 0n
          : fromBits(
              bits(b)
                .slice(0, 256 - Number(a))
                .padStart(256, '0'),
            ),
    ],
    [
      'shiftRightSigned',
      words.shiftRightSigned,
      (a, b) => {
        const sign = b >= SIGN ? '1' : '0'
        const kept = a > 255n ? '' : bits(b).slice(0, 256 - Number(a))
        return fromBits(kept.padStart(256, sign))
      },
    ],
    [
      'signExtend',
      words.signExtend,
      (index, value) => {
        if (index > 30n) return value
        const kept = bits(value).slice(256 - 8 * (Number(index) + 1))
        return fromBits(kept.padStart(256, kept[0]))
      },
    ],
    [
      'byteAt',
      words.byteAt,
      (index, value) => {
        const digits = value.toString(16).padStart(64, '0')
        return index > 31n ? 0n : BigInt(`0x${digits.slice(2 * Number(index), 2 * Number(index) + 2)}`)
      },
    ],
  ]
  for (const [name, operation, formula] of formulas) {
    test(name, () => {
      fc.assert(fc.property(word, word, (a, b) => assert.equal(operation(a, b), formula(a, b))))
    })
  }

  test('addModulo and multiplyModulo do not wrap in between', () => {
    fc.assert(
      fc.property(word, word, word, (a, b, n) => {
        assert.equal(words.addModulo(a, b, n), n === 0n ? 0n : (a + b) % n)
        assert.equal(words.multiplyModulo(a, b, n), n === 0n ? 0n : (a * b) % n)
      }),
    )
  })

  test('exponentiate multiplies as often as the exponent says', () => {
    fc.assert(
      fc.property(word, fc.bigInt({ min: 0n, max: 600n }), (base, exponent) => {
        let product = 1n
        for (let i = 0n; i < exponent; i++) product = modulo(product * base, MODULUS)
        assert.equal(words.exponentiate(base, exponent), product)
      }),
    )
  })

  test('exponentiate turns sums of exponents into products', () => {
    fc.assert(
      fc.property(word, word, word, (base, x, y) => {
        fc.pre(x + y < MODULUS)
        const product = words.multiply(words.exponentiate(base, x), words.exponentiate(base, y))
        assert.equal(words.exponentiate(base, x + y), product)
      }),
    )
  })

  test('not and countLeadingZeros', () => {
    fc.assert(
      fc.property(word, (a) => {
        assert.equal(words.not(a), a ^ WORD_MAX)
        const first = bits(a).indexOf('1')
        assert.equal(words.countLeadingZeros(a), first < 0 ? 256n : BigInt(first))
      }),
    )
  })
})

suite('instructions take their operands from the top', () => {
  const cases: [string, bigint][] = [
    ['PUSH1 3 PUSH1 10 SUB', 7n],
    ['PUSH1 3 PUSH1 10 DIV', 3n],
    ['PUSH1 3 PUSH1 10 MOD', 1n],
    ['PUSH1 2 PUSH1 10 NOT SDIV', WORD_MAX - 4n],
    ['PUSH1 4 PUSH1 10 NOT SMOD', WORD_MAX - 2n],
    ['PUSH1 7 PUSH1 10 PUSH1 5 ADDMOD', 1n],
    ['PUSH1 7 PUSH1 10 PUSH1 5 MULMOD', 1n],
    ['PUSH1 3 PUSH1 2 EXP', 8n],
    ['PUSH1 0xff PUSH0 SIGNEXTEND', WORD_MAX],
    ['PUSH1 3 PUSH1 2 LT', 1n],
    ['PUSH1 2 PUSH1 3 GT', 1n],
    ['PUSH0 PUSH0 NOT SLT', 1n],
    ['PUSH0 NOT PUSH0 SGT', 1n],
    ['PUSH0 PUSH0 NOT SGT', 0n],
    ['PUSH0 ISZERO', 1n],
    ['PUSH1 2 ISZERO', 0n],
    ['PUSH2 0x1234 PUSH1 31 BYTE', 0x34n],
    ['PUSH1 1 PUSH1 4 SHL', 16n],
    ['PUSH1 16 PUSH1 4 SHR', 1n],
    ['PUSH0 NOT PUSH1 4 SAR', WORD_MAX],
    ['PUSH1 1 CLZ', 255n],
    ['PUSH0 CLZ', 256n],
    ['PUSH0 NOT CLZ', 0n],
  ]
  for (const [program, expected] of cases) {
    test(program, () => assert.equal(evaluate(program), expected))
  }
})
