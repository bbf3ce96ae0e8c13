/** The log and its guard: what a crash may do to a file and what it may not, and what a node says after either. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { WireError } from '../../../src/consensus/simplex/binary.ts'
import {
  abstentionOf,
  guardAfter,
  NEW_GUARD,
  type DoubleSignGuard,
} from '../../../src/consensus/simplex/double-sign-guard.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import type { SignedStatement, StatementKind, View } from '../../../src/consensus/simplex/types.ts'
import { CorruptLogError, frameRecord, readLog } from '../../../src/consensus/simplex/wal-frames.ts'
import { decodeRecord, encodeRecord, type WalRecord } from '../../../src/consensus/simplex/wal-records.ts'
import { concatBytes, type Hash } from '../../../src/primitives/bytes.ts'
import { keccak256 } from '../../../src/primitives/keccak.ts'
import { COMMITTEE, walRecords } from '../../support/consensus-arbitraries.ts'

const hash = `0x${'ab'.repeat(32)}` as Hash
const signature = new Uint8Array(96).fill(0x55)

function statement(kind: StatementKind, view: number): SignedStatement {
  return { kind, view: view as View, hash, signer: 2, signature }
}

describe('records', () => {
  test('round-trip, and nothing else is one', () => {
    fc.assert(
      fc.property(walRecords, fc.nat(), (record, at) => {
        const bytes = encodeRecord(record)
        assert.deepEqual(decodeRecord(bytes, COMMITTEE), record)
        assert.throws(() => decodeRecord(bytes.subarray(0, at % bytes.length), COMMITTEE), WireError)
        assert.throws(() => decodeRecord(concatBytes(bytes, Uint8Array.of(0)), COMMITTEE), WireError)
      }),
    )
  })

  test('have frozen bytes', () => {
    const tip: WalRecord = { kind: 'tip', tip: { view: 5 as View, height: 4, hash, payloadHash: hash } }
    assert.equal(encodeRecord(tip).toHex(), `010000000000000000050000000000000004${'ab'.repeat(64)}`)
    const vote: WalRecord = { kind: 'statement', statement: statement('nullify', 5) }
    const bytes = `0101020000000000000005${'ab'.repeat(32)}00000002${'55'.repeat(96)}`
    assert.equal(encodeRecord(vote).toHex(), bytes)
    const silence: WalRecord = { kind: 'silence', through: 5 as View }
    assert.equal(encodeRecord(silence).toHex(), '01040000000000000005')
    const frame = frameRecord(tip, 7).toHex()
    assert.equal(frame.slice(0, 24), '000000520000000000000007')
    const prefix = Uint8Array.fromHex(frame.slice(0, 24))
    assert.equal(frame.slice(24, 32), keccak256(prefix).subarray(0, 4).toHex())
    const all = concatBytes(prefix, encodeRecord(tip))
    assert.equal(frame.slice(32, 48), keccak256(all).subarray(0, 8).toHex())
    assert.equal(frame.slice(48), encodeRecord(tip).toHex())
  })
})

/** A file of records, of which the first are durable, and where each frame ends. */
function fileOf(records: readonly WalRecord[], durableCount: number): { file: Uint8Array; ends: number[] } {
  const ends: number[] = []
  const frames = records.map((record, index) => {
    const frame = frameRecord(record, ends[Math.min(index, durableCount) - 1] ?? 0)
    ends.push((ends.at(-1) ?? 0) + frame.length)
    return frame
  })
  return { file: concatBytes(...frames), ends }
}

describe('a log file', () => {
  const logs = fc.array(walRecords, { minLength: 1, maxLength: 8 })

  test('reads back whole', () => {
    fc.assert(
      fc.property(logs, (records) => {
        const { file } = fileOf(records, 0)
        assert.deepEqual(readLog(file, COMMITTEE), { records, goodSize: file.length })
      }),
    )
  })

  test('that was cut off keeps the frames before the cut', () => {
    fc.assert(
      fc.property(logs, fc.nat(), (records, at) => {
        const { file, ends } = fileOf(records, 0)
        const cut = at % file.length
        const kept = ends.filter((end) => end <= cut).length
        assert.deepEqual(readLog(file.subarray(0, cut), COMMITTEE), {
          records: records.slice(0, kept),
          goodSize: ends[kept - 1] ?? 0,
        })
      }),
    )
  })

  test('with a hole in what was never durable keeps what comes before the hole', () => {
    fc.assert(
      fc.property(logs, fc.nat(), (records, at) => {
        const { file, ends } = fileOf(records, 0)
        const position = at % file.length
        file[position] = (file[position] as number) ^ 0x10
        const kept = ends.filter((end) => end <= position).length
        assert.deepEqual(readLog(file, COMMITTEE).records, records.slice(0, kept))
      }),
    )
  })

  test('that ends in a torn block full of what could be heads of frames is read in time', () => {
    const body = new Uint8Array(4 << 20)
    const view = new DataView(body.buffer)
    for (let offset = 0; offset + 12 <= body.length; offset += 12) {
      view.setUint32(offset, 1 << 20)
      view.setUint32(offset + 8, 1 << 20)
    }
    const fields = { view: 2 as View, parentView: 1 as View, height: 1, parentHash: hash, payloadHash: hash }
    const file = frameRecord({ kind: 'block', block: makeBlock(fields, body) }, 0)
    const startMs = performance.now()
    assert.deepEqual(readLog(file.subarray(0, -1), COMMITTEE), { records: [], goodSize: 0 })
    // A quarter of a million hashes of a MiB each would take a quarter of an hour.
    assert.ok(performance.now() - startMs < 20_000)
  })

  test('with a hole in what was durable, and something after it, is refused', () => {
    fc.assert(
      fc.property(fc.array(walRecords, { minLength: 2, maxLength: 8 }), fc.nat(), (records, at) => {
        const { file, ends } = fileOf(records, records.length)
        const position = at % (ends.at(-2) ?? 1)
        file[position] = (file[position] as number) ^ 0x10
        assert.throws(() => readLog(file, COMMITTEE), CorruptLogError)
      }),
    )
  })
})

describe('the guard', () => {
  const said = [statement('notarize', 4), statement('finalize', 4), statement('notarize', 5)]
  const records = said.map((statement): WalRecord => ({ kind: 'statement', statement }))
  const guardOf = (statements: readonly SignedStatement[]): DoubleSignGuard =>
    statements.reduce(guardAfter, NEW_GUARD)

  test('does not silence a node whose log tells everything', () => {
    assert.equal(abstentionOf(guardOf(said), records), 0)
    assert.equal(abstentionOf(NEW_GUARD, []), 0)
  })

  test('silences it through the last view whose statements are not all there', () => {
    assert.equal(abstentionOf(guardOf(said), records.slice(0, 2)), 5)
    assert.equal(abstentionOf(guardOf(said.slice(0, 2)), records.slice(0, 1)), 4)
    assert.equal(abstentionOf(guardOf(said), []), 5)
  })

  test('takes a compacted log for complete up to its tip', () => {
    const tip: WalRecord = { kind: 'tip', tip: { view: 5 as View, height: 4, hash, payloadHash: hash } }
    assert.equal(abstentionOf(guardOf(said), [tip]), 0)
    assert.equal(abstentionOf(guardOf([...said, statement('nullify', 6)]), [tip]), 6)
  })

  test('goes forward only', () => {
    assert.deepEqual(guardOf([...said, statement('finalize', 4)]), guardOf(said))
  })
})
