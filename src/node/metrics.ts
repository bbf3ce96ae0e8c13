/**
 * What monitoring reads of a node, in the Prometheus text format: how far the chain is, how consensus goes, what the
 * network carries, how requests fare. Events feed the histograms and totals, the rest is sampled when it is asked for.
 *
 * Labels come from closed sets (commit states, layers, message classes, methods that the node offers), and what waits to
 * be timed is bounded, so that neither a peer nor a client can make this grow.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Hash } from '../primitives/bytes.ts'
import { unreachable } from '../primitives/assert.ts'
import { COMMIT_STATES } from '../execution/ledger.ts'
import { seatOf, type Committee } from '../consensus/committees/committee.ts'
import type { ConsensusEvent, LayerStatus } from '../consensus/dual-bft/dual-bft.ts'
import { signersOf } from '../consensus/simplex/certificate.ts'
import type { Certificate, Layer, Proposal } from '../consensus/simplex/types.ts'
import { lastOf } from '../consensus/witness-layer/seal.ts'
import type { TrafficCounters } from '../network/network-counters.ts'
import type { NodeEvent } from '../rpc/backend.ts'
import type { TieredEngine } from '../../runtime/evm/tiering/engine.ts'
import type { ConsensusView } from '../rpc/consensus-view.ts'
import type { OperatorStatusOptions } from './operator-status.ts'

/** Transactions that wait for their block to be timed; beyond, the oldest is not timed. */
const TIMED_TRANSACTIONS_MAX = 16_384
/** Blocks that wait for their seal to be timed. */
const TIMED_BLOCKS_MAX = 4_096
/** Blocks whose certificates are looked through for one answer; of more, the newest. */
const INSPECTED_BLOCKS_MAX = 1_000n
/** The label of methods that the node does not offer. */
const UNKNOWN_METHOD = 'unknown'

const LAYERS = ['execution', 'witness'] as const satisfies readonly Layer[]

const PRECONFIRM_BUCKETS_S = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30]
const SEAL_BUCKETS_S = [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120]
const RPC_BUCKETS_S = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30]

export type MetricsOptions = OperatorStatusOptions

export class Metrics {
  private readonly options: MetricsOptions
  private readonly registry = new Registry()
  private readonly instruments: Instruments
  private readonly endings: (() => void)[]
  /** When this node received a transaction that is in no block yet, in milliseconds since 1970. */
  private readonly received = new Map<Hash, number>()
  /** When this node had a block that is not sealed yet. */
  private readonly unsealed = new Map<bigint, number>()
  /** The certificates of blocks up to these were looked through. */
  private readonly inspected: { final: bigint; sealed: bigint }

  constructor(options: MetricsOptions) {
    this.options = options
    const { backend } = options
    this.instruments = instruments(this.registry)
    if (backend.consensus !== undefined) showFromZero(this.instruments)
    addSamples(this.registry, options)
    collectDefaultMetrics({ register: this.registry })
    this.inspected = {
      final: backend.ledger.committed('final'),
      sealed: backend.ledger.committed('sealed'),
    }
    this.endings = [backend.subscribe((event) => this.onNodeEvent(event))]
    const ending = options.subscribeConsensus?.((event) => this.onConsensusEvent(event))
    if (ending !== undefined) this.endings.push(ending)
  }

  /** Everything, as text. */
  text(): Promise<string> {
    if (this.options.backend.consensus !== undefined) this.inspect(this.options.backend.consensus)
    return this.registry.metrics()
  }

  /** @param method one that the node offers. */
  onAnswered(method: string | undefined, durationMs: number): void {
    this.instruments.rpc.observe({ method: method ?? UNKNOWN_METHOD }, durationMs / 1000)
  }

  close(): void {
    for (const end of this.endings.splice(0)) end()
    this.registry.clear()
  }

  private onNodeEvent(event: NodeEvent): void {
    switch (event.kind) {
      case 'transaction':
        this.onReceived(event.pooled.transaction.hash)
        return
      case 'block':
        this.onBlock(event)
        return
      case 'revoked':
        this.instruments.revoked.inc()
        this.unsealed.delete(event.block.header.number)
        return
      case 'committed':
        if (event.state === 'sealed') this.onSealed(event.number)
        return
      default:
        unreachable(event)
    }
  }

