/**
 * Whether all memory that a frame can pay for fits behind its callers' in the arena, and is there. Compiled code cannot stop
 * in the middle of a block because the arena is full, or because the machine has no more memory: it traps, and a node would
 * try to execute that transaction again and again. Frames for which it might be are interpreted.
 */
import { FRAME, MEMORY_END, ZERO_AHEAD } from './layout.ts'
import type { Machine } from './machine.ts'

/** w words of memory cost more than w² ÷ 512 gas: g gas buys less than 32·√(512·g) bytes. */
const SQUARE_BYTES_PER_GAS = 32 ** 2 * 512
/**
 * No more is taken in advance, in bytes: as much as 2³⁰ gas buys, 64 times what a transaction may have (EIP-7825). Only calls
 * beside the chain have more gas; of those, one that finds no memory behind this fails, and nobody repeats it.
 */
const RESERVED_MAX = 24 * 1024 * 1024

/** @param gas that the frame whose record is in place began with. Hot: once a frame. */
export function hasRoomFor(machine: Machine, gas: number): boolean {
  const memoryBase = machine.field(FRAME.memoryBase)
  const squareBought = SQUARE_BYTES_PER_GAS * gas
  const room = machine.bytes.length - ZERO_AHEAD - memoryBase
  if (room > 0 && squareBought <= room * room) return true
  const bought = Math.sqrt(squareBought)
  if (memoryBase + bought >= MEMORY_END - ZERO_AHEAD) return false
  return machine.reserve(memoryBase + ZERO_AHEAD + Math.min(bought, RESERVED_MAX))
}
