/**
 * Code cut into basic blocks, each with what can be said of it whatever the state: how many words it needs and adds,
 * what its instructions cost at least, where it goes, and how it moves words about the stack. Found once per code; the
 * compiler composes blocks from these summaries without looking at instructions again.
 *
 * A block ends behind a jump or an end of the frame, before a JUMPDEST that some PUSH names, before an instruction
 * that leaves compiled code (calls and creations), and after {@link BLOCK_OPERATIONS_MAX} operations: an optimizer's
 * time grows faster than its input. A JUMPDEST that no PUSH names and that is reached by falling into it is an
 * operation like any other; whoever jumps there all the same, with a computed target, does so in an interpreter.
 */
import { INSTRUCTION_SETS, type EvmFork, type Instruction } from '../opcodes.ts'

/** Operations of one block: straight code beyond it is split. */
export const BLOCK_OPERATIONS_MAX = 200

const JUMP = 0x56
const JUMPI = 0x57
const JUMPDEST = 0x5b
const PUSH0 = 0x5f
const PUSH32 = 0x7f
const DUP1 = 0x80
const DUP16 = 0x8f
const SWAP1 = 0x90
const SWAP16 = 0x9f

/** How a block ends; where the instruction that does it is part of the block, it stands at `Block.last`. */
export type BlockEnd =
  /** JUMP. */
  | 'jump'
  /** JUMPI. */
  | 'branch'
  /** Goes on with the next block: a target follows, or the block is full. */
  | 'fall'
  /** STOP, or the end of the code. */
  | 'stop'
  | 'return'
  | 'revert'
  /** INVALID, or a byte without meaning. */
  | 'invalid'
  /** A call, a creation or SELFDESTRUCT: the block ends before it. */
  | 'leave'

/**
 * What is known of a word: {@link UNKNOWN}, the JUMPDEST at an offset (≥ 0), or the word that a slot held when the
 * block began ({@link slotWord}).
 */
export type AbstractWord = number

export const UNKNOWN: AbstractWord = -1
/** More than a stack's size: keeps encoded slots apart from {@link UNKNOWN}. */
const SLOT_BIAS = 4096

/** The word that was in `slot` at the start; slots count from the top at the start, which is −1, upwards. */
export function slotWord(slot: number): AbstractWord {
  return -SLOT_BIAS + slot
}

/** The slot of a {@link slotWord}; `undefined` for another word. */
export function slotOf(word: AbstractWord): number | undefined {
  return word < UNKNOWN ? word + SLOT_BIAS : undefined
}

export interface Block {
  /** Offset of the first instruction. */
  readonly start: number
  /** Offset behind the last instruction of the block: where control falls to. */
  readonly end: number
  /** Offset of the last instruction; for `leave`, of the instruction that is left to others. */
  readonly last: number
  readonly ending: BlockEnd
  readonly operationCount: number
  /** Words that must be on the stack at the start; what an instruction that is left to others takes is among them. */
  readonly needed: number
  /** Most words above the height at the start. */
  readonly growth: number
  /** Height at the end, relative to the start. */
  readonly delta: number
  /** Sum of the instructions' fixed gas. */
  readonly gas: number
  /** Target of a `jump` or `branch`. */
  readonly target: AbstractWord
  /** Slots below the height at the end that hold something else than at the start. */
  readonly writes: ReadonlyMap<number, AbstractWord>
}

export interface CodeBlocks {
  readonly code: Uint8Array
  readonly instructions: readonly (Instruction | undefined)[]
  /** 1 where a jump may land. */
  readonly jumpdests: Uint8Array
  /** JUMPDESTs that some PUSH names, ascending. */
  readonly namedTargets: readonly number[]
  /** The block that starts at an offset, made when first asked for; `undefined` outside of the code. */
  blockAt(offset: number): Block
}

/** Instructions that end a block before they happen. */
const LEAVING = new Set([
  'CREATE',
  'CALL',
  'CALLCODE',
  'DELEGATECALL',
  'CREATE2',
  'STATICCALL',
  'SELFDESTRUCT',
])
const ENDINGS: Readonly<Record<string, BlockEnd>> = {
  STOP: 'stop',
  RETURN: 'return',
  REVERT: 'revert',
  INVALID: 'invalid',
  JUMP: 'jump',
  JUMPI: 'branch',
}

/** Finds the targets of `code`; its blocks follow on demand. */
export function analyzeBlocks(code: Uint8Array, fork: EvmFork): CodeBlocks {
  const instructions = INSTRUCTION_SETS[fork]
  const jumpdests = new Uint8Array(code.length)
  for (let offset = 0; offset < code.length; offset += 1 + immediateSizeOf(code[offset] as number)) {
    if (code[offset] === JUMPDEST) jumpdests[offset] = 1
  }
  const isNamed = new Uint8Array(code.length)
  for (let offset = 0; offset < code.length;) {
    const size = immediateSizeOf(code[offset] as number)
    const target = size === 0 ? -1 : immediateNumber(code, offset + 1, size)
    if (target >= 0 && target < code.length && jumpdests[target] === 1) isNamed[target] = 1
    offset += 1 + size
  }
  const namedTargets: number[] = []
  for (let offset = 0; offset < code.length; offset++) if (isNamed[offset] === 1) namedTargets.push(offset)

  const blocks = new Map<number, Block>()
  const scan: Scan = { code, instructions, jumpdests, isNamed }
  return {
    code,
    instructions,
    jumpdests,
    namedTargets,
    blockAt(offset) {
      let block = blocks.get(offset)
      if (block === undefined) blocks.set(offset, (block = scanBlock(scan, offset)))
      return block
    },
  }
}

