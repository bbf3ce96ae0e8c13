/** `aevir dev`: a development node with its banner, until Ctrl-C. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AevirError } from '../primitives/errors.ts'
import { DEV_ACCOUNTS, devGenesis } from '../chain/dev-genesis.ts'
import type { Genesis } from '../chain/genesis.ts'
import { openNode, type Node } from '../node/node.ts'
import { systemClock } from '../node/system-clock.ts'
import { devClientVersion } from '../node/version.ts'
import { createRpcServer, type RpcServer } from '../rpc/server.ts'
import { banner } from './banner.ts'
import { printBlocks } from './block-printer.ts'
import { readGenesisFile } from './genesis-file.ts'

export interface DevOptions {
  readonly host: string
  readonly port: number
  readonly data: string
  readonly memory?: boolean
  readonly reset?: boolean
  readonly genesis?: string
  readonly chainId: bigint
  readonly balance: bigint
  readonly gasLimit: bigint
  readonly baseFee: bigint
  readonly blockTime?: number
  readonly mining: boolean
  readonly history: number
  readonly engine: string
  readonly quiet?: boolean
}

/** Time for an orderly stop; then the process ends anyway. */
const STOP_TIMEOUT_MS = 10_000
const WEI_PER_COIN = 10n ** 18n
/** Holds what a chain was created with, beside its database: a genesis depends on it. */
const CHAIN_FILE = 'chain.json'

export async function runDev(options: DevOptions): Promise<void> {
  const directory = options.memory === true ? undefined : options.data
  if (options.reset === true && directory !== undefined) removeChain(directory)
  const genesis =
    options.genesis === undefined ? devGenesisOf(options, directory) : await readGenesisFile(options.genesis)
  const node = await openNode({
    genesis,
    directory,
    engine: options.engine,
    historyBlocks: options.history,
    mining: {
      automine: options.mining && options.blockTime === undefined,
      intervalMs: options.mining ? Math.round((options.blockTime ?? 0) * 1000) : 0,
    },
    devAccounts: DEV_ACCOUNTS,
    clientVersion: devClientVersion({
      os: process.platform,
      arch: process.arch,
      node: process.versions.node,
    }),
    onError: reportInternal,
  })
  const server = await startServer(node, options)
  if (options.quiet !== true) {
    const { number } = node.chain.head()
    const coins = options.genesis === undefined ? options.balance : undefined
    process.stdout.write(
      banner({ url: server.url, genesis, coins, accounts: DEV_ACCOUNTS, head: number, directory }),
    )
    printBlocks(node.backend)
  }
  stopOnSignals(node, server)
}

async function startServer(node: Node, { host, port }: DevOptions): Promise<RpcServer> {
  try {
    return await createRpcServer({
      backend: node.backend,
      host,
      port,
      clock: systemClock,
      onInternalError: reportInternal,
    })
  } catch (error) {
    await node.close()
    throw error
  }
}

/** What the chain in the directory was created with, or what a new one is to be created with from now on. */
function devGenesisOf(options: DevOptions, directory: string | undefined): Genesis {
  const fresh = {
    chainId: options.chainId,
    timestamp: BigInt(Math.floor(systemClock.nowMs() / 1000)),
    gasLimit: options.gasLimit,
    baseFeePerGas: options.baseFee,
    balance: options.balance * WEI_PER_COIN,
  }
  if (directory === undefined) return devGenesis(fresh)
  const known = readChainFile(directory)
  if (known !== undefined) return devGenesis(known)
  mkdirSync(directory, { recursive: true })
  const text = Object.fromEntries(Object.entries(fresh).map(([key, value]) => [key, `${value}`]))
  writeFileSync(join(directory, CHAIN_FILE), `${JSON.stringify(text, null, 2)}\n`)
  return devGenesis(fresh)
}

type DevGenesisFields = Required<NonNullable<Parameters<typeof devGenesis>[0]>>

function readChainFile(directory: string): DevGenesisFields | undefined {
  const path = join(directory, CHAIN_FILE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
  try {
    const fields = JSON.parse(text) as Record<string, string>
    const read = (key: string): bigint => BigInt(fields[key] as string)
    return {
      chainId: read('chainId'),
      timestamp: read('timestamp'),
      gasLimit: read('gasLimit'),
      baseFeePerGas: read('baseFeePerGas'),
      balance: read('balance'),
    }
  } catch (error) {
    throw new ChainFileDamagedError(`${path} is damaged: start over with --reset`, { cause: error })
  }
}

class ChainFileDamagedError extends AevirError {
  override readonly code = 'CHAIN_FILE_DAMAGED'
}

/** Removes what a node keeps in its directory, and nothing else that may be there. */
function removeChain(directory: string): void {
  for (const name of [CHAIN_FILE, 'data.mdb', 'lock.mdb']) rmSync(join(directory, name), { force: true })
}

function reportInternal(error: unknown): void {
  process.stderr.write(`aevir: internal error: ${error instanceof Error ? error.stack : String(error)}\n`)
}

/** The first signal stops in order, the second at once. */
function stopOnSignals(node: Node, server: RpcServer): void {
  let isStopping = false
  const stop = (): void => {
    if (isStopping) process.exit(130)
    isStopping = true
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref()
    server
      .close()
      .then(() => node.close())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          reportInternal(error)
          process.exit(1)
        },
      )
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}
