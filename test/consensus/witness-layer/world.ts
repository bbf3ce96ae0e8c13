/**
 * Witnesses, over chains that grow when a test says so.
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
import type { WalRecord } from '../../../src/consensus/simplex/wal-records.ts'
import { sealingPointOf } from '../../../src/consensus/witness-layer/randomness-of-seals.ts'
import type { SealedEvent } from '../../../src/consensus/witness-layer/witness-blocks.ts'
import { WitnessLayer } from '../../../src/consensus/witness-layer/witness-layer.ts'
import { bytesToHex } from '../../../src/primitives/bytes.ts'
import { openConsensusStore } from '../../../src/storage/consensus-database.ts'
import { MemoryStore } from '../../../src/storage/memory-store.ts'
import { stubKeyring, stubPublicKey, stubSigner } from '../../simulation/stub-scheme.ts'
import { LayerWorld } from '../../support/layer-world.ts'
import { Executors, NO_REFUSALS, OwnChain } from './executors.ts'

export const RANGE_BLOCKS = 4

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
  /** How often its layer said that it has come to its end. */
  overCount: number
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

export class WitnessWorld extends LayerWorld<WitnessLayer, WitnessNode> {
  readonly executors = new Executors()
  readonly nodes: readonly WitnessNode[]
  readonly committee: Committee
  readonly domain: Domain
  readonly seats: Seats
  protected readonly size: number
  private readonly lastNumber: bigint

  private constructor({ size = 4, followers = 0, lastNumber = 1000n, forks }: WitnessWorldOptions) {
    super()
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
    await world.start()
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

  async untilSealed(number: bigint, indexes = this.nodes.map(({ index }) => index)): Promise<void> {
    await this.until(`${number} sealed`, () =>
      indexes.every((index) => this.node(index).layer.sealedNumber >= number),
    )
  }

  /** Ends all nodes and checks that they agree. */
  override async close(): Promise<void> {
    await super.close()
    const longest = this.nodes.map(({ sealed }) => sealed).reduce((a, b) => (b.length > a.length ? b : a))
    for (const { sealed } of this.nodes) {
      assert.deepEqual(
        sealed.map(({ proposal, randomness }) => [proposal.hash, randomness]),
        longest.slice(0, sealed.length).map(({ proposal, randomness }) => [proposal.hash, randomness]),
      )
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
      overCount: 0,
      failing: undefined,
      isUp: true,
    }
    return Object.assign(node, { layer: this.createLayer(node) })
  }

  protected createLayer(node: Omit<WitnessNode, 'layer'>): WitnessLayer {
    const { index, store, chain, records } = node
    const { domain, size, committee } = this
    const isMember = index < size
    const { genesisHash, shape, epoch } = this.executors
    const keyring = stubKeyring(size)
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
      ports: this.portsOf(index, records),
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
      onOver: () => (node.overCount += 1),
      onRejectAhead: () => assert.fail('nothing is refused here'),
      onRejected: () => assert.fail('nothing is refused here'),
      onSealed: (event) => {
        if (node.failing === 'listener') throw new Error('too much news')
        node.sealed.push(event)
      },
      onError: (error) => node.failures.push(error),
    })
  }

  protected isForFollowers({ kind }: Message): boolean {
    return kind !== 'vote'
  }
}
