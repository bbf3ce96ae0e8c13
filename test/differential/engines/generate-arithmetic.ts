/** Random arithmetic near edges: trees of operations for compilers that fold and narrow, and tables for all the others. */
import { WORD_MAX } from '../../../src/primitives/bytes.ts'
import type { EvmFork } from '../../../runtime/evm/opcodes.ts'
import { pushOf } from '../../support/assembler.ts'
import type { Prng } from '../../support/prng.ts'
import { randomWord } from '../values.ts'

const UNARY = new Set(['ISZERO', 'NOT', 'CLZ'])
const TERNARY = new Set(['ADDMOD', 'MULMOD'])
/** Their first operand selects bits or bytes. */
const SELECTING = new Set(['SIGNEXTEND', 'BYTE', 'SHL', 'SHR', 'SAR'])
const SELECTORS = [0, 1, 7, 8, 15, 30, 31, 32, 63, 64, 65, 127, 128, 192, 248, 255, 256, 257]
/** Compilers hold words in limbs: what is wrong by one bit shows where a limb ends. */
const WIDTHS = [
  1, 8, 31, 32, 33, 63, 64, 64, 65, 65, 96, 127, 128, 128, 129, 129, 160, 191, 192, 192, 193, 193, 255, 256,
]
const TREES_MAX = 60
/** Of operations, those that compilers know special cases of. */
const IDIOM_SHARE = 0.35
const BOUNDS = [0n, 1n, 2n, WORD_MAX, WORD_MAX - 1n, 1n << 255n, (1n << 255n) - 1n]

function namesOf(evm: EvmFork): readonly string[] {
  const names =
    'ADD MUL SUB DIV SDIV MOD SMOD ADDMOD MULMOD EXP SIGNEXTEND LT GT SLT SGT EQ ISZERO AND OR XOR NOT BYTE SHL SHR SAR'
  return [...names.split(' '), ...(evm === 'osaka' ? ['CLZ'] : [])]
}

function inputsOf(name: string): number {
  return TERNARY.has(name) ? 3 : UNARY.has(name) ? 1 : 2
}

/** An operand near an edge; of shifts and the like the first one selects. */
function operand(prng: Prng): bigint {
  return prng.chance(0.3) ? BigInt(prng.below(300)) : randomWord(prng)
}

/**
 * Trees of operations over constants, words that nobody knows, and such of which a compiler knows the width; the result
 * of each shows in the output.
 */
export function arithmeticTrees(prng: Prng, evm: EvmFork): readonly string[] {
  const names = namesOf(evm)
  const width = (): number => prng.pick(WIDTHS)
  const leaf = (): string =>
    prng.weighted<() => string>([
      [4, () => pushOf(operand(prng))],
      [2, () => 'PUSH0 CALLDATALOAD'],
      [5, () => `${pushOf(32 * prng.below(2))} CALLDATALOAD ${pushOf((1n << BigInt(width())) - 1n)} AND`],
      [3, () => `PUSH1 32 CALLDATALOAD ${pushOf(256 - width())} SHR`],
      [1, () => `${pushOf(operand(prng))} PUSH2 0x200 MSTORE PUSH2 0x200 MLOAD`],
      // Over the end of call data, and just not.
      [1, () => `${pushOf(prng.between(30, 34))} CALLDATASIZE SUB CALLDATALOAD`],
      [1, () => `${pushOf(prng.below(70))} CALLDATALOAD`],
      [1, () => prng.pick(['CALLER', 'CALLDATASIZE', 'MSIZE', 'PC', 'TIMESTAMP'])],
    ])()
  /** A sign at the end of a known width, or just beside it. */
  const signed = (): string => {
    const byte = prng.pick([0, 1, 7, 15, 29, 30, 31])
    const known = Math.min(256, Math.max(1, 8 * (byte + 1) + prng.between(-1, 1)))
    return `PUSH1 32 CALLDATALOAD ${pushOf((1n << BigInt(known)) - 1n)} AND ${pushOf(byte)} SIGNEXTEND`
  }
  /** Mostly a word of which nothing is known: its sign may be set. */
  const operandOfIdiom = (): string =>
    prng.chance(0.5) ? `${pushOf(32 * prng.below(2))} CALLDATALOAD` : leaf()
  const idioms = arithmeticIdioms(prng, operandOfIdiom)
  const tree = (depth: number): string => {
    if (depth === 0) return prng.chance(0.03) ? signed() : leaf()
    if (prng.chance(IDIOM_SHARE)) return prng.pick(idioms)()
    const name = prng.pick(names)
    const operands = Array.from({ length: inputsOf(name) }, () => tree(prng.chance(0.5) ? 0 : depth - 1))
    if (SELECTING.has(name) && prng.chance(0.8)) operands[1] = pushOf(selector(prng, name))
    // The exponent is below the base: powers need not take long.
    if (name === 'EXP') operands[0] = `${operands[0]} PUSH2 0x1ff AND`
    return `${operands.join(' ')} ${name}`
  }
  const trees = prng.times(prng.between(5, TREES_MAX), (): string => {
    const text = tree(prng.between(1, 3))
    // Sometimes a condition, which compilers keep apart from words.
    return prng.chance(0.15)
      ? `${text} PUSH2 @t JUMPI PUSH1 9 @t PUSH1 5`.replaceAll('@t', `@t${prng.uint32()}`)
      : text
  })
  const stores = trees.map((text, index) => `${text} ${pushOf(32 * index)} MSTORE`)
  return [...stores, `${pushOf(32 * trees.length)} PUSH0 RETURN`]
}

