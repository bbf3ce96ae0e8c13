/**
 * What messages between nodes cost: a committee in one process, on loopback, over libp2p. Votes of 160 bytes from all to
 * all, directly and by gossip; blocks of 1 MB from one to all; votes while blocks are under way.
 * Argument: `--nodes N,N` (11,21 by default).
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { bls } from '../src/consensus/bls.ts'
import type { Signer } from '../src/consensus/signature-scheme.ts'
import { createLibp2pTransport, type NetworkTransport } from '../src/network/libp2p-transport.ts'
import { MemoryNetwork } from '../src/network/memory-transport.ts'
import type { Transport, TransportHandlers } from '../src/network/transport.ts'
import { systemClock } from '../src/node/system-clock.ts'
import { bytesToHex, toHash } from '../src/primitives/bytes.ts'
import { parseOptions, wholeNumber } from './options.ts'
import { atMost, spreadOf, type Figure, type Suite } from './suite.ts'

const NODES_DEFAULT = '11,21'
const VOTE_SIZE = 160
const BLOCK_SIZE = 1_000_000
const ROUNDS = 60
const GOSSIP_ROUNDS = 12
const BLOCKS = 12
const WARM_UP_ROUNDS = 10
/** Time for a full mesh and the first heartbeats of gossip. */
const PATIENCE_MS = 60_000
const POLL_MS = 20
const GENESIS_HASH = toHash(`0x${'ab'.repeat(32)}`)

export const suite: Suite = {
  async run(args, progress) {
    const { values } = parseOptions({
      args: [...args],
      options: { nodes: { type: 'string', default: NODES_DEFAULT } },
    })
    const sizes = values.nodes.split(',').map((size) => wholeNumber('--nodes', size, { min: 1 }))
    const figures: Figure[] = []
    for (const size of sizes) {
      for (const subject of ['libp2p', 'memory'] as const) {
        progress(`${size} nodes over ${subject}`)
        const committee = await startCommittee(size, subject)
        figures.push(...(await measure(committee, subject)))
        await Promise.all(committee.transports.map(async (transport) => transport.stop()))
      }
    }
    const checks = figures
      .filter(({ subject, quantity }) => subject === 'libp2p' && quantity === 'processor for each vote')
      .map((figure) =>
        atMost(`${figure.task}: ${figure.quantity}`, figure, figure.task.includes('gossip') ? 2_000 : 200),
      )
    return {
      input: `votes of ${VOTE_SIZE} bytes, blocks of ${BLOCK_SIZE} bytes, all nodes in one process`,
      warmUp: `${WARM_UP_ROUNDS} rounds of votes`,
      baseline: 'the transport in memory: the same interface without sockets',
      sample: 'one round, from the first message to the last delivery',
      peers: {},
      figures,
      checks,
      notes: ['processor time is that of both ends, encryption included, for each message delivered'],
    }
  },
}

interface Committee {
  readonly transports: readonly Transport[]
  /** Called for every message delivered anywhere. */
  onDelivery: (kind: string) => void
}

async function startCommittee(size: number, subject: 'libp2p' | 'memory'): Promise<Committee> {
  const memory = new MemoryNetwork({ clock: systemClock })
  const keys = Array.from({ length: size }, (_, i) => {
    const seed = sha256(Uint8Array.of(i))
    const secret = seed.slice()
    secret[0] = 1
    return { seed, signer: bls.signer(secret) }
  })
  const transports: Transport[] = []
  const committee: Committee = { transports, onDelivery: () => {} }
  let upCount = 0
  const handlers: TransportHandlers = {
    onMessage: (_peer, messageClass) => committee.onDelivery(messageClass),
    onGossip: (_peer, topic) => {
      committee.onDelivery(topic)
      return 'accept'
    },
    onPeerUp: () => void upCount++,
    onPeerDown: () => void upCount--,
    onNotice: () => {},
    onError: (error) => {
      throw error
    },
  }
  const bootstrap: string[] = []
  for (const { seed, signer } of keys) {
    const transport =
      subject === 'memory' ? memory.join(bytesToHex(signer.publicKey)) : overLibp2p(seed, signer, bootstrap)
    transport.setMembers(keys.map((key) => bytesToHex(key.signer.publicKey)))
    await transport.start(handlers)
    if (isNetworkTransport(transport)) bootstrap.push(...transport.addresses())
    transports.push(transport)
  }
  await eventually(() => upCount === size * (size - 1))
  // Gossip has subscriptions of its own; who has not heard of them sends nothing.
  let heard = 0
  committee.onDelivery = () => heard++
  let number = 0
  await eventually(() => {
    const isComplete = heard === size * (size - 1)
    heard = 0
    if (!isComplete) for (const transport of transports) transport.publish('transactions', vote(++number))
    return isComplete
  }, 25 * POLL_MS)
  return committee
}

