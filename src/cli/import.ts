/** `aevir import`: executes a file of blocks into a database, with progress. */
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { checkChainStart, importChain, type ImportSummary } from '../node/import-chain.ts'
import { openNode, type Node } from '../node/node.ts'
import { VERSION } from '../node/version.ts'
import { DATA_FILE_NAME } from '../storage/lmdb-file.ts'
import { readGenesisFile } from './genesis-file.ts'
import { reportBackgroundError } from './report-error.ts'
import { bar, printJson, ProgressLine } from './terminal.ts'

export interface ImportOptions {
  readonly genesis: string
  readonly chain: string
  readonly data: string
  readonly history: number
  readonly engine: string
  readonly json?: boolean
}

/** What was executed by this run. */
interface Work {
  readonly summary: ImportSummary
  readonly transactions: number
  readonly gas: bigint
  readonly seconds: number
}

export async function runImport(options: ImportOptions): Promise<void> {
  const genesis = await readGenesisFile(options.genesis)
  if (!existsSync(join(options.data, DATA_FILE_NAME))) await checkChainStart(genesis, options.chain)
  const node = await openNode({
    genesis,
    directory: options.data,
    engine: options.engine,
    historyBlocks: options.history,
    mining: { automine: false, intervalMs: 0 },
    devAccounts: undefined,
    clientVersion: VERSION,
    onError: reportBackgroundError,
  })
  try {
    tell(options, node, await importWithProgress(node, options.chain))
  } finally {
    await node.close()
  }
}

async function importWithProgress(node: Node, path: string): Promise<Work> {
  const size = await stat(path).then(
    (file) => file.size,
    () => 0,
  )
  const line = new ProgressLine()
  const startedMs = performance.now()
  let transactions = 0
  let gas = 0n
  try {
    const summary = await importChain(node.chain, path, (progress) => {
      transactions += progress.transactions
      gas += progress.gas
      const share = size === 0 ? 0 : progress.position / size
      const percent = (100 * share).toFixed(0)
      line.show(`${bar(share)} ${percent} %  block ${progress.number}  ${transactions} transactions`)
    })
    return { summary, transactions, gas, seconds: (performance.now() - startedMs) / 1000 }
  } finally {
    line.clear()
  }
}

function tell(options: ImportOptions, node: Node, { summary, transactions, gas, seconds }: Work): void {
  const { number, hash } = node.chain.head()
  if (options.json === true) {
    printJson({ ...summary, transactions, gas, seconds, head: number, hash, data: options.data })
    return
  }
  const { imported, known } = summary
  process.stdout.write(
    `imported ${imported} blocks (${known} were there already), ${transactions} transactions, ` +
      `${gas} gas in ${seconds.toFixed(1)} s\nhead ${number} ${hash}\n` +
      `serve it: aevir dev --genesis ${options.genesis} --data ${options.data}\n`,
  )
}
