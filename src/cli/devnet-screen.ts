/** What `aevir devnet` says: one screen when the network is ready, then a line for each seal; or the same as JSON. */
import { DEV_ACCOUNTS, DEV_BALANCE } from '../chain/dev-genesis.ts'
import { committeeShape } from '../consensus/simplex/config.ts'
import type { SealReport } from '../node/devnet/seal-reports.ts'
import type { LogFields, LogLevel } from '../node/log.ts'
import { VERSION } from '../node/version.ts'
import { checksumAddress } from '../primitives/checksum-address.ts'
import { bold } from './terminal.ts'

const WEI_PER_COIN = 10n ** 18n

export interface DevnetNodeFacts {
  readonly name: string
  /** The consensus key. */
  readonly id: string
  /** Of its RPC server. */
  readonly url: string | undefined
}

export interface DevnetFacts {
  /** Of the first node. */
  readonly url: string
  readonly chainId: bigint
  readonly executors: number
  readonly witnesses: number
  readonly nodes: readonly DevnetNodeFacts[]
  /** `undefined` when everything is in memory. */
  readonly directory: string | undefined
  readonly hasProcesses: boolean
  /** Newest block: more than 0 when a network is continued. */
  readonly head: bigint
  readonly memoryBytes: number
}

export function devnetScreen(facts: DevnetFacts): string {
  const { url, chainId, executors, witnesses, nodes, hasProcesses, memoryBytes } = facts
  const where = hasProcesses ? `in ${executors + witnesses} processes` : 'in one process'
  const title = `${bold(`Aevir ${VERSION}`)} development network: ${executors} executors, ${witnesses} witnesses, ${where}`
  const others = nodes.slice(1).filter((node) => node.url !== undefined)
  const sections = [
    [
      'Network',
      `RPC        ${url}   (HTTP and WebSocket; ${nodes[0]?.name ?? 'the first node'} answers)`,
      ...(others.length === 0 ? [] : [`           ${others.map((node) => node.url).join(' ')}`]),
      `Chain ID   ${chainId}`,
      `Data       ${dataLine(facts)}`,
      `Memory     ${megabytes(memoryBytes)}`,
    ],
    [
      `Accounts (${DEV_BALANCE / WEI_PER_COIN} coins each at genesis; never use these keys anywhere else)`,
      ...DEV_ACCOUNTS.map(
        ({ address, privateKey }, index) => `(${index}) ${checksumAddress(address)} ${privateKey}`,
      ),
    ],
    [
      'Nodes',
      `${range('executor', executors)}   order and execute; ${committeeShape(executors).quorum} of them make a block pre-confirmed, then final`,
      `${range('witness', witnesses)}   execute again; ${committeeShape(witnesses).quorum} of them seal it`,
      `cast rpc aevir_getFaults --rpc-url ${url}  # who has which key, and what is broken`,
    ],
    ['Try it', ...tryLines(url)],
    ['Break it', ...breakLines(facts)],
  ]
  const body = sections.map(([heading, ...lines]) => `${bold(heading ?? '')}\n${lines.join('\n')}\n`)
  return `\n${title}\n\n${body.join('\n')}\n${bold(`Listening on ${url}`)}\n`
}

function tryLines(url: string): string[] {
  const [first, second] = DEV_ACCOUNTS
  return [
    `cast send ${second?.address} --value 1ether --rpc-url ${url} --private-key ${first?.privateKey}`,
    `cast block finalized --rpc-url ${url}  # the newest sealed block; safe: the newest final one`,
  ]
}

function breakLines({ url, executors, witnesses }: DevnetFacts): string[] {
  const lastExecutor = `executor-${executors}`
  const lastWitness = `witness-${witnesses}`
  const line = (fault: object, comment: string): string =>
    `cast rpc aevir_setFault '${JSON.stringify(fault)}' --rpc-url ${url}  # ${comment}`
  return [
    line({ fault: 'pause', node: lastWitness }, 'hears and says nothing'),
    ...(executors > 1
      ? [line({ fault: 'crash', node: lastExecutor }, 'killed; the fault "none" starts it again')]
      : []),
    line({ fault: 'equivocate', node: lastWitness }, 'contradicts itself; cast rpc aevir_getOffences'),
    line({ fault: 'delay', delayMs: 300 }, 'everybody, or one with "node"'),
    line({ fault: 'partition', groups: [['executor-1', 'witness-1']] }, 'from all others'),
    line({ fault: 'none' }, 'all is well again'),
  ]
}

function range(role: string, count: number): string {
  return count === 1 ? `${role}-1` : `${role}-1 … ${role}-${count}`
}

function dataLine({ directory, hasProcesses, head }: DevnetFacts): string {
  if (directory === undefined) return `${hasProcesses ? 'temporary' : 'in memory'}; ends with this command`
  return head === 0n ? directory : `${directory}, goes on from block ${head}`
}

// ---- While it runs ----------------------------------------------------------------------------------------------------

export function sealLine(report: SealReport, memoryBytes: number): string {
  const { first, last, head, final, preconfirmMs, sealMs, transactionsPerSecond } = report
  const blocks = first === last ? `${last}` : `${first}–${last}`
  const parts = [
    `pre-confirmed ${head}`,
    `final ${final}`,
    `sealed ${bold(blocks)}`,
    ...(preconfirmMs === undefined ? [] : [`pre-confirm ${Math.round(preconfirmMs)} ms`]),
    `seal ${Math.round(sealMs)} ms`,
    `${transactionsPerSecond.toFixed(1)} tx/s`,
    megabytes(memoryBytes),
  ]
  return `${parts.join(' · ')}\n`
}

export function logLine(node: string, level: LogLevel, message: string, fields: LogFields = {}): string {
  const rest = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${String(value)}`],
  )
  return `[${node}] ${level}: ${[message, ...rest].join(' ')}\n`
}

// ---- For programs: JSON lines ------------------------------------------------------------------------------------------

export function readyJson(facts: DevnetFacts): string {
  const { url, chainId, nodes, directory, head, memoryBytes } = facts
  return jsonLine({
    event: 'ready',
    url,
    webSocketUrl: url.replace(/^http/, 'ws'),
    chainId: Number(chainId),
    head: Number(head),
    data: directory ?? null,
    nodes: nodes.map((node) => ({ name: node.name, node: node.id, url: node.url ?? null })),
    accounts: DEV_ACCOUNTS.map(({ address, privateKey }) => ({ address, privateKey })),
    memoryBytes,
  })
}

export function sealJson(report: SealReport, memoryBytes: number): string {
  return jsonLine({
    event: 'sealed',
    ...report,
    preconfirmMs: report.preconfirmMs ?? null,
    memoryBytes,
  })
}

function jsonLine(value: object): string {
  const text = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'bigint' ? Number(inner) : inner,
  )
  return `${text}\n`
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_000_000)} MB`
}