/** What a block's scan reads. */
interface Scan {
  readonly code: Uint8Array
  readonly instructions: readonly (Instruction | undefined)[]
  readonly jumpdests: Uint8Array
  readonly isNamed: Uint8Array
}

/** Bytes behind an opcode that belong to it, in every fork alike. */
export function immediateSizeOf(opcode: number): number {
  return opcode > PUSH0 && opcode <= PUSH32 ? opcode - PUSH0 : 0
}

/** An immediate as a number; −1 when it needs more than 31 bits. Behind the end of the code are zeros. */
function immediateNumber(code: Uint8Array, offset: number, size: number): number {
  let value = 0
  for (let i = 0; i < size; i++) {
    if (value > 0x7fffff) return -1
    value = value * 256 + (code[offset + i] ?? 0)
  }
  return value
}

/** A stack of {@link AbstractWord}s above and below the height at the start. */
class AbstractStack {
  readonly words = new Map<number, AbstractWord>()
  height = 0
  lowest = 0
  highest = 0

  at(slot: number): AbstractWord {
    const word = this.words.get(slot)
    if (word !== undefined) return word
    return slotWord(slot)
  }

  /** Notes that an instruction looks at the `count` topmost words. */
  need(count: number): void {
    this.lowest = Math.min(this.lowest, this.height - count)
  }

  pop(): AbstractWord {
    this.height -= 1
    return this.at(this.height)
  }

  push(word: AbstractWord): void {
    this.words.set(this.height, word)
    this.height += 1
    this.highest = Math.max(this.highest, this.height)
  }
}

function scanBlock(scan: Scan, start: number): Block {
  const { code, instructions, isNamed } = scan
  const stack = new AbstractStack()
  let gas = 0
  let operationCount = 0
  let offset = start
  const finish = (ending: BlockEnd, last: number, end: number, target: AbstractWord = UNKNOWN): Block => ({
    start,
    end,
    last,
    ending,
    operationCount,
    needed: 0 - stack.lowest,
    growth: stack.highest,
    delta: stack.height,
    gas,
    target,
    writes: writesOf(stack),
  })
  for (;;) {
    if (offset >= code.length) return finish('stop', offset, offset)
    const opcode = code[offset] as number
    const instruction = instructions[opcode]
    if (instruction === undefined) return finish('invalid', offset, offset + 1)
    if (LEAVING.has(instruction.name)) {
      stack.need(instruction.inputs)
      return finish('leave', offset, offset)
    }
    const startsAnother = operationCount > 0 && opcode === JUMPDEST && isNamed[offset] === 1
    if (startsAnother || operationCount >= BLOCK_OPERATIONS_MAX) return finish('fall', offset, offset)
    operationCount += 1
    gas += instruction.gas
    stack.need(instruction.inputs)
    const next = offset + 1 + instruction.immediateSize
    if (opcode === JUMP || opcode === JUMPI) {
      const target = stack.pop()
      if (opcode === JUMPI) stack.pop()
      return finish(opcode === JUMP ? 'jump' : 'branch', offset, next, target)
    }
    apply(scan, stack, instruction, offset)
    const ending = ENDINGS[instruction.name]
    if (ending !== undefined) return finish(ending, offset, next)
    offset = next
  }
}

/** Moves words as an instruction does. */
function apply(scan: Scan, stack: AbstractStack, instruction: Instruction, offset: number): void {
  const { byte } = instruction
  if (byte >= PUSH0 && byte <= PUSH32) {
    const target = immediateNumber(scan.code, offset + 1, instruction.immediateSize)
    stack.push(target >= 0 && scan.jumpdests[target] === 1 ? target : UNKNOWN)
  } else if (byte >= DUP1 && byte <= DUP16) {
    stack.push(stack.at(stack.height - 1 - (byte - DUP1)))
  } else if (byte >= SWAP1 && byte <= SWAP16) {
    const top = stack.height - 1
    const other = top - 1 - (byte - SWAP1)
    const word = stack.at(top)
    stack.words.set(top, stack.at(other))
    stack.words.set(other, word)
  } else {
    for (let i = 0; i < instruction.inputs; i++) stack.pop()
    for (let i = 0; i < instruction.outputs; i++) stack.push(UNKNOWN)
  }
}

function writesOf(stack: AbstractStack): Map<number, AbstractWord> {
  const writes = new Map<number, AbstractWord>()
  for (const [slot, word] of stack.words) {
    if (slot < stack.height && word !== slotWord(slot)) writes.set(slot, word)
  }
  return writes
}
