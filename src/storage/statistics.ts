/** How large a database is, and what a transaction costs in it. */
import type { KeyValueStore, TableStatistics } from './key-value-store.ts'
import { TABLES, type TableName } from './tables.ts'

export interface LedgerStatistics {
  readonly tables: Readonly<Record<TableName, TableStatistics>>
  /** Bytes in all tables; the file is larger by the pages that are free. */
  readonly usedBytes: number
  /** 0 in memory. */
  readonly fileBytes: number
  readonly blocks: number
  readonly transactions: number
  /** Bytes a transaction has added on average, state and kept history included; 0 without transactions. */
  readonly bytesPerTransaction: number
}

export function ledgerStatistics(store: KeyValueStore): LedgerStatistics {
  const { tables, fileBytes } = store.statistics()
  let usedBytes = 0
  for (const name of TABLES) usedBytes += tables[name].bytes
  const transactions = tables.transactions.entries
  return {
    tables,
    usedBytes,
    fileBytes,
    blocks: tables.headers.entries,
    transactions,
    bytesPerTransaction: transactions === 0 ? 0 : Math.round(usedBytes / transactions),
  }
}
