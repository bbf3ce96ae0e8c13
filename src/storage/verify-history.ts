/**
 * The history of a database: every version of a key leads to the record of the one before it as long as history is kept,
 * exactly one version leads to each record, and each root of the account trie, read from history, is the state root of the
 * block that wrote it.
 */
import { bytesToHash, bytesToHex, type Hash } from '../primitives/bytes.ts'
import { keccak256 } from '../primitives/keccak.ts'
import { EMPTY_TRIE_ROOT } from '../chain/ordered-trie.ts'
import { readHeader } from './block-records.ts'
import type { Findings, VerifyProgress } from './findings.ts'
import { formerBlock, versions } from './history.ts'
import type { KeyValueStore } from './key-value-store.ts'
import {
  historicKey,
  historicPart,
  historyKey,
  nodeKey,
  parseHistoricKey,
  readNumber,
  readStamp,
} from './schema.ts'
import { HISTORIC_TABLES, type HistoricTable } from './tables.ts'

const PROGRESS_INTERVAL = 1000

export interface HistoryCheck {
  readonly store: KeyValueStore
  readonly oldestState: bigint
  /** Number of the newest block. */
  readonly head: bigint
  readonly findings: Findings
  readonly onProgress: (progress: VerifyProgress) => void
}

/** A collection of keys in no order, compared by their number and a sum of hashes: chance is the only adversary. */
class KeyBag {
  private count = 0
  private sum = 0

  add(key: Uint8Array): void {
    this.count += 1
    // FNV-1a, 32 bits.
    let hash = 0x811c9dc5
    for (const byte of key) hash = Math.imul(hash ^ byte, 0x01000193)
    this.sum = (this.sum + (hash >>> 0)) % Number.MAX_SAFE_INTEGER
  }

  equals(other: KeyBag): boolean {
    return this.count === other.count && this.sum === other.sum
  }
}

/** @returns the number of records. */
export function verifyHistory(check: HistoryCheck): number {
  const { store, findings } = check
  const kept = new KeyBag()
  const expected = new KeyBag()
  verifyRecords(check, kept, expected)
  verifyNewest(check, expected)
  verifyRemoved(check, expected)
  findings.expect(expected.equals(kept), 'table history: not every record is that of exactly one later value')
  verifyRoots(check)
  return store.statistics().tables.history.entries
}

/** Collects the records of kept blocks, and those that they lead to. */
function verifyRecords(check: HistoryCheck, kept: KeyBag, expected: KeyBag): void {
  const { store, oldestState, head, findings } = check
  for (const { key, value } of store.entries('history')) {
    const number = readNumber(key)
    findings.expect(number <= head, `table history: block ${number} is above the head`)
    // Older ones wait to be dropped.
    if (number <= oldestState) continue
    kept.add(key)
    const historic = historicPart(key)
    const former = findings.attempt(`history of block ${number}`, () => {
      parseHistoricKey(historic)
      return formerBlock(value)
    })
    if (former === undefined) continue
    findings.expect(
      former < Number(number),
      `history of block ${number}: ${bytesToHex(historic)} has a newer record`,
    )
    follow(check, former, historic, expected)
  }
}

/** Collects the records that values at the head lead to. */
function verifyNewest(check: HistoryCheck, expected: KeyBag): void {
  // The keys of HISTORIC_TABLES are HistoricTable by definition.
  for (const table of Object.keys(HISTORIC_TABLES) as HistoricTable[]) {
    for (const { key, value } of check.store.entries(table)) {
      const block = check.findings.attempt(`${table} ${bytesToHex(key)}`, () => readStamp(value).block)
      if (block !== undefined) follow(check, block, historicKey(table, key), expected)
    }
  }
}

/** Collects the records that keys which are gone lead to. */
function verifyRemoved(check: HistoryCheck, expected: KeyBag): void {
  const { store, findings } = check
  for (const { key: historic, value } of store.entries('removed')) {
    const what = `removed ${bytesToHex(historic)}`
    const found = findings.attempt(what, () => ({
      ...parseHistoricKey(historic),
      block: readStamp(value).block,
    }))
    if (found === undefined) continue
    findings.expect(store.get(found.table, found.key) === undefined, `${what}: it is still there`)
    follow(check, found.block, historic, expected)
  }
}

/** A value written by a block whose history is kept must have a record of what was before it. */
function follow(check: HistoryCheck, block: number, historic: Uint8Array, expected: KeyBag): void {
  if (block <= Number(check.oldestState)) return
  const key = historyKey(block, historic)
  expected.add(key)
  check.findings.expect(
    check.store.get('history', key) !== undefined,
    `history: ${bytesToHex(historic)} has no record of block ${block}`,
  )
}

/** From the newest root that was written back, since a root is made from the one that replaced it. */
function verifyRoots({ store, oldestState, head, findings, onProgress }: HistoryCheck): void {
  const total = Number(head - oldestState)
  let steps = 0
  findings.attempt('state roots in history', () => {
    for (const { block, value } of versions(store, 'accountNodes', nodeKey(null, ''))) {
      const number = BigInt(block)
      if (steps++ % PROGRESS_INTERVAL === 0)
        onProgress({ stage: 'history', done: Number(head - number), total })
      const header = findings.attempt(`header of block ${number}`, () => readHeader(store, number))?.header
      const root = rootOf(value)
      findings.expect(
        header === undefined || root === header.stateRoot,
        `block ${number}: its state root in history is ${root}`,
      )
      if (number <= oldestState) return
    }
  })
}

function rootOf(node: Uint8Array | undefined): Hash {
  return node === undefined ? EMPTY_TRIE_ROOT : bytesToHash(keccak256(node))
}
