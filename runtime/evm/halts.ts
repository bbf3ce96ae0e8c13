/**
 * Exceptional halts as outcomes, one object each: guest code can provoke them at will, so they cost nothing to make.
 */
import type { HaltReason, Outcome } from '../outcome.ts'

export const OUT_OF_GAS: Outcome = halt('outOfGas')
export const STACK_UNDERFLOW: Outcome = halt('stackUnderflow')
export const STACK_OVERFLOW: Outcome = halt('stackOverflow')
export const INVALID_JUMP: Outcome = halt('invalidJump')
export const INVALID_OPCODE: Outcome = halt('invalidOpcode')
export const STATIC_VIOLATION: Outcome = halt('staticViolation')
export const RETURN_DATA_OUT_OF_BOUNDS: Outcome = halt('returnDataOutOfBounds')
export const INVALID_INITCODE_SIZE: Outcome = halt('invalidInitcodeSize')

function halt(reason: HaltReason): Outcome {
  return { kind: 'halt', reason }
}
