/**
 * The process of the attacked network. Phases take turns: calm, a member that lies, sockets of strangers, both at once.
 * In each, users of the attacked node wait for their transfers; before each, what the process takes is measured. At the
 * end it says what it found, and what of that is a failure.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { parseArgs } from 'node:util'
import { setTimeout as pause } from 'node:timers/promises'
import { HandlerAttack } from './handler-attack.ts'
import { openLiveNetwork, type LiveNetwork } from './live-network.ts'
import { Load, quantile, type Waits } from './load.ts'
import type { SocketNote, SocketOrder, SocketTask } from './socket-attack.ts'
import { readVitals, slopePerMinute, type Vitals } from './vitals.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    phases: { type: 'string', default: 'calm,member,calm,strangers,calm,both' },
  },
})

const PHASES = ['calm', 'member', 'strangers', 'both'] as const
type Phase = (typeof PHASES)[number]
const order = values.phases.split(',').flatMap((name) => PHASES.find((phase) => phase === name) ?? [])
/** Short and in turns: what others do on the machine meets all of them alike. */
const PHASE_MS = 6000
const TRANSFERS_PER_SECOND = 10
/** Cases of the lying member a second; some are bursts of hundreds of messages. */
const CASES_PER_SECOND = 60
const TICK_MS = 20
/** Handler times that are kept. */
const HANDLER_TIMES_MAX = 200_000
/** Of this process: a machine that is busy with others stalls nobody by that measure. */
const STALL_CPU_MS = 30_000
/** Before anything is measured: code is compiled, caches fill. */
const WARM_UP_MS = 15_000
/** Growth under attack beyond that in calm, in MiB: what is not freed must not depend on what a peer sends. */
const ATTACK_GROWTH_MAX = 24
const SAMPLES_SHOWN = 24

const failures: string[] = []
process.on('unhandledRejection', (error) =>
  failures.push(`a rejection that nobody waited for: ${describe(error)}`),
)
process.on('uncaughtException', (error) =>
  failures.push(`an exception that nobody caught: ${describe(error)}`),
)

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function say(line: string): void {
  console.log(`node: ${line}`)
}

const startMs = performance.now()
const seconds = (): number => (performance.now() - startMs) / 1000
const network = await openLiveNetwork()
const [victim] = network.nodes
if (victim === undefined) throw new Error('a network has nodes')
const load = new Load(victim, TRANSFERS_PER_SECOND)
const attack = new HandlerAttack(network, values.seed)
const scenarios = new Map<string, { runs: number; thrownOut: number }>()
const sockets = startSockets()
const samples: Vitals[] = []
const waits: Record<Phase, Waits> = {
  calm: noWaits(),
  member: noWaits(),
  strangers: noWaits(),
  both: noWaits(),
}
/** Of the heap; blocks of transfers stay in the caches of all nodes. */
const growth = { calm: { heapMb: 0, transfers: 0 }, attacked: { heapMb: 0, transfers: 0 } }
let caseNumber = 0
let progressCpuMs = Infinity
let messageCount = 0
/** Time that the handler took for a message before it let go of the thread. */
const handlerMs: number[] = []
await pause(WARM_UP_MS)
say(`${network.nodes.length} nodes are up, block ${victim.chain.ledger.head().number}`)
network.tap.connect(true)
progressCpuMs = cpuMs()