  private onConsensusEvent(event: ConsensusEvent): void {
    if (event.kind === 'evidence') this.instruments.equivocations.inc({ layer: event.committee.layer })
    else if (event.kind === 'conflict') this.instruments.conflicts.inc()
  }

  private onReceived(hash: Hash): void {
    this.received.set(hash, this.options.clock.nowMs())
    dropOldest(this.received, TIMED_TRANSACTIONS_MAX)
  }

  private onBlock({ block }: NodeEvent & { readonly kind: 'block' }): void {
    const nowMs = this.options.clock.nowMs()
    const { gas, preconfirm, transactions } = this.instruments
    transactions.inc(block.transactions.length)
    gas.inc(Number(block.header.gasUsed))
    for (const { hash } of block.transactions) {
      const receivedMs = this.received.get(hash)
      if (receivedMs === undefined) continue
      this.received.delete(hash)
      preconfirm.observe(secondsBetween(receivedMs, nowMs))
    }
    // While the node catches up, its blocks were sealed long ago: their times would say nothing about the network.
    if (this.options.backend.consensus?.syncing() !== undefined) return
    this.unsealed.set(block.header.number, nowMs)
    dropOldest(this.unsealed, TIMED_BLOCKS_MAX)
  }

  private onSealed(number: bigint): void {
    const nowMs = this.options.clock.nowMs()
    for (const [unsealed, sinceMs] of this.unsealed) {
      if (unsealed > number) continue
      this.unsealed.delete(unsealed)
      this.instruments.seal.observe(secondsBetween(sinceMs, nowMs))
    }
  }

  /** Looks through what became final since the last time: for views that were given up, and votes that this node missed. */
  private inspect(consensus: ConsensusView): void {
    const { ledger } = this.options.backend
    const [final, sealed] = [ledger.committed('final'), ledger.committed('sealed')]
    for (let number = firstToInspect(this.inspected.final, final); number <= final; number++) {
      const found = consensus.executionOf(number)
      if (found === undefined) continue
      const { committee, finality, notarization, proposal } = found
      this.countNullified(committee, proposal)
      this.countMissed(committee, notarization, consensus)
      if (finality?.height === proposal.height) this.countMissed(committee, finality.certificate, consensus)
    }
    for (let number = firstToInspect(this.inspected.sealed, sealed); number <= sealed; number++) {
      const found = consensus.sealOf(number)
      if (found === undefined) continue
      const { committee, finality, proposal, seal } = found
      this.countNullified(committee, proposal)
      if (finality?.height === proposal.height) this.countMissed(committee, finality.certificate, consensus)
      number = lastOf(seal)
    }
    Object.assign(this.inspected, { final, sealed })
  }

  /** All views between a proposal's and its parent's had to be given up for it to be valid. */
  private countNullified({ layer }: Committee, { parentView, view }: Proposal): void {
    this.instruments.nullified.inc({ layer }, view - parentView - 1)
  }

  private countMissed(
    committee: Committee,
    certificate: Certificate | undefined,
    { self }: ConsensusView,
  ): void {
    const seat = seatOf(committee, self)
    if (seat === undefined || certificate === undefined) return
    if (!signersOf(certificate.bitmap).includes(seat)) {
      this.instruments.missedVotes.inc({ layer: committee.layer })
    }
  }
}

function firstToInspect(inspected: bigint, last: bigint): bigint {
  const newest = last - INSPECTED_BLOCKS_MAX
  return (inspected > newest ? inspected : newest) + 1n
}

/** A clock may be set back: then what it measured is nothing. */
function secondsBetween(fromMs: number, toMs: number): number {
  return Math.max(0, toMs - fromMs) / 1000
}

/** Maps keep the order in which keys were added. */
function dropOldest(map: Map<unknown, unknown>, max: number): void {
  if (map.size <= max) return
  const [oldest] = map.keys()
  map.delete(oldest)
}

type Instruments = ReturnType<typeof instruments>

