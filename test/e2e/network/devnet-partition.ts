/**
 * `aevir devnet --processes`, cut in two and healed: unlike processes that are stopped, both halves go on, time out, and
 * have to find together again.
 */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ChainRecord } from './chain-record.ts'
import type { FaultReport } from './faults.ts'
import { checkChains, missingAfter, type Verdict } from './final-check.ts'
import { ask, type NodeHandle } from './node-handle.ts'
import { TokenLoad } from './token-load.ts'

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
const READY_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_MS = 20_000
/** What was on its way when the network was cut may still become sealed. */
const SETTLE_MS = 3_000

export interface PartitionOptions {
  readonly executors: number
  readonly witnesses: number
  readonly perSecond: number
  readonly calmMs: number
  readonly partitionMs: number
  readonly afterMs: number
}

export interface PartitionResult {
  readonly report: FaultReport
  readonly verdict: Verdict
  readonly missing: number
  /** Blocks that were reported as sealed while neither half had a quorum; must be 0. */
  readonly sealedWhileCut: number
}

/** @throws AssertionError when a promise was broken. */
export async function runPartition(options: PartitionOptions): Promise<PartitionResult> {
  const { executors, witnesses, perSecond, calmMs, partitionMs, afterMs } = options
  const devnet = await startDevnet(executors, witnesses)
  const record = new ChainRecord()
  try {
    const readers = devnet.nodes.slice(0, executors)
    for (const node of devnet.nodes) await record.watch(node, readers.includes(node))
    // One reader of each half.
    const load = await TokenLoad.open([readers[0], readers.at(-1)].filter(isNode), record)
    const endLoad = load.begin(perSecond)
    await delay(calmMs)
    const [first] = devnet.nodes as [NodeHandle]
    const half = [
      ...devnet.nodes.slice(0, executors / 2),
      ...devnet.nodes.slice(executors, executors + witnesses / 2),
    ].map(({ name }) => name)
    const startMs = performance.now()
    await ask(first, 'aevir_setFault', [{ fault: 'partition', groups: [half] }])
    await delay(SETTLE_MS)
    const settled = record.sealed.size
    await delay(partitionMs)
    const sealedWhileCut = record.sealed.size - settled
    await ask(first, 'aevir_setFault', [{ fault: 'none' }])
    const lastedMs = performance.now() - startMs
    await delay(afterMs)
    const silenceMs = record.longestSilence(startMs, performance.now())
    await endLoad()
    load.close()
    const missing = await missingAfter(record)
    const verdict = await checkChains(devnet.nodes, record)
    const details = `${half.join(', ')} for ${((SETTLE_MS + partitionMs) / 1000).toFixed(0)} s`
    const report = { name: 'a devnet cut in two, both halves running', details, silenceMs, lastedMs }
    return { report, verdict, missing, sealedWhileCut }
  } finally {
    record.close()
    await devnet.stop()
  }
}

interface Devnet {
  /** Executors first. */
  readonly nodes: readonly NodeHandle[]
  stop(): Promise<void>
}

async function startDevnet(executors: number, witnesses: number): Promise<Devnet> {
  const args = ['devnet', '--processes', '--rpc-all', '--json', '--port', '0']
  const counts = ['--executors', `${executors}`, '--witnesses', `${witnesses}`]
  const child = spawn(process.execPath, [MAIN, ...args, ...counts], { stdio: ['ignore', 'pipe', 'inherit'] })
  const killChild = (): void => void child.kill('SIGKILL')
  process.once('exit', killChild)
  child.once('exit', () => process.off('exit', killChild))
  try {
    const nodes = await readyNodes(child)
    return { nodes, stop: () => stop(child) }
  } catch (error) {
    killChild()
    throw error
  }
}

/** From the line of JSON that says that the network is ready. */
function readyNodes(child: ChildProcess): Promise<readonly NodeHandle[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly NodeHandle[]>()
  const timer = setTimeout(() => reject(new Error('the devnet is not ready')), READY_TIMEOUT_MS)
  child.once('exit', () => reject(new Error('the devnet ended')))
  assert.ok(child.stdout)
  createInterface(child.stdout).on('line', (line) => {
    const { event, nodes } = JSON.parse(line) as {
      event: string
      nodes: readonly { readonly name: string; readonly url: string }[]
    }
    if (event !== 'ready') return
    resolve(nodes.map(({ name, url }) => ({ name, rpcPort: Number(new URL(url).port) })))
  })
  return promise.finally(() => clearTimeout(timer))
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  child.kill('SIGTERM')
  await exit
  clearTimeout(timer)
}

function isNode(node: NodeHandle | undefined): node is NodeHandle {
  return node !== undefined
}