const endMs = performance.now() + Number(values.seconds) * 1000
for (let turn = 0; performance.now() < endMs && failures.length === 0; turn++) {
  const phase = order[turn % order.length] ?? 'calm'
  const sample = readVitals(seconds(), victim.transport.peers().length)
  samples.push(sample)
  const sealedBefore = load.sealed
  const before = victim.chain.ledger.committed('sealed')
  load.waits = waits[phase]
  const machine = watchMachine()
  await run(phase, PHASE_MS)
  const { heapMb, rssMb, resources } = readVitals(seconds(), 0)
  const sealed = victim.chain.ledger.committed('sealed')
  const { share, isStarved } = machine()
  const grown = growth[phase === 'calm' ? 'calm' : 'attacked']
  grown.heapMb += heapMb - sample.heapMb
  grown.transfers += load.sealed - sealedBefore
  say(
    `${seconds().toFixed(0)} s, ${phase}: block ${sealed} sealed (+${sealed - before}), heap ${heapMb.toFixed(0)} MiB, ` +
      `rss ${rssMb.toFixed(0)} MiB, ${resources} resources, ` +
      `${(100 * share).toFixed(0)} % of a core${isStarved ? ' (starved by others)' : ''}, ${caseNumber} cases`,
  )
  if (sealed > before) progressCpuMs = cpuMs()
  if (cpuMs() - progressCpuMs > STALL_CPU_MS)
    failures.push(`nothing was sealed for ${STALL_CPU_MS} ms of work`)
}
await pause(3000)
samples.push(readVitals(seconds(), victim.transport.peers().length))
load.stop()
sockets.disconnect()
judge(network)
await network.close()
report()
process.exit(failures.length === 0 ? 0 : 1)

/**
 * What the process gets of the machine from here on. It is starved when it was busy nearly all the time and had much less
 * of a processor: what users wait then says more about the machine than about the node.
 */