function overLibp2p(seed: Uint8Array, signer: Signer, bootstrap: readonly string[]): NetworkTransport {
  return createLibp2pTransport({
    chain: { chainId: 1n, genesisHash: GENESIS_HASH },
    signer,
    scheme: bls,
    clock: systemClock,
    identitySeed: seed,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: bootstrap.slice(0, 1),
    connectionRateMax: 10_000,
  })
}

const isNetworkTransport = (transport: Transport): transport is NetworkTransport => 'addresses' in transport

async function measure(committee: Committee, subject: string): Promise<Figure[]> {
  const { transports } = committee
  const size = transports.length
  const pairs = size * (size - 1)
  const task = (name: string): string => `${size} nodes: ${name}`
  const figure = (name: string, quantity: string, unit: string, samples: readonly number[]): Figure => ({
    task: task(name),
    subject,
    quantity,
    unit,
    spread: spreadOf(samples),
  })
  let number = 1_000_000
  const votes = (): void => {
    for (const transport of transports) transport.broadcast('votes', vote(number))
  }
  const gossip = (): void => {
    for (const transport of transports) transport.publish('transactions', vote(++number))
  }
  const block = new Uint8Array(BLOCK_SIZE)
  const [leader] = transports
  const propose = (): void => void leader?.broadcast('blocks', block)

  await rounds(committee, WARM_UP_ROUNDS, votes, 'votes', pairs)
  const direct = await rounds(committee, ROUNDS, votes, 'votes', pairs)
  const gossiped = await rounds(committee, GOSSIP_ROUNDS, gossip, 'transactions', pairs)
  const blocks = await rounds(committee, BLOCKS, propose, 'blocks', size - 1)
  const busy = await rounds(
    committee,
    BLOCKS,
    () => {
      propose()
      votes()
    },
    'votes',
    pairs,
  )
  const votesFigures = (task: string, { wallMs, processorMs }: Rounds): Figure[] => [
    figure(task, 'round', 'ms', wallMs),
    figure(
      task,
      'processor for each vote',
      'µs',
      processorMs.map((ms) => (ms * 1000) / pairs),
    ),
  ]
  return [
    ...votesFigures('votes, all to all, direct', direct),
    ...votesFigures('votes, all to all, gossip', gossiped),
    figure('block of 1 MB, one to all', 'round', 'ms', blocks.wallMs),
    figure(
      'block of 1 MB, one to all',
      'delivered',
      'MB/s',
      blocks.wallMs.map((ms) => ((size - 1) * BLOCK_SIZE) / 1000 / ms),
    ),
    figure('votes, all to all, direct, behind a block of 1 MB', 'round', 'ms', busy.wallMs),
  ]
}

interface Rounds {
  readonly wallMs: number[]
  readonly processorMs: number[]
}

/** Repeats an action until each time so many deliveries of a kind have happened. */
async function rounds(
  committee: Committee,
  count: number,
  action: () => void,
  kind: string,
  deliveries: number,
): Promise<Rounds> {
  const result: Rounds = { wallMs: [], processorMs: [] }
  for (let i = 0; i < count; i++) {
    let missing = deliveries
    const done = new Promise<void>((resolve) => {
      committee.onDelivery = (delivered) => {
        if (delivered === kind && --missing === 0) resolve()
      }
    })
    const cpu = process.cpuUsage()
    const startMs = performance.now()
    action()
    await done
    result.wallMs.push(performance.now() - startMs)
    const { user, system } = process.cpuUsage(cpu)
    result.processorMs.push((user + system) / 1000)
    // What comes after the last delivery (windows, other classes) must not burden the next round.
    await pause(kind === 'votes' ? POLL_MS / 4 : 5 * POLL_MS)
  }
  return result
}

function vote(number: number): Uint8Array {
  const bytes = new Uint8Array(VOTE_SIZE)
  new DataView(bytes.buffer).setUint32(0, number)
  return bytes
}

async function eventually(condition: () => boolean, pollMs = POLL_MS): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS
  while (!condition()) {
    if (performance.now() > endMs) throw new Error('the committee does not come together')
    await pause(pollMs)
  }
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })
}
