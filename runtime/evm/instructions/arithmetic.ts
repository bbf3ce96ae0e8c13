/**
 * Arithmetic, comparison and bitwise instructions (0x01 … 0x1e): operands come off the stack, the result replaces the
 * last one. Written out one by one: a shared wrapper would make the call of the operation megamorphic. Hot.
 */
import type { Outcome } from '../../outcome.ts'
import { EXP_BYTE } from '../gas.ts'
import { OUT_OF_GAS } from '../halts.ts'
import { charge, pop, setTop, top, type Machine } from '../machine.ts'
import * as words from '../words.ts'

export function add(machine: Machine): void {
  setTop(machine, words.add(pop(machine), top(machine)))
}

export function mul(machine: Machine): void {
  setTop(machine, words.multiply(pop(machine), top(machine)))
}

export function sub(machine: Machine): void {
  setTop(machine, words.subtract(pop(machine), top(machine)))
}

export function div(machine: Machine): void {
  setTop(machine, words.divide(pop(machine), top(machine)))
}

export function sdiv(machine: Machine): void {
  setTop(machine, words.signedDivide(pop(machine), top(machine)))
}

export function mod(machine: Machine): void {
  setTop(machine, words.modulo(pop(machine), top(machine)))
}

export function smod(machine: Machine): void {
  setTop(machine, words.signedModulo(pop(machine), top(machine)))
}

export function addmod(machine: Machine): void {
  setTop(machine, words.addModulo(pop(machine), pop(machine), top(machine)))
}

export function mulmod(machine: Machine): void {
  setTop(machine, words.multiplyModulo(pop(machine), pop(machine), top(machine)))
}

export function exp(machine: Machine): Outcome | void {
  const base = pop(machine)
  const exponent = top(machine)
  const byteCount = exponent === 0n ? 0 : Math.ceil(exponent.toString(16).length / 2)
  if (!charge(machine, EXP_BYTE * byteCount)) return OUT_OF_GAS
  setTop(machine, words.exponentiate(base, exponent))
}

export function signextend(machine: Machine): void {
  setTop(machine, words.signExtend(pop(machine), top(machine)))
}

export function lt(machine: Machine): void {
  setTop(machine, pop(machine) < top(machine) ? 1n : 0n)
}

export function gt(machine: Machine): void {
  setTop(machine, pop(machine) > top(machine) ? 1n : 0n)
}

export function slt(machine: Machine): void {
  setTop(machine, words.signedLess(pop(machine), top(machine)) ? 1n : 0n)
}

export function sgt(machine: Machine): void {
  const a = pop(machine)
  setTop(machine, words.signedLess(top(machine), a) ? 1n : 0n)
}

export function eq(machine: Machine): void {
  setTop(machine, pop(machine) === top(machine) ? 1n : 0n)
}

export function iszero(machine: Machine): void {
  setTop(machine, top(machine) === 0n ? 1n : 0n)
}

export function and(machine: Machine): void {
  setTop(machine, pop(machine) & top(machine))
}

export function or(machine: Machine): void {
  setTop(machine, pop(machine) | top(machine))
}

export function xor(machine: Machine): void {
  setTop(machine, pop(machine) ^ top(machine))
}

export function not(machine: Machine): void {
  setTop(machine, words.not(top(machine)))
}

export function byte(machine: Machine): void {
  setTop(machine, words.byteAt(pop(machine), top(machine)))
}

export function shl(machine: Machine): void {
  setTop(machine, words.shiftLeft(pop(machine), top(machine)))
}

export function shr(machine: Machine): void {
  setTop(machine, words.shiftRight(pop(machine), top(machine)))
}

export function sar(machine: Machine): void {
  setTop(machine, words.shiftRightSigned(pop(machine), top(machine)))
}

export function clz(machine: Machine): void {
  setTop(machine, words.countLeadingZeros(top(machine)))
}