/** What events feed. */
function instruments(registry: Registry) {
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
    new Counter({ name, help, labelNames, registers })
  return {
    nullified: counter(
      'aevir_consensus_nullified_views_total',
      'Views that were given up, below the newest final block and seal',
      ['layer'],
    ),
    conflicts: counter(
      'aevir_consensus_conflicts_total',
      'Times that a quorum of executors made a block final other than the one that is final here',
    ),
    equivocations: counter(
      'aevir_consensus_equivocations_total',
      'Proofs that a member signed what contradicts itself',
      ['layer'],
    ),
    missedVotes: counter(
      'aevir_consensus_missed_votes_total',
      'Certificates of committees with this node in them that were made without its vote',
      ['layer'],
    ),
    revoked: counter('aevir_consensus_revoked_blocks_total', 'Pre-confirmed blocks that were taken back'),
    transactions: counter(
      'aevir_execution_txs_total',
      'Transactions in blocks that were executed, also of blocks that were taken back later',
    ),
    gas: counter('aevir_execution_gas_total', 'Gas used by blocks that were executed'),
    preconfirm: new Histogram({
      name: 'aevir_consensus_preconfirm_seconds',
      help: 'From the receipt of a transaction by this node to the pre-confirmation of its block',
      buckets: PRECONFIRM_BUCKETS_S,
      registers,
    }),
    seal: new Histogram({
      name: 'aevir_consensus_seal_seconds',
      help: 'From the pre-confirmation of a block to its seal',
      buckets: SEAL_BUCKETS_S,
      registers,
    }),
    rpc: new Histogram({
      name: 'aevir_rpc_seconds',
      help: 'Time to answer a request, waiting for the chain included',
      labelNames: ['method'],
      buckets: RPC_BUCKETS_S,
      registers,
    }),
  }
}

/** Totals that are not there before they first rise would hide that rise. */
function showFromZero({ equivocations, missedVotes, nullified }: Instruments): void {
  for (const layer of LAYERS) {
    for (const counter of [equivocations, missedVotes, nullified]) counter.inc({ layer }, 0)
  }
}

/** What is looked up when it is asked for. */
function addSamples(registry: Registry, options: MetricsOptions): void {
  const { backend, network } = options
  const { consensus, engine, ledger, pool } = backend
  const gauge = gauges(registry)
  gauge('aevir_build_info', 'Always 1; the label tells the version', ['version'], (set) =>
    set({ version: backend.clientVersion }, 1),
  )
  gauge('aevir_consensus_height', 'Newest block of a commit state', ['state'], (set) => {
    for (const state of COMMIT_STATES) set({ state }, Number(ledger.committed(state)))
  })
  gauge('aevir_consensus_sealed_height', 'Newest sealed block', [], (set) =>
    set({}, Number(ledger.committed('sealed'))),
  )
  gauge('aevir_pool_size', 'Transactions in the pool', ['kind'], (set) => {
    const { pending, queued } = pool.status()
    set({ kind: 'pending' }, pending)
    set({ kind: 'queued' }, queued)
  })
  if (engine !== undefined && 'statistics' in engine) {
    // Cast: the tiered engine is the one that has statistics.
    addTieringSamples(registry, engine as TieredEngine)
  }
  if (consensus !== undefined) addConsensusSamples(registry, consensus)
  if (network !== undefined) addNetworkSamples(registry, network)
}

function addTieringSamples(registry: Registry, engine: TieredEngine): void {
  const gauge = gauges(registry)
  const total = totals(registry)
  gauge('aevir_engine_compiled_contracts', 'Contracts with compiled code in the cache', [], (set) =>
    set({}, engine.statistics().cachedContracts),
  )
  gauge('aevir_engine_compiled_bytes', 'Bytes of compiled code in the cache', [], (set) =>
    set({}, engine.statistics().cachedBytes),
  )
  total('aevir_engine_compilations_total', 'Compilations of contracts', ['result'], (add) => {
    const { compilations, failures } = engine.statistics()
    add({ result: 'compiled' }, compilations - failures)
    add({ result: 'failed' }, failures)
  })
  total('aevir_engine_compile_seconds_total', 'Processor time of the thread that compiles', [], (add) =>
    add({}, engine.statistics().ms / 1000),
  )
  total('aevir_engine_emitted_bytes_total', 'Bytes that compilations came to', [], (add) =>
    add({}, engine.statistics().bytes),
  )
  total(
    'aevir_engine_frames_total',
    'Calls of contracts, by the tier in which they began',
    ['tier'],
    (add) => {
      for (const [tier, count] of Object.entries(engine.statistics().frames)) add({ tier }, count)
    },
  )
}

