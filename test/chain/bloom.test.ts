/** Bloom filters of logs: the exact bits, and that nothing behind a filter is ever missed. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { bytesToHex, hexToBytes, toAddress, toHash } from '../../src/primitives/bytes.ts'
import { BLOOM_SIZE, bloomMayContain, bloomOfLogs, mergeBlooms } from '../../src/chain/bloom.ts'
import { anyLog } from '../support/block-arbitraries.ts'

suite('a bloom filter', () => {
  test('of no logs is empty and matches nothing', () => {
    const bloom = bloomOfLogs([])
    assert.deepEqual(bloom, new Uint8Array(BLOOM_SIZE))
    assert.equal(bloomMayContain(bloom, new Uint8Array(20)), false)
  })

  test('has the bits that the yellow paper names', () => {
    // keccak256 of 20 zero bytes begins with 5380 c7b7 ae81: bits 0x380, 0x7b7 and 0x681.
    const bloom = bloomOfLogs([
      { address: toAddress(`0x${'00'.repeat(20)}`), topics: [], data: new Uint8Array(0) },
    ])
    const expected = new Uint8Array(BLOOM_SIZE)
    for (const bit of [0x380, 0x7b7, 0x681]) expected[255 - (bit >> 3)] = 1 << (bit & 7)
    assert.equal(bytesToHex(bloom), bytesToHex(expected))
  })

  test('matches each address and topic behind it, alone or merged', () => {
    fc.assert(
      fc.property(fc.array(anyLog, { maxLength: 5 }), fc.array(anyLog, { maxLength: 5 }), (logs, others) => {
        const merged = mergeBlooms([bloomOfLogs(others), bloomOfLogs(logs)])
        assert.deepEqual(merged, bloomOfLogs([...others, ...logs]))
        for (const log of logs) {
          assert.ok(bloomMayContain(merged, hexToBytes(log.address)))
          for (const topic of log.topics) assert.ok(bloomMayContain(merged, hexToBytes(topic)))
        }
      }),
    )
  })

  test('tells values apart that end alike', () => {
    const logs = ['11', '22', '11'].map((digits) => ({
      address: toAddress(`0x${digits.repeat(16)}${'00'.repeat(4)}`),
      topics: [],
      data: new Uint8Array(0),
    }))
    const [first, second, again] = logs.map((log) => bytesToHex(bloomOfLogs([log])))
    assert.notEqual(first, second)
    assert.equal(first, again)
  })

  test('leaves its inputs as they are when merged', () => {
    const log = {
      address: toAddress(`0x${'11'.repeat(20)}`),
      topics: [toHash(`0x${'22'.repeat(32)}`)],
      data: new Uint8Array(0),
    }
    const bloom = bloomOfLogs([log])
    const before = bytesToHex(bloom)
    mergeBlooms([bloom, new Uint8Array(BLOOM_SIZE).fill(255)])
    assert.equal(bytesToHex(bloom), before)
  })
})