function watchMachine(): () => { readonly share: number; readonly isStarved: boolean } {
  const [cpu, loop, sinceMs] = [process.cpuUsage(), performance.eventLoopUtilization(), performance.now()]
  return () => {
    const { user, system } = process.cpuUsage(cpu)
    const share = (user + system) / 1000 / (performance.now() - sinceMs)
    const { utilization } = performance.eventLoopUtilization(loop)
    return { share, isStarved: utilization > 0.8 && share < 0.6 }
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function noWaits(): Waits {
  return { preconfirmedMs: [], sealedMs: [] }
}

async function run(phase: Phase, durationMs: number): Promise<void> {
  const isFromMember = phase === 'member' || phase === 'both'
  const isFromStrangers = phase === 'strangers' || phase === 'both'
  sockets.send((isFromStrangers ? 'go' : 'pause') satisfies SocketOrder)
  const until = performance.now() + durationMs
  while (performance.now() < until) {
    if (isFromMember) await lie()
    await pause(TICK_MS)
  }
}

async function lie(): Promise<void> {
  for (let i = 0; i < (CASES_PER_SECOND * TICK_MS) / 1000; i++) {
    const { from, messages } = attack.make(caseNumber++)
    for (const { messageClass, bytes } of messages) {
      messageCount += 1
      const atMs = performance.now()
      try {
        const heard = network.tap.inject(from, messageClass, bytes)
        if (handlerMs.length < HANDLER_TIMES_MAX) handlerMs.push(performance.now() - atMs)
        await heard
      } catch (error) {
        failures.push(
          `the handler threw at case ${caseNumber - 1}: ${describe(error)}\nmessage ${messageClass} ${Buffer.from(bytes.subarray(0, 2000)).toString('hex')}`,
        )
      }
    }
  }
}

function startSockets(): ChildProcess {
  const { config } = network.genesis.genesis
  const task: SocketTask = {
    seed: values.seed,
    addresses: network.victimAddresses,
    chainId: `${config.chainId}`,
    genesisHash: network.genesis.block.hash,
  }
  const child = fork(new URL('./socket-attack.ts', import.meta.url), [JSON.stringify(task)])
  child.on('message', (note: SocketNote) => {
    const counts = scenarios.get(note.name) ?? { runs: 0, thrownOut: 0 }
    counts.runs += 1
    if (note.wasThrownOut) counts.thrownOut += 1
    scenarios.set(note.name, counts)
  })
  return child
}

/** What the heap grew by under attack, without what as many transfers take in calm; in MiB. */
function attackGrowth(): number {
  const { calm, attacked } = growth
  return attacked.heapMb - (attacked.transfers * calm.heapMb) / Math.max(1, calm.transfers)
}

/** Without the first fifth, in which caches fill. */
function settled(): readonly Vitals[] {
  return samples.slice(Math.floor(samples.length / 5))
}

/** What must be true when it is over. */
function judge({ nodes, failures: found }: LiveNetwork): void {
  failures.push(...found)
  const common = nodes.map(({ chain }) => chain.ledger.committed('sealed')).reduce((a, b) => (a < b ? a : b))
  if (new Set(nodes.map(({ chain }) => chain.ledger.hashOf(common))).size !== 1)
    failures.push('nodes sealed different blocks')
  const banned = nodes[0]?.transport.peers().filter(({ points, isMember }) => isMember && points >= 50) ?? []
  if (banned.length > 0) failures.push(`${banned.length} honest members were blamed`)
  const members = nodes[0]?.transport.peers().filter(({ isMember }) => isMember).length ?? 0
  if (members < nodes.length - 1)
    failures.push(`only ${members} of ${nodes.length - 1} members are connected`)
  const beyond = attackGrowth()
  if (beyond > ATTACK_GROWTH_MAX) failures.push(`the heap grew by ${beyond.toFixed(1)} MiB more than in calm`)
}

function report(): void {
  say(`${caseNumber} cases of lying members, ${messageCount} messages: ${entries(attack.counts)}`)
  const times = [0.5, 0.99, 1].map((share) => quantile(handlerMs, share).toFixed(3))
  say(`the handler took ${times.join(' / ')} ms for a message (p50 / p99 / longest)`)
  say(`their offences: ${entries(network.tap.offences)}; messages to them: ${network.tap.answers}`)
  say(`offences of others: ${entries(network.tap.honestOffences)}`)
  const { bans, offences, refusals } = network.nodes[0]?.transport.statistics() ?? {}
  say(
    `strangers banned: ${bans ?? 0}; offences on the network: ${entries(offences ?? {})}; refused: ${entries(refusals ?? {})}`,
  )
  for (const [name, { runs, thrownOut }] of scenarios)
    say(`  ${name}: ${runs} times, thrown out ${thrownOut} times`)
  for (const [phase, { preconfirmedMs, sealedMs }] of Object.entries(waits)) {
    const of = (values: readonly number[]): string =>
      [0.5, 0.95, 0.99].map((share) => quantile(values, share).toFixed(0)).join(' / ')
    say(
      `${phase}: pre-confirmed after ${of(preconfirmedMs)} ms, sealed after ${of(sealedMs)} ms (p50 / p95 / p99 of ${preconfirmedMs.length})`,
    )
  }
  for (const name of ['heapMb', 'buffersMb', 'rssMb', 'resources'] as const) {
    const step = Math.ceil(samples.length / SAMPLES_SHOWN)
    const shown = samples.filter((_, index) => index % step === 0)
    const line = shown.map((sample) => sample[name].toFixed(0)).join(' ')
    say(`${name}: ${line}; ${slopePerMinute(settled(), (sample) => sample[name]).toFixed(2)} a minute`)
  }
  const { calm, attacked } = growth
  say(
    `heap: ${calm.heapMb.toFixed(1)} MiB in calm with ${calm.transfers} transfers, ${attacked.heapMb.toFixed(1)} MiB under ` +
      `attack with ${attacked.transfers}: ${attackGrowth().toFixed(1)} MiB beyond`,
  )
  say(
    `transfers: ${load.submitted} submitted, ${load.sealed} sealed, ${load.waitingCount} waiting, refused ${entries(load.refusals)}`,
  )
  say(`warnings of the attacked node: ${entries(network.warnings)}`)
  say(failures.length === 0 ? 'no failure' : `${failures.length} failures`)
  for (const failure of failures) say(`FAILED ${failure}`)
}

function entries(counts: ReadonlyMap<string, number> | Readonly<Record<string, number>>): string {
  const list = counts instanceof Map ? [...counts] : Object.entries(counts)
  const shown = list.filter(([, count]) => count > 0).map(([name, count]) => `${name} ${count}`)
  return shown.length === 0 ? 'none' : shown.join(', ')
}
