/**
 * A WebAssembly module in the making (Core Specification 2.0 §5.5): types, imports, functions, a table, a memory,
 * globals, exports, elements, names. Indices are known when something is declared, bodies may follow in any order.
 */
import { assert, present } from '../../src/primitives/assert.ts'
import { ByteBuffer } from './byte-buffer.ts'
import { FunctionBody, type ValueType } from './function-body.ts'

/** `\0asm`, version 1. */
const HEADER = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00)
const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  element: 9,
  code: 10,
} as const
/** Kinds of imports and exports. */
const KIND = { function: 0, table: 1, memory: 2, global: 3 } as const
const FUNCTION_REFERENCE = 0x70
const END = 0x0b

/** Sizes in pages of 64 KiB, or in entries. */
export interface Limits {
  readonly initial: number
  readonly maximum?: number
}

/** Entries of a section, counted while they are written. */
class Entries {
  readonly bytes = new ByteBuffer()
  count = 0

  next(): ByteBuffer {
    this.count += 1
    return this.bytes
  }
}

export class ModuleWriter {
  private readonly types = new Entries()
  private readonly imports = new Entries()
  private readonly tables = new Entries()
  private readonly memories = new Entries()
  private readonly globals = new Entries()
  private readonly exports = new Entries()
  private readonly elements = new Entries()
  private readonly typeIndices = new Map<string, number>()
  /** Numbers of parameters by type. */
  private readonly parameterCounts: number[] = []
  private importedFunctionCount = 0
  private importedTableCount = 0
  private readonly functionTypes: number[] = []
  private readonly bodies = new Map<number, FunctionBody>()
  private readonly names = new Map<number, string>()

