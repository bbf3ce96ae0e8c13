/** Runs one block on a stack of values: each instruction becomes a value, or nothing when it only moves words. */
import { assert, present } from '../../../src/primitives/assert.ts'
import { immediateSizeOf, type Block, type CodeBlocks } from './block-analysis.ts'
import { EXP_BYTE, KECCAK_WORD } from '../gas.ts'
import type { Instruction } from '../opcodes.ts'
import { numberOf, type IrBuilder } from './ir-builder.ts'
import { KnownMemory } from './known-memory.ts'
import { OFFSET_BITS, rootOf, type Operation, type Value } from './ir.ts'

/** The stack of a region, as far as the region changed it. */
export class WordStack {
  /** Slots that hold something else than at the region's entry, or did for a while. */
  readonly #words = new Map<number, Value>()
  readonly #builder: IrBuilder
  height: number

  constructor(builder: IrBuilder, height: number) {
    this.#builder = builder
    this.height = height
  }

  at(slot: number): Value {
    const value = this.#words.get(slot)
    if (value !== undefined) return value
    assert(slot < 0, 'a slot above the entry was filled before it is read')
    return this.#builder.entry(slot)
  }

  put(slot: number, value: Value): void {
    this.#words.set(slot, value)
  }

  pop(): Value {
    this.height -= 1
    return this.at(this.height)
  }

  push(value: Value): void {
    this.put(this.height, value)
    this.height += 1
  }

