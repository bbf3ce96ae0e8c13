/**
 * Tier 2: compiled code as an {@link Engine}. What the compiler leaves out (calls, rare heights of the stack, code beyond
 * its budget) the interpreter in Wasm does, over the same state: a frame changes tiers wherever a region begins or ends.
 */
import type { ForkRules } from '../../../src/chain/forks.ts'
import type { Engine, Frame, Host, Message, StepTracer } from '../../host.ts'
import { tier0 } from '../engine.ts'
import { openInterpreterMachine, type CodeImports } from '../tier1/interpreter-machine.ts'
import { ForeignFrame, isWithinGas, WasmFrame, type Execute } from '../wasm/frame.ts'
import { FRAME, STATUS } from '../wasm/layout.ts'
import type { Machine } from '../wasm/machine.ts'
import { hasRoomFor } from '../wasm/memory-room.ts'
import { CodeCache, compileNow, emptyEntry, enterOf, type CompileService, type Enter } from './code-cache.ts'
import { REGION_LIMITS } from './compile.ts'
import type { RegionLimits } from './region-graph.ts'

/** Gas is a signed integer of 64 bits in Wasm, and a sum of two amounts must fit. */
const GAS_LIMIT = 2n ** 62n

export interface Tier2Options {
  readonly name: string
  readonly limits: RegionLimits
  /** Who compiles; without one it is done on the spot. */
  readonly compile?: CompileService
  /** Gas that the interpreter spends on each byte of code before it is compiled; by default before it first runs. */
  readonly hotGasPerByte?: number
  /** Also code without a hash, at once: for tests, as initcode runs only once. */
  readonly compilesInitcode: boolean
}

/** Compiles everything when it first runs. */
export const tier2: Engine = createTier2({
  name: 'tier2',
  limits: REGION_LIMITS,
  compilesInitcode: false,
})

export function createTier2(options: Tier2Options): Engine {
  const cache = cacheOf(options)
  let room: Room | undefined
  return {
    name: options.name,
    start(message: Message, host: Host, rules: ForkRules, tracer?: StepTracer): Frame {
      if (room === undefined || room.machine.isTooLarge()) room = openRoom(cache, options)
      if (tracer === undefined && isWithinGas(message, GAS_LIMIT)) {
        const frame = new WasmFrame(message, host, rules, room.machine, room.execute)
        if (frame.begin()) return frame
      }
      return new ForeignFrame(tier0.start(message, host, rules, tracer), room.machine)
    },
  }
}

function cacheOf({ compile, limits, hotGasPerByte = 0 }: Tier2Options): CodeCache {
  return new CodeCache(compile ?? compileNow(limits), hotGasPerByte)
}

/** A machine, and how frames run in it. */
interface Room {
  readonly machine: Machine
  readonly execute: Execute
}

function openRoom(cache: CodeCache, options: Tier2Options): Room {
  const { machine, imports } = openInterpreterMachine()
  return { machine, execute: createExecute(imports, cache, options) }
}

/** Runs frames in compiled code where there is some, in the interpreter where not. */
function createExecute(imports: CodeImports, cache: CodeCache, options: Tier2Options): Execute {
  const enterCompiled = createCompiledCode(imports, options, cache)
  return (machine, frame) => {
    const status = enterCompiled(machine, frame)
    if (status !== STATUS.switch) return status
    const entry = cache.of(frame)
    const interpret = machine.exports.interpret[frame.rules.evm]
    if (entry === undefined || entry.isRequested) return interpret()
    // The lower halves do: what is lost is a multiple of 2³², and what a halt takes is not counted.
    const before = machine.field(FRAME.gas)
    const ended = interpret()
    cache.heat(entry, frame, (before - machine.field(FRAME.gas)) >>> 0)
    return ended
  }
}

/** Runs frames in compiled code; answers `STATUS.switch` where another tier must go on. */
export function createCompiledCode(
  imports: CodeImports,
  options: Tier2Options,
  cache = cacheOf(options),
): Execute {
  const initcodes = new WeakMap<WasmFrame, Enter>()
  /** Code that runs once is compiled once, where it is at all. */
  const enterInitcode = (frame: WasmFrame): Enter | undefined => {
    if (!options.compilesInitcode) return undefined
    let enter = initcodes.get(frame)
    if (enter === undefined) {
      const entry = emptyEntry(frame.message.code.length)
      compileNow(options.limits)(frame.message.code, frame.rules.evm, (module) => {
        entry.module = module
      })
      enter = enterOf(entry, imports)
      if (enter !== undefined) initcodes.set(frame, enter)
    }
    return enter
  }
  return (machine, frame) => {
    if (!hasRoomFor(machine, frame.gas)) return STATUS.switch
    const entry = cache.of(frame)
    const enter = entry === undefined ? enterInitcode(frame) : enterOf(entry, imports)
    return enter === undefined ? STATUS.switch : enter()
  }
}
