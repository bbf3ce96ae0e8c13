/** Records and hellos: their bytes are frozen, hostile ones are refused with the reason, and nobody can speak for another. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { bls } from '../../src/consensus/bls.ts'
import { WireError } from '../../src/consensus/simplex/binary.ts'
import {
  CONTROL_MESSAGE_SIZE_MAX,
  decodeControl,
  encodeControl,
  NETWORK_VERSION,
  RECORDS_MAX,
  type ControlMessage,
  type Hello,
} from '../../src/network/control-messages.ts'
import { judgeHello, judgeRecord, type IntroductionRules } from '../../src/network/introduction.ts'
import { decodePeerRecord, signPeerRecord, type PeerRecord } from '../../src/network/peer-record.ts'
import { bytesToHex, toHash } from '../../src/primitives/bytes.ts'
import { CHAIN, keyOf } from '../support/network-world.ts'

const PEER_ID = '12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf'
const NOW_MS = 1_800_000_000_000
const alice = keyOf('alice')
const bob = keyOf('bob')

function recordOf(changes: Partial<PeerRecord> = {}, signer = bob.signer): Uint8Array {
  const record = {
    ...CHAIN,
    node: bob.node,
    sequence: 7n,
    peerId: PEER_ID,
    addresses: ['/ip4/192.0.2.1/tcp/30303'],
    ...changes,
  }
  return signPeerRecord(record, signer).encoded
}

const rules: IntroductionRules = {
  ...CHAIN,
  self: alice.node,
  scheme: bls,
  clockSkewMsMax: 10_000,
  isBanned: () => false,
}

function judge(
  changes: Partial<Hello>,
  peerId = PEER_ID,
  otherRules: Partial<IntroductionRules> = {},
): string {
  const hello = { version: NETWORK_VERSION, clockMs: NOW_MS, record: recordOf(), ...changes }
  const verdict = judgeHello({ ...rules, ...otherRules }, hello, peerId, NOW_MS)
  return verdict.kind === 'known' ? verdict.record.node : verdict.reason
}

describe('a record', () => {
  test('has frozen bytes', () => {
    const body = bytesToHex(recordOf()).slice(2, -192)
    const text = (value: string): string =>
      value.length.toString(16).padStart(8, '0') + bytesToHex(new TextEncoder().encode(value)).slice(2)
    assert.equal(
      body,
      [
        '0000000000007a69',
        'ab'.repeat(32),
        bob.node.slice(2),
        '0000000000000007',
        text(PEER_ID),
        '01',
        text('/ip4/192.0.2.1/tcp/30303'),
      ].join(''),
    )
  })

  test('reads back as it was written', () => {
    const { node, sequence, peerId, addresses, chainId } = decodePeerRecord(recordOf())
    assert.deepEqual(
      { node, sequence, peerId, addresses, chainId },
      {
        node: bob.node,
        sequence: 7n,
        peerId: PEER_ID,
        addresses: ['/ip4/192.0.2.1/tcp/30303'],
        chainId: CHAIN.chainId,
      },
    )
  })

  test('is refused when a single bit differs', () => {
    const encoded = recordOf()
    assert.ok(judgeRecord(rules, encoded) !== undefined)
    const bits = fc.integer({ min: 0, max: encoded.length * 8 - 1 })
    fc.assert(
      fc.property(bits, (bit) => {
        const mutated = encoded.slice()
        mutated[bit >> 3] = (mutated[bit >> 3] as number) ^ (1 << (bit & 7))
        assert.equal(judgeRecord(rules, mutated), undefined)
      }),
      { numRuns: 60 },
    )
  })

  test('is refused when another key signed it', () => {
    assert.equal(judgeRecord(rules, recordOf({}, alice.signer)), undefined)
  })
})

describe('a hello', () => {
  test('makes its sender known', () => {
    assert.equal(judge({}), bob.node)
  })

  test('is refused with the reason', () => {
    assert.equal(judge({ version: NETWORK_VERSION + 1 }), 'another network version')
    assert.equal(judge({ record: new Uint8Array(10) }), 'malformed hello')
    assert.equal(judge({ record: recordOf({ chainId: 1n }) }), 'another chain id')
    assert.equal(
      judge({ record: recordOf({ genesisHash: toHash(`0x${'cd'.repeat(32)}`) }) }),
      'another genesis',
    )
    assert.equal(judge({ clockMs: NOW_MS + 10_001 }), 'clock too far off')
    assert.equal(judge({ clockMs: NOW_MS - 10_001 }), 'clock too far off')
    assert.equal(judge({ clockMs: NOW_MS - 10_000 }), bob.node)
    assert.equal(judge({}, PEER_ID, { isBanned: (node) => node === bob.node }), 'banned')
    assert.equal(judge({ record: recordOf({}, alice.signer) }), 'wrong signature')
    assert.equal(
      judge({ record: recordOf({ node: alice.node }, alice.signer) }),
      'the same node key is in use here',
    )
  })

  test('of another is worth nothing on a connection of one’s own', () => {
    assert.equal(judge({}, `${PEER_ID.slice(0, -1)}g`), 'wrong peer id')
  })

  test('with a node id that is no key is refused', () => {
    const node = bytesToHex(new Uint8Array(48).fill(3))
    assert.equal(judge({ record: recordOf({ node }) }), 'wrong signature')
  })
})

describe('control messages', () => {
  const messages: readonly ControlMessage[] = [
    { kind: 'hello', version: 1, clockMs: NOW_MS, record: Uint8Array.of(1, 2) },
    { kind: 'records', records: [Uint8Array.of(1), new Uint8Array()] },
    { kind: 'records', records: [] },
    { kind: 'ping', token: 5 },
    { kind: 'pong', token: 2 ** 48 - 1 },
    { kind: 'goodbye', reason: 'clock too far off' },
  ]

  test('read back as they were written', () => {
    for (const message of messages) assert.deepEqual(decodeControl(encodeControl(message)), message)
  })

  test('have frozen bytes', () => {
    const hex = messages.map((message) => bytesToHex(encodeControl(message)).slice(2))
    assert.deepEqual(hex, [
      '0000000001000001a3185c50000102',
      '0102000000010100000000',
      '0100',
      '020000000000000005',
      '030000ffffffffffff',
      '0405',
    ])
  })

  test('of a newer version that says goodbye for a new reason are understood', () => {
    assert.deepEqual(decodeControl(Uint8Array.of(4, 200)), { kind: 'goodbye', reason: 'unknown reason' })
  })

  test('that are garbage are refused, whatever they are', () => {
    const garbage = fc.uint8Array({ maxLength: 200 })
    const onlyWireErrors = (decode: (bytes: Uint8Array) => unknown) => (bytes: Uint8Array) => {
      try {
        decode(bytes)
      } catch (error) {
        assert.ok(error instanceof WireError, String(error))
      }
    }
    fc.assert(fc.property(garbage, onlyWireErrors(decodeControl)), { numRuns: 2000 })
    fc.assert(fc.property(garbage, onlyWireErrors(decodePeerRecord)), { numRuns: 2000 })
  })

  test('hold as many records as are sent at once, at their largest', () => {
    const addresses = Array.from({ length: 4 }, () => `/${'a'.repeat(200)}`)
    const record = recordOf({ addresses })
    const encoded = encodeControl({
      kind: 'records',
      records: Array.from({ length: RECORDS_MAX }, () => record),
    })
    assert.ok(encoded.length <= CONTROL_MESSAGE_SIZE_MAX, `${encoded.length} bytes`)
  })
})
