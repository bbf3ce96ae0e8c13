/** Metrics: names and values that monitoring relies on, and that nothing makes them grow without bound. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seatOf } from '../../src/consensus/committees/committee.ts'
import { signersOf } from '../../src/consensus/simplex/certificate.ts'
import type { Certificate, View } from '../../src/consensus/simplex/types.ts'
import { NetworkCounters } from '../../src/network/network-counters.ts'
import { Metrics, type MetricsOptions } from '../../src/node/metrics.ts'
import { NO_HASH } from '../../src/consensus/simplex/types.ts'
import { toHash } from '../../src/primitives/bytes.ts'
import { present } from '../../src/primitives/assert.ts'
import { METHODS } from '../../src/rpc/registry.ts'
import { immediatePort } from '../../runtime/evm/tiering/compile-job.ts'
import { createTieredEngine } from '../../runtime/evm/tiering/engine.ts'
import { assemble } from '../support/assembler.ts'
import { consensusWorld, PLAN } from '../support/consensus-world.ts'
import { FakeBackend, signedTransaction } from '../support/fake-backend.ts'
import { finish, startFrame } from '../support/fake-host.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { parseMetrics } from '../support/metrics-text.ts'

interface Scrape {
  (): Promise<ReadonlyMap<string, number>>
}

function metricsOf(options: Partial<MetricsOptions> & Pick<MetricsOptions, 'backend'>): {
  readonly metrics: Metrics
  readonly clock: ManualClock
  readonly scrape: Scrape
} {
  const clock = new ManualClock()
  const metrics = new Metrics({ clock, ...options })
  return { metrics, clock, scrape: async () => parseMetrics(await metrics.text()).samples }
}

describe('the text', () => {
  it('is well-formed and has what operators were promised', async () => {
    const { backend, view } = await consensusWorld()
    const counters = new NetworkCounters()
    const { metrics } = metricsOf({
      backend,
      network: () => counters.snapshot(4),
      subscribeConsensus: (listener) => view.subscribe(listener),
    })
    metrics.onAnswered('eth_chainId', 1)
    const { samples, types } = parseMetrics(await metrics.text())
    for (const [name, type] of [
      ['aevir_build_info', 'gauge'],
      ['aevir_consensus_height', 'gauge'],
      ['aevir_consensus_sealed_height', 'gauge'],
      ['aevir_consensus_view', 'gauge'],
      ['aevir_consensus_nullified_views_total', 'counter'],
      ['aevir_consensus_missed_votes_total', 'counter'],
      ['aevir_consensus_equivocations_total', 'counter'],
      ['aevir_consensus_preconfirm_seconds', 'histogram'],
      ['aevir_consensus_seal_seconds', 'histogram'],
      ['aevir_execution_txs_total', 'counter'],
      ['aevir_execution_gas_total', 'counter'],
      ['aevir_pool_size', 'gauge'],
      ['aevir_rpc_seconds', 'histogram'],
      ['aevir_network_messages_total', 'counter'],
      ['aevir_network_connections', 'gauge'],
      ['process_resident_memory_bytes', 'gauge'],
      ['nodejs_eventloop_lag_seconds', 'gauge'],
    ] as const) {
      assert.equal(types.get(name), type, name)
    }
    assert.equal(samples.get('aevir_build_info{version="Aevir/0.0.0/test"}'), 1)
    assert.equal(samples.get('aevir_network_connections'), 4)
    assert.equal(samples.get('aevir_network_peers'), 3)
    assert.equal(samples.get('aevir_consensus_view{layer="execution"}'), 7)
    assert.equal(samples.get('aevir_consensus_view{layer="witness"}'), 9)
    assert.equal(samples.get('aevir_consensus_has_seat{layer="witness"}'), 1)
    metrics.close()
  })

  it('of a node that is alone has nothing of committees and peers', async () => {
    const { metrics, scrape } = metricsOf({ backend: new FakeBackend() })
    const samples = await scrape()
    assert.ok(![...samples.keys()].some((key) => /^aevir_(?:network|consensus_view)/.test(key)))
    assert.equal(samples.get('aevir_consensus_height{state="sealed"}'), 0)
    metrics.close()
  })
})

describe('samples', () => {
  it('of an engine with tiers tell where contracts ran', async () => {
    const engine = createTieredEngine({ port: immediatePort() })
    finish(startFrame(assemble('PUSH0 SLOAD STOP'), { engine }))
    const { metrics, scrape } = metricsOf({ backend: Object.assign(new FakeBackend(), { engine }) })
    const samples = await scrape()
    assert.equal(samples.get('aevir_engine_frames_total{tier="tier1"}'), 1)
    assert.equal(samples.get('aevir_engine_frames_total{tier="tier2"}'), 0)
    assert.equal(samples.get('aevir_engine_compilations_total{result="failed"}'), 0)
    assert.equal(samples.get('aevir_engine_compiled_bytes'), 0)
    assert.equal(samples.get('aevir_engine_compile_seconds_total'), 0)
    metrics.close()
  })

  it('of a node that starts lack what it does not know yet', async () => {
    const { backend, running } = await consensusWorld()
    running.isStarted = false
    const { metrics, scrape } = metricsOf({ backend })
    const samples = await scrape()
    assert.equal(samples.get('aevir_consensus_view{layer="execution"}'), undefined)
    assert.equal(samples.get('aevir_consensus_is_synced'), 0)
    metrics.close()
  })

  it('are those of the moment', async () => {
    const backend = new FakeBackend()
    const { metrics, scrape } = metricsOf({ backend })
    backend.addBlock()
    backend.addBlock()
    backend.commit('final', 1n)
    backend.addToPool(signedTransaction(0n))
    const samples = await scrape()
    const heights = ['preconfirmed', 'final', 'sealed'].map((state) =>
      samples.get(`aevir_consensus_height{state="${state}"}`),
    )
    assert.deepEqual(heights, [2, 1, 0])
    assert.equal(samples.get('aevir_consensus_sealed_height'), 0)
    assert.equal(samples.get('aevir_pool_size{kind="pending"}'), 1)
    metrics.close()
  })

  it('of the network do not add up from scrape to scrape', async () => {
    const counters = new NetworkCounters()
    const { metrics, scrape } = metricsOf({
      backend: new FakeBackend(),
      network: () => counters.snapshot(0),
    })
    counters.classes.votes.sentMessages = 5
    counters.classes.votes.receivedBytes = 700
    counters.countRefusal('refused: version 9')
    counters.countRefusal('refused: version 10')
    for (const expected of [5, 5]) {
      const samples = await scrape()
      assert.equal(samples.get('aevir_network_messages_total{channel="votes",direction="sent"}'), expected)
      assert.equal(samples.get('aevir_network_bytes_total{channel="votes",direction="received"}'), 700)
      assert.equal(samples.get('aevir_network_refusals_total'), 2)
    }
    metrics.close()
  })
})

describe('times', () => {
  it('of pre-confirmation are from the receipt of a transaction to its block, of seals from there', async () => {
    const backend = new FakeBackend()
    const { clock, metrics, scrape } = metricsOf({ backend })
    const transaction = signedTransaction(0n)
    backend.addToPool(transaction)
    clock.advance(400)
    // The other one came with the block: this node never saw it wait.
    backend.addBlock([transaction, signedTransaction(1n)])
    clock.advance(2_500)
    backend.commit('sealed', 1n)
    const samples = await scrape()
    assert.equal(samples.get('aevir_consensus_preconfirm_seconds_count'), 1)
    assert.equal(samples.get('aevir_consensus_preconfirm_seconds_sum'), 0.4)
    assert.equal(samples.get('aevir_consensus_preconfirm_seconds_bucket{le="0.3"}'), 0)
    assert.equal(samples.get('aevir_consensus_preconfirm_seconds_bucket{le="0.5"}'), 1)
    assert.equal(samples.get('aevir_consensus_seal_seconds_sum'), 2.5)
    assert.equal(samples.get('aevir_execution_txs_total'), 2)
    assert.equal(samples.get('aevir_execution_gas_total'), 42_000)
    metrics.close()
  })

  it('do not count blocks that were taken back, nor those of a node that catches up', async () => {
    const { backend, running } = await consensusWorld()
    const { clock, metrics, scrape } = metricsOf({ backend })
    const next = BigInt(PLAN.blocks + 1)
    backend.addBlock()
    backend.revoke()
    running.isSynced = false
    backend.addBlock()
    running.isSynced = true
    clock.advance(1_000)
    backend.commit('sealed', next)
    backend.addBlock()
    clock.advance(1_500)
    backend.commit('sealed', next + 1n)
    const samples = await scrape()
    assert.equal(samples.get('aevir_consensus_seal_seconds_count'), 1)
    assert.equal(samples.get('aevir_consensus_seal_seconds_sum'), 1.5)
    assert.equal(samples.get('aevir_consensus_revoked_blocks_total'), 1)
    metrics.close()
  })

  it('are kept for a bounded number of transactions, the newest', async () => {
    const backend = new FakeBackend()
    const { metrics, scrape } = metricsOf({ backend })
    const [oldest, newest] = [signedTransaction(0n), signedTransaction(1n)]
    const pooled = backend.addToPool(oldest)
    for (let count = 0; count < 20_000; count++) {
      const hash = toHash(`0x${count.toString(16).padStart(64, '0')}`)
      backend.emit({
        kind: 'transaction',
        pooled: { ...pooled, transaction: { ...pooled.transaction, hash } },
      })
    }
    backend.addToPool(newest)
    backend.addBlock([oldest, newest])
    assert.equal((await scrape()).get('aevir_consensus_preconfirm_seconds_count'), 1)
    metrics.close()
  })
})

describe('consensus', () => {
  it('views given up and votes missed are those that the certificates show', async () => {
    const { backend, self, view } = await consensusWorld()
    const { metrics, scrape } = metricsOf({ backend })
    const last = BigInt(PLAN.blocks)
    backend.commit('final', last)
    backend.commit('sealed', last)
    const expected = { nullified: { execution: 0, witness: 0 }, missed: { execution: 0, witness: 0 } }
    const isMissed = (certificate: Certificate | undefined, seat: number | undefined): boolean =>
      seat !== undefined && certificate !== undefined && !signersOf(certificate.bitmap).includes(seat)
    const seals = new Set<string>()
    for (let number = 1n; number <= last; number++) {
      const { committee, finality, notarization, proposal } = present(view.executionOf(number), 'block')
      expected.nullified.execution += proposal.view - proposal.parentView - 1
      const own = finality?.height === proposal.height ? finality.certificate : undefined
      for (const certificate of [notarization, own]) {
        expected.missed.execution += Number(isMissed(certificate, seatOf(committee, self)))
      }
      const seal = present(view.sealOf(number), 'seal')
      if (seals.has(seal.proposal.hash)) continue
      seals.add(seal.proposal.hash)
      expected.nullified.witness += seal.proposal.view - seal.proposal.parentView - 1
      const ownSeal = seal.finality?.height === seal.proposal.height ? seal.finality.certificate : undefined
      expected.missed.witness += Number(isMissed(ownSeal, seatOf(seal.committee, self)))
    }
    assert.ok(expected.nullified.execution > 0 && expected.missed.witness > 0, 'the chain has both')
    for (const pass of ['first', 'again']) {
      const samples = await scrape()
      for (const layer of ['execution', 'witness'] as const) {
        const label = `{layer="${layer}"}`
        const { missed, nullified } = expected
        assert.equal(samples.get(`aevir_consensus_nullified_views_total${label}`), nullified[layer], pass)
        assert.equal(samples.get(`aevir_consensus_missed_votes_total${label}`), missed[layer], pass)
      }
    }
    metrics.close()
  })

  it('counts proofs of lies, and stops listening with its end', async () => {
    const { backend, view } = await consensusWorld()
    const { metrics, scrape } = metricsOf({
      backend,
      subscribeConsensus: (listener) => view.subscribe(listener),
    })
    const { committee } = present(view.cycle(2)?.witnesses[0], 'witnesses')
    const statement = {
      kind: 'propose',
      view: 1 as View,
      hash: NO_HASH,
      signer: 0,
      signature: new Uint8Array(96),
    }
    const signed = { ...statement, kind: 'propose' } as const
    view.onEvent({ kind: 'evidence', committee, evidence: { first: signed, second: signed } })
    view.onEvent({ kind: 'conflict', number: 5n })
    const samples = await scrape()
    assert.equal(samples.get('aevir_consensus_equivocations_total{layer="witness"}'), 1)
    assert.equal(samples.get('aevir_consensus_conflicts_total'), 1)
    assert.equal(backend.listeners.size, 1)
    metrics.close()
    assert.equal(backend.listeners.size, 0)
  })
})

describe('requests', () => {
  it('are timed by method, all that the node does not offer as one', async () => {
    const { metrics, scrape } = metricsOf({ backend: new FakeBackend() })
    for (const name of METHODS.keys()) metrics.onAnswered(name, 2)
    metrics.onAnswered('eth_call', 30)
    for (let count = 0; count < 3; count++) metrics.onAnswered(undefined, 1)
    const samples = await scrape()
    assert.equal(samples.get('aevir_rpc_seconds_count{method="eth_call"}'), 2)
    assert.equal(samples.get('aevir_rpc_seconds_sum{method="eth_call"}'), 0.032)
    assert.equal(samples.get('aevir_rpc_seconds_count{method="unknown"}'), 3)
    const labelled = [...samples.keys()].filter((key) => key.startsWith('aevir_rpc_seconds_count'))
    assert.equal(labelled.length, METHODS.size + 1)
    metrics.close()
  })
})
