/**
 * Tier 2: compiled code as an {@link Engine}. What the compiler leaves out (calls, rare heights of the stack, code beyond
 * its budget) the interpreter in Wasm does, over the same state: a frame changes tiers wherever a region begins or ends.
 */
import { assert } from '../../../src/primitives/assert.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import type { ForkRules } from '../../../src/chain/forks.ts'
import type { Engine, Frame, Host, Message, StepTracer } from '../../host.ts'
import { tier0 } from '../engine.ts'
import type { EvmFork } from '../opcodes.ts'
import { emitInterpreterModule, machineExports } from '../tier1/interpreter.ts'
import { ForeignFrame, WasmFrame, type Execute } from '../wasm/frame.ts'
import { STATUS } from '../wasm/layout.ts'
import { Machine } from '../wasm/machine.ts'
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
  let room: Room | undefined
  return {
    name: options.name,
    start(message: Message, host: Host, rules: ForkRules, tracer?: StepTracer): Frame {
      if (room === undefined || room.machine.isTooLarge()) room = openRoom(options)
      if (tracer === undefined && message.gas <= GAS_LIMIT) {
        const frame = new WasmFrame(message, host, rules, room.machine, room.execute)
        if (frame.begin()) return frame
      }
      return new ForeignFrame(tier0.start(message, host, rules, tracer), room.machine)
    },
  }
}

/** A machine, and how frames run in it. */
interface Room {
  readonly machine: Machine
  readonly execute: Execute
}

/** What compiled code imports: the machine's host and memory, and the functions that tier 1's module exports. */
export interface CodeImports {
  readonly host: Record<string, unknown>
  readonly runtime: WebAssembly.Instance['exports']
}

/** The module of tier 1, the same for all machines. */
let interpreterModule: WebAssembly.Module | undefined

function openRoom(options: Tier2Options): Room {
  let imports: CodeImports | undefined
  const machine = new Machine((memory, operation) => {
    interpreterModule ??= new WebAssembly.Module(emitInterpreterModule())
    const host = { memory, operation }
    const { exports } = new WebAssembly.Instance(interpreterModule, { host })
    imports = { host, runtime: exports }
    return machineExports(exports)
  })
  assert(imports !== undefined, 'a machine instantiates its module')
  const enterCompiled = createCompiledCode(imports, options)
  const execute: Execute = (machine, frame) => {
    const status = enterCompiled(machine, frame)
    return status === STATUS.switch ? machine.exports.interpret[frame.rules.evm]() : status
  }
  return { machine, execute }
}

/** Runs frames in compiled code; answers `STATUS.switch` where another tier must go on. */
export function createCompiledCode(imports: CodeImports, options: Tier2Options): Execute {
  const code = new CompiledCode(imports, options)
  return (_, frame) => code.enter(frame)
}

/** Goes on with the frame whose record is in place. @returns a status of `layout.ts`. */
type Enter = () => number

/** Code compiled for one machine. */
class CompiledCode {
  readonly #options: Tier2Options
  readonly #imports: CodeImports
  /** By fork and code hash. */
  readonly #compiled = new Map<string, Enter>()
  /** Code without a hash, while its frame runs. */
  readonly #initcodes = new WeakMap<WasmFrame, Enter>()

  constructor(imports: CodeImports, options: Tier2Options) {
    this.#imports = imports
    this.#options = options
  }

  enter(frame: WasmFrame): number {
    return this.#enterOf(frame)?.() ?? STATUS.switch
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
