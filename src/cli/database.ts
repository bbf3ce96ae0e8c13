/** `aevir db`: checks and measures a database that no node has open. */
import { existsSync } from 'node:fs'
import { AevirError } from '../primitives/errors.ts'
import type { KeyValueStore } from '../storage/key-value-store.ts'
import { openLmdbStore } from '../storage/lmdb-store.ts'
import { ledgerStatistics } from '../storage/statistics.ts'
import { verifyLedger } from '../storage/verify.ts'
import { bar, printJson, ProgressLine } from './terminal.ts'

export interface DatabaseOptions {
  readonly data: string
  readonly json?: boolean
}

export class NoDatabaseError extends AevirError {
  override readonly code = 'NO_DATABASE'
}

export async function runVerify({ data, json }: DatabaseOptions): Promise<void> {
  await withStore(data, (store) => {
    const line = new ProgressLine()
    const report = verifyLedger(store, ({ stage, done, total }) =>
      line.show(`${bar(total === 0 ? 1 : done / total)} ${stage}: ${done} of ${total}`),
    )
    line.clear()
    if (report.findingCount > 0) process.exitCode = 1
    if (json === true) return printJson(report)
    const { head, blocks, transactions, accounts, slots, trieNodes, historyRecords } = report
    process.stdout.write(
      `head ${head}: ${blocks} blocks, ${transactions} transactions, ${accounts} accounts, ${slots} slots, ` +
        `${trieNodes} trie nodes, ${historyRecords} history records\n`,
    )
    for (const finding of report.findings) process.stdout.write(`  ${finding}\n`)
    const unlisted = report.findingCount - report.findings.length
    if (unlisted > 0) process.stdout.write(`  … and ${unlisted} more\n`)
    process.stdout.write(
      report.findingCount === 0
        ? 'the database is sound\n'
        : `${report.findingCount} problems: restore a copy, or start over with --reset\n`,
    )
  })
}

export async function runStatistics({ data, json }: DatabaseOptions): Promise<void> {
  await withStore(data, (store) => {
    const statistics = ledgerStatistics(store)
    if (json === true) return printJson(statistics)
    for (const [name, { entries, bytes }] of Object.entries(statistics.tables)) {
      process.stdout.write(
        `${name.padEnd(14)}${`${entries}`.padStart(12)} entries${`${bytes}`.padStart(14)} bytes\n`,
      )
    }
    const { fileBytes, usedBytes, transactions, bytesPerTransaction } = statistics
    process.stdout.write(
      `file of ${fileBytes} bytes, ${usedBytes} in use; ${transactions} transactions, ${bytesPerTransaction} bytes each\n`,
    )
  })
}

/** Opens what is there; a directory without a database is an error, not an empty database. */
async function withStore(directory: string, work: (store: KeyValueStore) => void): Promise<void> {
  if (!existsSync(directory)) {
    throw new NoDatabaseError(`no database in ${directory}: name the directory of a chain with --data`)
  }
  const store = openLmdbStore(directory)
  try {
    work(store)
  } finally {
    await store.close()
  }
}
