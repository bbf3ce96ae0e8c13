/**
 * The state of one running frame, and the small steps from which instructions are made: taking words from the stack,
 * charging gas, making room in memory. The yellow paper's μ, with the execution environment I beside it (§9.3).
 *
 * Gas is a 64-bit integer outside. In here it is the double `gas`, at most 2⁵² and therefore exact, and the bigint
 * `reserve` with whatever a larger limit has above that. Instructions charge `gas` only: a single charge above 2⁵² comes
 * with more memory than there may be, and spending 2⁵² in small steps takes weeks at any speed. Giving gas to a callee
 * and getting it back goes through the sum of both, and fills `gas` up again.
 */
import { EMPTY_BYTES } from '../../src/primitives/bytes.ts'
import type { ForkRules } from '../../src/chain/forks.ts'
import type { Host, Message } from '../host.ts'
import type { Outcome } from '../outcome.ts'
import type { Analysis } from './analysis.ts'
import { allButOne64th, memoryGas, wordCount } from './gas.ts'
import { createMemory, growMemory, MEMORY_SIZE_MAX, type Memory } from './memory.ts'
import { STACK_LIMIT } from './opcodes.ts'

const GAS_MAX = 2 ** 52

/** Runs one instruction, its opcode passed and fixed gas charged. A result ends or suspends the frame. */
export type Handler = (machine: Machine) => Outcome | void

/** What is worth reusing from frame to frame. */
export interface Workspace {
  /** {@link STACK_LIMIT} entries; those from `stackSize` on are left over from before. */
  readonly stack: bigint[]
  readonly memory: Memory
}

export function createWorkspace(): Workspace {
  return { stack: Array.from({ length: STACK_LIMIT }, () => 0n), memory: createMemory() }
}

/** What a suspended frame waits for. */
export type Pending =
  | { readonly kind: 'call'; readonly returnOffset: number; readonly returnSize: number }
  | { readonly kind: 'create' }

/** Hot: a class, so that every frame has the same shape. */
export class Machine {
  readonly message: Message
  readonly host: Host
  readonly rules: ForkRules
  readonly analysis: Analysis
  readonly stack: bigint[]
  readonly memory: Memory
  /** Words on the stack, from the bottom of `stack`. */
  stackSize = 0
  /** Offset of the next instruction; during an instruction, of what follows its opcode. */
  pc = 0
  gas: number
  reserve: bigint
  returnData: Uint8Array = EMPTY_BYTES
  pending: Pending | undefined = undefined

  constructor(
    message: Message,
    gas: bigint,
    host: Host,
    rules: ForkRules,
    analysis: Analysis,
    workspace: Workspace,
  ) {
    this.message = message
    this.host = host
    this.rules = rules
    this.analysis = analysis
    this.stack = workspace.stack
    this.memory = workspace.memory
    this.gas = 0
    this.reserve = 0n
    setGasLeft(this, gas)
  }
}

// Stack. The loop has checked its size for the instruction: reads and writes stay inside of it.

export function pop(machine: Machine): bigint {
  machine.stackSize -= 1
  return machine.stack[machine.stackSize] as bigint
}

/** An operand that only matters while it is small: exact below 2⁵³, and above that still too large. */
export function popNumber(machine: Machine): number {
  return Number(pop(machine))
}

export function push(machine: Machine, word: bigint): void {
  machine.stack[machine.stackSize] = word
  machine.stackSize += 1
}

/** The word on top. */
export function top(machine: Machine): bigint {
  return machine.stack[machine.stackSize - 1] as bigint
}

/** Replaces the word on top: a result in place of the last operand. */
export function setTop(machine: Machine, word: bigint): void {
  machine.stack[machine.stackSize - 1] = word
}

// Gas.

/** Takes gas; `false` when there was too little, and the frame must halt. */
export function charge(machine: Machine, gas: number): boolean {
  machine.gas -= gas
  return machine.gas >= 0
}

export function gasLeft(machine: Machine): bigint {
  return BigInt(machine.gas) + machine.reserve
}

export function setGasLeft(machine: Machine, gas: bigint): void {
  machine.gas = Math.min(Number(gas), GAS_MAX)
  machine.reserve = gas - BigInt(machine.gas)
}

/** Takes at most `requested`, and at most all but one 64th of what is left (EIP-150). @returns what was taken. */
export function takeCallGas(machine: Machine, requested: bigint): bigint {
  if (machine.reserve === 0n) {
    const taken = Math.min(Number(requested), allButOne64th(machine.gas))
    machine.gas -= taken
    return BigInt(taken)
  }
  const left = gasLeft(machine)
  const available = left - left / 64n
  const taken = requested < available ? requested : available
  setGasLeft(machine, left - taken)
  return taken
}

/** Gas that a callee did not use. */
export function returnGas(machine: Machine, gas: bigint): void {
  setGasLeft(machine, gasLeft(machine) + gas)
}

/** Charges `perWord` for each word that `size` bytes fill. */
export function chargeWords(machine: Machine, perWord: number, size: number): boolean {
  return charge(machine, perWord * wordCount(size))
}

/**
 * Pays for memory up to `offset + size` and makes it. Nothing is touched when size is 0, wherever the offset is.
 * @returns `false` when out of gas, before anything is allocated.
 */
export function expandMemory(machine: Machine, offset: number, size: number): boolean {
  const end = offset + size
  if (end <= machine.memory.size || size === 0) return true
  if (end > MEMORY_SIZE_MAX) return false
  const words = wordCount(end)
  if (!charge(machine, memoryGas(words) - memoryGas(machine.memory.size / 32))) return false
  growMemory(machine.memory, 32 * words)
  return true
}
