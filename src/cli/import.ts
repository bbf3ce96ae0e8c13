/** `aevir import`: executes a file of blocks into a database, with progress. */
import { stat } from 'node:fs/promises'
import { importChain } from '../node/import-chain.ts'
import { openNode } from '../node/node.ts'
import { VERSION } from '../node/version.ts'
import { readGenesisFile } from './genesis-file.ts'
import { bar, printJson, ProgressLine } from './terminal.ts'

export interface ImportOptions {
  readonly genesis: string
  readonly chain: string
  readonly data: string
  readonly history: number
  readonly engine: string
  readonly json?: boolean
}

export async function runImport(options: ImportOptions): Promise<void> {
  const genesis = await readGenesisFile(options.genesis)
  const size = await stat(options.chain).then(
    (file) => file.size,
    () => 0,
  )
  const node = await openNode({
    genesis,
    directory: options.data,
    engine: options.engine,
    historyBlocks: options.history,
    mining: { automine: false, intervalMs: 0 },
    devAccounts: undefined,
    clientVersion: VERSION,
    onError: (error) => process.stderr.write(`aevir: ${String(error)}\n`),
  })
  const line = new ProgressLine()
  const started = performance.now()
  let transactions = 0
  let gas = 0n
  try {
    const summary = await importChain(node.chain, options.chain, (progress) => {
      transactions += progress.transactions
      gas += progress.gas
      const share = size === 0 ? 0 : progress.position / size
      line.show(
        `${bar(share)} ${(100 * share).toFixed(0)} %  block ${progress.number}  ${transactions} transactions`,
      )
    })
    line.clear()
    const seconds = (performance.now() - started) / 1000
    const head = node.chain.head()
    if (options.json === true) {
      printJson({
        ...summary,
        transactions,
        gas,
        seconds,
        head: head.number,
        hash: head.hash,
        data: options.data,
      })
      return
    }
    process.stdout.write(
      `imported ${summary.imported} blocks (${summary.known} were there already), ${transactions} transactions, ` +
        `${gas} gas in ${seconds.toFixed(1)} s\nhead ${head.number} ${head.hash}\n` +
        `serve it: aevir dev --genesis ${options.genesis} --data ${options.data}\n`,
    )
  } finally {
    line.clear()
    await node.close()
  }
}
