/** The stack and the flow of control: PUSH, DUP, SWAP, POP, jumps, and the ends of a frame that move no value. */
import { EMPTY_BYTES } from '../../../src/primitives/bytes.ts'
import type { Outcome } from '../../outcome.ts'
import { immediateAt } from '../analysis.ts'
import { INVALID_JUMP, INVALID_OPCODE, OUT_OF_GAS } from '../halts.ts'
import { expandMemory, gasLeft, pop, popNumber, push, type Handler, type Machine } from '../machine.ts'
import { sliceMemory } from '../memory.ts'

/** Words of one byte: making a bigint costs 25 ns. */
const BYTE_WORDS: readonly bigint[] = Array.from({ length: 256 }, (_, byte) => BigInt(byte))

export function push0(machine: Machine): void {
  push(machine, 0n)
}

export function push1(machine: Machine): void {
  const byte = machine.analysis.code[machine.pc] as number
  machine.pc += 1
  push(machine, BYTE_WORDS[byte] as bigint)
}

/** PUSH2 … PUSH32. */
export function pushBytes(size: number): Handler {
  return (machine) => {
    push(machine, immediateAt(machine.analysis, machine.pc, size))
    machine.pc += size
  }
}

/** DUP1 copies the word on top. */
export function dup(depth: number): Handler {
  return (machine) => push(machine, machine.stack[machine.stackSize - depth] as bigint)
}

/** SWAP1 swaps the word on top with the one below. */
export function swap(depth: number): Handler {
  return (machine) => {
    const { stack } = machine
    const topIndex = machine.stackSize - 1
    const word = stack[topIndex] as bigint
    stack[topIndex] = stack[topIndex - depth] as bigint
    stack[topIndex - depth] = word
  }
}

/** POP. */
export function discard(machine: Machine): void {
  machine.stackSize -= 1
}

export function jump(machine: Machine): Outcome | void {
  return jumpTo(machine, popNumber(machine))
}

export function jumpi(machine: Machine): Outcome | void {
  const target = popNumber(machine)
  if (pop(machine) !== 0n) return jumpTo(machine, target)
}

function jumpTo(machine: Machine, target: number): Outcome | void {
  const { jumpdests } = machine.analysis
  if (target >= jumpdests.length || jumpdests[target] !== 1) return INVALID_JUMP
  machine.pc = target
}

export function jumpdest(): void {}

export function pc(machine: Machine): void {
  push(machine, BigInt(machine.pc - 1))
}

export function gas(machine: Machine): void {
  push(machine, gasLeft(machine))
}

export function stop(machine: Machine): Outcome {
  return { kind: 'return', gasLeft: gasLeft(machine), output: EMPTY_BYTES }
}

export function returnOutput(machine: Machine): Outcome {
  const output = takeOutput(machine)
  return output === undefined ? OUT_OF_GAS : { kind: 'return', gasLeft: gasLeft(machine), output }
}

export function revert(machine: Machine): Outcome {
  const output = takeOutput(machine)
  return output === undefined ? OUT_OF_GAS : { kind: 'revert', gasLeft: gasLeft(machine), output }
}

/** `undefined` when out of gas. */
function takeOutput(machine: Machine): Uint8Array | undefined {
  const offset = popNumber(machine)
  const size = popNumber(machine)
  return expandMemory(machine, offset, size) ? sliceMemory(machine.memory, offset, size) : undefined
}

/** INVALID, and every byte that a fork gives no meaning. */
export function invalid(): Outcome {
  return INVALID_OPCODE
}
