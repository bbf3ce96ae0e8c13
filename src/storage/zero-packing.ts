/**
 * Bytes with their runs of zeros cut short: 0 and the length of the run (1 to 255), all other bytes as they are. Empty
 * blooms, ABI words and amounts are mostly zeros, so that headers shrink by half and calls by a third, at the cost of
 * one pass over the bytes.
 */
import { CorruptDatabaseError } from './database-errors.ts'

const RUN_MAX = 255

export function packZeros(bytes: Uint8Array): Uint8Array {
  const packed = new Uint8Array(2 * bytes.length)
  let size = 0
  for (let i = 0; i < bytes.length;) {
    const byte = bytes[i] as number
    packed[size++] = byte
    if (byte !== 0) {
      i += 1
      continue
    }
    let end = i + 1
    while (end < bytes.length && end - i < RUN_MAX && bytes[end] === 0) end++
    packed[size++] = end - i
    i = end
  }
  return packed.slice(0, size)
}

/** @throws CorruptDatabaseError */
export function unpackZeros(packed: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(unpackedSize(packed))
  let size = 0
  for (let i = 0; i < packed.length; i++) {
    const byte = packed[i] as number
    if (byte === 0) size += packed[++i] as number
    else bytes[size++] = byte
  }
  return bytes
}

function unpackedSize(packed: Uint8Array): number {
  let size = 0
  for (let i = 0; i < packed.length; i++) {
    const run = packed[i] === 0 ? packed[++i] : 1
    if (run === undefined || run === 0) throw new CorruptDatabaseError('a run of zeros has no length')
    size += run
  }
  return size
}
