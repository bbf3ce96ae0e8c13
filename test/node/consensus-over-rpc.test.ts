/** A network in one process, seen through the RPC of one of its nodes: both layers, over several cycles. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NodeBackend } from '../../src/node/node-backend.ts'
import { NodeConsensusView } from '../../src/node/node-consensus-view.ts'
import { OperatorStatus } from '../../src/node/operator-status.ts'
import { SenderRecovery } from '../../src/node/sender-recovery.ts'
import { present } from '../../src/primitives/assert.ts'
import type { Backend } from '../../src/rpc/backend.ts'
import { createDispatcher } from '../../src/rpc/dispatcher.ts'
import type { JsonRecord } from '../../src/rpc/format.ts'
import { DualWorld, type TestNode } from '../consensus/dual-bft/world.ts'
import { parseMetrics } from '../support/metrics-text.ts'
import { askText } from '../support/rpc-client.ts'

const PARAMETERS = { cycleBlocks: 12, windowBlocks: 6, rangeBlocks: 4 }

function viewOf(world: DualWorld, node: TestNode): NodeConsensusView {
  return new NodeConsensusView({
    store: node.store,
    ledger: node.chain.ledger,
    parameters: world.parameters,
    registry: { at: () => world.registry },
    genesisHash: present(node.chain.ledger.hashOf(0n), 'genesis'),
    self: present(world.registry[node.index], 'registered node').id,
    status: () => node.plugin.status(),
    peerCount: () => world.nodes.length - 1,
  })
}

function backendOf(node: TestNode, senders: SenderRecovery, consensus: NodeConsensusView): Backend {
  const options = { clientVersion: 'Aevir/test', chain: node.chain, senders, dev: undefined }
  const backend = new NodeBackend({ ...options, accounts: () => [], admit: () => Promise.resolve() })
  return Object.assign(backend, { consensus })
}

test('users see who certified every block, over changes of committees', async (t) => {
  const world = await DualWorld.start({ executors: 4, witnesses: 7, followers: 2, parameters: PARAMETERS })
  t.after(async () => world.close())
  const node = present(world.nodes[5], 'a witness')
  const [view, senders] = [viewOf(world, node), new SenderRecovery()]
  const backend = backendOf(node, senders, view)
  const status = new OperatorStatus({ backend, clock: world.clock })
  await status.startMetrics()
  const dispatcher = createDispatcher({
    backend,
    clock: world.clock,
    onInternalError: (error) => assert.ifError(error),
  })
  const call = async (method: string, ...params: readonly unknown[]): Promise<JsonRecord> => {
    const { error, result } = await askText(
      dispatcher,
      JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    )
    assert.equal(error, undefined, `${method}: ${error?.message}`)
    // The assertions below are the proof of the form.
    return result as JsonRecord
  }
  await world.untilSealed(26n, 120_000)
  assert.deepEqual(status.readiness(), { isReady: true })
  for (let number = 1n; number <= 26n; number++) {
    const quantity = `0x${number.toString(16)}`
    const { blockHash, commitState, execution, seal } = await call('aevir_getBlockCertificates', quantity)
    assert.equal(commitState, 'sealed')
    const [executed, sealed] = [execution as JsonRecord, seal as JsonRecord]
    assert.equal((executed['proposal'] as JsonRecord)['payloadHash'], blockHash)
    assert.ok(executed['finalization'] !== null && sealed['finalization'] !== null)
    assert.ok((sealed['blocks'] as readonly string[]).includes(blockHash as string))
  }
  const { cycle, executors, witnesses } = await call('aevir_getCommittees', 'latest')
  assert.equal(cycle, '0x2')
  assert.equal((executors as readonly unknown[]).length + (witnesses as readonly unknown[]).length, 2)
  const { isSynced, halted, peerCount } = await call('aevir_consensusStatus')
  assert.deepEqual([isSynced, halted, peerCount], [true, null, '0xc'])
  const finalized = await call('eth_getBlockByNumber', 'finalized', false)
  assert.equal(finalized['commitState'], 'sealed')
  const { samples } = parseMetrics(await status.metrics())
  assert.ok(present(samples.get('aevir_consensus_sealed_height'), 'height') >= 26)
  assert.ok(present(samples.get('aevir_consensus_seal_seconds_count'), 'seals') > 20)
  status.close()
  dispatcher.close()
  await senders.close()
})