/** A position near an edge, or any at all. */
function selector(prng: Prng, name: string): number {
  if (prng.chance(0.5)) return prng.pick(SELECTORS)
  return prng.below(name.startsWith('S') && name !== 'SIGNEXTEND' ? 260 : 34)
}

/** What compilers make something else of: each pushes one word. @param leaf pushes an operand. */
function arithmeticIdioms(prng: Prng, leaf: () => string): readonly (() => string)[] {
  const signs = ['SLT', 'SGT', 'LT', 'GT', 'EQ']
  const comparison = (): string => `${leaf()} ${leaf()} ${prng.pick(signs)}`
  return [
    // Beside a bound, on either side.
    () => {
      const [bound, name] = [
        pushOf(prng.pick(BOUNDS)),
        prng.pick([...signs, 'SUB', 'ADD', 'MUL', 'AND', 'OR', 'XOR']),
      ]
      return prng.chance(0.5) ? `${bound} ${leaf()} ${name}` : `${leaf()} ${bound} ${name}`
    },
    // By a power of two, or nearly; negative ones as well.
    () => {
      const power = (1n << BigInt(prng.below(prng.pick([16, 256])))) - BigInt(prng.pick([0, 0, 0, 1]))
      const divisor = prng.chance(0.8) ? power : BigInt.asUintN(256, -power)
      return `${pushOf(divisor)} ${leaf()} ${prng.pick(['DIV', 'SDIV', 'MOD', 'SMOD', 'MUL'])}`
    },
    // Conditions as words.
    () =>
      `${comparison()} ${comparison()} ${prng.pick(['EQ', 'AND', 'OR', 'XOR', 'ADD', 'SUB', 'MUL', 'LT', 'SGT'])}`,
    () => `${comparison()} ${'ISZERO '.repeat(prng.between(1, 3))}`,
    // Casts: cut to a width, extended from one, moved and moved back, one after the other.
    () => {
      // Mostly around one width: whether a cast does anything depends on the one before.
      const common = prng.below(32)
      const steps = prng.times(prng.between(2, 4), () => {
        const byte = prng.chance(0.7) ? common : prng.below(32)
        const bits = Math.min(256, Math.max(1, 8 * (byte + 1) + prng.pick([0, 0, 0, -1, 1])))
        return prng.pick([
          `${pushOf(byte)} SIGNEXTEND`,
          `${pushOf(byte)} SIGNEXTEND`,
          `${pushOf((1n << BigInt(bits)) - 1n)} AND`,
          `${pushOf(256 - bits)} ${prng.pick(['SHL', 'SHR', 'SAR'])}`,
        ])
      })
      return `${leaf()} ${steps.join(' ')}`
    },
    // The same word twice.
    () =>
      `${leaf()} DUP1 ${prng.pick(['SUB', 'XOR', 'AND', 'OR', 'EQ', 'LT', 'SGT', 'DIV', 'SMOD', 'ADD', 'MUL'])}`,
  ]
}

/** Every pair of a few words through some operations in a loop, all results mixed into one. */
export function arithmeticTable(prng: Prng, evm: EvmFork): readonly string[] {
  const names = prng.times(3, () => prng.pick(namesOf(evm)))
  const words = prng.times(prng.between(3, 9), () => operand(prng))
  const stored = words.map((word, index) => `${pushOf(word)} ${pushOf(0x100 + 32 * index)} MSTORE`)
  const size = pushOf(words.length)
  // The stack is [i, j, mix]: pushes the word at the index so deep.
  const word = (position: number): string => `DUP${position} PUSH1 5 SHL PUSH2 0x100 ADD MLOAD`
  const apply = names.map((name) => {
    const inputs = inputsOf(name)
    const operands =
      inputs === 3 ? `${word(2)} ${word(4)} ${word(4)}` : inputs === 2 ? `${word(2)} ${word(4)}` : word(2)
    return `${operands} ${name} SWAP1 PUSH1 31 MUL ADD`
  })
  return [
    ...stored,
    'PUSH0 @outer PUSH0 @inner PUSH0 MLOAD',
    ...apply,
    `PUSH0 MSTORE PUSH1 1 ADD DUP1 ${size} GT PUSH2 @inner JUMPI POP`,
    `PUSH1 1 ADD DUP1 ${size} GT PUSH2 @outer JUMPI PUSH1 32 PUSH0 RETURN`,
  ]
}
