/** A machine with tier 1's module in it: what all Wasm engines run on. */
import { assert } from '../../../src/primitives/assert.ts'
import { Machine } from '../wasm/machine.ts'
import { emitInterpreterModule, machineExports } from './interpreter.ts'

/** What compiled code imports: the machine's host and memory, and the functions that tier 1's module exports. */
export interface CodeImports {
  readonly host: Record<string, unknown>
  readonly runtime: WebAssembly.Instance['exports']
}

export interface InterpreterMachine {
  readonly machine: Machine
  readonly imports: CodeImports
}

/** The same for all machines; emitted and compiled for the first one. */
let compiled: WebAssembly.Module | undefined

/** @param pagesMax for tests, which make memory scarce. */
export function openInterpreterMachine(pagesMax?: number): InterpreterMachine {
  let imports: CodeImports | undefined
  const machine = new Machine((memory, operation) => {
    compiled ??= new WebAssembly.Module(emitInterpreterModule())
    const host = { memory, operation }
    const { exports } = new WebAssembly.Instance(compiled, { host })
    imports = { host, runtime: exports }
    return machineExports(exports)
  }, pagesMax)
  assert(imports !== undefined, 'a machine instantiates its module')
  return { machine, imports }
}
