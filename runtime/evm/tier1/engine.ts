/**
 * Tier 1: the interpreter in Wasm as an {@link Engine}. Its module is emitted and compiled when a frame first starts;
 * what it keeps between frames (code, known addresses) changes speed only. Traced frames, and frames with more gas than
 * fits its counter, are tier 0's.
 */
import type { ForkRules } from '../../../src/chain/forks.ts'
import type { Engine, Frame, Host, Message, StepTracer } from '../../host.ts'
import { tier0 } from '../engine.ts'
import { EVM_FORKS, type EvmFork } from '../opcodes.ts'
import { ForeignFrame, WasmFrame, type Execute } from '../wasm/frame.ts'
import { Machine, type Instantiate, type MachineExports } from '../wasm/machine.ts'
import { emitInterpreterModule, interpreterName } from './interpreter.ts'

/** Gas is a signed integer of 64 bits in Wasm, and a sum of two amounts must fit. */
const GAS_LIMIT = 2n ** 62n

let compiled: WebAssembly.Module | undefined
let machine: Machine | undefined

export const tier1: Engine = {
  name: 'tier1',
  start(message: Message, host: Host, rules: ForkRules, tracer?: StepTracer): Frame {
    if (machine === undefined || machine.isTooLarge()) machine = new Machine(instantiate)
    if (tracer === undefined && message.gas < GAS_LIMIT) {
      const frame = new WasmFrame(message, host, rules, machine, execute)
      if (frame.begin()) return frame
    }
    return new ForeignFrame(tier0.start(message, host, rules, tracer), machine)
  },
}

const execute: Execute = (machine, { rules }) => machine.exports.interpret[rules.evm]()

const instantiate: Instantiate = (memory, operation) => {
  compiled ??= new WebAssembly.Module(emitInterpreterModule())
  const { exports } = new WebAssembly.Instance(compiled, { host: { memory, operation } })
  // The exports are ours: their names and types are those that were written.
  const interpreters = EVM_FORKS.map(
    (fork) => [fork, exports[interpreterName(fork)] as () => number] as const,
  )
  return {
    markJumpTargets: exports['markJumpTargets'] as MachineExports['markJumpTargets'],
    undoStorage: exports['undoStorage'] as MachineExports['undoStorage'],
    interpret: Object.fromEntries(interpreters) as Record<EvmFork, () => number>,
  }
}
