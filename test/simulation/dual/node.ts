/**
 * One simulated node with both layers: the product's composition, with ports into the world. It can lose power at any
 * moment, or be stopped, and comes back with what its disks kept.
 */
import type { Committee } from '../../../src/consensus/committees/committee.ts'
import type { ConsensusStore } from '../../../src/consensus/dual-bft/consensus-store.ts'
import type { ConsensusEvent, DualBft } from '../../../src/consensus/dual-bft/dual-bft.ts'
import type {
  InstanceDescription,
  InstanceHost,
  InstancePorts,
} from '../../../src/consensus/dual-bft/instances.ts'
import type { Reach } from '../../../src/consensus/simplex/events.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import type { Core } from '../../../src/consensus/simplex/state.ts'
import type { WalRecord } from '../../../src/consensus/simplex/wal-records.ts'
import { GENESIS_VIEW, type Layer } from '../../../src/consensus/simplex/types.ts'
import { present } from '../../../src/primitives/assert.ts'
import { bytesToHex, hexToBytes, toAddress, type Hash } from '../../../src/primitives/bytes.ts'
import { MemoryStore } from '../../../src/storage/memory-store.ts'
import { openConsensusStore } from '../../../src/storage/consensus-database.ts'
import { SimulatedDisk } from '../disk.ts'
import { Stream } from '../stream.ts'
import { stubPublicKey, stubScheme, stubSigner } from '../stub-scheme.ts'
import { describeStatement, short } from '../trace.ts'
import { SimulatedApplication } from './application.ts'
import { GENESIS, GENESIS_SECONDS, referenceTo, SimulatedLedger } from './ledger.ts'
import type { DualLiar } from './liar.ts'
import { WatchedStore } from './watched-store.ts'
import type { DualWorld } from './world.ts'

interface RunningLayer {
  readonly committee: Committee
  readonly layer: { readonly core: Core }
}

/** An instance of the core that this life of the node runs. */
export interface OpenInstance extends InstanceDescription {
  /** Messages for it that come before it listens. */
  early: { readonly from: number; readonly message: Message }[] | undefined
}

/** Of an epoch that has not begun here: messages that are kept. */
const EARLY_MAX = 400
const RESTART_MIN_MS = 30
const RESTART_MAX_MS = 2500
/** How long opening a log takes at most. */
const OPEN_MS = 15
const STEADY_OPEN_MS = 1
/** A proper stop takes no longer than this, in virtual milliseconds. */
const STOP_MAX_MS = 2000

export class DualNode {
  readonly id: number
  readonly name: string
  /** `undefined` for a node without a key, which only follows. */
  readonly key: Committee['members'][number] | undefined
  readonly genesisHash: Hash = GENESIS.hash
  readonly ledger = new SimulatedLedger()
  liar: DualLiar | undefined
  /** Whether its engine makes a mistake, and does not see that of others. */
  isBroken = false
  requestCount = 0
  private readonly world: DualWorld
  private readonly stream: Stream
  private readonly database = new MemoryStore()
  private readonly disks = new Map<string, SimulatedDisk>()
  private readonly skewMs: number
  /** What one life has, and loses. */
  private plugin: DualBft | undefined
  private application: SimulatedApplication | undefined
  private instances = new Map<string, OpenInstance>()
  private readonly early = new Map<string, { readonly from: number; readonly message: Message }[]>()
  private life = 0
  private timerCount = 0
  /** Set while power must not fail, and from the end of chaos on. */
  isSafe = false

  constructor(world: DualWorld, id: number, hasKey: boolean) {
    this.world = world
    this.id = id
    this.name = `n${id}`
    this.key = hasKey ? bytesToHex(stubPublicKey(id)) : undefined
    this.stream = new Stream(world.options.seed, `node ${id}`)
    const { clockSkewMs } = world.plan
    this.skewMs = this.stream.between(-clockSkewMs, clockSkewMs)
  }

  get isByzantine(): boolean {
    return this.liar !== undefined || this.isBroken
  }

  get isUp(): boolean {
    return this.plugin !== undefined
  }

  /** What its disk has of consensus. */
  get store(): ConsensusStore {
    return openConsensusStore(this.database)
  }

  /** Cores of the life in progress, by the names of their instances. */
  *cores(): Iterable<readonly [name: string, core: Core]> {
    // The product's composition; private to everybody but this simulator, which only looks.
    const composition = this.plugin as unknown as
      | { readonly parts: { readonly instances: Iterable<RunningLayer> } }
      | undefined
    for (const { committee, layer } of composition?.parts.instances ?? [])
      yield [nameOf(committee), layer.core]
  }

