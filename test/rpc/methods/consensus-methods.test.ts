/** Certificates, committees and status as users get them, from a node of a network and from one that is alone. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { bytesToHex, hexToBytes, type Hex } from '../../../src/primitives/bytes.ts'
import { present } from '../../../src/primitives/assert.ts'
import type { JsonRecord } from '../../../src/rpc/format.ts'
import { consensusWorld, PLAN, type ConsensusWorld } from '../../support/consensus-world.ts'
import { rpcWorld, type RpcWorld } from '../../support/rpc-client.ts'

let world: ConsensusWorld
let rpc: RpcWorld
before(async () => {
  world = await consensusWorld()
  world.backend.commit('final', BigInt(PLAN.blocks))
  world.backend.commit('sealed', BigInt(PLAN.blocks))
  rpc = rpcWorld(world.backend)
})

interface CertificateJson {
  readonly kind: string
  readonly hash: string
  readonly bitmap: Hex
  readonly signers: readonly string[]
  readonly signature: Hex
}

interface LayerJson {
  readonly committeeSize: string
  readonly quorum: string
  readonly proposal: { readonly hash: string; readonly height: string }
  readonly finalization: CertificateJson | null
  readonly finalizedBy: string | null
}

interface CertificatesJson {
  readonly blockNumber: string
  readonly blockHash: string
  readonly commitState: string
  readonly execution: (LayerJson & { readonly notarization: CertificateJson | null }) | null
  readonly seal:
    | (LayerJson & {
        readonly first: string
        readonly last: string
        readonly committer: string
        readonly blocks: unknown[]
      })
    | null
}

// The assertions of each test are the proof of the form.
const certificatesOf = async (block: unknown): Promise<CertificatesJson> =>
  (await rpc.call('aevir_getBlockCertificates', block)) as CertificatesJson

describe('aevir_getBlockCertificates', () => {
  it('gives both certificates of a sealed block, with the ids of those who signed', async () => {
    const { execution, seal, ...block } = await certificatesOf('0x5')
    assert.deepEqual(block, {
      blockNumber: '0x5',
      blockHash: world.backend.ledger.hashOf(5n),
      commitState: 'sealed',
    })
    assert.ok(execution !== null && seal !== null)
    assert.equal(execution.proposal.height, '0x5')
    assert.ok(BigInt(seal.first) <= 5n && 5n <= BigInt(seal.last))
    assert.equal(seal.blocks.length, Number(BigInt(seal.last) - BigInt(seal.first)) + 1)
    for (const layer of [execution, seal]) {
      const { finalization, finalizedBy, proposal } = layer
      assert.ok(finalization !== null && finalizedBy !== null)
      assert.ok(BigInt(finalizedBy) >= BigInt(proposal.height))
      assert.ok(finalization.signers.length >= Number(layer.quorum))
      assert.equal(hexToBytes(finalization.bitmap).length, Math.ceil(Number(layer.committeeSize) / 8))
      assert.equal(hexToBytes(finalization.signature).length, 96)
    }
  })

  it('tells certificates bit for bit as they are stored', async () => {
    const step = present(
      world.steps.flatMap(({ executed }) => executed).find(({ finalization }) => finalization !== undefined),
      'a block with its own finalization',
    )
    const { execution } = await certificatesOf(`0x${step.proposal.height.toString(16)}`)
    const [stored, told] = [present(step.finalization, 'finalization'), execution?.finalization]
    assert.deepEqual(
      [told?.kind, told?.hash, told?.bitmap, told?.signature],
      ['finalize', stored.hash, bytesToHex(stored.bitmap), bytesToHex(stored.signature)],
    )
  })

  it('takes numbers, tags and hashes', async () => {
    const hash = world.backend.ledger.hashOf(BigInt(PLAN.blocks))
    for (const block of ['latest', 'safe', 'finalized', hash, { blockHash: hash }, undefined]) {
      assert.equal((await certificatesOf(block)).blockHash, hash)
    }
    assert.equal(await rpc.call('aevir_getBlockCertificates', '0xffff'), null)
    assert.equal(await rpc.call('aevir_getBlockCertificates', 'pending'), null)
    assert.equal((await rpc.fail('aevir_getBlockCertificates', 'first')).code, -32602)
  })

  it('of a block that nobody certified yet are null', async () => {
    const { backend } = await consensusWorld()
    const block = backend.addBlock()
    assert.deepEqual(await rpcWorld(backend).call('aevir_getBlockCertificates', 'latest'), {
      blockNumber: `0x${(PLAN.blocks + 1).toString(16)}`,
      blockHash: block.hash,
      commitState: 'preconfirmed',
      execution: null,
      seal: null,
    })
  })
})

describe('aevir_getCommittees', () => {
  it('gives both committees of a cycle with their members', async () => {
    const latest = (await rpc.call('aevir_getCommittees', 'latest')) as JsonRecord
    assert.deepEqual([latest['cycle'], latest['firstBlock'], latest['lastBlock']], ['0x2', '0x29', '0x3c'])
    const [witnesses] = latest['witnesses'] as readonly JsonRecord[]
    assert.deepEqual([witnesses?.['committeeSize'], witnesses?.['quorum']], ['0x7', '0x5'])
    const members = witnesses?.['members'] as readonly JsonRecord[]
    assert.deepEqual(
      members.map(({ slot }) => slot),
      ['0x0', '0x1', '0x2', '0x3', '0x4', '0x5', '0x6'],
    )
    assert.equal(members[2]?.['node'], world.self)
    const { points } = present(
      world.maker.nodes.find(({ id }) => id === world.self),
      'own registration',
    )
    assert.equal(members[2]?.['points'], `0x${points.toString(16)}`)
    assert.deepEqual(await rpc.call('aevir_getCommittees'), latest)
    assert.deepEqual(await rpc.call('aevir_getCommittees', '0x2'), latest)
    assert.notDeepEqual(await rpc.call('aevir_getCommittees', 1), latest)
  })

  it('says which cycle is the newest when asked for a later one', async () => {
    const { code, message } = await rpc.fail('aevir_getCommittees', 3)
    assert.deepEqual([code, message], [-32001, 'committees of cycle 3 are not known: the newest cycle is 2'])
    assert.equal((await rpc.fail('aevir_getCommittees', 'oldest')).code, -32602)
  })
})

describe('aevir_consensusStatus', () => {
  it('tells where both layers are and what this node is in them', async () => {
    const status = (await rpc.call('aevir_consensusStatus')) as Record<string, JsonRecord>
    const { blocks, execution, witness, ...rest } = status
    assert.deepEqual(blocks, { preconfirmed: '0x32', final: '0x32', sealed: '0x32' })
    assert.deepEqual([execution?.['view'], execution?.['isPaused']], ['0x7', false])
    assert.deepEqual([witness?.['view'], witness?.['seat']], ['0x9', '0x2'])
    // View 9 of a committee of 7.
    assert.equal(witness?.['leader'], world.self)
    const { consensus, cycle, halted, isSynced, node, peerCount } = rest
    assert.deepEqual(
      [consensus, node, cycle, isSynced, halted, peerCount],
      ['dual-bft', world.self, '0x2', true, null, '0x3'],
    )
  })
})

describe('a node that starts', () => {
  it('answers, and calls itself not synced', async () => {
    const { backend, running } = await consensusWorld()
    running.isStarted = false
    const { call } = rpcWorld(backend)
    const status = (await call('aevir_consensusStatus')) as JsonRecord
    assert.deepEqual([status['isSynced'], status['execution'], status['witness']], [false, null, null])
    assert.notEqual(await call('eth_syncing'), false)
  })
})

describe('a node that catches up', () => {
  it('says so where the Ethereum API asks', async () => {
    const { backend, running } = await consensusWorld()
    const { call } = rpcWorld(backend)
    assert.equal(await call('eth_syncing'), false)
    assert.equal(await call('net_peerCount'), '0x3')
    running.isSynced = false
    backend.addBlock()
    assert.deepEqual(await call('eth_syncing'), {
      startingBlock: '0x32',
      currentBlock: '0x33',
      highestBlock: '0x33',
    })
  })
})

describe('a node that is alone', () => {
  it('tells the truth: sealed blocks without certificates, no committees', async () => {
    const { backend, call, fail } = rpcWorld()
    backend.addBlock()
    backend.commit('final', 1n)
    backend.commit('sealed', 1n)
    const certificates = (await call('aevir_getBlockCertificates', 'latest')) as JsonRecord
    assert.deepEqual(
      [certificates['commitState'], certificates['execution'], certificates['seal']],
      ['sealed', null, null],
    )
    const { code, message } = await fail('aevir_getCommittees', 'latest')
    assert.equal(code, -32004)
    assert.match(message, /one node makes this chain alone, .* aevir devnet/)
    assert.deepEqual(await call('aevir_consensusStatus'), {
      consensus: 'solo',
      isSynced: true,
      halted: null,
      peerCount: '0x0',
      canBreak: false,
      blocks: { preconfirmed: '0x1', final: '0x1', sealed: '0x1' },
    })
    assert.equal(await call('eth_syncing'), false)
    assert.equal(await call('net_peerCount'), '0x0')
  })
})
