/**
 * Tier 1's interpreter with one thing more: before each instruction it counts down, and at 0 leaves with
 * `STATUS.switch`, the record complete. So a frame can be taken from it at any boundary of instructions.
 */
import type { InterpreterWriter } from '../../../runtime/evm/tier1/interpreter-writer.ts'
import { emitInterpreterModule, machineExports } from '../../../runtime/evm/tier1/interpreter.ts'
import { FRAME_RECORD, FRAME_RECORD_SIZE, STATUS } from '../../../runtime/evm/wasm/layout.ts'
import type { HostOperation, MachineExports } from '../../../runtime/evm/wasm/machine.ts'

/** i32, in the part of a frame's record that is in no use: instructions until the interpreter leaves. */
export const STEPS_LEFT = FRAME_RECORD + FRAME_RECORD_SIZE - 4

let compiled: WebAssembly.Module | undefined

/** An instance over a machine's memory; it also exports the functions that compiled code imports. */
export function instantiateStepwise(
  memory: WebAssembly.Memory,
  operation: HostOperation,
): MachineExports & { readonly all: WebAssembly.Instance['exports'] } {
  compiled ??= new WebAssembly.Module(emitInterpreterModule(countStep))
  const { exports } = new WebAssembly.Instance(compiled, { host: { memory, operation } })
  return { ...machineExports(exports), all: exports }
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
