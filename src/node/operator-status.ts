/**
 * What probes and monitoring are told of a node ({@link NodeStatus}): readiness from what consensus says now, metrics from
 * a module that is loaded, and begins to count, when they are first asked for or {@link OperatorStatus.startMetrics} is
 * called. Loading it takes some 40 ms: too long for the start of a development node that nobody monitors.
 */
import type { Clock } from '../consensus/plugin.ts'
import type { ConsensusEvent } from '../consensus/dual-bft/dual-bft.ts'
import type { NetworkStatistics } from '../network/network-counters.ts'
import type { Backend } from '../rpc/backend.ts'
import type { NodeStatus, Readiness } from '../rpc/node-status.ts'
import type { Metrics } from './metrics.ts'

export interface OperatorStatusOptions {
  readonly backend: Backend
  readonly clock: Clock
  /** Counters of the transport; `undefined` for a node without a network. */
  readonly network?: () => NetworkStatistics
  /** Listens to consensus until the result is called; see `NodeConsensusView.subscribe`. */
  readonly subscribeConsensus?: (listener: (event: ConsensusEvent) => void) => () => void
}

export class OperatorStatus implements NodeStatus {
  private readonly options: OperatorStatusOptions
  private loading: Promise<Metrics> | undefined
  private loaded: Metrics | undefined
  private isClosed = false

  constructor(options: OperatorStatusOptions) {
    this.options = options
  }

  readiness(): Readiness {
    const reason = reasonNotReady(this.options.backend)
    return reason === undefined ? { isReady: true } : { isReady: false, reason }
  }

  async metrics(): Promise<string> {
    return (await this.load()).text()
  }

  /** Counts from now on. A node of a network does this when it starts. */
  async startMetrics(): Promise<void> {
    await this.load()
  }

  onAnswered(method: string | undefined, durationMs: number): void {
    this.loaded?.onAnswered(method, durationMs)
  }

  close(): void {
    this.isClosed = true
    this.loaded?.close()
  }

  private load(): Promise<Metrics> {
    this.loading ??= import('./metrics.ts').then(({ Metrics }) => {
      this.loaded = new Metrics(this.options)
      if (this.isClosed) this.loaded.close()
      return this.loaded
    })
    return this.loading
  }
}

/** Why users should not be sent to this node now. */
function reasonNotReady({ consensus, ledger }: Backend): string | undefined {
  if (consensus === undefined) return undefined
  const halted = consensus.halted()
  if (halted !== undefined) return halted
  const status = consensus.status()
  if (status === undefined) return 'starting: it reads what it had before'
  const isAlone = [status.execution, status.witness].every(({ committee }) =>
    committee.members.every((member) => member === consensus.self),
  )
  if (!isAlone && consensus.peerCount() === 0) {
    return 'no peers: it is connected to no other node of the network'
  }
  const progress = consensus.syncing()
  if (progress === undefined) return undefined
  const head = ledger.head().number
  const { highestBlock } = progress
  return highestBlock > head
    ? `catching up: it has block ${head} of at least ${highestBlock}`
    : `catching up: it has block ${head}, the network is ahead`
}
