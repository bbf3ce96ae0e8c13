/** What consensus reads: messages of members in both layers, and its own log. */
import { committeeShape, type CommitteeShape } from '../../../src/consensus/simplex/config.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import type { Epoch, Layer } from '../../../src/consensus/simplex/types.ts'
import { frameRecord, readLog, type ReadLog } from '../../../src/consensus/simplex/wal-frames.ts'
import { decodeRecord, encodeRecord, type WalRecord } from '../../../src/consensus/simplex/wal-records.ts'
import { decodeMessage, encodeMessage, wireContext } from '../../../src/consensus/simplex/wire.ts'
import { concatBytes, toHash } from '../../../src/primitives/bytes.ts'
import { assert } from '../../../src/primitives/assert.ts'
import { anyMessage, anyRecord, repairBlock, repairMessage } from '../consensus-values.ts'
import { target, type Target } from '../target.ts'

const SAMPLES = 200
const SALT = new Uint8Array(16).fill(0x5a)
const SHAPE = committeeShape(4)

function wireTarget(layer: Layer, shape: CommitteeShape): Target {
  const committeeHash = toHash(`0x${'c0'.repeat(32)}`)
  const context = wireContext(shape, { chainId: 31_337n, layer, epoch: 3 as Epoch, committeeHash })
  return target<Message, Message>({
    name: `wire-${layer}-${shape.size}`,
    values: (prng) => prng.times(SAMPLES, () => anyMessage(prng, shape)),
    encode: (message) => encodeMessage(context, message),
    repair: (message) => repairMessage(message, shape),
    decode: (bytes) => decodeMessage(context, bytes),
    errors: ['INVALID_WIRE_BYTES'],
    reencode: (message) => encodeMessage(context, message),
  })
}

const walRecord = target<WalRecord, WalRecord>({
  name: 'wal-record',
  values: (prng) => prng.times(SAMPLES, () => anyRecord(prng, SHAPE)),
  encode: encodeRecord,
  repair: (record) => (record.kind === 'block' ? { ...record, block: repairBlock(record.block) } : record),
  decode: (bytes) => decodeRecord(bytes, SHAPE),
  errors: ['INVALID_WIRE_BYTES'],
  reencode: encodeRecord,
})

const walLog = target<readonly WalRecord[], ReadLog>({
  name: 'wal-log',
  values: (prng) => prng.times(40, () => prng.times(prng.below(12), () => anyRecord(prng, SHAPE))),
  encode: (records) => {
    let size = 0
    const frames = records.map((record) => {
      const frame = frameRecord(record, size, SALT)
      size += frame.length
      return frame
    })
    return concatBytes(...frames)
  },
  decode: (bytes) => readLog(bytes, SHAPE, SALT),
  errors: ['CORRUPT_CONSENSUS_LOG'],
  check: ({ records, goodSize }, bytes) => {
    assert(goodSize <= bytes.length, 'no more is good than there is')
    const again = readLog(bytes.subarray(0, goodSize), SHAPE, SALT)
    assert(again.goodSize === goodSize && again.records.length === records.length, 'what is good stays good')
  },
})

export const CONSENSUS_TARGETS: readonly Target[] = [
  wireTarget('execution', committeeShape(21)),
  wireTarget('witness', committeeShape(51)),
  wireTarget('execution', SHAPE),
  walRecord,
  walLog,
]
