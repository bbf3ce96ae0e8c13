/** Packed logs against the logs that they were made of. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesToHash, concatBytes, hexToBytes, toAddress } from '../../src/primitives/bytes.ts'
import { LOG_ALIGNMENT, LOG_RECORD, PackedLogs, readLogs } from '../../src/chain/packed-logs.ts'
import type { Log } from '../../src/chain/receipt.ts'

const ADDRESS = toAddress(`0x${'a1'.repeat(20)}`)
const OTHER = toAddress(`0x${'b2'.repeat(20)}`)

const topic = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToHash)
const log: fc.Arbitrary<Log> = fc
  .tuple(fc.array(topic, { maxLength: 4 }), fc.uint8Array({ maxLength: 100 }))
  .map(([topics, data]) => ({ address: ADDRESS, topics, data }))

function recordOf({ topics, data }: Log): Uint8Array {
  const header = new DataView(new ArrayBuffer(LOG_RECORD.topics))
  header.setUint32(LOG_RECORD.dataSize, data.length, true)
  header.setUint32(LOG_RECORD.topicCount, topics.length, true)
  const filler = new Uint8Array(-data.length & (LOG_ALIGNMENT - 1)).fill(0xee)
  return concatBytes(new Uint8Array(header.buffer), ...topics.map(hexToBytes), data, filler)
}

test('reads what records hold, again and again', () => {
  fc.assert(
    fc.property(fc.array(log, { maxLength: 5 }), (logs) => {
      const packed = new PackedLogs(ADDRESS, concatBytes(...logs.map(recordOf)))
      assert.deepEqual(packed.read(), logs)
      assert.deepEqual(packed.read(), logs)
    }),
  )
})

test('the last record needs no filler', () => {
  const one: Log = { address: ADDRESS, topics: [], data: Uint8Array.of(1, 2, 3) }
  assert.deepEqual(new PackedLogs(ADDRESS, recordOf(one).subarray(0, LOG_RECORD.topics + 3)).read(), [one])
})

test('logs recorded one by one stay where they are among packed ones', () => {
  const packed: Log = { address: ADDRESS, topics: [], data: Uint8Array.of(1) }
  const single: Log = { address: OTHER, topics: [], data: Uint8Array.of(2) }
  const recorded = [single, new PackedLogs(ADDRESS, concatBytes(recordOf(packed), recordOf(packed))), single]
  assert.deepEqual(readLogs(recorded), [single, packed, packed, single])
})
