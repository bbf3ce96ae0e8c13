/**
 * Makes values of the IR, simplified as they are made: constants are folded with tier 0's own arithmetic, operations
 * that change nothing disappear, and each value knows how many of its bits can be set. What comes out has the same
 * value as what was asked for, whatever the operands.
 */
import { present } from '../../../src/primitives/assert.ts'
import * as words from '../words.ts'
import { ConstantPool, exactLog2, smallNumberOf, wordOf, type Constant } from './constant.ts'
import { OPERATIONS, type IrNode, type Operation, type Value } from './ir.ts'

const WORD_BITS = 256

/** Folding of operations with constant operands. */
const FOLDS: Partial<Record<Operation, (...operands: bigint[]) => bigint>> = {
  add: words.add,
  sub: words.subtract,
  mul: words.multiply,
  div: words.divide,
  sdiv: words.signedDivide,
  mod: words.modulo,
  smod: words.signedModulo,
  addmod: words.addModulo,
  mulmod: words.multiplyModulo,
  signextend: words.signExtend,
  lt: (a, b) => (a < b ? 1n : 0n),
  slt: (a, b) => (words.signedLess(a, b) ? 1n : 0n),
  eq: (a, b) => (a === b ? 1n : 0n),
  iszero: (a) => (a === 0n ? 1n : 0n),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  not: words.not,
  byte: words.byteAt,
  shl: words.shiftLeft,
  shr: words.shiftRight,
  sar: words.shiftRightSigned,
  clz: words.countLeadingZeros,
}

const NO_OPERANDS: readonly Value[] = []

export class IrBuilder {
  readonly pool = new ConstantPool()
  /** The node that new values go to. */
  #node: IrNode | undefined
  #idNext = 0
  readonly #constants = new Map<Constant, Value>()
  readonly #entries = new Map<number, Value>()

  /** Directs new values to `node`. */
  startNode(node: IrNode): void {
    this.#node = node
  }

  constant(constant: Constant): Value {
    let value = this.#constants.get(constant)
    if (value === undefined) {
      value = this.#make('constant', NO_OPERANDS, constant.bits, 0, constant)
      this.#constants.set(constant, value)
    }
    return value
  }

  number(value: number): Value {
    return this.constant(this.pool.ofNumber(value))
  }

  word(word: bigint): Value {
    return this.constant(this.pool.ofWord(word))
  }

  /** What the slot holds at the region's entry. */
  entry(slot: number): Value {
    let value = this.#entries.get(slot)
    if (value === undefined) {
      value = this.#make('entry', NO_OPERANDS, WORD_BITS, slot)
      this.#entries.set(slot, value)
    }
    return value
  }

  /** All entry words that were asked for. */
  entries(): Iterable<Value> {
    return this.#entries.values()
  }

  /** A parameter of `node`, not simplified by anything. */
  parameter(node: IrNode, slot: number, bits: number): Value {
    const value = this.#make('parameter', NO_OPERANDS, bits, slot)
    node.parameters.push(value)
    return value
  }

  /** A value as it is, at the end of the node. */
  append(operation: Operation, operands: readonly Value[], bits: number, immediate = 0): Value {
    const value = this.#make(operation, operands, bits, immediate)
    present(this.#node, 'node').values.push(value)
    return value
  }

  /** A pure operation, simplified. */
  pure(operation: Operation, ...operands: Value[]): Value {
    const folded = this.#fold(operation, operands)
    if (folded !== undefined) return folded
    // Operations of one operand have no simplification that looks at a second one.
    const [a, b] = operands as [Value, Value]
    const simplified = SIMPLIFICATIONS[operation]?.(this, a, b)
    if (simplified !== undefined) return simplified
    const bits = bitsOf(operation, operands)
    // Only zero has no bits, for example what ADDMOD makes of it.
    return bits === 0 ? this.number(0) : this.append(operation, operands, bits)
  }

  #make(
    operation: Operation,
    operands: readonly Value[],
    bits: number,
    immediate: number,
    constant?: Constant,
  ): Value {
    const type = OPERATIONS[operation].result
    const id = this.#idNext
    this.#idNext += 1
    return { id, operation, operands, immediate, constant, type, bits, useCount: 0 }
  }

