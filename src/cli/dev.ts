/** `aevir dev`: a development node with its banner, until Ctrl-C. */
import { present } from '../primitives/assert.ts'
import { DEV_ACCOUNTS, devGenesis } from '../chain/dev-genesis.ts'
import type { Genesis } from '../chain/genesis.ts'
import { engineNameOf } from '../execution/engines.ts'
import { openNode, type Node } from '../node/node.ts'
import { OperatorStatus } from '../node/operator-status.ts'
import { systemClock } from '../node/system-clock.ts'
import { devClientVersion } from '../node/version.ts'
import { createRpcServer, type RpcServer } from '../rpc/server.ts'
import { banner, readyLine, type ReadyFacts } from './banner.ts'
import { printBlocks } from './block-printer.ts'
import type { NewChain, WantedNumber } from './dev-chain.ts'
import { readGenesisFile } from './genesis-file.ts'
import { reportBackgroundError } from './report-error.ts'
import { stopOnSignals } from './stop-signals.ts'

export interface DevOptions {
  readonly host: string
  readonly port: number
  readonly data: string
  readonly memory?: boolean
  readonly reset?: boolean
  readonly genesis?: string
  readonly chainId: bigint
  /** In coins. */
  readonly balance: bigint
  readonly gasLimit: bigint
  readonly baseFee: bigint
  /** In seconds. */
  readonly blockTime?: number
  readonly mining: boolean
  readonly history: number
  readonly engine: string
  readonly json?: boolean
  readonly quiet?: boolean
}

const WEI_PER_COIN = 10n ** 18n

/** Options that make a new chain what it is, with the numbers that they set. */
const CHAIN_OPTIONS: readonly (WantedNumber & { readonly option: keyof DevOptions })[] = [
  { option: 'chainId', key: 'chainId', flag: '--chain-id' },
  { option: 'balance', key: 'balance', flag: '--balance' },
  { option: 'gasLimit', key: 'gasLimit', flag: '--gas-limit' },
  { option: 'baseFee', key: 'baseFeePerGas', flag: '--base-fee' },
]

/** @param isGiven whether an option was set, rather than left to its default. */
export async function runDev(options: DevOptions, isGiven: (option: string) => boolean): Promise<void> {
  const directory = options.memory === true ? undefined : options.data
  // Whatever can be wrong with the command line is found out before anything is written or removed.
  engineNameOf(options.engine)
  const fromFile = options.genesis === undefined ? undefined : await readGenesisFile(options.genesis)
  const genesis = await prepareChain(options, directory, fromFile, isGiven)
  const node = await openDevNode(options, directory, genesis)
  const server = await startServer(node, options)
  const stop = async (): Promise<void> => {
    // Before the connections end, so that whoever waits for a block is told.
    await node.sealer.stop()
    await server.close()
    await node.close()
  }
  stopOnSignals({
    stop,
    onStop: () => {
      if (isTalkative(options)) process.stdout.write('Stopping; once more to end at once\n')
    },
    onError: reportBackgroundError,
  })
  try {
    announce(options, readyFacts(node, server, genesis, directory))
  } catch (error) {
    await stop()
    throw error
  }
  if (isTalkative(options)) printBlocks(node.backend)
}

async function openDevNode(
  options: DevOptions,
  directory: string | undefined,
  genesis: Genesis,
): Promise<Node> {
  return openNode({
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
    onError: reportBackgroundError,
  }).catch(async (error: unknown) => {
    if (directory === undefined || options.genesis !== undefined) throw error
    const { explainForeign } = await import('./dev-chain.ts')
    throw explainForeign(error, directory)
  })
}

/** Removes the old chain when asked to, and gives the genesis of the one to open. */
async function prepareChain(
  options: DevOptions,
  directory: string | undefined,
  fromFile: Genesis | undefined,
  isGiven: (option: string) => boolean,
): Promise<Genesis> {
  const fresh: NewChain = {
    chainId: options.chainId,
    timestamp: BigInt(Math.floor(systemClock.nowMs() / 1000)),
    gasLimit: options.gasLimit,
    baseFeePerGas: options.baseFee,
    balance: options.balance * WEI_PER_COIN,
  }
  if (directory === undefined) return fromFile ?? devGenesis(fresh)
  if (fromFile !== undefined && options.reset !== true) return fromFile
  const { devGenesisIn, removeChain } = await import('./dev-chain.ts')
  if (options.reset === true) removeChain(directory)
  if (fromFile !== undefined) return fromFile
  return devGenesisIn(
    directory,
    fresh,
    CHAIN_OPTIONS.filter(({ option }) => isGiven(option)),
  )
}

async function startServer(node: Node, { host, port }: DevOptions): Promise<RpcServer> {
  try {
    return await createRpcServer({
      backend: node.backend,
      host,
      port,
      clock: systemClock,
      status: new OperatorStatus({ backend: node.backend, clock: systemClock }),
      onInternalError: reportBackgroundError,
    })
  } catch (error) {
    await node.close()
    throw error
  }
}

function readyFacts(
  node: Node,
  { url }: RpcServer,
  genesis: Genesis,
  directory: string | undefined,
): ReadyFacts {
  const state = node.chain.latestState()
  const head = present(node.chain.ledger.header(node.chain.head().number), 'newest block')
  const accounts = DEV_ACCOUNTS.map((account) => ({
    ...account,
    balance: state.account(account.address)?.balance ?? 0n,
  }))
  return { url, directory, genesis, gasLimit: head.gasLimit, head: head.number, accounts }
}

function announce(options: DevOptions, facts: ReadyFacts): void {
  if (options.json === true) process.stdout.write(readyLine(facts))
  else if (options.quiet !== true) process.stdout.write(banner(facts))
}

function isTalkative({ json, quiet }: DevOptions): boolean {
  return json !== true && quiet !== true
}
