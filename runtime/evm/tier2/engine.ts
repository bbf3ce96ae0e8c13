/**
 * Tier 2: compiled code as an {@link Engine}. What the compiler leaves out (calls, rare heights of the stack, code beyond
 * its budget) the interpreter in Wasm does, over the same state: a frame changes tiers wherever a region begins or ends.
 */
import { assert } from '../../../src/primitives/assert.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import type { ForkRules } from '../../../src/chain/forks.ts'
import type { Engine, Frame, Host, Message, StepTracer } from '../../host.ts'
import { tier0 } from '../engine.ts'
import { EVM_FORKS, type EvmFork } from '../opcodes.ts'
import { emitInterpreterModule, interpreterName } from '../tier1/interpreter.ts'
import { WasmFrame, type Execute } from '../wasm/frame.ts'
import { STATUS } from '../wasm/layout.ts'
import { Machine, type HostOperation, type MachineExports } from '../wasm/machine.ts'
import { compile, ENTER, REGION_LIMITS } from './compile.ts'
import type { RegionLimits } from './region-graph.ts'

/**
 * Frames with more gas are tier 0's. Compiled code cannot stop in the middle of a block because the arena is full: with
 * this much gas, all memories of a transaction together stay below 1 GiB (3·w + w² ÷ 512 for each, shared by at most
 * some hundred frames, as each passes on 63/64).
 */
const GAS_LIMIT = 2n ** 33n
/** Bytes of function bodies for one contract. */
const BYTES_MAX = 4 * 1024 * 1024
/** Contracts with compiled code. */
const INSTANCES_MAX = 256

export interface Tier2Options {
  readonly name: string
  readonly limits: RegionLimits
  /** Also code without a hash: for tests, as initcode runs once. */
  readonly compilesInitcode: boolean
}

/** Compiles everything when it first runs. */
export const tier2: Engine = createTier2({
  name: 'tier2',
  limits: REGION_LIMITS,
  compilesInitcode: false,
})

export function createTier2(options: Tier2Options): Engine {
  let machine: CompilingMachine | undefined
  return {
    name: options.name,
    start(message: Message, host: Host, rules: ForkRules, tracer?: StepTracer): Frame {
      if (tracer !== undefined) return tier0.start(message, host, rules, tracer)
      if (message.gas > GAS_LIMIT) return tier0.start(message, host, rules)
      if (machine === undefined || machine.state.isTooLarge()) machine = new CompilingMachine(options)
      const frame = new WasmFrame(message, host, rules, machine.state, machine.execute)
      return frame.begin() ? frame : tier0.start(message, host, rules)
    },
  }
}

/** Goes on with the frame whose record is in place. @returns a status of `layout.ts`. */
type Enter = () => number

/** The module of tier 1, which has the functions that compiled code calls. */
let interpreterModule: WebAssembly.Module | undefined

interface Imports extends Record<string, Record<string, unknown>> {
  readonly host: { memory: WebAssembly.Memory; operation: HostOperation }
  readonly runtime: WebAssembly.Instance['exports']
}

/** A machine, and code compiled for it. */
class CompilingMachine {
  readonly state: Machine
  readonly execute: Execute
  readonly #options: Tier2Options
  readonly #imports: Imports
  /** By fork and code hash. */
  readonly #compiled = new Map<string, Enter>()
  /** Code without a hash, while its frame runs. */
  readonly #initcodes = new WeakMap<WasmFrame, Enter>()

  constructor(options: Tier2Options) {
    this.#options = options
    let imports: Imports | undefined
    this.state = new Machine((memory, operation) => {
      const instance = instantiateInterpreter(memory, operation)
      imports = { host: { memory, operation }, runtime: instance.exports }
      return exportsOf(instance)
    })
    assert(imports !== undefined, 'a machine instantiates its module')
    this.#imports = imports
    this.execute = (machine, frame) => {
      const status = this.#enterOf(frame)?.() ?? STATUS.switch
      return status === STATUS.switch ? machine.exports.interpret[frame.rules.evm]() : status
    }
  }

  #enterOf(frame: WasmFrame): Enter | undefined {
    const { message, rules } = frame
    if (message.codeHash === undefined) return this.#enterOfInitcode(frame)
    const key = keyOf(rules.evm, message.codeHash)
    let enter = this.#compiled.get(key)
    if (enter === undefined) {
      enter = this.#compile(message.code, rules.evm)
      const [oldest] = this.#compiled.keys()
      if (oldest !== undefined && this.#compiled.size >= INSTANCES_MAX) this.#compiled.delete(oldest)
      this.#compiled.set(key, enter)
    }
    return enter
  }

  #enterOfInitcode(frame: WasmFrame): Enter | undefined {
    if (!this.#options.compilesInitcode) return undefined
    let enter = this.#initcodes.get(frame)
    if (enter === undefined) {
      enter = this.#compile(frame.message.code, frame.rules.evm)
      this.#initcodes.set(frame, enter)
    }
    return enter
  }

  #compile(code: Uint8Array, fork: EvmFork): Enter {
    const { bytes } = compile(code, fork, { limits: this.#options.limits, bytesMax: BYTES_MAX })
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { ...this.#imports })
    // The compiler exports it with this type.
    return exports[ENTER] as Enter
  }
}

function keyOf(fork: EvmFork, codeHash: Hash): string {
  return `${fork}:${codeHash}`
}

function instantiateInterpreter(memory: WebAssembly.Memory, operation: HostOperation): WebAssembly.Instance {
  interpreterModule ??= new WebAssembly.Module(emitInterpreterModule())
  return new WebAssembly.Instance(interpreterModule, { host: { memory, operation } })
}

function exportsOf({ exports }: WebAssembly.Instance): MachineExports {
  // Names and types are those that tier 1 writes.
  const interpreters = EVM_FORKS.map(
    (fork) => [fork, exports[interpreterName(fork)] as () => number] as const,
  )
  return {
    markJumpTargets: exports['markJumpTargets'] as MachineExports['markJumpTargets'],
    interpret: Object.fromEntries(interpreters) as Record<EvmFork, () => number>,
  }
}