  /** Slots below the height that hold another value than at the region's entry, be it the same word. */
  changedSlots(): number[] {
    return [...this.#words.keys()].filter((slot) => slot < this.height)
  }

  /** Whether a slot below the height holds `value`. */
  holds(value: Value): boolean {
    if (value.operation === 'entry' && value.immediate < this.height && this.at(value.immediate) === value)
      return true
    for (const [slot, held] of this.#words) if (held === value && slot < this.height) return true
    return false
  }

  /** Puts `other` into all slots that hold `value`. */
  replace(value: Value, other: Value): void {
    for (const [slot, held] of this.#words) if (held === value) this.#words.set(slot, other)
    const { operation, immediate } = value
    if (operation === 'entry' && immediate < this.height && this.at(immediate) === value)
      this.put(immediate, other)
  }

  /** Slots below the height that hold something else than memory does, ascending. */
  changedWords(): { slot: number; value: Value }[] {
    const changed: { slot: number; value: Value }[] = []
    for (const [slot, value] of this.#words) {
      if (slot >= this.height) continue
      const root = rootOf(value)
      if (root.operation === 'entry' && root.immediate === slot) continue
      changed.push({ slot, value })
    }
    return changed.sort((a, b) => a.slot - b.slot)
  }
}

/** Operations by instruction that are pure and take their operands in the order of the stack. */
const PURE: Readonly<Record<string, Operation>> = {
  ADD: 'add',
  MUL: 'mul',
  SUB: 'sub',
  DIV: 'div',
  SDIV: 'sdiv',
  MOD: 'mod',
  SMOD: 'smod',
  ADDMOD: 'addmod',
  MULMOD: 'mulmod',
  SIGNEXTEND: 'signextend',
  LT: 'lt',
  SLT: 'slt',
  EQ: 'eq',
  ISZERO: 'iszero',
  AND: 'and',
  OR: 'or',
  XOR: 'xor',
  NOT: 'not',
  BYTE: 'byte',
  SHL: 'shl',
  SHR: 'shr',
  SAR: 'sar',
  CLZ: 'clz',
}

/** Ordered operations by instruction, with the width of their result. */
const ORDERED: Readonly<Record<string, { readonly operation: Operation; readonly bits: number }>> = {
  MSTORE: { operation: 'mstore', bits: 0 },
  MSTORE8: { operation: 'mstore8', bits: 0 },
  MLOAD: { operation: 'mload', bits: 256 },
  MCOPY: { operation: 'mcopy', bits: 0 },
  CALLDATACOPY: { operation: 'calldatacopy', bits: 0 },
  CODECOPY: { operation: 'codecopy', bits: 0 },
  KECCAK256: { operation: 'keccak256', bits: 256 },
  MSIZE: { operation: 'msize', bits: 32 },
  RETURNDATASIZE: { operation: 'returndatasize', bits: 32 },
  SLOAD: { operation: 'sload', bits: 256 },
  SSTORE: { operation: 'sstore', bits: 0 },
  TLOAD: { operation: 'tload', bits: 256 },
  TSTORE: { operation: 'tstore', bits: 0 },
}

/** Words that are the same for the whole frame, with their width. */
const CONTEXT: Readonly<Record<string, number>> = {
  ADDRESS: 160,
  ORIGIN: 160,
  CALLER: 160,
  CALLVALUE: 256,
  CALLDATASIZE: 32,
  GASPRICE: 256,
  COINBASE: 160,
  TIMESTAMP: 256,
  NUMBER: 256,
  PREVRANDAO: 256,
  GASLIMIT: 256,
  CHAINID: 256,
  BASEFEE: 256,
  BLOBBASEFEE: 256,
}

/** Instructions that may end the frame for another reason than gas or the stack's height: see `lower.ts`. */
const MAY_FAIL = new Set(['RETURNDATACOPY', 'LOG0', 'LOG1', 'LOG2', 'LOG3', 'LOG4', 'SSTORE', 'TSTORE'])
/** Those of them that a static call may not do. */
const WRITING = new Set(['LOG0', 'LOG1', 'LOG2', 'LOG3', 'LOG4', 'SSTORE', 'TSTORE'])

/** @returns what the exit takes: a target and a condition, or offset and size of the output. */
export function lowerBlock(
  blocks: CodeBlocks,
  block: Block,
  builder: IrBuilder,
  stack: WordStack,
): readonly Value[] {
  const { code, instructions } = blocks
  const prices = chargesOf(blocks, block)
  let chargeIndex = 0
  const chargeNext = (): number => {
    const gas = present(prices[chargeIndex], 'charge')
    chargeIndex += 1
    if (gas > 0) builder.append('charge', [], 0, gas)
    return gas
  }
  const memory = new KnownMemory()
  let rest = chargeNext()
  let offset = block.start
  for (let i = 0; i < block.operationCount; i++) {
    const opcode = code[offset] as number
    const instruction = present(instructions[opcode], 'instruction of a block')
    rest -= instruction.gas
    const isExit = offset === block.last && block.ending !== 'fall' && block.ending !== 'leave'
    if (isExit) return takeOperands(stack, instruction.inputs)
    lowerInstruction({ code, builder, stack, memory, instruction, offset, rest })
    if (MAY_FAIL.has(instruction.name)) rest = chargeNext()
    offset += 1 + immediateSizeOf(opcode)
  }
  return []
}

/** What to charge at the start, and behind each instruction that may fail. */
function chargesOf({ code, instructions }: CodeBlocks, block: Block): number[] {
  const charges = [0]
  let offset = block.start
  for (let i = 0; i < block.operationCount; i++) {
    const opcode = code[offset] as number
    const { gas, name } = present(instructions[opcode], 'instruction of a block')
    charges[charges.length - 1] = (charges.at(-1) as number) + gas
    if (MAY_FAIL.has(name)) charges.push(0)
    offset += 1 + immediateSizeOf(opcode)
  }
  return charges
}

function takeOperands(stack: WordStack, count: number): Value[] {
  const operands: Value[] = []
  for (let i = 0; i < count; i++) operands.push(stack.pop())
  return operands
}

interface Step {
  readonly code: Uint8Array
  readonly builder: IrBuilder
  readonly stack: WordStack
  readonly memory: KnownMemory
  readonly instruction: Instruction
  readonly offset: number
  /** Gas of later instructions that is charged already. */
  readonly rest: number
}

function lowerInstruction(step: Step): void {
  const { code, builder, stack, memory, instruction, offset } = step
  const { name, byte } = instruction
  if (byte >= 0x5f && byte <= 0x7f) {
    stack.push(builder.constant(builder.pool.ofImmediate(code, offset + 1, instruction.immediateSize)))
  } else if (byte >= 0x80 && byte <= 0x8f) {
    stack.push(stack.at(stack.height - 1 - (byte - 0x80)))
  } else if (byte >= 0x90 && byte <= 0x9f) {
    swap(stack, byte - 0x8f)
  } else if (byte >= 0xa0 && byte <= 0xa4) {
    builder.append('writable', [], 0)
    builder.append('hostEffect', takeOperands(stack, instruction.inputs), 0, byte)
  } else {
    const operation = PURE[name]
    const ordered = ORDERED[name]
    const contextBits = CONTEXT[name]
    if (operation !== undefined) {
      stack.push(builder.pure(operation, ...takeOperands(stack, instruction.inputs)))
    } else if (ordered !== undefined) {
      if (WRITING.has(name)) builder.append('writable', [], 0)
      const operands = takeOperands(stack, instruction.inputs)
      const value = knownHash(step, operands) ?? builder.append(ordered.operation, operands, ordered.bits)
      memory.note(ordered.operation, operands)
      if (TOUCHING.has(ordered.operation)) narrowOffset(builder, stack, operands[0])
      if (instruction.outputs > 0) stack.push(value)
    } else if (contextBits !== undefined) {
      stack.push(builder.append('context', [], contextBits, byte))
    } else {
      lowerRest(step)
    }
  }
}

/** What KECCAK256 answers where the compiler can tell. */
function knownHash(
  { builder, memory, instruction }: Step,
  [offset, size]: readonly Value[],
): Value | undefined {
  if (instruction.name !== 'KECCAK256') return undefined
  const known = memory.hashOf(offset as Value, size as Value)
  if (known === undefined) return undefined
  builder.append('charge', [], 0, KECCAK_WORD * known.wordCount)
  return builder.word(known.hash)
}

/** Operations whose first operand is an offset in memory, used whatever the others are. */
const TOUCHING: ReadonlySet<Operation> = new Set(['mload', 'mstore', 'mstore8'] as const)

/**
 * Behind a memory operation its offset is known to be small. Contracts add to it again and again: from here on, each sum
 * takes one addition instead of four with carries.
 */
function narrowOffset(builder: IrBuilder, stack: WordStack, offset: Value | undefined): void {
  if (offset === undefined || offset.constant !== undefined || offset.bits <= OFFSET_BITS) return
  if (stack.holds(offset)) stack.replace(offset, builder.append('narrow', [offset], OFFSET_BITS))
}

function swap(stack: WordStack, depth: number): void {
  const top = stack.height - 1
  const word = stack.at(top)
  stack.put(top, stack.at(top - depth))
  stack.put(top - depth, word)
}

/** Widths of what the host pushes. */
const HOST_BITS: Readonly<Record<string, number>> = { EXTCODESIZE: 32 }

function lowerRest({ code, builder, stack, memory, instruction, offset, rest }: Step): void {
  switch (instruction.name) {
    case 'JUMPDEST':
      return
    case 'POP':
      stack.pop()
      return
    case 'GT':
    case 'SGT': {
      const [a, b] = takeOperands(stack, 2) as [Value, Value]
      stack.push(builder.pure(instruction.name === 'GT' ? 'lt' : 'slt', b, a))
      return
    }
    case 'PC':
      stack.push(builder.number(offset))
      return
    case 'GAS':
      stack.push(builder.append('gas', [], 63, rest))
      return
    case 'CODESIZE':
      stack.push(builder.number(code.length))
      return
    case 'CALLDATALOAD':
      stack.push(builder.append('calldataload', takeOperands(stack, 1), 256))
      return
    case 'EXP':
      stack.push(exponentiation(builder, takeOperands(stack, 2) as [Value, Value]))
      return
    default: {
      const operands = takeOperands(stack, instruction.inputs)
      if (instruction.outputs === 0) {
        memory.note('hostEffect', operands)
        builder.append('hostEffect', operands, 0, instruction.byte)
      } else {
        stack.push(builder.append('host', operands, HOST_BITS[instruction.name] ?? 256, instruction.byte))
      }
    }
  }
}

/** Powers up to the square need no loop; their price is known. */
function exponentiation(builder: IrBuilder, [base, exponent]: [Value, Value]): Value {
  const known = numberOf(exponent)
  if (known === undefined || known > 2) return builder.append('exp', [base, exponent], 256)
  if (known === 0) return builder.number(1)
  builder.append('charge', [], 0, EXP_BYTE)
  return known === 1 ? base : builder.pure('mul', base, base)
}
