/**
 * The part of the WebAssembly JavaScript interface that the engines use. TypeScript declares it in its library for
 * browsers only, which would bring every browser global into scope.
 */
declare namespace WebAssembly {
  function validate(bytes: Uint8Array<ArrayBuffer>): boolean
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>)
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>)
    readonly exports: Record<string, unknown>
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number })
    readonly buffer: ArrayBuffer
    /** In pages. @throws RangeError beyond the maximum, or when the machine has no more. */
    grow(pages: number): number
  }
  class Table {
    constructor(descriptor: { element: 'anyfunc'; initial: number; maximum?: number })
    get(index: number): unknown
    set(index: number, value: unknown): void
    grow(entries: number): number
  }
}
