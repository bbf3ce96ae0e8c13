/**
 * Tier 1: the interpreter in Wasm as an {@link Engine}. Its module is emitted and compiled when a frame first starts;
 * what it keeps between frames (code, known addresses) changes speed only. Traced frames, and frames with more gas than
 * fits its counter, are tier 0's.
 */
import type { ForkRules } from '../../../src/chain/forks.ts'
import type { Engine, Frame, Host, Message, StepTracer } from '../../host.ts'
import { tier0 } from '../engine.ts'
import { ForeignFrame, isCountable, WasmFrame, type Execute } from '../wasm/frame.ts'
import type { Machine } from '../wasm/machine.ts'
import { openInterpreterMachine } from './interpreter-machine.ts'

let machine: Machine | undefined

export const tier1: Engine = {
  name: 'tier1',
  start(message: Message, host: Host, rules: ForkRules, tracer?: StepTracer): Frame {
    if (machine === undefined || machine.isTooLarge()) ({ machine } = openInterpreterMachine())
    if (tracer === undefined && isCountable(message)) {
      const frame = WasmFrame.open(message, host, rules, machine, execute)
      if (frame.begin()) return frame
    }
    return new ForeignFrame(tier0.start(message, host, rules, tracer), machine)
  },
}

const execute: Execute = (machine, { rules }) => machine.exports.interpret[rules.evm]()
