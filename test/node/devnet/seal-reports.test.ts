/** How long users waited and how much was done, from the events of a node. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SealReports, type SealReport } from '../../../src/node/devnet/seal-reports.ts'
import type { NodeEvent } from '../../../src/rpc/backend.ts'

interface World {
  readonly reports: SealReport[]
  at(nowMs: number): World
  hear(name: string): World
  block(number: number, ...names: readonly string[]): World
  revoke(number: number): World
  committed(state: 'final' | 'sealed', number: number): World
}

/** Only what the reports look at. */
function world(): World {
  const reports: SealReport[] = []
  let nowMs = 0
  const meter = new SealReports(
    () => nowMs,
    (report) => reports.push(report),
  )
  const tell = (event: object): World => {
    meter.onEvent(event as NodeEvent)
    return told
  }
  const blockOf = (number: number, names: readonly string[]): object => ({
    header: { number: BigInt(number) },
    transactions: names.map((hash) => ({ hash })),
  })
  const told: World = {
    reports,
    at: (ms) => {
      nowMs = ms
      return told
    },
    hear: (hash) => tell({ kind: 'transaction', pooled: { transaction: { hash } } }),
    block: (number, ...names) => tell({ kind: 'block', block: blockOf(number, names), receipts: [] }),
    revoke: (number) => tell({ kind: 'revoked', block: blockOf(number, []), receipts: [] }),
    committed: (state, number) => tell({ kind: 'committed', state, number: BigInt(number) }),
  }
  return told
}

test('tells medians of waiting, and what was done a second', () => {
  const { reports } = world()
    .hear('a')
    .at(100)
    .hear('b')
    .at(400)
    .block(1, 'a', 'b', 'unheard')
    .at(700)
    .block(2)
    .committed('final', 2)
    .at(1_500)
    .committed('sealed', 2)
  assert.deepEqual(reports, [
    {
      first: 1n,
      last: 2n,
      head: 2n,
      final: 2n,
      transactions: 3,
      preconfirmMs: 400,
      sealMs: 1_100,
      transactionsPerSecond: 2,
    },
  ])
})

test('tells nothing of what it has not seen, nor twice', () => {
  const { reports } = world().committed('sealed', 7).block(8).committed('sealed', 8).committed('sealed', 8)
  assert.deepEqual(
    reports.map(({ first, last, preconfirmMs }) => [first, last, preconfirmMs]),
    [[8n, 8n, undefined]],
  )
})

test('forgets a block that was taken back', () => {
  const { reports } = world().block(1, 'a').revoke(1).block(1).committed('sealed', 1)
  assert.deepEqual(
    reports.map(({ transactions, head }) => [transactions, head]),
    [[0, 1n]],
  )
})