  // ---- Life and death ----------------------------------------------------------------------------------------------

  start(): void {
    if (this.isUp) return
    this.life += 1
    const { life, world } = this
    const { subject, parameters } = world
    world.trace?.(
      this,
      `starts with h${this.ledger.height('preconfirmed')}, s${this.ledger.height('sealed')}`,
    )
    this.application = this.makeApplication(life)
    const store = new WatchedStore(openConsensusStore(this.database), this, world, () => this.isAlive(life))
    const plugin = subject.createDualBft(this.application, this.clockOf(life), {
      chainId: 1n,
      genesis: referenceTo(GENESIS),
      parameters,
      registry: world.registry,
      scheme: stubScheme,
      signer: this.key === undefined ? undefined : stubSigner(this.id),
      timing: world.timing,
      store,
      host: this.hostOf(life),
      beneficiary: toAddress(`0x${(this.id + 1).toString(16).padStart(40, '0')}`),
      onEvent: (event) => this.isAlive(life) && this.onEvent(event),
      onError: (error) => this.isAlive(life) && this.fail(error),
    })
    this.plugin = plugin
    plugin.start().catch((error: unknown) => this.isAlive(life) && this.fail(error))
  }

  /** Loses power. */
  crash(why: string): void {
    if (!this.isUp) return
    this.world.trace?.(this, `crashes: ${why}`)
    this.end()
    for (const disk of this.disks.values()) disk.crash()
  }

  private end(): void {
    this.life += 1
    this.plugin = undefined
    this.application = undefined
    this.instances = new Map()
    this.early.clear()
    this.timerCount = 0
  }

  /** Loses power, or is stopped, and comes back a little later. */
  crashAndRestart(why: string, awayMs = this.stream.between(RESTART_MIN_MS, RESTART_MAX_MS)): void {
    if (!this.isUp) return
    if (this.stream.chance(this.world.plan.stopShare)) void this.stop(() => this.startIn(awayMs))
    else {
      this.crash(why)
      this.startIn(awayMs)
    }
  }

  private startIn(delayMs: number): void {
    this.world.schedule(this.world.now + delayMs, this.id, () => this.start())
  }

  /** Ends as an operator ends a node: it leaves nothing running behind. */
  private async stop(onStopped: () => void): Promise<void> {
    const { life, world, plugin } = this
    if (plugin === undefined) return
    world.trace?.(this, 'is stopped')
    let isDone = false
    world.schedule(world.now + STOP_MAX_MS, this.id, () => {
      if (!isDone && this.isAlive(life)) world.violate('stop', `${this.name} does not stop`)
    })
    try {
      await plugin.stop()
      isDone = true
      if (!this.isAlive(life)) return
      if (this.timerCount > 0) world.violate('stop', `${this.name} leaves ${this.timerCount} timers behind`)
      this.end()
      onStopped()
    } catch (error) {
      if (this.isAlive(life)) this.fail(error)
    }
  }

  heal(): void {
    this.isSafe = true
    this.start()
  }

  private isAlive(life: number): boolean {
    return this.life === life
  }

  private fail(error: unknown): void {
    if (!this.isByzantine) this.world.fail(this, error)
    else this.crashAndRestart('it lies to itself')
  }

  private onEvent(event: ConsensusEvent): void {
    const { world } = this
    if (event.kind === 'epoch') {
      const { layer, epoch } = event.committee
      world.trace?.(this, `enters epoch ${epoch} of the ${layer} layer`)
    }
    if (event.kind === 'halted' && event.reason.kind !== 'logFailed' && !this.isByzantine) {
      world.violate('halt', `${this.name} halts in the ${event.layer} layer: ${event.reason.kind}`)
    }
    world.check((checker) => checker.onEvent?.(this, event))
  }

  // ---- What the network brings -------------------------------------------------------------------------------------

  addTransaction(number: number): void {
    this.application?.addTransaction(number)
    this.plugin?.onTransaction()
  }

  /** @param instance of the sender. */
  receive(from: DualNode, instance: OpenInstance, message: Message): void {
    if (this.plugin === undefined) return
    const { committee } = instance
    const peer = this.world.peerOf(committee, from)
    const name = nameOf(committee)
    const own = this.instances.get(name)
    if (own !== undefined && own.committee.hash === committee.hash) {
      if (own.early === undefined) own.receive(peer, message)
      else own.early.push({ from: peer, message })
      return
    }
    if (this.isEarly(committee)) {
      const kept = this.early.get(name) ?? []
      this.early.set(name, kept)
      if (kept.length < EARLY_MAX) kept.push({ from: peer, message })
    } else if (isRequest(message)) this.answer(from, instance, message)
  }

