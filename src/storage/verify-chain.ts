/** The blocks of a database: each follows from its parent, is what its header says, and is found by the indexes. */
import { equalBytes, type Hash } from '../primitives/bytes.ts'
import { headerHash, transactionsRoot, withdrawalsRoot } from '../chain/block-codec.ts'
import type { Block, Header } from '../chain/block.ts'
import { mergeBlooms } from '../chain/bloom.ts'
import { receiptsRoot } from '../chain/receipt-codec.ts'
import type { Receipt } from '../chain/receipt.ts'
import {
  readBlock,
  readHeader,
  readLocation,
  readNumberOf,
  readReceipts,
  readSenders,
} from './block-records.ts'
import type { KeyValueStore } from './key-value-store.ts'
import type { StoredIdentity } from './meta-records.ts'
import type { Findings, VerifyProgress } from './findings.ts'

const PROGRESS_INTERVAL = 1000

export interface ChainCheck {
  readonly store: KeyValueStore
  readonly identity: StoredIdentity
  /** Number of the newest block. */
  readonly head: bigint
  readonly findings: Findings
  readonly onProgress: (progress: VerifyProgress) => void
}

export function verifyChain(check: ChainCheck): { readonly blocks: number; readonly transactions: number } {
  const { store, identity, head, findings, onProgress } = check
  const blocks = Number(head - identity.genesisNumber) + 1
  let transactions = 0
  let parentHash: Hash | undefined
  for (let number = identity.genesisNumber; number <= head; number++) {
    const done = Number(number - identity.genesisNumber)
    if (done % PROGRESS_INTERVAL === 0) onProgress({ stage: 'blocks', done, total: blocks })
    const found = findings.attempt(`header of block ${number}`, () => readHeader(store, number))
    if (found === undefined) {
      findings.add(`block ${number}: its header is missing or unreadable`)
      parentHash = undefined
      continue
    }
    verifyHeader(check, number, found, number === identity.genesisNumber ? undefined : parentHash)
    transactions += verifyContents(check, number, found.header)
    parentHash = found.hash
  }
  verifyCounts(store, findings, blocks, transactions)
  return { blocks, transactions }
}

function verifyHeader(
  { store, identity, findings }: ChainCheck,
  number: bigint,
  { header, hash }: { readonly header: Header; readonly hash: Hash },
  parentHash: Hash | undefined,
): void {
  findings.expect(headerHash(header) === hash, `block ${number}: the header does not have the hash ${hash}`)
  findings.expect(header.number === number, `block ${number}: the header has number ${header.number}`)
  findings.expect(
    parentHash === undefined || header.parentHash === parentHash,
    `block ${number}: its parent hash ${header.parentHash} is not that of block ${number - 1n}`,
  )
  if (number === identity.genesisNumber) {
    findings.expect(
      hash === identity.genesisHash,
      `block ${number}: it is not the genesis block ${identity.genesisHash}`,
    )
  }
  const indexed = findings.attempt(`index of block ${number}`, () => readNumberOf(store, hash))
  findings.expect(indexed === number, `block ${number}: its hash leads to ${indexed ?? 'nothing'}`)
}

/** @returns the number of transactions. */
function verifyContents(check: ChainCheck, number: bigint, header: Header): number {
  const { store, findings } = check
  const block = findings.attempt(`body of block ${number}`, () => readBlock(store, number))
  const receipts = findings.attempt(`receipts of block ${number}`, () => readReceipts(store, number))
  const senders = findings.attempt(`senders of block ${number}`, () => readSenders(store, number))
  findings.expect(receipts !== undefined, `block ${number}: its receipts are missing or unreadable`)
  if (receipts !== undefined) verifyReceipts(check, number, header, receipts)
  if (block === undefined) return receipts?.length ?? 0

  const count = block.transactions.length
  findings.expect(senders?.length === count, `block ${number}: not every transaction has a sender`)
  findings.expect(
    transactionsRoot(block.transactions) === header.transactionsRoot,
    `block ${number}: its transactions are not those of the header`,
  )
  findings.expect(
    block.withdrawals === undefined || withdrawalsRoot(block.withdrawals) === header.withdrawalsRoot,
    `block ${number}: its withdrawals are not those of the header`,
  )
  verifyLocations(store, findings, number, block)
  return count
}

function verifyReceipts(
  { identity, findings }: ChainCheck,
  number: bigint,
  header: Header,
  receipts: readonly Receipt[],
): void {
  findings.expect(
    receiptsRoot(receipts) === header.receiptsRoot,
    `block ${number}: its receipts are not those of the header`,
  )
  const bloom = mergeBlooms(receipts.map(({ logsBloom }) => logsBloom))
  findings.expect(equalBytes(bloom, header.logsBloom), `block ${number}: the header has another bloom filter`)
  const gasUsed = receipts.at(-1)?.cumulativeGasUsed ?? 0n
  // A genesis file may claim that its block, which has no transactions, used gas.
  findings.expect(
    gasUsed === header.gasUsed || number === identity.genesisNumber,
    `block ${number}: its transactions used ${gasUsed} gas`,
  )
}

function verifyLocations(store: KeyValueStore, findings: Findings, number: bigint, block: Block): void {
  for (const [index, { hash }] of block.transactions.entries()) {
    const location = findings.attempt(`index of transaction ${hash}`, () => readLocation(store, hash))
    findings.expect(
      location?.blockNumber === number && location.index === index,
      `block ${number}: transaction ${hash} is not found by its hash`,
    )
  }
}

/** Whatever is there beyond what was visited belongs to no block. */
function verifyCounts(store: KeyValueStore, findings: Findings, blocks: number, transactions: number): void {
  const { tables } = store.statistics()
  for (const table of ['headers', 'bodies', 'senders', 'receipts', 'blockNumbers'] as const) {
    const { entries } = tables[table]
    findings.expect(entries === blocks, `table ${table}: ${entries} entries for ${blocks} blocks`)
  }
  const { entries } = tables.transactions
  findings.expect(
    entries === transactions,
    `table transactions: ${entries} entries for ${transactions} transactions`,
  )
}
