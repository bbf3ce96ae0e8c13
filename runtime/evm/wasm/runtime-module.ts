/**
 * The functions that all Wasm engines share, in one module: arithmetic on words, Keccak, memory, storage, logs. Tier 1 puts its
 * interpreter into the same module and calls them directly; modules of tier 2 import them by name.
 *
 * A word is passed as four limbs, lowest first, and comes back as four results.
 */
import { I32, I64, type ValueType } from '../../wasm/function-body.ts'
import type { ModuleWriter } from '../../wasm/module-writer.ts'
import { emitFrameFunctions } from './frame-functions.ts'
import { emitJumpTargets } from './jump-targets.ts'
import { emitKeccak } from './keccak.ts'
import { emitKnownWords } from './known-words.ts'
import { emitLogFunctions } from './logs.ts'
import { emitMemoryFunctions } from './memory-functions.ts'
import { emitStorageFunctions } from './storage-table.ts'
import { emitDivisions } from './words/divide.ts'
import { emitLongDivisions } from './words/long-division.ts'
import { emitModular } from './words/modular.ts'
import { emitExponentiate, emitMultiply } from './words/multiply.ts'
import { emitShifts } from './words/shift.ts'
import { WORD } from './words/word-writer.ts'

/** Types by name, for modules that import the functions. What each does is told where it is emitted. */
export const RUNTIME_FUNCTIONS = {
  mul: { parameters: [...WORD, ...WORD], results: WORD },
  div: { parameters: [...WORD, ...WORD], results: WORD },
  sdiv: { parameters: [...WORD, ...WORD], results: WORD },
  mod: { parameters: [...WORD, ...WORD], results: WORD },
  smod: { parameters: [...WORD, ...WORD], results: WORD },
  addmod: { parameters: [...WORD, ...WORD, ...WORD], results: WORD },
  mulmod: { parameters: [...WORD, ...WORD, ...WORD], results: WORD },
  exp: { parameters: [...WORD, ...WORD], results: WORD },
  shl: { parameters: [I64, ...WORD], results: WORD },
  shr: { parameters: [I64, ...WORD], results: WORD },
  sar: { parameters: [I64, ...WORD], results: WORD },
  signextend: { parameters: [I64, ...WORD], results: WORD },
  byte: { parameters: [I64, ...WORD], results: [I64] },
  clz: { parameters: WORD, results: [I64] },
  keccak256: { parameters: [I32, I32], results: WORD },
  keccak256Short: { parameters: [I32, I32], results: WORD },
  expandMemory: { parameters: [I64, I64], results: [I64] },
  rangeEnd: { parameters: [I32, I32], results: [I64] },
  copyPadded: { parameters: [I32, I32, I32, I64, I32], results: [] },
  callDataLoad: { parameters: [I64], results: WORD },
  storageLoad: { parameters: [I32, I64], results: [I64] },
  storageStore: { parameters: [I32, I64], results: [I64] },
  transientLoad: { parameters: [I32], results: [] },
  transientStore: { parameters: [I32], results: [] },
  undoStorage: { parameters: [I32], results: [] },
  appendLog: { parameters: [I32, I32, I32, I32], results: [] },
  selfBalance: { parameters: [I32], results: [] },
  blobHash: { parameters: [I32], results: [] },
  blockHash: { parameters: [I32], results: [] },
  beginFrame: {
    parameters: [I32, I32, I32, I32, I32, I32, I32, I32, I32, I32, I32, I32, I64],
    results: [],
  },
  beginCallee: { parameters: [I32, I32, I32, I32, I32, I32, I32, I32], results: [] },
  resumeFrame: { parameters: [I32, I32, I32, I64], results: [] },
  resumeCaller: { parameters: [I32, I32], results: [] },
  restoreFrame: { parameters: [I32], results: [] },
  takeCallGas: { parameters: [I32, I32, I32], results: [I32] },
  prepareCode: { parameters: [I32, I32], results: [] },
  isJumpTarget: { parameters: [I32], results: [I32] },
} as const satisfies Record<string, { parameters: readonly ValueType[]; results: readonly ValueType[] }>

export type RuntimeFunction = keyof typeof RUNTIME_FUNCTIONS

/**
 * Writes all of them into a module and exports them.
 * @param host the import `host(operation: i32, sp: i32, gas: i32) → i32`: see `host-operations.ts`.
 * @returns their indices.
 */
export function emitRuntime(module: ModuleWriter, host: number): Readonly<Record<RuntimeFunction, number>> {
  const mul = emitMultiply(module)
  const longDivisions = emitLongDivisions(module)
  const functions = {
    mul,
    exp: emitExponentiate(module, mul),
    ...emitDivisions(module, longDivisions),
    ...emitModular(module, longDivisions),
    ...emitShifts(module),
    ...emitKeccak(module),
    ...emitMemoryFunctions(module),
    ...emitJumpTargets(module),
    ...emitFrameFunctions(module),
    ...emitKnownWords(module, host),
    ...emitStorageFunctions(module, host),
    ...emitLogFunctions(module, host),
  }
  for (const [name, index] of Object.entries(functions)) module.exportFunction(name, index)
  return functions
}