  private isEarly({ layer, epoch }: Committee): boolean {
    const own = [...this.instances.values()].filter(({ committee }) => committee.layer === layer)
    return own.length > 0 && own.every(({ committee }) => committee.epoch < epoch)
  }

  private answer(from: DualNode, instance: OpenInstance, message: Message): void {
    const { subject } = this.world
    const context = this.world.contextOf(instance)
    const answer = this.plugin?.answerFromArchive(subject.encodeMessage(context, message))
    if (answer !== undefined) this.world.post(this, from.id, instance, subject.decodeMessage(context, answer))
  }

  // ---- Ports of one life -------------------------------------------------------------------------------------------

  private clockOf(life: number) {
    return {
      nowMs: () => Number(GENESIS_SECONDS) * 1000 + this.world.now + this.skewMs,
      schedule: (delayMs: number, callback: () => void) => this.setTimer(life, delayMs, callback),
    }
  }

  private setTimer(life: number, delayMs: number, callback: () => void): () => void {
    let isPending = true
    const end = (): boolean => {
      const wasPending = isPending && this.isAlive(life)
      isPending = false
      if (wasPending) this.timerCount -= 1
      return wasPending
    }
    if (this.isAlive(life)) this.timerCount += 1
    this.world.schedule(this.world.now + delayMs, this.id, () => end() && callback())
    return () => {
      end()
    }
  }

  /** Resolves later in this life, or never. */
  private async delay(life: number, ms: number): Promise<void> {
    if (ms === 0 && this.isAlive(life)) return
    await new Promise<void>((resolve) => {
      this.world.schedule(this.world.now + ms, this.id, () => this.isAlive(life) && resolve())
    })
  }

  /** The power may fail now: then this does not resolve. */
  async mayCrash(life = this.life): Promise<void> {
    const { crashAtWriteShare } = this.world.plan
    const isDue = !this.isSafe && crashAtWriteShare > 0 && this.stream.chance(crashAtWriteShare)
    if (isDue && this.isAlive(life)) this.crashAndRestart('around a write')
    if (!this.isAlive(life)) await new Promise<never>(() => {})
  }

  private makeApplication(life: number): SimulatedApplication {
    const { world, stream } = this
    const { executionMs, commitMs } = world.plan
    return new SimulatedApplication(this.ledger, {
      delay: async (ms) => await this.delay(life, ms),
      executionMs: () => executionMs * stream.between(0.5, 1.5),
      commitMs: () => commitMs * stream.between(0.5, 1.5),
      mayCrash: async () => await this.mayCrash(life),
      built: (block, beganAt) => world.traffic?.built(this.id, block, beganAt),
      committed: (block, state) => {
        world.trace?.(this, `${state} h${block.header.number} ${short(block.hash)}`)
        world.check((checker) => checker.onCommitted?.(this, block, state))
        world.traffic?.onCommitted(this.id, block, state)
      },
      advanced: (state, { number, hash }) => {
        world.trace?.(this, `${state} up to h${number} ${short(hash)}`)
        world.check((checker) => checker.onAdvanced?.(this, state, Number(number)))
        world.traffic?.onAdvanced(this.id, state, Number(number))
      },
      keptState: () => (world.plan.isCollusion ? 'sealed' : 'final'),
      revoking: ({ number }) => world.trace?.(this, `takes blocks above h${number} back`),
      now: () => world.now,
      isBroken: () => this.isBroken,
      isMistaken: () => this.isBroken && world.isMistakeDue(),
      violate: (checker, message) => world.violate(checker, `${this.name}: ${message}`),
    })
  }

  private hostOf(life: number): InstanceHost {
    return {
      open: async (description) => await this.open(life, description),
      setCommittees: () => undefined,
    }
  }