  #fold(operation: Operation, operands: readonly Value[]): Value | undefined {
    const fold = FOLDS[operation]
    if (fold === undefined) return undefined
    const constants: bigint[] = []
    for (const { constant } of operands) {
      if (constant === undefined) return undefined
      constants.push(wordOf(constant))
    }
    return this.word(fold(...constants))
  }
}

/** A simpler value than the operation, whose operands are not all constant; nothing when there is none. */
type Simplification = (builder: IrBuilder, a: Value, b: Value) => Value | undefined

const SIMPLIFICATIONS: Partial<Record<Operation, Simplification>> = {
  add: (_, a, b) => (isZero(a) ? b : isZero(b) ? a : undefined),
  sub: (builder, a, b) => (isZero(b) ? a : a === b ? builder.number(0) : undefined),
  mul: (builder, a, b) => product(builder, a, b) ?? product(builder, b, a),
  div: (builder, a, b) => quotient(builder, 'div', a, b),
  mod: (builder, a, b) => quotient(builder, 'mod', a, b),
  // Where no operand can be negative, the unsigned operation, which may be simpler.
  sdiv: (builder, a, b) =>
    areNotNegative(a, b) ? builder.pure('div', a, b) : signedQuotient(builder, 'sdiv', a, b),
  smod: (builder, a, b) =>
    areNotNegative(a, b) ? builder.pure('mod', a, b) : signedQuotient(builder, 'smod', a, b),
  slt: (builder, a, b) => (areNotNegative(a, b) ? builder.pure('lt', a, b) : undefined),
  lt: (builder, a, b) => {
    // x < 1 is x = 0.
    if (numberOf(b) === 1) return builder.pure('iszero', a)
    return isZero(b) || a === b ? builder.number(0) : undefined
  },
  eq: (builder, a, b) => {
    if (a === b) return builder.number(1)
    return isZero(a) ? builder.pure('iszero', b) : isZero(b) ? builder.pure('iszero', a) : undefined
  },
  and: (builder, a, b) => masked(builder, a, b) ?? masked(builder, b, a),
  or: (_, a, b) => (a === b || isZero(b) ? a : isZero(a) ? b : undefined),
  xor: (builder, a, b) => (a === b ? builder.number(0) : isZero(a) ? b : isZero(b) ? a : undefined),
  shl: (builder, shift, word) => shifted(builder, shift, word, WORD_BITS),
  shr: (builder, shift, word) => shifted(builder, shift, word, word.bits),
  sar: (builder, shift, word) => {
    if (word.bits < WORD_BITS) return builder.pure('shr', shift, word)
    return isZero(shift) ? word : undefined
  },
  byte: (builder, index) => (isConstantFrom(index, 32) ? builder.number(0) : undefined),
  signextend: signExtended,
}

/** A sign that is there already stays; one that is farther up is gone. */
function signExtended(builder: IrBuilder, index: Value, word: Value): Value | undefined {
  if (isConstantFrom(index, 31)) return word
  const byte = numberOf(index)
  if (byte === undefined) return undefined
  const bits = 8 * (byte + 1)
  if (word.bits < bits) return word
  const extendedBits = extendedBitsOf(word)
  if (extendedBits === 0) return undefined
  return extendedBits <= bits ? word : builder.pure('signextend', index, word.operands[1] as Value)
}

/** How many bits of its operand a sign extension keeps; 0 when it is none, or by an unknown number. */
function extendedBitsOf({ operation, operands: [index] }: Value): number {
  const byte = operation === 'signextend' && index !== undefined ? numberOf(index) : undefined
  return byte === undefined ? 0 : 8 * (byte + 1)
}

function product(builder: IrBuilder, a: Value, b: Value): Value | undefined {
  if (a.constant === undefined) return undefined
  if (a.constant.bits === 0) return a
  const shift = exactLog2(a.constant)
  return shift === undefined ? undefined : builder.pure('shl', builder.number(shift), b)
}

function quotient(builder: IrBuilder, operation: 'div' | 'mod', a: Value, b: Value): Value | undefined {
  if (isZero(b) || isZero(a)) return builder.number(0)
  const shift = b.constant === undefined ? undefined : exactLog2(b.constant)
  if (shift === undefined) return undefined
  if (operation === 'div') return builder.pure('shr', builder.number(shift), a)
  return builder.pure('and', a, builder.word((1n << BigInt(shift)) - 1n))
}

