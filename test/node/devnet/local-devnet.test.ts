/** A network that is broken on purpose: it goes on as long as it may, and what was broken comes back. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { withScratch } from '../../support/cli.ts'
import { withDevnet, type DevnetWorld } from './devnet-world.ts'

interface Offences {
  readonly offences: readonly { readonly member: string; readonly layer: string }[]
}

/** Waits until the chain has recorded an offence of this node in this layer. */
async function recorded(world: DevnetWorld, name: string, layer: string): Promise<void> {
  const member = world.idOf(name)
  await world.until(`an offence of ${name} is recorded`, async () => {
    // As `aevir_getOffences` describes it.
    const { offences } = (await world.rpc('aevir_getOffences', { member })) as Offences
    return offences.some((offence) => offence.member === member && offence.layer === layer)
  })
}

/** Waits until a node has sealed all that the first has. */
async function caughtUp(world: DevnetWorld, name: string): Promise<void> {
  const target = world.node('executor-1').running?.chain.committed('sealed') ?? 0n
  const reached = (): bigint => world.node(name).running?.chain.committed('sealed') ?? 0n
  await world.until(`${name} has caught up`, () => reached() >= target)
  const hashAt = (node: string): unknown => world.node(node).running?.chain.ledger.hashOf(target)
  assert.equal(hashAt(name), hashAt('executor-1'))
}

describe('a network within one process', () => {
  test('seals a transfer, on all nodes with the same state', () =>
    withDevnet(async (world) => {
      await world.sealTransfer()
      for (const { name } of world.devnet.nodes) await caughtUp(world, name)
    }))

  test('says who is which and that nothing is broken', () =>
    withDevnet(async (world) => {
      const faults = (await world.rpc('aevir_getFaults')) as { name: string; fault: string }[]
      assert.deepEqual(
        faults.map(({ name, fault }) => `${name} ${fault}`),
        ['executor', 'witness'].flatMap((role) => [1, 2, 3, 4].map((number) => `${role}-${number} none`)),
      )
    }))

  test('seals without a witness, which catches up when it is back', () =>
    withDevnet(async (world) => {
      await world.sealTransfer()
      await world.rpc('aevir_setFault', { fault: 'pause', node: 'witness-2' })
      await world.sealTransfer()
      await world.rpc('aevir_setFault', { fault: 'none', node: 'witness-2' })
      await caughtUp(world, 'witness-2')
    }))

  test('makes nothing final while it is cut in two, and goes on when it is whole', () =>
    withDevnet(async (world) => {
      await world.sealTransfer()
      const half = ['executor-1', 'executor-2', 'witness-1', 'witness-2']
      await world.rpc('aevir_setFault', { fault: 'partition', groups: [half] })
      const { raw, hash } = world.transfer()
      const wait = { until: 'preconfirmed', timeoutMs: 1_500 }
      await assert.rejects(world.rpc('aevir_sendRawTransactionAndWait', raw, wait), /is queued after 1500 ms/)
      await world.rpc('aevir_setFault', { fault: 'none' })
      await world.until('the transfer is sealed', async () => {
        const { status } = (await world.rpc('aevir_getTransactionStatus', hash)) as { status: string }
        return status === 'sealed'
      })
      for (const { name } of world.devnet.nodes) await caughtUp(world, name)
    }))

  test('goes on without an executor that crashed, which is started again by healing it', () =>
    withDevnet(async (world) => {
      await world.sealTransfer()
      await world.rpc('aevir_setFault', { fault: 'crash', node: 'executor-3' })
      assert.equal(world.node('executor-3').running, undefined)
      await world.sealTransfer()
      await world.rpc('aevir_setFault', { fault: 'none', node: 'executor-3' })
      await caughtUp(world, 'executor-3')
      await world.sealTransfer()
    }))

  test('lets no node crash that is asked to', () =>
    withDevnet(async (world) => {
      const crash = world.rpc('aevir_setFault', { fault: 'crash', node: 'executor-1' })
      await assert.rejects(crash, /ask another node, or pause this one/)
    }))

  for (const [name, layer] of [
    ['executor-2', 'execution'],
    ['witness-3', 'witness'],
  ] as const) {
    test(`records on chain that ${name} contradicts itself, and seals on`, () =>
      withDevnet(async (world) => {
        await world.rpc('aevir_setFault', { fault: 'equivocate', node: name })
        await recorded(world, name, layer)
        await world.sealTransfer()
      }))
  }

  test('is all there again after a stop, when it has a directory', () =>
    withScratch(async (directory) => {
      const before: { root?: unknown } = {}
      const rootOf = ({ node }: DevnetWorld): unknown =>
        node('witness-1').running?.chain.ledger.header(1n)?.stateRoot
      await withDevnet(
        async (world) => {
          await world.sealTransfer()
          await caughtUp(world, 'witness-1')
          before.root = rootOf(world)
          assert.notEqual(before.root, undefined)
        },
        { directory },
      )
      await withDevnet(
        async (world) => {
          assert.equal(rootOf(world), before.root)
          await world.sealTransfer()
          await caughtUp(world, 'witness-1')
        },
        { directory, nonce: 1n },
      )
    }))
})
