/**
 * Witnesses in one process and in virtual time, over chains that grow when a test says so, and between them a network
 * that it can look into and tamper with. Signatures are stand-ins, clocks are moved by hand.
 */
import assert from 'node:assert/strict'
import {
  makeCommittee,
  domainOf,
  epochOf,
  type Committee,
} from '../../../src/consensus/committees/committee.ts'
import type { Seats } from '../../../src/consensus/committees/schedule.ts'
import type { ConsensusStore } from '../../../src/consensus/dual-bft/consensus-store.ts'
import { REGIONAL_TIMING, type Domain } from '../../../src/consensus/simplex/config.ts'
import type { HaltReason } from '../../../src/consensus/simplex/events.ts'
import type { Evidence } from '../../../src/consensus/simplex/evidence.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import { signedBytes } from '../../../src/consensus/simplex/signing.ts'
import { leaderOf } from '../../../src/consensus/simplex/state.ts'
import type { Statement } from '../../../src/consensus/simplex/types.ts'
import { verifyRequest } from '../../../src/consensus/simplex/verification.ts'
import type { WalRecord } from '../../../src/consensus/simplex/wal-records.ts'
import { sealingPointOf } from '../../../src/consensus/witness-layer/randomness-of-seals.ts'
import type { SealedEvent } from '../../../src/consensus/witness-layer/witness-blocks.ts'
import { WitnessLayer } from '../../../src/consensus/witness-layer/witness-layer.ts'
import { present } from '../../../src/primitives/assert.ts'
import { bytesToHex } from '../../../src/primitives/bytes.ts'
import { openConsensusStore } from '../../../src/storage/consensus-database.ts'
import { MemoryStore } from '../../../src/storage/memory-store.ts'
import { stubPublicKey, stubScheme, stubSigner } from '../../simulation/stub-scheme.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { Executors, NO_REFUSALS, OwnChain } from './executors.ts'

const STEP_MS = 10
export const RANGE_BLOCKS = 4

/** Sees every message before it travels: what it returns travels instead. */
export type Tamper = (from: number, to: number, message: Message) => readonly Message[]

export interface WitnessNode {
  readonly index: number
  readonly chain: OwnChain
  readonly store: ConsensusStore
  readonly sealed: SealedEvent[]
  /** Numbers that its ledger was told are sealed. */
  readonly advanced: bigint[]
  readonly evidence: Evidence[]
  readonly conflicts: bigint[]
  readonly failures: unknown[]
  readonly records: WalRecord[]
  handover: Seats | undefined
  /** What its ledger, or who listens to its seals, throws next. */
  failing: 'ledger' | 'listener' | undefined
  layer: WitnessLayer
  isUp: boolean
}

export interface WitnessWorldOptions {
  readonly size?: number
  /** Nodes without a seat, whose indexes follow those of the members. */
  readonly followers?: number
  readonly lastNumber?: bigint
  /** What the nodes with these indexes execute instead. */
  readonly forks?: ReadonlyMap<number, Executors>
}

export class WitnessWorld {
  readonly clock = new ManualClock()
  readonly executors = new Executors()
  readonly nodes: readonly WitnessNode[]
  readonly committee: Committee
  readonly domain: Domain
  readonly seats: Seats
  tamper: Tamper = (_from, _to, message) => [message]
  sentCount = 0
  private readonly size: number
  private readonly lastNumber: bigint
  private readonly inFlight: { readonly from: number; readonly to: number; readonly message: Message }[] = []

  private constructor({ size = 4, followers = 0, lastNumber = 1000n, forks }: WitnessWorldOptions) {
    this.size = size
    this.lastNumber = lastNumber
    const ids = (count: number) => Array.from({ length: count }, (_, key) => bytesToHex(stubPublicKey(key)))
    this.seats = { executors: ids(4), witnesses: ids(size) }
    this.committee = makeCommittee(this.executors.genesisHash, 'witness', epochOf(0), this.seats.witnesses)
    this.domain = domainOf(7n, this.committee)
    this.nodes = Array.from({ length: size + followers }, (_, index) =>
      this.createNode(index, forks?.get(index) ?? this.executors),
    )
  }

  static async start(options: WitnessWorldOptions = {}): Promise<WitnessWorld> {
    const world = new WitnessWorld(options)
    for (const { layer } of world.nodes) await layer.start()
    await world.settle()
    return world
  }

  /** Blocks become final at once at the nodes with these indexes; the others get them when told. */
  async execute(
    count: number,
    indexes = this.nodes.map(({ index }) => index),
    certifiedEvery = 1,
  ): Promise<void> {
    this.executors.order(count, certifiedEvery)
    for (const index of indexes) this.grow(index, BigInt(this.executors.proposals.length))
    await this.settle()
  }

  grow(index: number, number: bigint): void {
    const { chain, layer, isUp } = this.node(index)
    chain.growTo(number)
    if (isUp) layer.onFinal()
  }

