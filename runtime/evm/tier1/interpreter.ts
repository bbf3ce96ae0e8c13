/**
 * Tier 1: the interpreter as one Wasm function, `interpret() → status`. It runs the frame whose record is in place until
 * the frame is over or wants something (`STATUS` in `layout.ts`). Fixed gas and bounds of the stack are constants in the
 * code of each instruction: one function serves the forks that price alike.
 */
import { present } from '../../../src/primitives/assert.ts'
import { I32, type Label } from '../../wasm/function-body.ts'
import { ModuleWriter } from '../../wasm/module-writer.ts'
import { EVM_FORKS, INSTRUCTION_SETS, STACK_LIMIT, type EvmFork, type Instruction } from '../opcodes.ts'
import { ENGINE, MEMORY_PAGES_MAX, MEMORY_PAGES_MIN, WORD_SIZE } from '../wasm/layout.ts'
import type { MachineExports } from '../wasm/machine.ts'
import { emitRuntime } from '../wasm/runtime-module.ts'
import { ARITHMETIC } from './instructions/arithmetic.ts'
import { ENVIRONMENT } from './instructions/environment.ts'
import { FLOW } from './instructions/flow.ts'
import { MEMORY } from './instructions/memory.ts'
import { STATE } from './instructions/state.ts'
import { InterpreterWriter, type Callees } from './interpreter-writer.ts'

/**
 * Writes what an instruction does, its stack checked and its fixed gas charged. It ends in going on or out: nothing may
 * fall through.
 */
export type Emit = (writer: InterpreterWriter, instruction: Instruction) => void

const EMITTERS: Readonly<Record<string, Emit>> = {
  ...ARITHMETIC,
  ...ENVIRONMENT,
  ...FLOW,
  ...MEMORY,
  ...STATE,
}

/** Name of the exported interpreter of a fork. */
export function interpreterName(fork: EvmFork): string {
  return `interpret_${fork}`
}

/**
 * The module of tier 1: the shared functions and an interpreter for each fork, over the memory `host.memory`.
 * @param beforeEach writes what happens before each instruction, at the dispatch; nothing except in tests.
 */
export function emitInterpreterModule(
  beforeEach?: (writer: InterpreterWriter) => void,
): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter()
  module.importMemory('host', 'memory', { initial: MEMORY_PAGES_MIN, maximum: MEMORY_PAGES_MAX })
  const host = module.importFunction('host', 'operation', module.type([I32, I32, I32], [I32]))
  const runtime = emitRuntime(module, host)
  const type = module.type([], [I32])
  for (const forks of alikeForks()) {
    const self = module.function(type, `interpret_${forks.join('_')}`)
    emitInterpreter(module, { runtime, host, self }, forks, beforeEach)
    for (const fork of forks) {
      const enter = module.function(type, interpreterName(fork))
      const body = module.body(enter)
      body.i32Const(0).i32Const(EVM_FORKS.indexOf(fork)).i32Store(ENGINE.fork).returnCall(self)
      module.exportFunction(interpreterName(fork), enter)
    }
  }
  return module.finish()
}

/** Forks in groups that one interpreter serves: where two of them have an instruction, it is the same in both. */
function alikeForks(): EvmFork[][] {
  const groups: EvmFork[][] = []
  for (const fork of EVM_FORKS) {
    const group = groups.find((members) => members.every((member) => areAlike(fork, member)))
    if (group === undefined) groups.push([fork])
    else group.push(fork)
  }
  return groups
}

function areAlike(a: EvmFork, b: EvmFork): boolean {
  return INSTRUCTION_SETS[a].every((instruction, byte) => {
    const other = INSTRUCTION_SETS[b][byte]
    if (instruction === undefined || other === undefined) return true
    return JSON.stringify(instruction) === JSON.stringify(other)
  })
}

/** The exports of an instance of {@link emitInterpreterModule}, as JavaScript calls them. */
export function machineExports(exports: WebAssembly.Instance['exports']): MachineExports {
  // Names and types are those that were written.
  const of = <K extends keyof MachineExports>(name: K): MachineExports[K] =>
    exports[name] as MachineExports[K]
  const interpreters = EVM_FORKS.map(
    (fork) => [fork, exports[interpreterName(fork)] as () => number] as const,
  )
  return {
    prepareCode: of('prepareCode'),
    undoStorage: of('undoStorage'),
    beginFrame: of('beginFrame'),
    beginCallee: of('beginCallee'),
    resumeFrame: of('resumeFrame'),
    resumeCaller: of('resumeCaller'),
    restoreFrame: of('restoreFrame'),
    takeCallGas: of('takeCallGas'),
    interpret: Object.fromEntries(interpreters) as Record<EvmFork, () => number>,
  }
}

function emitInterpreter(
  module: ModuleWriter,
  callees: Callees,
  forks: readonly EvmFork[],
  beforeEach?: (writer: InterpreterWriter) => void,
): void {
  const writer = new InterpreterWriter(module.body(callees.self), callees)
  const { body } = writer
  const sets = forks.map((fork) => INSTRUCTION_SETS[fork])
  const bytes = Array.from({ length: 256 }, (_, byte) => byte)
  const instructions = bytes.map((byte) => sets.find((set) => set[byte] !== undefined)?.[byte])
  const known = instructions.filter((instruction) => instruction !== undefined)
  writer.write(() => {
    beforeEach?.(writer)
    // One block for each instruction around the dispatch: a branch to its label arrives behind it, at its code.
    const labels = new Map<number, Label>()
    for (const { byte } of known.toReversed()) labels.set(byte, body.openBlock())
    const targets = Array.from(
      instructions,
      (_, byte) => labels.get(byte) ?? writer.haltLabel('invalidOpcode'),
    )
    body.get(writer.pc).i32Load8U()
    body.get(writer.pc).i32Const(1).i32Add().set(writer.pc)
    body.brTable(targets, writer.haltLabel('invalidOpcode'))
    for (const instruction of known) {
      body.close(present(labels.get(instruction.byte), instruction.name))
      checkFork(writer, instruction.byte, forks)
      checkStack(writer, instruction)
      writer.charge(instruction.gas)
      present(EMITTERS[instruction.name], `tier 1 of ${instruction.name}`)(writer, instruction)
    }
  })
}

/** A byte that is no instruction in some of the forks. */
function checkFork(writer: InterpreterWriter, byte: number, forks: readonly EvmFork[]): void {
  for (const fork of forks) {
    if (INSTRUCTION_SETS[fork][byte] !== undefined) continue
    writer.body.i32Const(0).i32Load(ENGINE.fork).i32Const(EVM_FORKS.indexOf(fork)).i32Eq()
    writer.haltIf('invalidOpcode')
  }
}

/** In the order of tier 0: underflow, overflow, and only then gas. */
function checkStack(writer: InterpreterWriter, { inputs, outputs }: Instruction): void {
  const { body, sp, stackBase } = writer
  if (inputs > 0) {
    body
      .get(sp)
      .get(stackBase)
      .i32Sub()
      .i32Const(WORD_SIZE * inputs)
      .i32LtU()
    writer.haltIf('stackUnderflow')
  }
  const growth = outputs - inputs
  if (growth > 0) {
    body
      .get(sp)
      .get(stackBase)
      .i32Sub()
      .i32Const(WORD_SIZE * (STACK_LIMIT - growth))
      .i32GtU()
    writer.haltIf('stackOverflow')
  }
}
