/** What connections carry besides messages of consensus: frames, control messages, introductions, records of peers. */
import { bls } from '../../../src/consensus/bls.ts'
import {
  decodeControl,
  encodeControl,
  NETWORK_VERSION,
  type ControlMessage,
} from '../../../src/network/control-messages.ts'
import { frame, FRAME_HEADER_SIZE, FrameDecoder } from '../../../src/network/framing.ts'
import {
  CLOCK_SKEW_MS_MAX,
  judgeHello,
  judgeRecord,
  type IntroductionRules,
} from '../../../src/network/introduction.ts'
import { decodePeerRecord, signPeerRecord, type SignedPeerRecord } from '../../../src/network/peer-record.ts'
import { assert, present } from '../../../src/primitives/assert.ts'
import { bytesToHex, concatBytes, toHash } from '../../../src/primitives/bytes.ts'
import type { Prng } from '../../support/prng.ts'
import { target, type Target } from '../target.ts'

const CHAIN = { chainId: 31_337n, genesisHash: toHash(`0x${'ab'.repeat(32)}`) }
const PEER_ID = '12D3KooWGzBq1kPvBTzTQ4UvQYHnMoV7rKMb8yJ5Zqj2aYd4a1Yh'
const NOW_MS = 1_700_000_000_000
const FRAME_SIZE_MAX = 4096
const signers = Array.from({ length: 3 }, (_, index) => bls.signer(new Uint8Array(32).fill(index + 5)))
const rules: IntroductionRules = {
  ...CHAIN,
  self: bytesToHex(present(signers[0], 'a signer').publicKey),
  scheme: bls,
  clockSkewMsMax: CLOCK_SKEW_MS_MAX,
  isBanned: () => false,
}

function anyPeerRecord(prng: Prng): SignedPeerRecord {
  const signer = prng.pick(signers)
  const addresses = prng.times(
    prng.below(5),
    () => `/ip4/127.0.0.${prng.below(256)}/tcp/${prng.below(65_536)}`,
  )
  const sequence = BigInt(NOW_MS + prng.below(1000))
  return signPeerRecord(
    { ...CHAIN, node: bytesToHex(signer.publicKey), sequence, peerId: PEER_ID, addresses },
    signer,
  )
}

function anyControl(prng: Prng): ControlMessage {
  switch (prng.below(4)) {
    case 0:
      return { kind: 'hello', version: NETWORK_VERSION, clockMs: NOW_MS, record: anyPeerRecord(prng).encoded }
    case 1:
      return {
        kind: 'records',
        records: prng.times(prng.pick([0, 1, 3, 40]), () => anyPeerRecord(prng).encoded),
      }
    case 2:
      return { kind: prng.pick(['ping', 'pong']), token: prng.below(1000) }
    default:
      return { kind: 'goodbye', reason: prng.pick(['stopping', 'misbehaviour', 'unknown reason']) }
  }
}

/** What a node does with a control message before it trusts anything in it. */
const control = target<ControlMessage, ControlMessage>({
  name: 'control',
  values: (prng) => prng.times(40, () => anyControl(prng)),
  encode: encodeControl,
  decode: decodeControl,
  errors: ['INVALID_WIRE_BYTES'],
  check: (message) => {
    if (message.kind === 'hello') judgeHello(rules, message, PEER_ID, NOW_MS)
    if (message.kind === 'records')
      for (const record of message.records.slice(0, 3)) judgeRecord(rules, record)
  },
  timeMsMax: 200,
})

const peerRecord = target<SignedPeerRecord, SignedPeerRecord>({
  name: 'peer-record',
  values: (prng) => prng.times(40, () => anyPeerRecord(prng)),
  encode: (record) => resigned(record).encoded,
  decode: decodePeerRecord,
  errors: ['INVALID_WIRE_BYTES'],
  reencode: (record) => resigned(record).encoded,
})

/** The record under the signature that it has already. */
function resigned(record: SignedPeerRecord): SignedPeerRecord {
  return signPeerRecord(record, { publicKey: new Uint8Array(48), sign: () => record.signature })
}

/** One byte says in how large chunks the rest arrives. */
const frames = target<readonly Uint8Array[], Uint8Array>({
  name: 'framing',
  values: (prng) =>
    prng.times(60, () => prng.times(prng.below(6), () => prng.bytes(prng.pick([0, 1, 5, 300, 4096])))),
  encode: (messages) => concatBytes(Uint8Array.of(7), ...messages.map(frame)),
  decode: (bytes) => {
    const whole = new FrameDecoder(FRAME_SIZE_MAX)
    const chunked = new FrameDecoder(FRAME_SIZE_MAX)
    const stream = bytes.subarray(1)
    const chunkSize = 1 + (bytes[0] ?? 0)
    const parts: Uint8Array[] = []
    for (let at = 0; at < stream.length; at += chunkSize) {
      chunked.push(stream.subarray(at, at + chunkSize))
      parts.push(...drain(chunked))
    }
    whole.push(stream)
    const again = concatBytes(...drain(whole).map(frame))
    assert(bytesToHex(again) === bytesToHex(concatBytes(...parts.map(frame))), 'chunks make no difference')
    return again
  },
  errors: ['OVERSIZE_FRAME'],
  check: (framed, bytes) => {
    const stream = bytes.subarray(1)
    assert(bytesToHex(framed) === bytesToHex(stream.subarray(0, framed.length)), 'what came out went in')
    assert(
      stream.length - framed.length < FRAME_HEADER_SIZE + FRAME_SIZE_MAX,
      'no more than one message is held',
    )
  },
})

function drain(decoder: FrameDecoder): Uint8Array[] {
  const messages: Uint8Array[] = []
  for (let next = decoder.next(); next !== undefined; next = decoder.next()) messages.push(next)
  return messages
}

export const NETWORK_TARGETS: readonly Target[] = [control, peerRecord, frames]