function addConsensusSamples(registry: Registry, consensus: ConsensusView): void {
  const gauge = gauges(registry)
  const byLayer = (name: string, help: string, valueOf: (status: LayerStatus) => number): void =>
    gauge(name, help, ['layer'], (set) => {
      const status = consensus.status()
      for (const layer of LAYERS) if (status !== undefined) set({ layer }, valueOf(status[layer]))
    })
  byLayer('aevir_consensus_view', 'View that the layer is in', ({ view }) => view)
  byLayer('aevir_consensus_epoch', 'Epoch that the layer is in', ({ committee }) => committee.epoch)
  byLayer('aevir_consensus_has_seat', '1 while this node sits in the committee', ({ self }) =>
    Number(self !== undefined),
  )
  byLayer('aevir_consensus_is_paused', '1 while the layer waits for the other one', ({ isPaused }) =>
    Number(isPaused),
  )
  gauge('aevir_consensus_is_synced', '0 while this node knows that it is behind', [], (set) =>
    set({}, Number(consensus.status()?.isSynced === true)),
  )
  gauge('aevir_consensus_is_halted', '1 when consensus stopped on this node for good', [], (set) =>
    set({}, Number(consensus.halted() !== undefined)),
  )
  gauge('aevir_network_peers', 'Connected nodes', [], (set) => set({}, consensus.peerCount()))
}

function addNetworkSamples(registry: Registry, statistics: NonNullable<MetricsOptions['network']>): void {
  const gauge = gauges(registry)
  const total = totals(registry)
  /** Message classes and gossip topics alike. */
  const channels = (): readonly (readonly [channel: string, counters: Readonly<TrafficCounters>])[] => {
    const { classes, topics } = statistics()
    return [...Object.entries(classes), ...Object.entries(topics)]
  }
  const byDirection = ['channel', 'direction'] as const
  total('aevir_network_messages_total', 'Messages', byDirection, (add) => {
    for (const [channel, { receivedMessages, sentMessages }] of channels()) {
      add({ channel, direction: 'sent' }, sentMessages)
      add({ channel, direction: 'received' }, receivedMessages)
    }
  })
  total('aevir_network_bytes_total', 'Bytes of messages', byDirection, (add) => {
    for (const [channel, { receivedBytes, sentBytes }] of channels()) {
      add({ channel, direction: 'sent' }, sentBytes)
      add({ channel, direction: 'received' }, receivedBytes)
    }
  })
  total('aevir_network_dropped_total', 'Messages lost to a limit', byDirection, (add) => {
    for (const [channel, { droppedInbound, droppedOutbound }] of channels()) {
      add({ channel, direction: 'sent' }, droppedOutbound)
      add({ channel, direction: 'received' }, droppedInbound)
    }
  })
  total('aevir_network_offences_total', 'Offences of peers', ['offence'], (add) => {
    for (const [offence, count] of Object.entries(statistics().offences)) add({ offence }, count)
  })
  // Reasons are texts, some of them by peers: their number has no bound.
  total('aevir_network_refusals_total', 'Refused connections', [], (add) =>
    add(
      {},
      Object.values(statistics().refusals).reduce((sum, count) => sum + count, 0),
    ),
  )
  total('aevir_network_bans_total', 'Peers that were banned', [], (add) => add({}, statistics().bans))
  gauge('aevir_network_connections', 'Open connections', [], (set) => set({}, statistics().connections))
}

type Sample<L extends string> = (labels: Partial<Record<L, string>>, value: number) => void

/** Makes gauges that are set anew for each answer. */
function gauges(registry: Registry) {
  return <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    sample: (set: Sample<L>) => void,
  ): void => {
    const gauge: Gauge<L> = new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect: () => sample((labels, value) => gauge.set(labels, value)),
    })
  }
}

/** Makes counters of what somebody else counts: for each answer they are put back and raised to its value. */
function totals(registry: Registry) {
  return <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    sample: (add: Sample<L>) => void,
  ): void => {
    const counter: Counter<L> = new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect: () => {
        counter.reset()
        sample((labels, value) => counter.inc(labels, value))
      },
    })
  }
}
