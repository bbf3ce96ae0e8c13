/**
 * Tier 2: compiled code as an {@link Engine}. What the compiler leaves out (calls, rare heights of the stack, code beyond
 * its budget) the interpreter in Wasm does, over the same state: a frame changes tiers wherever a region begins or ends.
 */
import type { ForkRules } from '../../../src/chain/forks.ts'
import type { Engine, Frame, Host, Message, StepTracer } from '../../host.ts'
import { tier0 } from '../engine.ts'
import { openInterpreterMachine, type CodeImports } from '../tier1/interpreter-machine.ts'
import { ForeignFrame, isCountable, WasmFrame, type Execute } from '../wasm/frame.ts'
import { STATUS } from '../wasm/layout.ts'
import type { Machine } from '../wasm/machine.ts'
import { hasRoomFor } from '../wasm/memory-room.ts'
import { CachedCode, CodeCache, type CompilerLimits } from './code-cache.ts'
import { REGION_LIMITS } from './compile.ts'

export interface Tier2Options {
  readonly name: string
  readonly limits: CompilerLimits
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
  const cache = new CodeCache(options.limits)
  let room: Room | undefined
  return {
    name: options.name,
    start(message: Message, host: Host, rules: ForkRules, tracer?: StepTracer): Frame {
      if (room === undefined || room.machine.isTooLarge()) room = openRoom(cache, options)
      if (tracer === undefined && isCountable(message)) {
        const frame = WasmFrame.open(message, host, rules, room.machine, room.execute)
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

function openRoom(cache: CodeCache, options: Tier2Options): Room {
  const { machine, imports } = openInterpreterMachine()
  return { machine, execute: createExecute(imports, cache, options) }
}

/** Runs frames in compiled code where there is some, in the interpreter where not. */
function createExecute(imports: CodeImports, cache: CodeCache, options: Tier2Options): Execute {
  const enterCompiled = createCompiledCode(imports, options, cache)
  return (machine, frame) => {
    const status = enterCompiled(machine, frame)
    return status === STATUS.switch ? machine.exports.interpret[frame.rules.evm]() : status
  }
}

/** Runs frames in compiled code; answers `STATUS.switch` where another tier must go on. */
export function createCompiledCode(
  imports: CodeImports,
  { limits, compilesInitcode }: Tier2Options,
  cache = new CodeCache(limits),
): Execute {
  const initcodes = new WeakMap<WasmFrame, CachedCode>()
  /** Code that runs once is compiled once, where it is at all. */
  const compiledInitcode = (frame: WasmFrame): CachedCode | undefined => {
    if (!compilesInitcode) return undefined
    let code = initcodes.get(frame)
    if (code === undefined) {
      code = new CachedCode(frame.message.code, frame.rules.evm, limits)
      initcodes.set(frame, code)
    }
    return code
  }
  return (machine, frame) => {
    if (!hasRoomFor(machine, frame.gas)) return STATUS.switch
    const code = cache.of(frame) ?? compiledInitcode(frame)
    return code === undefined ? STATUS.switch : code.enterOver(imports)()
  }
}
