/**
 * Straight-line routines over elements of a field, recorded from plain calls and generated as Wasm functions that call
 * one another: formulas of a tower of fields read like code that runs, and cost no call from JavaScript per operation.
 *
 * While a routine is recorded, a place is a number: an address, or an address relative to a parameter. Either way,
 * `place + size` is the place behind it.
 */
import { assert, present } from '../../../src/primitives/assert.ts'
import { call, const32, get, I32, OP, type Code, type WasmFunction } from './wasm-assembler.ts'

/** Takes places while it is recorded, addresses when it runs. */
export type Routine = (...places: number[]) => void

/** Places relative to parameter n are n + 1 times this, and offsets less than it. */
const PARAMETER = 2 ** 24

export interface Program {
  /** Bytes of an element of the prime field. */
  readonly elementSize: number
  /** Room for `count` elements in a row, zero until written. A routine may keep intermediate results in it. */
  allocate(count: number): number
  /** A function that the field provides. */
  primitive(name: string): Routine
  /**
   * Records a routine.
   * @param write calls other routines with places.
   * @returns what records a call of it.
   */
  define(name: string, parameterCount: number, write: Routine): Routine
  /** All that was defined, to follow the primitives in one module. */
  functions(): readonly WasmFunction[]
  /** Bytes from address zero that {@link allocate} handed out. */
  allocatedSize(): number
}

/** @param primitives names of the functions in front of the program's own. */
export function createProgram(primitives: readonly string[], elementSize: number): Program {
  const functions: WasmFunction[] = []
  let allocatedSize = 0
  /** Of the routine that is being recorded. */
  let body: Code[] | undefined

  const recordCall =
    (index: number): Routine =>
    (...places) => {
      present(body, 'calls are recorded within a routine').push(places.map(address), call(index))
    }

  return {
    elementSize,
    allocate(count) {
      const start = allocatedSize
      allocatedSize += count * elementSize
      assert(allocatedSize < PARAMETER, 'addresses and parameters are apart')
      return start
    },
    primitive: (name) => recordCall(primitives.indexOf(name)),
    define(name, parameterCount, write) {
      assert(body === undefined, 'one routine is recorded at a time')
      body = []
      const parameters = Array.from({ length: parameterCount }, (_, n) => (n + 1) * PARAMETER)
      write(...parameters)
      functions.push({ name, params: parameters.map(() => I32), results: [], locals: [], body })
      body = undefined
      return recordCall(primitives.length + functions.length - 1)
    },
    functions: () => functions,
    allocatedSize: () => allocatedSize,
  }
}

/** Puts the address of a place on the stack. */
function address(place: number): Code {
  const offset = place % PARAMETER
  const parameter = Math.floor(place / PARAMETER) - 1
  if (parameter < 0) return const32(offset)
  return offset === 0 ? get(parameter) : [get(parameter), const32(offset), OP.i32Add]
}
