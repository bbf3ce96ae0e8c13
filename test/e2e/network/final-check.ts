/**
 * What must be true when the faults are over: every node ends with the same chain, and nothing that any of them ever
 * called sealed is missing from it or stands elsewhere.
 */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { blockOf, type BlockAnswer } from './consensus-status.ts'
import type { ChainRecord } from './chain-record.ts'
import type { NodeHandle } from './node-handle.ts'

const AGREEMENT_TIMEOUT_MS = 60_000
/** For the last transactions to be sealed. */
const GRACE_MS = 20_000
const POLL_MS = 200

export interface Verdict {
  /** The highest block that all nodes have sealed. */
  readonly height: number
  readonly hash: string
  readonly stateRoot: string
  /** Blocks and transactions that were reported as sealed by any node; all are there. */
  readonly sealedBlocks: number
  readonly sealedTransactions: number
}

/** @throws AssertionError when anything is missing or differs. */
export async function checkChains(nodes: readonly NodeHandle[], record: ChainRecord): Promise<Verdict> {
  assert.deepEqual(record.violations(), [])
  const reported = Math.max(0, ...record.sealed.keys())
  const height = await commonHeight(nodes, reported)
  const ends = await Promise.all(nodes.map((node) => blockOf(node, height)))
  const [first, ...others] = ends as [BlockAnswer, ...BlockAnswer[]]
  for (const [index, { hash, stateRoot }] of others.entries()) {
    const ours = { hash: first.hash, stateRoot: first.stateRoot }
    assert.deepEqual({ hash, stateRoot }, ours, `${nodes[index + 1]?.name} has another block ${height}`)
  }
  const sealedTransactions = await checkSealed(nodes[0] as NodeHandle, record)
  const { hash, stateRoot } = first
  return { height, hash, stateRoot, sealedBlocks: record.sealed.size, sealedTransactions }
}

/** Waits until every node has sealed what was reported. @returns the highest block that all have sealed. */
async function commonHeight(nodes: readonly NodeHandle[], reported: number): Promise<number> {
  const endMs = performance.now() + AGREEMENT_TIMEOUT_MS
  for (;;) {
    const heads = await Promise.all(
      nodes.map(async (node) => Number((await blockOf(node, 'finalized')).number)),
    )
    const lowest = Math.min(...heads)
    if (lowest >= reported) return lowest
    const names = nodes.map(({ name }, index) => `${name} ${heads[index]}`).join(', ')
    assert.ok(performance.now() < endMs, `block ${reported} was sealed, but the nodes stay behind: ${names}`)
    await delay(POLL_MS)
  }
}

/** @returns the number of transactions in the blocks that were reported as sealed. */
async function checkSealed(node: NodeHandle, { contents, sealed }: ChainRecord): Promise<number> {
  let count = 0
  for (const [number, { hash, node: reporter }] of sealed) {
    const block = await blockOf(node, number)
    assert.equal(block.hash, hash, `block ${number} was sealed according to ${reporter}, and is another now`)
    const content = contents.get(hash)
    if (content !== undefined) assert.deepEqual(block.transactions, content.transactions)
    count += block.transactions.length
  }
  return count
}

/** Gives the last transactions the time to be sealed. @returns how many of those that users sent were not. */
export async function missingAfter(record: ChainRecord): Promise<number> {
  const endMs = performance.now() + GRACE_MS
  for (;;) {
    await record.settled()
    const sealed = new Set(
      [...record.sealed.values()].flatMap(({ hash }) => record.contents.get(hash)?.transactions ?? []),
    )
    const missing = [...record.fates.keys()].filter((hash) => !sealed.has(hash)).length
    if (missing === 0 || performance.now() > endMs) return missing
    await delay(POLL_MS)
  }
}
