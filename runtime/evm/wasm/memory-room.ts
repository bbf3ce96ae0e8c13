/**
 * Whether all memory that a frame can pay for fits behind its callers' in the arena. Compiled code cannot stop in the
 * middle of a block because the arena is full: frames for which it might be are interpreted.
 */
import { FRAME, MEMORY_END, ZERO_AHEAD } from './layout.ts'
import type { Machine } from './machine.ts'

/** w words of memory cost more than w² ÷ 512 gas: g gas buys less than 32·√(512·g) bytes. */
const BYTES_PER_ROOT_OF_GAS = 32 * Math.sqrt(512)
/** Bought with less than 2³⁴ gas: as much as a block has, and more. */
const USUAL_GAS = 2 ** 34
const USUAL_BYTES = Math.ceil(BYTES_PER_ROOT_OF_GAS * Math.sqrt(USUAL_GAS))

/** @param gas that the frame whose record is in place began with. Hot: once a frame. */
export function hasRoomFor(machine: Machine, gas: number): boolean {
  const room = MEMORY_END - ZERO_AHEAD - machine.field(FRAME.memoryBase)
  if (gas < USUAL_GAS && room > USUAL_BYTES) return true
  return room > BYTES_PER_ROOT_OF_GAS * Math.sqrt(gas)
}
