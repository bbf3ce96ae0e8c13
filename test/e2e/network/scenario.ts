/**
 * A network of processes under load: calm first, then one fault after the other, then the judgement. Used by
 * `network.test.ts` (short) and `main.ts` (as long as one likes).
 */
import { setTimeout as delay } from 'node:timers/promises'
import { ChainRecord } from './chain-record.ts'
import { FAULTS, runFault, type FaultReport } from './faults.ts'
import { checkChains, missingAfter, type Verdict } from './final-check.ts'
import { ProcessNetwork } from './process-network.ts'
import { TokenLoad } from './token-load.ts'

/** Nodes that users send through. */
const READERS = 3

export interface ScenarioOptions {
  /** For the nodes' directories. */
  readonly directory: string
  readonly executors: number
  readonly witnesses: number
  readonly perSecond: number
  readonly calmMs: number
  readonly outageMs: number
  readonly partitionMs: number
  /** Watched after each fault. */
  readonly afterMs: number
  readonly onProgress: (line: string) => void
}

export interface ScenarioResult {
  readonly faults: readonly FaultReport[]
  readonly verdict: Verdict
  readonly sent: number
  readonly errors: ReadonlyMap<string, number>
  /** Transactions that users sent, no node refused, and no block has. */
  readonly missing: number
  readonly revocations: number
}

/** @throws AssertionError when a promise was broken. */
export async function runScenario(options: ScenarioOptions): Promise<ScenarioResult> {
  const { directory, onProgress, perSecond, afterMs } = options
  const network = await ProcessNetwork.make(directory, options)
  const record = new ChainRecord()
  try {
    await network.start()
    onProgress(`${network.nodes.length} nodes are ready`)
    const readers = network.executors.slice(0, READERS)
    for (const node of network.nodes) await record.watch(node, readers.includes(node))
    const load = await TokenLoad.open(readers, record)
    const endLoad = load.begin(perSecond)
    await delay(options.calmMs)
    const world = { ...options, network, record, readers }
    const faults: FaultReport[] = []
    for (const fault of FAULTS) {
      const report = await runFault(fault, world, afterMs)
      faults.push(report)
      onProgress(lineOf(report))
    }
    await endLoad()
    load.close()
    const missing = await missingAfter(record)
    const verdict = await checkChains(network.nodes, record)
    const { due: sent, errors } = load.counts
    return { faults, verdict, sent, errors, missing, revocations: record.revocations }
  } finally {
    record.close()
    await network.kill()
  }
}

export function lineOf({ name, details, silenceMs, lastedMs }: FaultReport): string {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
  return `${name} (${details}): over after ${seconds(lastedMs)}, nothing newly sealed for ${seconds(silenceMs)} at most`
}
