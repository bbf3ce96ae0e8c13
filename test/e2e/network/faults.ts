/** What is done to a network while users go on: each fault ends with every node running again. */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { blockOf, positionOf } from './consensus-status.ts'
import type { ChainRecord } from './chain-record.ts'
import type { NodeProcess } from './node-process.ts'
import type { ProcessNetwork } from './process-network.ts'

const CATCH_UP_TIMEOUT_MS = 60_000
const POLL_MS = 100
/** Requests after which a Committer must have been caught at its slot. */
const SLOT_ATTEMPTS_MAX = 2_000

export interface FaultWorld {
  readonly network: ProcessNetwork
  readonly record: ChainRecord
  /** Nodes that users send through: asked for blocks. */
  readonly readers: readonly NodeProcess[]
  /** How long nodes stay away, in milliseconds. */
  readonly outageMs: number
  /** How long a partition lasts. */
  readonly partitionMs: number
}

export interface Fault {
  readonly name: string
  run(world: FaultWorld): Promise<string>
}

export interface FaultReport {
  readonly name: string
  readonly details: string
  /** The longest time without a newly sealed block, from the fault until a moment after it was over. */
  readonly silenceMs: number
  readonly lastedMs: number
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'an executor and witnesses killed, then started again',
    async run(world) {
      const { executors, witnesses } = world.network
      const victims = [executors.at(-1), ...witnesses.slice(-maximumFaults(witnesses.length))].filter(isNode)
      await Promise.all(victims.map((node) => node.kill()))
      await delay(world.outageMs)
      await Promise.all(victims.map((node) => comeBack(world, node)))
      return victims.map(({ name }) => name).join(', ')
    },
  },
  {
    name: 'the Committer killed at its slot, then started again',
    async run(world) {
      const { node, view } = await committerAtItsSlot(world)
      await node.kill()
      await delay(world.outageMs)
      await comeBack(world, node)
      return `${node.name} in view ${view}`
    },
  },
  {
    name: 'a witness started from an empty disk',
    async run(world) {
      const [node] = world.network.witnesses
      assert.ok(node)
      await node.kill()
      await node.loseDisk()
      world.record.forget(node)
      const startMs = performance.now()
      await comeBack(world, node)
      return `${node.name} had all after ${((performance.now() - startMs) / 1000).toFixed(1)} s`
    },
  },
  {
    name: 'half of both committees cut off, then back',
    async run(world) {
      const { executors, witnesses } = world.network
      const away = [
        ...executors.slice(-Math.ceil(executors.length / 2)),
        ...witnesses.slice(-Math.ceil(witnesses.length / 2)),
      ]
      for (const node of away) node.signal('SIGSTOP')
      await delay(world.partitionMs)
      for (const node of away) node.signal('SIGCONT')
      await Promise.all(away.map((node) => node.ready()))
      return `${away.map(({ name }) => name).join(', ')} for ${world.partitionMs / 1000} s`
    },
  },
]

/** Runs one fault and tells what users noticed of it. @param afterMs how long is watched after it was over. */
export async function runFault(fault: Fault, world: FaultWorld, afterMs: number): Promise<FaultReport> {
  const startMs = performance.now()
  const details = await fault.run(world)
  const lastedMs = performance.now() - startMs
  await delay(afterMs)
  const silenceMs = world.record.longestSilence(startMs, performance.now())
  return { name: fault.name, details, silenceMs, lastedMs }
}

/** Starts a node again; resolves when it has sealed what the others had when it began. */
async function comeBack({ network, record, readers }: FaultWorld, node: NodeProcess): Promise<void> {
  const other = network.running.find(({ place }) => place !== node.place)
  assert.ok(other)
  const goal = Number((await blockOf(other, 'finalized')).number)
  node.start()
  await node.ready()
  await record.watch(node, readers.includes(node))
  const endMs = performance.now() + CATCH_UP_TIMEOUT_MS
  for (;;) {
    const { number } = await blockOf(node, 'finalized')
    if (Number(number) >= goal) return
    assert.ok(
      performance.now() < endMs,
      `${node.name} has sealed ${Number(number)} of ${goal}\n${node.output()}`,
    )
    await delay(POLL_MS)
  }
}

/** Watches the slots from an executor until a new one begins. */
async function committerAtItsSlot({ network }: FaultWorld): Promise<{ node: NodeProcess; view: number }> {
  const [observer] = network.executors
  assert.ok(observer)
  const before = await positionOf(observer)
  for (let attempt = 0; attempt < SLOT_ATTEMPTS_MAX; attempt++) {
    const { witness } = await positionOf(observer)
    const node = network.nodeOf(witness.leader)
    if (witness.view > before.witness.view && node !== undefined) return { node, view: witness.view }
  }
  throw new Error('no slot of the witness layer began')
}

/** How many members may fail of a committee of 4 or 7. */
function maximumFaults(size: number): number {
  return Math.floor((size - 1) / 3)
}

function isNode(node: NodeProcess | undefined): node is NodeProcess {
  return node !== undefined
}
