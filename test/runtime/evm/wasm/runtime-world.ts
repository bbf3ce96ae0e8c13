/** The shared functions of Wasm engines, instantiated alone, with words as bigints. */
import { I32 } from '../../../../runtime/wasm/function-body.ts'
import { ModuleWriter } from '../../../../runtime/wasm/module-writer.ts'
import { MEMORY_PAGES_MAX, MEMORY_PAGES_MIN } from '../../../../runtime/evm/wasm/layout.ts'
import { emitRuntime, type RuntimeFunction } from '../../../../runtime/evm/wasm/runtime-module.ts'

type Limbs = readonly bigint[]

export interface RuntimeWorld {
  readonly bytes: () => Uint8Array
  readonly view: () => DataView
  readonly functions: Record<RuntimeFunction, (...parameters: (bigint | number)[]) => unknown>
  /** Calls a function on words; a result of one limb comes back as it is. */
  word(name: RuntimeFunction, ...words: bigint[]): bigint
}

export function createRuntimeWorld(): RuntimeWorld {
  const module = new ModuleWriter()
  module.importMemory('host', 'memory', { initial: MEMORY_PAGES_MIN, maximum: MEMORY_PAGES_MAX })
  const host = module.importFunction('host', 'operation', module.type([I32, I32, I32], [I32]))
  emitRuntime(module, host)
  const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES_MIN, maximum: MEMORY_PAGES_MAX })
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), {
    host: { memory, operation: () => 0 },
  })
  const functions = instance.exports as RuntimeWorld['functions']
  return {
    functions,
    bytes: () => new Uint8Array(memory.buffer),
    view: () => new DataView(memory.buffer),
    word: (name, ...words) => fromResult(functions[name](...words.flatMap(limbsOf))),
  }
}

/** Four limbs, lowest first, signed as WebAssembly hands them over. */
export function limbsOf(word: bigint): bigint[] {
  return [0n, 64n, 128n, 192n].map((shift) => BigInt.asIntN(64, word >> shift))
}

/** A word from its limbs, or 64 bits from one. */
export function fromResult(result: unknown): bigint {
  const limbs = (typeof result === 'bigint' ? [result] : result) as Limbs
  return limbs.reduceRight((word, limb) => (word << 64n) | BigInt.asUintN(64, limb), 0n)
}
