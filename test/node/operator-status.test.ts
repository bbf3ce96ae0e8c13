/** What probes are told as a node of a network starts, catches up, loses its peers and halts; and metrics on demand. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { OperatorStatus } from '../../src/node/operator-status.ts'
import { consensusWorld, PLAN } from '../support/consensus-world.ts'
import { FakeBackend, signedTransaction } from '../support/fake-backend.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { parseMetrics } from '../support/metrics-text.ts'

describe('readiness', () => {
  it('needs peers, then the newest blocks, and ends with consensus', async () => {
    const { backend, running, view } = await consensusWorld()
    const status = new OperatorStatus({ backend, clock: new ManualClock() })
    const reason = (): string => {
      const readiness = status.readiness()
      return readiness.isReady ? 'ready' : readiness.reason
    }
    running.isStarted = false
    assert.equal(reason(), 'starting: it reads what it had before')
    running.isStarted = true
    running.peerCount = 0
    running.isSynced = false
    assert.equal(reason(), 'no peers: it is connected to no other node of the network')
    running.peerCount = 2
    assert.equal(reason(), `catching up: it has block ${PLAN.blocks}, the network is ahead`)
    const taken = backend.revoke()
    assert.equal(reason(), `catching up: it has block ${PLAN.blocks - 1} of at least ${taken.header.number}`)
    running.isSynced = true
    assert.equal(reason(), 'ready')
    running.peerCount = 0
    assert.match(reason(), /^no peers/)
    running.peerCount = 1
    view.onEvent({ kind: 'halted', layer: 'execution', reason: { kind: 'logFailed' } })
    assert.equal(reason(), 'the execution layer halted: its log could not be written')
  })

  it('of a node that is alone needs nothing', () => {
    const status = new OperatorStatus({ backend: new FakeBackend(), clock: new ManualClock() })
    assert.deepEqual(status.readiness(), { isReady: true })
  })
})

describe('metrics', () => {
  it('count from the first time that they are asked for', async () => {
    const backend = new FakeBackend()
    const status = new OperatorStatus({ backend, clock: new ManualClock() })
    backend.addBlock([signedTransaction(0n)])
    status.onAnswered('eth_chainId', 1)
    assert.equal(backend.listeners.size, 0)
    const before = parseMetrics(await status.metrics()).samples
    assert.equal(before.get('aevir_execution_txs_total'), 0)
    backend.addBlock([signedTransaction(1n)])
    status.onAnswered('eth_chainId', 1)
    const after = parseMetrics(await status.metrics()).samples
    assert.equal(after.get('aevir_execution_txs_total'), 1)
    assert.equal(after.get('aevir_rpc_seconds_count{method="eth_chainId"}'), 1)
    status.close()
    assert.equal(backend.listeners.size, 0)
  })

  it('count from the start of a node that says so, and not after its end', async () => {
    const backend = new FakeBackend()
    const status = new OperatorStatus({ backend, clock: new ManualClock() })
    const started = status.startMetrics()
    status.close()
    await started
    assert.equal(backend.listeners.size, 0)
  })
})