  private async open(life: number, description: InstanceDescription): Promise<InstancePorts> {
    await this.delay(life, this.isSafe ? STEADY_OPEN_MS : this.stream.between(0, OPEN_MS))
    const { world } = this
    const { committee, self } = description
    const name = nameOf(committee)
    const disk = self === undefined ? undefined : this.diskOf(name)
    const recovered = disk?.recover(committee.shape, world.mayDamage(this))
    const instance: OpenInstance = { ...description, early: this.early.get(name) ?? [] }
    this.early.delete(name)
    this.instances.set(name, instance)
    world.schedule(world.now, this.id, () => this.isAlive(life) && this.listen(instance))
    const isOpen = (): boolean => this.isAlive(life) && this.instances.get(name) === instance
    const close = async (): Promise<void> => {
      if (isOpen()) this.instances.delete(name)
    }
    const verifier = world.verifierOf(description)
    return {
      transport: {
        send: (to, message) => isOpen() && this.transmit(instance, this.nodeAt(committee, to), message),
        broadcast: (message, reach) => isOpen() && this.transmit(instance, undefined, message, reach),
      },
      log: {
        append: (records, onDone) => this.write(life, disk, records, onDone),
        replace: (records, onDone) => {
          disk?.replace(records)
          onDone(true)
        },
      },
      verify: (request, onResult) => {
        const ms = world.plan.verificationMs * this.stream.fraction()
        const finish = (): void => {
          if (isOpen()) onResult(world.subject.verifyRequest(verifier, request))
        }
        world.schedule(world.now + ms, this.id, finish)
      },
      records: recovered?.records ?? [],
      abstainThrough: recovered?.abstainThrough ?? GENESIS_VIEW,
      blame: (peer, reason) => {
        const blamed = this.nodeAt(committee, peer)
        world.trace?.(this, `blames n${blamed}: ${reason}`)
        if (this.isByzantine || world.nodes[blamed]?.isByzantine === true) return
        world.violate('blame', `${this.name} blames n${blamed}, which is honest: ${reason}`)
      },
      retire: async () => {
        if (this.isAlive(life)) this.disks.delete(name)
        await close()
      },
      close,
    }
  }

  private listen(instance: OpenInstance): void {
    const { early } = instance
    instance.early = undefined
    for (const { from, message } of early ?? []) instance.receive(from, message)
  }

  private diskOf(name: string): SimulatedDisk {
    const disk = this.disks.get(name) ?? new SimulatedDisk(this.world.subject, this.stream)
    this.disks.set(name, disk)
    return disk
  }

  private write(
    life: number,
    disk: SimulatedDisk | undefined,
    records: readonly WalRecord[],
    onDone: (isDurable: boolean) => void,
  ): void {
    const { world } = this
    if (!this.isAlive(life)) return
    if (disk === undefined) {
      onDone(true)
      return
    }
    disk.append(records)
    const count = disk.writtenCount
    const finish = (): void => {
      if (!this.isAlive(life)) return
      const isCrash = !this.isSafe && this.stream.chance(world.plan.crashAtWriteShare)
      if (isCrash && this.stream.chance(0.5)) {
        this.crashAndRestart('before a flush')
        return
      }
      const isDurable = disk.flush(count)
      onDone(isDurable)
      if (isCrash && this.isAlive(life)) this.crashAndRestart('after a flush')
    }
    const { syncDelayMs } = world.plan
    if (syncDelayMs === 0) finish()
    else world.schedule(world.now + syncDelayMs, this.id, finish)
  }

  /** @param to a node, or `undefined` for all that it concerns. */
  private transmit(instance: OpenInstance, to: number | undefined, message: Message, reach?: Reach): void {
    const { world } = this
    if (this.liar?.intercepts(instance, to, message) === true) return
    if (!this.isByzantine) world.check((checker) => checker.onSent?.(this, instance, message))
    if (isRequest(message)) this.requestCount += 1
    const what = message.kind === 'vote' ? describeStatement(message.vote) : message.kind
    world.trace?.(this, `→ ${to ?? 'all'} ${nameOf(instance.committee)} ${what}`)
    const receivers = to === undefined ? world.receiversOf(this, instance.committee, message, reach) : [to]
    for (const receiver of receivers) world.post(this, receiver, instance, message)
  }

  /** Guests have the numbers above the members'. */
  private nodeAt({ members }: Committee, peer: number): number {
    const member = members[peer]
    return member === undefined ? peer - members.length : this.world.nodeOfKey(member)
  }

  /** By layer: committees that this node runs an instance for. */
  committeesOf(layer: Layer): Committee[] {
    return [...this.instances.values()].map(({ committee }) => committee).filter((one) => one.layer === layer)
  }
}

export function nameOf({ layer, epoch }: Pick<Committee, 'layer' | 'epoch'>): string {
  return `${layer}-${epoch}`
}

export function isRequest({ kind }: Message): boolean {
  return kind === 'certificateRequest' || kind === 'blockRequest' || kind === 'syncRequest'
}

export function keyBytes(key: Committee['members'][number] | undefined): Uint8Array {
  return hexToBytes(present(key, 'a node with a key'))
}
