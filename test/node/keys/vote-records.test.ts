/** Committees that replace others may have a lower epoch than the one that a node was in last. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { epochOf } from '../../../src/consensus/committees/committee.ts'
import type { Epoch, View } from '../../../src/consensus/simplex/types.ts'
import { VoteRecords, type Judgement, type OwnStatement } from '../../../src/node/keys/vote-records.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'

function vote(epoch: Epoch, digit: string): OwnStatement {
  const hash = `0x${digit.repeat(64)}` as Hash
  return { layer: 'execution', epoch, kind: 'notarize', view: 1 as View, hash }
}

/** What a node says of a statement after some others. */
function judged(said: readonly Epoch[], statement: OwnStatement): Judgement {
  const records = new VoteRecords()
  for (const epoch of said) records.add(vote(epoch, '1'))
  return records.judge(statement)
}

test('a node may speak in an epoch below its last, as long as it would know what it said there', () => {
  const rejected = [epochOf(3), epochOf(4)]
  assert.equal(judged(rejected, vote(epochOf(3, 1), '2')), 'new')
  assert.equal(judged([epochOf(4)], vote(epochOf(3, 1), '2')), 'new')
  assert.equal(judged([...rejected, epochOf(3, 1)], vote(epochOf(3, 1), '2')), 'contradiction')
  assert.equal(judged([...rejected, epochOf(3, 1)], vote(epochOf(4), '2')), 'contradiction')
})

test('a node never speaks in an epoch that it may have forgotten', () => {
  const epochs = [3, 4, 5, 6, 7].map((cycle) => epochOf(cycle))
  assert.equal(judged(epochs, vote(epochOf(3), '1')), 'too old to know')
  assert.equal(judged(epochs, vote(epochOf(3, 1), '1')), 'too old to know')
})
