/**
 * Gas that depends on operands or state; an instruction's fixed part is in `opcodes.ts`. Gas is a double in here:
 * integers up to 2⁵³ are exact, and {@link memoryGas} of the largest memory is below 2⁴⁶.
 *
 * Sources: yellow paper appendix G, EIP-150, EIP-160, EIP-2200, EIP-2929, EIP-3529, EIP-3860, EIP-7702.
 */

/** Added to the 100 of a warm account when the touch is cold: 2,600 in all (EIP-2929). */
export const COLD_ACCOUNT_SURCHARGE = 2500
/** A cold beneficiary of SELFDESTRUCT pays all of it: its fixed part contains no warm access (EIP-2929). */
export const COLD_ACCOUNT_ACCESS = 2600
/** Access to the target of a delegation, when it is warm (EIP-7702). */
export const WARM_ACCOUNT_ACCESS = 100
/** Added to the 100 of a warm SLOAD: 2,100 in all (EIP-2929). */
export const COLD_SLOAD_SURCHARGE = 2000
/** A cold slot under SSTORE (EIP-2929). */
export const COLD_STORAGE_ACCESS = 2100

/** SSTORE that changes nothing, or a slot that this transaction changed before (EIP-2200, EIP-2929). */
export const STORAGE_DIRTY = 100
/** SSTORE that fills an empty slot. */
export const STORAGE_SET = 20_000
/** SSTORE that changes a filled slot: 5,000 less the cold access, which is charged on its own. */
export const STORAGE_RESET = 5000 - COLD_STORAGE_ACCESS
/** Given back for emptying a slot (EIP-3529). */
export const STORAGE_CLEAR_REFUND = 4800
/** SSTORE needs more gas left than this (EIP-2200). */
export const CALL_STIPEND = 2300

/** A call that moves value. */
export const CALL_VALUE = 9000
/** Value moved to a dead account. */
export const NEW_ACCOUNT = 25_000

/** EXP, a byte of the exponent (EIP-160). */
export const EXP_BYTE = 50
/** A byte of a log's data. */
export const LOG_DATA_BYTE = 8
/** A word copied. */
export const COPY_WORD = 3
/** A word hashed by KECCAK256 or for the address of CREATE2. */
export const KECCAK_WORD = 6
/** A word of initcode (EIP-3860). */
export const INITCODE_WORD = 2
/** In bytes (EIP-3860). */
export const INITCODE_SIZE_MAX = 49_152

/** Words that `size` bytes fill, the last one perhaps in part. */
export function wordCount(size: number): number {
  return Math.ceil(size / 32)
}

/**
 * Cost of having `words` words of memory: 3·w + ⌊w² ÷ 512⌋. Exact up to the largest memory, 2²⁷ words: above 2⁵³ the
 * square loses its lowest bit, and as no square is 7 modulo 8, that never carries into the quotient.
 */
export function memoryGas(words: number): number {
  return 3 * words + Math.floor((words * words) / 512)
}

/** All but one 64th: the most that a call may pass on (EIP-150). */
export function allButOne64th(gas: number): number {
  return gas - Math.floor(gas / 64)
}

/** Price of a storage write that changes the current value (EIP-2200). */
export function changePrice(original: bigint, current: bigint): number {
  if (original !== current) return STORAGE_DIRTY
  return original === 0n ? STORAGE_SET : STORAGE_RESET
}

/** What a storage write that changes the current value adds to the refund counter (EIP-3529). */
export function changeRefund(original: bigint, current: bigint, value: bigint): number {
  let refund = 0
  if (original !== 0n) {
    if (current === 0n) refund -= STORAGE_CLEAR_REFUND
    if (value === 0n) refund += STORAGE_CLEAR_REFUND
  }
  // Back where it was: the transaction paid for a change that it undid.
  if (value === original) refund += (original === 0n ? STORAGE_SET : STORAGE_RESET) - STORAGE_DIRTY
  return refund
}
