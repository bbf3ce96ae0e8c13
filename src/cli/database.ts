/** `aevir db verify` and `aevir db stats`: check and measure a database that no node has open. */
import { fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AevirError } from '../primitives/errors.ts'
import { CorruptDatabaseError } from '../storage/database-errors.ts'
import { ledgerStatistics } from '../storage/statistics.ts'
import type { VerifyReport } from '../storage/verify.ts'
import { withExistingStore } from './existing-store.ts'
import { bar, printJson, ProgressLine } from './terminal.ts'
import type { VerifyMessage, VerifyRequest } from './verify-worker.ts'

export interface DatabaseOptions {
  readonly data: string
  readonly json?: boolean
}

/** What the process that verifies failed with, in its words. */
class VerifyError extends AevirError {
  override readonly code = 'VERIFY'
}

export async function runVerify({ data, json }: DatabaseOptions): Promise<void> {
  const report = await verifyElsewhere(data)
  if (report.findingCount > 0) process.exitCode = 1
  if (json === true) printJson(report)
  else process.stdout.write(reportText(report))
}

function reportText(report: VerifyReport): string {
  const { head, blocks, transactions, accounts, slots, trieNodes, historyRecords, proposals, seals } = report
  const unlisted = report.findingCount - report.findings.length
  return [
    `head ${head}: ${blocks} blocks, ${transactions} transactions, ${accounts} accounts, ${slots} slots, ` +
      `${trieNodes} trie nodes, ${historyRecords} history records` +
      (proposals === 0 ? '' : `, ${proposals} proposals, ${seals} seals`),
    ...report.findings.map((finding) => `  ${finding}`),
    ...(unlisted > 0 ? [`  … and ${unlisted} more`] : []),
    report.findingCount === 0
      ? 'the database is sound'
      : `${report.findingCount} problems: restore a copy, or start over with --reset`,
    '',
  ].join('\n')
}

/** @throws AevirError | Error of the process that verifies. */
function verifyElsewhere(directory: string): Promise<VerifyReport> {
  const { promise, resolve, reject } = Promise.withResolvers<VerifyReport>()
  const program = fileURLToPath(new URL(`./verify-worker${extname(import.meta.url)}`, import.meta.url))
  const child = fork(program, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  const line = new ProgressLine()
  let complaints = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaints += text))
  child.on('message', (message: VerifyMessage) => {
    if (message.kind === 'progress') {
      const { stage, done, total } = message.progress
      line.show(`${bar(total === 0 ? 1 : done / total)} ${stage}: ${done} of ${total}`)
    } else if (message.kind === 'report') resolve(message.report)
    else reject(message.isExpected ? new VerifyError(message.text) : new Error(message.text))
  })
  child.once('error', reject)
  child.once('close', (_, signal) => {
    const detail = complaints.trim().split('\n').at(-1)
    // Nothing, when a report came before.
    reject(
      signal === null || detail === undefined
        ? new Error(`the process that verifies ended: ${complaints}`)
        : new CorruptDatabaseError(`a page of ${directory} is none (${detail})`),
    )
  })
  child.send({ directory } satisfies VerifyRequest)
  return promise.finally(() => line.clear())
}

export async function runStatistics({ data, json }: DatabaseOptions): Promise<void> {
  const statistics = await withExistingStore(data, ledgerStatistics)
  if (json === true) {
    printJson(statistics)
    return
  }
  for (const [name, { entries, bytes }] of Object.entries(statistics.tables)) {
    process.stdout.write(
      `${name.padEnd(14)}${`${entries}`.padStart(12)} entries${`${bytes}`.padStart(14)} bytes\n`,
    )
  }
  const { fileBytes, usedBytes, transactions, bytesPerTransaction } = statistics
  process.stdout.write(
    `file of ${fileBytes} bytes, ${usedBytes} in use; ${transactions} transactions, ${bytesPerTransaction} bytes each\n`,
  )
}