  /** Moves the clock; nodes compute and messages travel in no time. */
  async run(durationMs: number): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += STEP_MS) {
      this.clock.advance(STEP_MS)
      await this.settle()
    }
  }

  /** Moves the clock until something holds. */
  async until(what: string, holds: () => boolean, limitMs = 20_000): Promise<void> {
    for (let passed = 0; !holds(); passed += STEP_MS) {
      assert.ok(passed < limitMs, `not within ${limitMs} ms: ${what}`)
      await this.run(STEP_MS)
    }
  }

  async untilSealed(number: bigint, indexes = this.nodes.map(({ index }) => index)): Promise<void> {
    await this.until(`${number} sealed`, () =>
      indexes.every((index) => this.node(index).layer.sealedNumber >= number),
    )
  }

  async stop(index: number): Promise<void> {
    const node = this.node(index)
    node.isUp = false
    await node.layer.stop()
  }

  async restart(index: number): Promise<void> {
    const node = this.node(index)
    node.layer = this.createLayer(node)
    node.isUp = true
    await node.layer.start()
    await this.settle()
  }

  node(index: number): WitnessNode {
    return present(this.nodes[index], 'node')
  }

  /** Of the view that the first node is in. */
  committer(): number {
    const { core } = this.node(0).layer
    return leaderOf(core.config, core.view)
  }

  /** Signs as a member would. */
  sign(index: number, statement: Statement): Uint8Array {
    return stubSigner(index).sign(signedBytes(this.domain, statement))
  }

  /** Ends all nodes and checks that they agree. */
  async close(): Promise<void> {
    for (const { layer, isUp } of this.nodes) if (isUp) await layer.stop()
    const longest = this.nodes.map(({ sealed }) => sealed).reduce((a, b) => (b.length > a.length ? b : a))
    for (const { sealed } of this.nodes) {
      assert.deepEqual(
        sealed.map(({ proposal, randomness }) => [proposal.hash, randomness]),
        longest.slice(0, sealed.length).map(({ proposal, randomness }) => [proposal.hash, randomness]),
      )
    }
    assert.equal(this.clock.scheduledCount, 0, 'no timer is left')
  }

  async settle(): Promise<void> {
    for (;;) {
      for (let next = this.inFlight.shift(); next !== undefined; next = this.inFlight.shift()) {
        const { isUp, layer } = this.node(next.to)
        if (isUp) layer.receive(next.from, next.message)
      }
      for (const { layer } of this.nodes) await layer.settled()
      if (this.inFlight.length === 0) return
    }
  }

  private createNode(index: number, executors: Executors): WitnessNode {
    const store = openConsensusStore(new MemoryStore())
    const root = { height: 0, hash: executors.genesisHash, payloadHash: executors.genesisHash }
    const { epoch } = executors
    void store.addEpoch({ layer: 'execution', epoch, members: this.seats.executors, root })
    void store.addEpoch({ layer: 'witness', epoch, members: this.seats.witnesses, root })
    const node = {
      index,
      store,
      chain: new OwnChain(executors),
      sealed: [],
      advanced: [],
      evidence: [],
      conflicts: [],
      failures: [],
      records: [],
      handover: this.seats,
      failing: undefined,
      isUp: true,
    }
    return Object.assign(node, { layer: this.createLayer(node) })
  }

  private createLayer(node: Omit<WitnessNode, 'layer'>): WitnessLayer {
    const { index, store, chain, records } = node
    const { domain, size, committee } = this
    const isMember = index < size
    const { genesisHash, shape, epoch } = this.executors
    const keyring = stubScheme.keyring(Array.from({ length: size }, (_, key) => stubPublicKey(key)))
    const application = {
      advance: async (_state: unknown, { number }: { readonly number: bigint }): Promise<void> => {
        if (node.failing === 'ledger') throw new Error('disk full')
        node.advanced.push(number)
      },
    }
    return new WitnessLayer(application, this.clock, {
      config: {
        ...committee.shape,
        domain,
        self: isMember ? index : undefined,
        timing: REGIONAL_TIMING,
        compactionBlocks: 4,
      },
      sign: (statement) => this.sign(index, statement),
      origin: {
        root: { height: 0, hash: genesisHash, payloadHash: genesisHash },
        records: [...records],
      },
      ports: {
        transport: {
          send: (to, message) => this.post(index, to, message),
          broadcast: (message) => {
            const end = message.kind === 'vote' ? size : this.nodes.length
            for (let to = 0; to < end; to++) if (to !== index) this.post(index, to, message)
          },
        },
        log: {
          append: (added, onDone) => {
            records.push(...added)
            onDone(true)
          },
          replace: (all, onDone) => {
            records.splice(0, records.length, ...all)
            onDone(true)
          },
        },
        verify: (request, onResult) =>
          onResult(verifyRequest({ scheme: stubScheme, domain, keyring }, request)),
      },
      observer: {
        evidence: (found) => node.evidence.push(found),
        blame: () => undefined,
        halted: (reason: HaltReason | { readonly kind: 'logFailed' }) => node.failures.push(reason),
        conflict: (number) => node.conflicts.push(number),
      },
      store: store.witness(epoch),
      chain,
      start: sealingPointOf(store.latestSeal(), epoch, genesisHash),
      cycle: 0,
      lastNumber: this.lastNumber,
      rangeBlocks: RANGE_BLOCKS,
      executionShape: shape,
      signer: isMember ? stubSigner(index) : undefined,
      verifyReveal: (member, message, reveal) => keyring.verify(member, message, reveal),
      handover: () => node.handover,
      refusals: NO_REFUSALS,
      onRejectAhead: () => assert.fail('nothing is refused here'),
      onRejected: () => assert.fail('nothing is refused here'),
      onSealed: (event) => {
        if (node.failing === 'listener') throw new Error('too much news')
        node.sealed.push(event)
      },
      onError: (error) => node.failures.push(error),
    })
  }

  private post(from: number, to: number, message: Message): void {
    if (!this.node(from).isUp) return
    this.sentCount += 1
    for (const sent of this.tamper(from, to, message)) this.inFlight.push({ from, to, message: sent })
  }
}
