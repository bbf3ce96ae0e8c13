/**
 * The engine that a node runs: frames begin in the interpreter in Wasm (tier 1), and what is hot goes on in compiled code
 * (tier 2) as soon as there is some, at the next start of a frame or behind the next turn of a loop. Both work on the same
 * state in linear memory, so that results do not depend on which of them ran, nor on when a frame changed.
 *
 * Traced frames, and those for which linear memory has no room, are tier 0's. Initcode is never compiled: it runs once.
 */
import { assert } from '../../../src/primitives/assert.ts'
import type { ForkRules } from '../../../src/chain/forks.ts'
import type { Engine, Frame, Host, Message, StepTracer } from '../../host.ts'
import { tier0 } from '../engine.ts'
import { openInterpreterMachine, type CodeImports } from '../tier1/interpreter-machine.ts'
import { ForeignFrame, isCountable, WasmFrame, type Execute } from '../wasm/frame.ts'
import { ENGINE, FRAME, STATUS } from '../wasm/layout.ts'
import type { Machine } from '../wasm/machine.ts'
import { hasRoomFor } from '../wasm/memory-room.ts'
import type { CompilePort } from './compile-port.ts'
import { HotCodes, type CompileStatistics, type KnownCode, type TieringLimits } from './hot-code.ts'

/** Jumps of the interpreter in a turn, 0.1 to 1 ms: between turns it asks whether there is compiled code. */
const TURN_JUMPS = 10_000

/** As `../tier2/compile.ts` names it, which is not loaded here: a node that runs nothing hot does without the compiler. */
const ENTER: typeof import('../tier2/compile.ts').ENTER = 'enter'

/** When frames change tiers; equal results whatever it says. For tests. */
export interface Switching {
  /** Jumps until the interpreter's turn ends; at least 1. */
  turnJumps(): number
  /** Whether a frame that may enter compiled code does so now. */
  enters(): boolean
}

export interface TieringOptions {
  readonly port: CompilePort
  readonly limits?: Partial<TieringLimits>
  readonly switching?: Switching
  /** Hashes of 32 and 64 bytes are kept for when they are asked for again: see `../wasm/keccak.ts`. */
  readonly remembersHashes?: boolean
}

/** Frames by the tier in which they began, and what was compiled. */
export interface TieringStatistics extends CompileStatistics {
  readonly frames: Readonly<Record<'tier0' | 'tier1' | 'tier2', number>>
}

export interface TieredEngine extends Engine {
  readonly codes: HotCodes
  /** Makes what the first frame would have to make, once: some 15 ms of work. */
  prepare(): void
  statistics(): TieringStatistics
}

export function createTieredEngine(options: TieringOptions): TieredEngine {
  const codes = new HotCodes(options.port, options.limits)
  const frames = { tier0: 0, tier1: 0, tier2: 0 }
  let room: Room | undefined
  const makeRoom = (): Room => {
    codes.dropEntries()
    return openRoom(codes, options)
  }
  return {
    name: 'tiered',
    codes,
    prepare: () => void (room ??= makeRoom()),
    start(message: Message, host: Host, rules: ForkRules, tracer?: StepTracer): Frame {
      if (room === undefined || room.machine.isTooLarge()) room = makeRoom()
      if (tracer === undefined && isCountable(message)) {
        const frame: TieredFrame = WasmFrame.open(message, host, rules, room.machine, room.execute)
        if (frame.begin()) {
          frame.known = codeOf(codes, room.machine, frame)
          if (frame.known?.compiled === undefined) frames.tier1 += 1
          else frames.tier2 += 1
          return frame
        }
      }
      frames.tier0 += 1
      return new ForeignFrame(tier0.start(message, host, rules, tracer), room.machine)
    },
    statistics: () => ({ ...codes.statistics, frames: { ...frames } }),
  }
}

type TieredFrame = WasmFrame<KnownCode>

/** What is known of a frame's code; `undefined` for what is only interpreted. */
function codeOf(codes: HotCodes, machine: Machine, frame: TieredFrame): KnownCode | undefined {
  const { codeHash, code } = frame.message
  if (codeHash === undefined || !hasRoomFor(machine, frame.gas)) return undefined
  return codes.of(frame.rules.evm, codeHash, code)
}

/** A machine, and how frames run in it. */
interface Room {
  readonly machine: Machine
  readonly execute: Execute<KnownCode>
}

function openRoom(codes: HotCodes, { switching, remembersHashes = false }: TieringOptions): Room {
  const { machine, imports } = openInterpreterMachine()
  if (remembersHashes) machine.setField(ENGINE.remembersHashes, 1)
  return { machine, execute: createExecute(codes, imports, switching) }
}

function createExecute(
  codes: HotCodes,
  imports: CodeImports,
  switching: Switching | undefined,
): Execute<KnownCode> {
  // Hot: twice a frame.
  return (machine, frame) => {
    const interpret = machine.exports.interpret[frame.rules.evm]
    const { known } = frame
    if (known === undefined) {
      machine.setField(ENGINE.turnJumps, 0)
      return interpret()
    }
    for (;;) {
      if (known.compiled !== undefined && (switching === undefined || switching.enters())) {
        const status = (known.enter ?? instantiate(codes, known, imports))()
        if (status !== STATUS.switch) return status
        machine.refresh()
      }
      const status = interpretTurn(codes, machine, known, interpret, switching?.turnJumps() ?? TURN_JUMPS)
      if (status !== STATUS.switch) return status
      codes.poll()
    }
  }
}

function interpretTurn(
  codes: HotCodes,
  machine: Machine,
  known: KnownCode,
  interpret: () => number,
  turnJumps: number,
): number {
  machine.setField(ENGINE.turnJumps, turnJumps)
  // The lower halves do: what is lost is a multiple of 2³², and what a halt takes is not counted.
  const before = machine.field(FRAME.gas)
  const status = interpret()
  machine.refresh()
  codes.heat(known, (before - machine.field(FRAME.gas)) >>> 0)
  return status
}

/** The way into compiled code; when it is of no use, one that leads nowhere. */
function instantiate(codes: HotCodes, known: KnownCode, imports: CodeImports): () => number {
  assert(known.compiled !== undefined, 'compiled code')
  try {
    const { exports } = new WebAssembly.Instance(known.compiled.module, { ...imports })
    // The compiler exports it with this type.
    const enter = exports[ENTER] as () => number
    known.enter = enter
    return enter
  } catch (error) {
    // The machine has no room for more code.
    if (!(error instanceof RangeError)) throw error
    codes.giveUp(known)
    return () => STATUS.switch
  }
}
