/**
 * The tables of the database: the one place that lists them. A name is part of the file format, and so is the number
 * of a historic table; `schema.ts` holds the layout of keys and values.
 */

export const TABLES = [
  /** Format, identity, head, commit states, and the node's own small values. */
  'meta',
  /** Block number → hash and packed RLP of the header. */
  'headers',
  /** Block number → packed RLP of transactions, ommers and withdrawals. */
  'bodies',
  /** Block number → sender of each transaction, 20 bytes each. */
  'senders',
  /** Block number → packed receipts (`receipt-record.ts`). */
  'receipts',
  /** Block hash → number. */
  'blockNumbers',
  /** Transaction hash → block number and index. */
  'transactions',
  /** Address → block that wrote it, account at the head. */
  'accounts',
  /** Address and slot → block that wrote it, value at the head, never zero. */
  'storage',
  /** Code hash → code. Never deleted: code is shared by hash, and old state names it. */
  'codes',
  /** Path → block that wrote it, node of the account trie at the head. */
  'accountNodes',
  /** Address and path → block that wrote it, node of that account's storage trie at the head. */
  'storageNodes',
  /** Block number and historic key → the value that the block replaced (`history.ts`). */
  'history',
  /** Historic key → the block that removed its value, as long as that block's history is kept. */
  'removed',
  /** Layer and epoch → where the epoch begins, and its committee (`consensus-records.ts`, as all that follow). */
  'epochs',
  /** Layer, epoch and height → final proposal and what notarized it. */
  'proposals',
  /** Layer, epoch and hash of a final proposal → height. */
  'proposalHeights',
  /** Layer, epoch and height → the certificate that made the proposal final. Fewer than proposals. */
  'finalizations',
  /** Epoch of the witness layer and height → randomness after the seal, and its body. */
  'sealBodies',
  /** Number of the last block of a seal → its epoch and height. */
  'seals',
  /** Hash of the last block of a seal → number. */
  'sealEnds',
] as const

export type TableName = (typeof TABLES)[number]

/** Tables whose former values are kept for a while, with the number that stands for each in a historic key. */
export const HISTORIC_TABLES = {
  accounts: 1,
  storage: 2,
  accountNodes: 3,
  storageNodes: 4,
} as const satisfies Partial<Record<TableName, number>>

export type HistoricTable = keyof typeof HISTORIC_TABLES
