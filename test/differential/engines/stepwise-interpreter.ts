/**
 * Tier 1's interpreter, made of the same parts, with one thing more: before each instruction it counts down, and at 0
 * leaves with `STATUS.switch`, the record complete. So a frame can be taken from it at any boundary of instructions.
 */
import { present } from '../../../src/primitives/assert.ts'
import { I32, type Label } from '../../../runtime/wasm/function-body.ts'
import { ModuleWriter } from '../../../runtime/wasm/module-writer.ts'
import { EVM_FORKS, INSTRUCTION_SETS, STACK_LIMIT, type Instruction } from '../../../runtime/evm/opcodes.ts'
import { ARITHMETIC } from '../../../runtime/evm/tier1/instructions/arithmetic.ts'
import { ENVIRONMENT } from '../../../runtime/evm/tier1/instructions/environment.ts'
import { FLOW } from '../../../runtime/evm/tier1/instructions/flow.ts'
import { MEMORY } from '../../../runtime/evm/tier1/instructions/memory.ts'
import { STATE } from '../../../runtime/evm/tier1/instructions/state.ts'
import { InterpreterWriter, type Callees } from '../../../runtime/evm/tier1/interpreter-writer.ts'
import { interpreterName, machineExports, type Emit } from '../../../runtime/evm/tier1/interpreter.ts'
import {
  FRAME_RECORD,
  FRAME_RECORD_SIZE,
  MEMORY_PAGES_MAX,
  MEMORY_PAGES_MIN,
  STATUS,
  WORD_SIZE,
} from '../../../runtime/evm/wasm/layout.ts'
import type { HostOperation, MachineExports } from '../../../runtime/evm/wasm/machine.ts'
import { emitRuntime } from '../../../runtime/evm/wasm/runtime-module.ts'

/** i32, in the part of a frame's record that is in no use: instructions until the interpreter leaves. */
export const STEPS_LEFT = FRAME_RECORD + FRAME_RECORD_SIZE - 4

const EMITTERS: Readonly<Record<string, Emit>> = {
  ...ARITHMETIC,
  ...ENVIRONMENT,
  ...FLOW,
  ...MEMORY,
  ...STATE,
}

let compiled: WebAssembly.Module | undefined

/** An instance over a machine's memory; it also exports the functions that compiled code imports. */
export function instantiateStepwise(
  memory: WebAssembly.Memory,
  operation: HostOperation,
): MachineExports & { readonly all: WebAssembly.Instance['exports'] } {
  compiled ??= new WebAssembly.Module(emitModule())
  const { exports } = new WebAssembly.Instance(compiled, { host: { memory, operation } })
  return { ...machineExports(exports), all: exports }
}

function emitModule(): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter()
  module.importMemory('host', 'memory', { initial: MEMORY_PAGES_MIN, maximum: MEMORY_PAGES_MAX })
  const host = module.importFunction('host', 'operation', module.type([I32, I32, I32], [I32]))
  const runtime = emitRuntime(module, host)
  for (const fork of EVM_FORKS) {
    const self = module.function(module.type([], [I32]), interpreterName(fork))
    emitInterpreter(module, { runtime, host, self }, INSTRUCTION_SETS[fork])
    module.exportFunction(interpreterName(fork), self)
  }
  return module.finish()
}

function emitInterpreter(
  module: ModuleWriter,
  callees: Callees,
  instructions: readonly (Instruction | undefined)[],
): void {
  const writer = new InterpreterWriter(module.body(callees.self), callees)
  const { body } = writer
  const known = instructions.filter((instruction) => instruction !== undefined)
  writer.write(() => {
    countStep(writer)
    const labels = new Map<number, Label>()
    for (const { byte } of known.toReversed()) labels.set(byte, body.openBlock())
    const invalid = writer.haltLabel('invalidOpcode')
    body.get(writer.pc).i32Load8U()
    body.get(writer.pc).i32Const(1).i32Add().set(writer.pc)
    body.brTable(
      Array.from(instructions, (_, byte) => labels.get(byte) ?? invalid),
      invalid,
    )
    for (const instruction of known) {
      body.close(present(labels.get(instruction.byte), instruction.name))
      checkStack(writer, instruction)
      writer.charge(instruction.gas)
      present(EMITTERS[instruction.name], instruction.name)(writer, instruction)
    }
  })
}

function countStep(writer: InterpreterWriter): void {
  const { body } = writer
  body
    .i32Const(0)
    .i32Load(STEPS_LEFT)
    .i32Eqz()
    .if(() => writer.exit(STATUS.switch))
  body.i32Const(0).i32Const(0).i32Load(STEPS_LEFT).i32Const(1).i32Sub().i32Store(STEPS_LEFT)
}

function checkStack(writer: InterpreterWriter, { inputs, outputs }: Instruction): void {
  const pushSize = (): void => {
    writer.body.get(writer.sp).get(writer.stackBase).i32Sub()
  }
  if (inputs > 0) {
    pushSize()
    writer.body.i32Const(WORD_SIZE * inputs).i32LtU()
    writer.haltIf('stackUnderflow')
  }
  if (outputs > inputs) {
    pushSize()
    writer.body.i32Const(WORD_SIZE * (STACK_LIMIT - outputs + inputs)).i32GtU()
    writer.haltIf('stackOverflow')
  }
}
