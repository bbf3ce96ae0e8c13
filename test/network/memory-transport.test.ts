/** Networks within a process: delivery, order of urgency, limits, and the fault switch around them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FaultyTransport } from '../../src/network/faulty-transport.ts'
import { MemoryNetwork } from '../../src/network/memory-transport.ts'
import { MESSAGE_CLASSES } from '../../src/network/message-classes.ts'
import type { Transport } from '../../src/network/transport.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { Recorder, startNode, type RunningNode } from '../support/network-world.ts'

/** Turns of the event loop, taken one at a time. */
class Turns {
  #callbacks: (() => void)[] = []
  readonly defer = (callback: () => void): void => {
    this.#callbacks.push(callback)
  }

  /** Runs until nothing is left to do. */
  run(): void {
    while (this.#callbacks.length > 0) this.#callbacks.shift()?.()
  }
}

interface World {
  readonly clock: ManualClock
  readonly turns: Turns
  readonly nodes: readonly RunningNode[]
}

async function worldOf(
  count: number,
  wrap: (transport: Transport, clock: ManualClock) => Transport = (transport) => transport,
  delayMs = 0,
): Promise<World> {
  const clock = new ManualClock()
  const turns = new Turns()
  const network = new MemoryNetwork({ clock, defer: turns.defer, delayMs: () => delayMs })
  const nodes: RunningNode[] = []
  for (let i = 0; i < count; i++) nodes.push(await startNode(wrap(network.join(`0x0${i}`), clock)))
  for (const { transport } of nodes) transport.setMembers(nodes.map((node) => node.transport.self))
  return { clock, turns, nodes }
}

const at = (world: World, index: number): RunningNode => world.nodes[index] as RunningNode
const bytes = (...values: number[]): Uint8Array => Uint8Array.of(...values)

describe('a network in memory', () => {
  test('tells its nodes of each other', async () => {
    const world = await worldOf(3)
    for (const { transport, recorder } of world.nodes) {
      assert.equal(recorder.all('up').length, 2)
      assert.equal(transport.peers().length, 2)
    }
    await at(world, 0).transport.stop()
    assert.equal(at(world, 1).recorder.all('down').length, 1)
    assert.equal(at(world, 1).transport.send('0x00', 'votes', bytes(1)), false)
    assert.equal(at(world, 1).transport.statistics().classes.votes.droppedOutbound, 1)
  })

  test('delivers in a later turn, to the recipient or to all members', async () => {
    const world = await worldOf(4)
    assert.equal(at(world, 0).transport.send('0x01', 'votes', bytes(7)), true)
    assert.equal(at(world, 0).transport.broadcast('blocks', bytes(8)), 3)
    assert.equal(at(world, 0).transport.broadcast('sync', bytes(9), ['0x02']), 1)
    assert.deepEqual(at(world, 1).recorder.all('message'), [])
    world.turns.run()
    assert.deepEqual(at(world, 1).recorder.messages('votes'), [bytes(7)])
    assert.deepEqual(at(world, 3).recorder.messages('blocks'), [bytes(8)])
    assert.deepEqual(at(world, 2).recorder.messages('sync'), [bytes(9)])
    assert.deepEqual(at(world, 3).recorder.messages('sync'), [])
  })

  test('delivers votes first', async () => {
    const world = await worldOf(2)
    const { transport } = at(world, 0)
    transport.publish('transactions', bytes(4))
    for (const messageClass of ['sync', 'blocks', 'votes'] as const) {
      transport.send('0x01', messageClass, bytes(1))
    }
    world.turns.run()
    assert.deepEqual(
      at(world, 1)
        .recorder.events.slice(1)
        .map((event) => ('messageClass' in event ? event.messageClass : event.kind)),
      ['votes', 'blocks', 'sync', 'gossip'],
    )
  })

  test('keeps messages of a class in order over many turns', async () => {
    const world = await worldOf(2)
    for (let i = 0; i < 200; i++) at(world, 0).transport.send('0x01', 'votes', bytes(i))
    world.turns.run()
    assert.deepEqual(
      at(world, 1)
        .recorder.messages('votes')
        .map(([value]) => value),
      Array.from({ length: 200 }, (_, i) => i),
    )
  })

  test('takes the time of the links', async () => {
    const world = await worldOf(2, undefined, 30)
    at(world, 0).transport.send('0x01', 'votes', bytes(1))
    world.clock.advance(29)
    world.turns.run()
    assert.equal(at(world, 1).recorder.messages('votes').length, 0)
    world.clock.advance(1)
    world.turns.run()
    assert.equal(at(world, 1).recorder.messages('votes').length, 1)
  })

  test('drops and counts what a receiver cannot hold, handlers that do not finish included', async () => {
    const world = await worldOf(2)
    const { recorder, transport } = at(world, 1)
    const { promise, resolve } = Promise.withResolvers<void>()
    recorder.pending = promise
    const max = 8 * MESSAGE_CLASSES.blocks.queueMessagesMax
    for (let i = 0; i < max; i++) at(world, 0).transport.send('0x01', 'blocks', bytes(1))
    world.turns.run()
    at(world, 0).transport.send('0x01', 'blocks', bytes(2))
    assert.equal(transport.statistics().classes.blocks.droppedInbound, 1)
    resolve()
    for (let i = 0; i < 4; i++) await Promise.resolve()
    at(world, 0).transport.send('0x01', 'blocks', bytes(3))
    world.turns.run()
    assert.deepEqual(recorder.messages('blocks').at(-1), bytes(3))
  })

  test('reports a handler that fails and goes on', async () => {
    class Failing extends Recorder {
      override onMessage(): void {
        throw new Error('mine')
      }
    }
    const clock = new ManualClock()
    const turns = new Turns()
    const network = new MemoryNetwork({ clock, defer: turns.defer })
    const sender = await startNode(network.join('0x00'))
    const recorder = new Failing()
    await network.join('0x01').start(recorder)
    sender.transport.send('0x01', 'votes', bytes(1))
    sender.transport.send('0x01', 'votes', bytes(1))
    turns.run()
    assert.deepEqual(recorder.errors.map(String), ['Error: mine', 'Error: mine'])
  })

  test('lets a node come back', async () => {
    const clock = new ManualClock()
    const turns = new Turns()
    const network = new MemoryNetwork({ clock, defer: turns.defer })
    const stays = await startNode(network.join('0x00'))
    const leaves = await startNode(network.join('0x01'))
    await leaves.transport.stop()
    const back = await startNode(network.join('0x01'))
    stays.transport.send('0x01', 'votes', bytes(5))
    turns.run()
    assert.deepEqual(leaves.recorder.messages('votes'), [])
    assert.deepEqual(back.recorder.messages('votes'), [bytes(5)])
  })
})

describe('the fault switch', () => {
  const faulty = (world: World, index: number): FaultyTransport => {
    const { transport } = at(world, index)
    assert.ok(transport instanceof FaultyTransport)
    return transport
  }
  const wrap = (transport: Transport, clock: ManualClock): Transport => new FaultyTransport(transport, clock)

  test('pauses a node: it hears and says nothing, and sees its peers go and come', async () => {
    const world = await worldOf(3, wrap)
    const paused = faulty(world, 0)
    paused.setFault({ kind: 'pause' })
    at(world, 1).transport.broadcast('votes', bytes(1))
    assert.equal(paused.broadcast('votes', bytes(2)), 0)
    paused.publish('transactions', bytes(3))
    world.turns.run()
    assert.deepEqual(at(world, 0).recorder.messages('votes'), [])
    assert.deepEqual(at(world, 1).recorder.messages('votes'), [])
    assert.deepEqual(at(world, 1).recorder.all('gossip'), [])
    assert.equal(at(world, 0).recorder.all('down').length, 2)
    assert.deepEqual(paused.peers(), [])
    paused.setFault({ kind: 'none' })
    assert.equal(at(world, 0).recorder.all('up').length, 4)
    assert.equal(paused.broadcast('votes', bytes(2)), 2)
  })

  test('delays what a node sends', async () => {
    const world = await worldOf(2, wrap)
    faulty(world, 0).setFault({ kind: 'delay', delayMs: 100 })
    assert.equal(faulty(world, 0).broadcast('votes', bytes(1)), 1)
    world.turns.run()
    assert.deepEqual(at(world, 1).recorder.messages('votes'), [])
    world.clock.advance(100)
    world.turns.run()
    assert.deepEqual(at(world, 1).recorder.messages('votes'), [bytes(1)])
  })

  test('parts a node from some, in both directions', async () => {
    const world = await worldOf(3, wrap)
    faulty(world, 0).setFault({ kind: 'partition', from: ['0x01'] })
    faulty(world, 0).broadcast('votes', bytes(1))
    at(world, 1).transport.broadcast('votes', bytes(2))
    world.turns.run()
    assert.deepEqual(at(world, 0).recorder.messages('votes'), [])
    assert.deepEqual(at(world, 1).recorder.messages('votes'), [])
    assert.deepEqual(at(world, 2).recorder.messages('votes'), [bytes(1), bytes(2)])
  })
})