  /** Index of the function type; the same for equal ones. */
  type(parameters: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${parameters.join()}:${results.join()}`
    const known = this.typeIndices.get(key)
    if (known !== undefined) return known
    const index = this.types.count
    const bytes = this.types.next()
    bytes.byte(0x60)
    bytes.vector(Uint8Array.from(parameters))
    bytes.vector(Uint8Array.from(results))
    this.typeIndices.set(key, index)
    this.parameterCounts.push(parameters.length)
    return index
  }

  /** Index of an imported function. All imports come before the first own function. */
  importFunction(module: string, name: string, typeIndex: number): number {
    assert(this.functionTypes.length === 0, 'imported functions are numbered before own ones')
    const bytes = this.importEntry(module, name, KIND.function)
    bytes.unsigned(typeIndex)
    this.names.set(this.importedFunctionCount, name)
    this.importedFunctionCount += 1
    return this.importedFunctionCount - 1
  }

  importMemory(module: string, name: string, limits: Limits): void {
    writeLimits(this.importEntry(module, name, KIND.memory), limits)
  }

  /** Index of an imported table of functions. */
  importTable(module: string, name: string, limits: Limits): number {
    assert(this.tables.count === 0, 'imported tables are numbered before own ones')
    const bytes = this.importEntry(module, name, KIND.table)
    bytes.byte(FUNCTION_REFERENCE)
    writeLimits(bytes, limits)
    this.importedTableCount += 1
    return this.importedTableCount - 1
  }

  memory(limits: Limits): void {
    writeLimits(this.memories.next(), limits)
  }

  /** Index of a table of functions. */
  table(limits: Limits): number {
    const bytes = this.tables.next()
    bytes.byte(FUNCTION_REFERENCE)
    writeLimits(bytes, limits)
    return this.importedTableCount + this.tables.count - 1
  }

  /** Index of a mutable global of 32 bits. */
  globalI32(initial: number): number {
    const bytes = this.globals.next()
    bytes.byte(0x7f)
    bytes.byte(0x01)
    bytes.byte(0x41)
    bytes.signed(initial)
    bytes.byte(END)
    return this.globals.count - 1
  }

  /** Declares a function; its code comes by {@link body}. @param name for stack traces; costs bytes only. */
  function(typeIndex: number, name?: string): number {
    const index = this.importedFunctionCount + this.functionTypes.length
    this.functionTypes.push(typeIndex)
    if (name !== undefined) this.names.set(index, name)
    return index
  }

  /** Begins the code of a declared function. */
  body(functionIndex: number): FunctionBody {
    assert(!this.bodies.has(functionIndex), 'a function has one body')
    const type = present(this.functionTypes[functionIndex - this.importedFunctionCount], 'declared function')
    const body = new FunctionBody(present(this.parameterCounts[type], 'type'))
    this.bodies.set(functionIndex, body)
    return body
  }

  exportFunction(name: string, index: number): void {
    this.exportEntry(name, KIND.function, index)
  }

  exportTable(name: string, index: number): void {
    this.exportEntry(name, KIND.table, index)
  }

  exportMemory(name: string): void {
    this.exportEntry(name, KIND.memory, 0)
  }

  /** Fills a table from `offset` on when the module is instantiated. */
  element(table: number, offset: number, functions: readonly number[]): void {
    const bytes = this.elements.next()
    bytes.unsigned(2)
    bytes.unsigned(table)
    bytes.byte(0x41)
    bytes.signed(offset)
    bytes.byte(END)
    bytes.byte(0x00)
    bytes.unsigned(functions.length)
    for (const index of functions) bytes.unsigned(index)
  }

  /** The module as bytes. Every declared function must have a body by now. */
  finish(): Uint8Array<ArrayBuffer> {
    const target = new ByteBuffer()
    target.append(HEADER)
    section(target, SECTION.type, this.types)
    section(target, SECTION.import, this.imports)
    section(target, SECTION.function, this.functionEntries())
    section(target, SECTION.table, this.tables)
    section(target, SECTION.memory, this.memories)
    section(target, SECTION.global, this.globals)
    section(target, SECTION.export, this.exports)
    section(target, SECTION.element, this.elements)
    section(target, SECTION.code, this.codeEntries())
    this.writeNames(target)
    return target.toBytes()
  }

  private functionEntries(): Entries {
    const entries = new Entries()
    for (const type of this.functionTypes) entries.next().unsigned(type)
    return entries
  }

  private codeEntries(): Entries {
    const entries = new Entries()
    for (let i = 0; i < this.functionTypes.length; i++) {
      const index = this.importedFunctionCount + i
      present(this.bodies.get(index), `body of function ${index}`).encodeTo(entries.next())
    }
    return entries
  }

  /** The custom section "name" with its subsection of functions (§7.4.1). */
  private writeNames(target: ByteBuffer): void {
    if (this.names.size === 0) return
    const names = new ByteBuffer()
    names.unsigned(this.names.size)
    for (const [index, name] of [...this.names].toSorted(([a], [b]) => a - b)) {
      names.unsigned(index)
      names.text(name)
    }
    const content = new ByteBuffer()
    content.text('name')
    content.byte(1)
    content.vector(names.view())
    target.byte(SECTION.custom)
    target.vector(content.view())
  }

  private importEntry(module: string, name: string, kind: number): ByteBuffer {
    const bytes = this.imports.next()
    bytes.text(module)
    bytes.text(name)
    bytes.byte(kind)
    return bytes
  }

  private exportEntry(name: string, kind: number, index: number): void {
    const bytes = this.exports.next()
    bytes.text(name)
    bytes.byte(kind)
    bytes.unsigned(index)
  }
}

function section(target: ByteBuffer, id: number, entries: Entries): void {
  if (entries.count === 0) return
  const count = new ByteBuffer()
  count.unsigned(entries.count)
  target.byte(id)
  target.unsigned(count.size + entries.bytes.size)
  target.append(count.view())
  target.append(entries.bytes.view())
}

function writeLimits(target: ByteBuffer, { initial, maximum }: Limits): void {
  target.byte(maximum === undefined ? 0 : 1)
  target.unsigned(initial)
  if (maximum !== undefined) target.unsigned(maximum)
}
