/**
 * The history of a database: the list of what each block changed and the records of former values match, and the root
 * of the account trie at every kept block, read from history, is the state root of its header.
 */
import { bytesToHash, bytesToHex, type Hash } from '../primitives/bytes.ts'
import { keccak256 } from '../primitives/keccak.ts'
import { EMPTY_TRIE_ROOT } from '../chain/ordered-trie.ts'
import { readHeader } from './block-records.ts'
import { readAt, splitChunk } from './history.ts'
import type { KeyValueStore } from './key-value-store.ts'
import { historyKey, nodeKey, parseHistoricKey, readNumber } from './schema.ts'
import type { Findings, VerifyProgress } from './findings.ts'

const PROGRESS_INTERVAL = 100

export interface HistoryCheck {
  readonly store: KeyValueStore
  readonly oldestState: bigint
  /** Number of the newest block. */
  readonly head: bigint
  readonly findings: Findings
  readonly onProgress: (progress: VerifyProgress) => void
}

/** @returns the number of records. */
export function verifyHistory(check: HistoryCheck): number {
  const { store, findings } = check
  const listed = verifyLists(check)
  const { entries } = store.statistics().tables.history
  findings.expect(entries === listed, `table history: ${entries} records, of which ${listed} are listed`)
  verifyRoots(check)
  return entries
}

/** Every change that is listed has its record. */
function verifyLists({ store, head, findings }: HistoryCheck): number {
  let listed = 0
  for (const { key, value } of store.entries('changes')) {
    const number = readNumber(key)
    findings.expect(number <= head, `table changes: block ${number} is above the head`)
    findings.attempt(`changes of block ${number}`, () => {
      for (const historic of splitChunk(value)) {
        parseHistoricKey(historic)
        const record = store.get('history', historyKey(historic, number))
        if (record === undefined)
          findings.add(`history: ${bytesToHex(historic)} has no record of block ${number}`)
        else listed += 1
      }
    })
  }
  return listed
}

function verifyRoots({ store, oldestState, head, findings, onProgress }: HistoryCheck): void {
  const total = Number(head - oldestState)
  for (let number = oldestState; number < head; number++) {
    const done = Number(number - oldestState)
    if (done % PROGRESS_INTERVAL === 0) onProgress({ stage: 'history', done, total })
    const header = findings.attempt(`header of block ${number}`, () => readHeader(store, number))?.header
    if (header === undefined) continue
    const root = rootOf(readAt(store, number, 'accountNodes', nodeKey(null, '')))
    findings.expect(root === header.stateRoot, `block ${number}: its state root in history is ${root}`)
  }
}

function rootOf(node: Uint8Array | undefined): Hash {
  return node === undefined ? EMPTY_TRIE_ROOT : bytesToHash(keccak256(node))
}
