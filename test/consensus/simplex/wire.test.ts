/** The bytes of consensus messages: they round-trip, they are frozen, and nothing hostile gets through or crashes. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { WireError, type WireFault } from '../../../src/consensus/simplex/binary.ts'
import { LIMITS } from '../../../src/consensus/simplex/config.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { NO_HASH, type Certificate, type Epoch, type View } from '../../../src/consensus/simplex/types.ts'
import {
  decodeMessage,
  encodeMessage,
  MESSAGE_SIZE_MAX,
  wireContext,
} from '../../../src/consensus/simplex/wire.ts'
import { concatBytes, type Hash } from '../../../src/primitives/bytes.ts'
import { keccak256Hash } from '../../../src/primitives/keccak.ts'
import { COMMITTEE, DOMAIN, messages } from '../../support/consensus-arbitraries.ts'

const context = wireContext(COMMITTEE, DOMAIN)
const hash = `0x${'ab'.repeat(32)}` as Hash
const signature = new Uint8Array(96).fill(0x55)
const view = 5 as View
const certificate: Certificate = {
  kind: 'notarize',
  view: 4 as View,
  hash,
  bitmap: Uint8Array.of(0b0111_1111, 0),
  signature,
}
const block = makeBlock(
  { view, parentView: 4 as View, height: 9, parentHash: hash, payloadHash: hash },
  Uint8Array.of(1, 2, 3),
)

function refused(bytes: Uint8Array): WireFault {
  try {
    decodeMessage(context, bytes)
  } catch (error) {
    if (error instanceof WireError) return error.fault
    throw error
  }
  return assert.fail('the bytes were taken for a message')
}

test('messages round-trip', () => {
  fc.assert(
    fc.property(messages, (message) => {
      assert.deepEqual(decodeMessage(context, encodeMessage(context, message)), message)
    }),
  )
})

test('a message that is cut off, goes on or was changed is refused, or is another message', () => {
  fc.assert(
    fc.property(messages, fc.nat(), fc.integer({ min: 1, max: 255 }), (message, at, change) => {
      const bytes = encodeMessage(context, message)
      const position = at % bytes.length
      assert.throws(() => decodeMessage(context, bytes.subarray(0, position)), WireError)
      assert.throws(() => decodeMessage(context, concatBytes(bytes, Uint8Array.of(0))), WireError)
      bytes[position] = (bytes[position] as number) ^ change
      try {
        assert.notDeepEqual(decodeMessage(context, bytes), message)
        assert.deepEqual(encodeMessage(context, decodeMessage(context, bytes)), bytes, 'one encoding each')
      } catch (error) {
        if (!(error instanceof WireError)) throw error
      }
    }),
  )
})

test('noise is refused', () => {
  const noise = fc.uint8Array({ maxLength: 400 }).map((bytes) => concatBytes(context.envelope, bytes))
  fc.assert(
    fc.property(noise, (bytes) => {
      try {
        decodeMessage(context, bytes)
      } catch (error) {
        if (!(error instanceof WireError)) throw error
      }
    }),
    { numRuns: 1000 },
  )
})

describe('what is refused', () => {
  const voteOf = (change: object): Message => ({
    kind: 'vote',
    vote: { kind: 'notarize', view, hash, signer: 1, signature, ...change },
  })
  const certificateOf = (change: Partial<Certificate>): Message => ({
    kind: 'certificates',
    certificates: [{ ...certificate, ...change }],
  })
  const cases: readonly (readonly [string, Message, WireFault])[] = [
    ['a vote of nobody', voteOf({ signer: COMMITTEE.size }), 'value'],
    ['a vote in no view', voteOf({ view: 0 }), 'value'],
    ['a notarization of nothing', voteOf({ hash: NO_HASH }), 'value'],
    ['a nullification of something', voteOf({ kind: 'nullify' }), 'value'],
    ['a certificate of too few', certificateOf({ bitmap: Uint8Array.of(0b0011_1111, 0) }), 'value'],
    ['a certificate of nobody', certificateOf({ bitmap: Uint8Array.of(0b0111_1111, 0b1000) }), 'value'],
    ['a long bitmap', certificateOf({ bitmap: Uint8Array.of(0b0111_1111, 0, 0) }), 'trailing'],
    ['a short bitmap', certificateOf({ bitmap: Uint8Array.of(0b0111_1111) }), 'truncated'],
    [
      'too many certificates',
      {
        kind: 'certificates',
        certificates: Array.from({ length: LIMITS.certificatesPerMessage + 1 }, () => certificate),
      },
      'oversize',
    ],
    [
      'a wide request',
      { kind: 'certificateRequest', fromView: view, toView: (view + LIMITS.certificatesPerMessage) as View },
      'value',
    ],
    ['a request backwards', { kind: 'certificateRequest', fromView: view, toView: 4 as View }, 'value'],
    ['a parent in the future', proposing({ parentView: view }), 'value'],
    ['a block without height', proposing({ height: 0 }), 'value'],
    [
      'a body of another block',
      { ...proposing({}), block: { ...block, body: Uint8Array.of(1) } } as Message,
      'value',
    ],
    [
      'blocks that are no chain',
      { kind: 'blocks', blocks: [block, block], finalization: undefined },
      'value',
    ],
    [
      'a finalization of another block',
      { kind: 'blocks', blocks: [block], finalization: { ...certificate, kind: 'finalize' } },
      'value',
    ],
  ]
  for (const [name, message, fault] of cases) {
    test(name, () => assert.equal(refused(encodeMessage(context, message)), fault))
  }

  function proposing(change: object): Message {
    const { proposal, body } = block
    return {
      kind: 'propose',
      block: makeBlock({ ...proposal, ...change }, body),
      signature,
      certificates: [],
    }
  }

  test('messages of another layer, epoch, committee or version', () => {
    const message = voteOf({})
    for (const change of [{ layer: 'execution' }, { epoch: 4 as Epoch }, { committeeHash: hash }] as const) {
      const foreign = wireContext(COMMITTEE, { ...DOMAIN, ...change })
      assert.equal(refused(encodeMessage(foreign, message)), 'foreign')
    }
    const bytes = encodeMessage(context, message)
    bytes[0] = 2
    assert.equal(refused(bytes), 'foreign')
  })

  test('an unknown kind, an integer out of range, sheer size', () => {
    assert.equal(refused(concatBytes(context.envelope, Uint8Array.of(99))), 'value')
    assert.equal(
      refused(concatBytes(context.envelope, Uint8Array.of(5), new Uint8Array(8).fill(0xff))),
      'value',
    )
    assert.equal(refused(new Uint8Array(MESSAGE_SIZE_MAX + 1)), 'oversize')
  })
})

test('the bytes are frozen', () => {
  const ab = 'ab'.repeat(32)
  const signed = '55'.repeat(96)
  const envelope = bytes('01 01 0000000000000003 c0c0c0c0c0c0c0c0')
  const cases: readonly (readonly [Message, string])[] = [
    [{ kind: 'syncRequest', fromHeight: 258 }, '05 0000000000000102'],
    [{ kind: 'blockRequest', hash, aboveHeight: 1 }, `04 ${ab} 0000000000000001`],
    [
      { kind: 'certificateRequest', fromView: view, toView: 6 as View },
      '03 0000000000000005 0000000000000006',
    ],
    [
      { kind: 'vote', vote: { kind: 'finalize', view, hash, signer: 9, signature } },
      `01 03 0000000000000005 ${ab} 0009 ${signed}`,
    ],
    [{ kind: 'certificates', certificates: [certificate] }, `02 01 01 0000000000000004 ${ab} 7f00 ${signed}`],
  ]
  for (const [message, expected] of cases) {
    assert.equal(encodeMessage(context, message).toHex(), envelope + bytes(expected), message.kind)
  }
  const bodyHash = keccak256Hash(block.body).slice(2)
  const proposal = bytes(`01 0000000000000005 0000000000000004 0000000000000009 ${ab} ${ab} ${bodyHash}`)
  const proposed: Message = { kind: 'propose', block, signature, certificates: [] }
  const proposedBytes = bytes(`00 ${proposal} 00000003 010203 ${signed} 00`)
  assert.equal(encodeMessage(context, proposed).toHex(), envelope + proposedBytes)
  const answer: Message = { kind: 'blocks', blocks: [block], finalization: undefined }
  assert.equal(
    encodeMessage(context, answer).toHex(),
    envelope + bytes(`06 01 ${proposal} 00000003 010203 00`),
  )
  assert.equal(block.proposal.hash, keccak256Hash(Uint8Array.fromHex(proposal)))
})

/** Hex without the blanks that part its fields. */
function bytes(fields: string): string {
  return fields.replaceAll(' ', '')
}
