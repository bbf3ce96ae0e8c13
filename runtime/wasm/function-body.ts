/**
 * One function in the making: locals, structured control and calls on top of {@link InstructionWriter}. A label is the
 * depth at which its construct opened, so that a branch from anywhere inside finds its way; that constructs close in
 * order is asserted, everything else is for the engine's validation to say.
 */
import { assert } from '../../src/primitives/assert.ts'
import { ByteBuffer } from './byte-buffer.ts'
import { InstructionWriter, type Local } from './instruction-writer.ts'

/** Value types by their encoding. */
export const I32 = 0x7f
export const I64 = 0x7e
export const F64 = 0x7c
export const V128 = 0x7b
export type ValueType = typeof I32 | typeof I64 | typeof F64 | typeof V128

/** What a construct leaves on the stack: nothing, a value, or what the function type of that index says. */
export type BlockType = 'none' | ValueType | { readonly typeIndex: number }

/** Where a branch goes: behind a block, or to the head of a loop. */
export type Label = number

const END = 0x0b

export class FunctionBody extends InstructionWriter {
  private readonly parameterCount: number
  private readonly localTypes: ValueType[] = []
  private depth = 0

  /** @param parameterCount of the function's type. */
  constructor(parameterCount: number) {
    super(new ByteBuffer())
    this.parameterCount = parameterCount
  }

  /** A new local, zero at first. */
  local(type: ValueType): Local {
    this.localTypes.push(type)
    return this.parameterCount + this.localTypes.length - 1
  }

  /** `count` locals of a type. */
  locals(type: ValueType, count: number): readonly Local[] {
    return Array.from({ length: count }, () => this.local(type))
  }

  get localCount(): number {
    return this.parameterCount + this.localTypes.length
  }

  // Control with the nesting of the source.

  /** Runs `inside` in a block; a branch to its label goes behind it. */
  block(inside: (done: Label) => void, type: BlockType = 'none'): this {
    const label = this.openBlock(type)
    inside(label)
    return this.close(label)
  }

  /** A branch to its label runs it again; otherwise it ends. */
  loop(inside: (again: Label) => void, type: BlockType = 'none'): this {
    const label = this.openLoop(type)
    inside(label)
    return this.close(label)
  }

  /** Takes a condition. */
  if(then: (done: Label) => void, otherwise?: (done: Label) => void, type: BlockType = 'none'): this {
    const label = this.openIf(type)
    then(label)
    if (otherwise !== undefined) {
      this.else(label)
      otherwise(label)
    }
    return this.close(label)
  }

  // Control for code whose nesting is computed.

  openBlock(type: BlockType = 'none'): Label {
    return this.open(0x02, type)
  }

  openLoop(type: BlockType = 'none'): Label {
    return this.open(0x03, type)
  }

  /** Takes a condition. */
  openIf(type: BlockType = 'none'): Label {
    return this.open(0x04, type)
  }

  else(label: Label): this {
    assert(label === this.depth, 'only the innermost construct has an else')
    return this.plain(0x05)
  }

  close(label: Label): this {
    assert(label === this.depth, 'constructs close from the inside out')
    this.depth -= 1
    return this.plain(END)
  }

  // Branches and calls.

  br(label: Label): this {
    return this.plain(0x0c).branchTo(label)
  }

  /** Takes a condition. */
  brIf(label: Label): this {
    return this.plain(0x0d).branchTo(label)
  }

  /** Takes an index: to `labels[index]`, or to `otherwise` behind their end. */
  brTable(labels: readonly Label[], otherwise: Label): this {
    this.plain(0x0e).index(labels.length)
    for (const label of labels) this.branchTo(label)
    return this.branchTo(otherwise)
  }

  call(functionIndex: number): this {
    return this.plain(0x10).index(functionIndex)
  }

  /** Takes the arguments, then the index in the table. */
  callIndirect(typeIndex: number, table = 0): this {
    return this.plain(0x11).index(typeIndex).index(table)
  }

  returnCall(functionIndex: number): this {
    return this.plain(0x12).index(functionIndex)
  }

  /** Takes the arguments, then the index in the table. */
  returnCallIndirect(typeIndex: number, table = 0): this {
    return this.plain(0x13).index(typeIndex).index(table)
  }

  /** Writes locals and code as an entry of the code section. */
  encodeTo(target: ByteBuffer): void {
    assert(this.depth === 0, 'every construct is closed')
    const declarations = new ByteBuffer()
    const runs = runLengths(this.localTypes)
    declarations.unsigned(runs.length)
    for (const { type, count } of runs) {
      declarations.unsigned(count)
      declarations.byte(type)
    }
    target.unsigned(declarations.size + this.code.size + 1)
    target.append(declarations.view())
    target.append(this.code.view())
    target.byte(END)
  }

  private open(opcode: number, type: BlockType): Label {
    this.code.byte(opcode)
    if (type === 'none') this.code.byte(0x40)
    else if (typeof type === 'number') this.code.byte(type)
    else this.code.signed(type.typeIndex)
    this.depth += 1
    return this.depth
  }

  private branchTo(label: Label): this {
    assert(label >= 1 && label <= this.depth, 'a branch goes to a construct around it')
    return this.index(this.depth - label)
  }
}

function runLengths(types: readonly ValueType[]): { type: ValueType; count: number }[] {
  const runs: { type: ValueType; count: number }[] = []
  for (const type of types) {
    const last = runs.at(-1)
    if (last?.type === type) last.count += 1
    else runs.push({ type, count: 1 })
  }
  return runs
}