/** By 2ⁿ: shifts round down, so that 2ⁿ − 1 is added to what is negative. */
function signedQuotient(
  builder: IrBuilder,
  operation: 'sdiv' | 'smod',
  a: Value,
  b: Value,
): Value | undefined {
  if (isZero(b)) return b
  const shift = b.constant === undefined ? undefined : exactLog2(b.constant)
  // 2²⁵⁵ is negative.
  if (shift === undefined || shift === WORD_BITS - 1) return undefined
  if (shift === 0) return operation === 'sdiv' ? a : builder.number(0)
  const signs = builder.pure('sar', builder.number(WORD_BITS - 1), a)
  const bias = builder.pure('shr', builder.number(WORD_BITS - shift), signs)
  const sum = builder.pure('add', a, bias)
  if (operation === 'sdiv') return builder.pure('sar', builder.number(shift), sum)
  const mask = builder.word((1n << BigInt(shift)) - 1n)
  return builder.pure('sub', builder.pure('and', sum, mask), bias)
}

function areNotNegative(a: Value, b: Value): boolean {
  return a.bits < WORD_BITS && b.bits < WORD_BITS
}

/** A conjunction that is one of its operands. */
function masked(builder: IrBuilder, mask: Value, word: Value): Value | undefined {
  if (mask === word) return word
  if (mask.constant === undefined) return undefined
  if (mask.constant.bits === 0) return mask
  const { bits } = mask.constant
  if (bits <= extendedBitsOf(word)) return builder.pure('and', mask, word.operands[1] as Value)
  const isAllOnes = wordOf(mask.constant) === (1n << BigInt(bits)) - 1n
  return isAllOnes && word.bits <= bits ? word : undefined
}

/** @param width from which a shift leaves nothing. */
function shifted(builder: IrBuilder, shift: Value, word: Value, width: number): Value | undefined {
  if (isZero(shift) || isZero(word)) return word
  return isConstantFrom(shift, width) ? builder.number(0) : undefined
}

function isZero(value: Value): boolean {
  return value.constant !== undefined && value.constant.bits === 0
}

/** The value of a small constant. */
export function numberOf(value: Value): number | undefined {
  return value.constant === undefined ? undefined : smallNumberOf(value.constant)
}

/** Whether it is a constant of at least `least`. */
function isConstantFrom(value: Value, least: number): boolean {
  if (value.constant === undefined) return false
  const number = smallNumberOf(value.constant)
  return number === undefined || number >= least
}

type Width = (a: number, b: number, c: number, operands: readonly Value[]) => number

/** How wide results can be, by the widths of the operands; of other operations as wide as a word. */
const WIDTHS: Partial<Record<Operation, Width>> = {
  add: (a, b) => Math.min(WORD_BITS, Math.max(a, b) + 1),
  mul: (a, b) => Math.min(WORD_BITS, a + b),
  div: (a) => a,
  mod: (a, b) => Math.min(a, b),
  addmod: (_a, _b, c) => c,
  mulmod: (_a, _b, c) => c,
  and: (a, b) => Math.min(a, b),
  or: (a, b) => Math.max(a, b),
  xor: (a, b) => Math.max(a, b),
  byte: () => 8,
  shl: (_, b, _c, [shift]) => Math.min(WORD_BITS, b + (shiftOf(shift) ?? WORD_BITS)),
  shr: (_, b, _c, [shift]) => Math.max(0, b - (shiftOf(shift) ?? 0)),
  clz: () => 9,
  lt: () => 1,
  slt: () => 1,
  eq: () => 1,
  iszero: () => 1,
}

function shiftOf(shift: Value | undefined): number | undefined {
  return shift === undefined ? undefined : numberOf(shift)
}

function bitsOf(operation: Operation, operands: readonly Value[]): number {
  const [a, b, c] = operands
  return WIDTHS[operation]?.(a?.bits ?? 0, b?.bits ?? 0, c?.bits ?? 0, operands) ?? WORD_BITS
}
