/**
 * Recomputes who serves in a cycle from what anybody can have: the genesis of the network and its seals. From genesis on,
 * every reveal is verified against the Committer whose turn it was and added to the chain of randomness, every cycle's
 * committees are drawn from it, and what the chain says at each step is compared. Nothing that a node claims is believed.
 *
 * Where other witnesses took over within a cycle, those are drawn from the last seal before them. That it was time, the
 * seals do not show; who was drawn follows all the same.
 *
 * The seals themselves are taken as they come: that they are final, `light-verifier.ts` can tell.
 */
import { AevirError } from '../../primitives/errors.ts'
import { hexToBytes, type Hash } from '../../primitives/bytes.ts'
import { attemptOf, cycleOfEpoch, epochAfterCycle, epochOf, slotOf } from '../committees/committee.ts'
import type { ConsensusParameters } from '../committees/parameters.ts'
import type { NodeRegistry } from '../committees/registry.ts'
import { boundaryOf, cycleOf, electSeats, snapshotOf, type Seats } from '../committees/schedule.ts'
import type { ConsensusStore } from '../dual-bft/consensus-store.ts'
import { electWitnesses, type NodeId } from '../election/election.ts'
import { revealMessage, seedOf, seedOfAttempt } from '../election/randomness.ts'
import type { BlockReference } from '../plugin.ts'
import type { Keyring, SignatureScheme } from '../signature-scheme.ts'
import { GENESIS_VIEW, type Epoch, type Layer, type View } from '../simplex/types.ts'
import {
  randomnessAfter,
  sealingPointOf,
  SKIPPED_VIEWS_MAX,
  type SealingPoint,
} from '../witness-layer/randomness-of-seals.ts'
import { isSameSeats } from '../witness-layer/seal-rules.ts'
import { lastOf } from '../witness-layer/seal.ts'

/** What an election needs of a seal. */
export interface ElectionSeal {
  readonly epoch: Epoch
  /** Of the proposal that holds it. */
  readonly view: View
  readonly first: bigint
  readonly last: bigint
  readonly reveal: Uint8Array
  /** The chain of randomness after it, as whoever stored it computed it. */
  readonly randomness: Hash
  readonly handover: Seats | undefined
}

/** Where a chain's seals and committees are read from. */
export interface ElectionSource {
  /** The seal that covers a block; `undefined` while there is none. */
  sealOf(number: bigint): Promise<ElectionSeal | undefined>
  /** The first committee that served in a cycle; `undefined` when none is known. */
  members(layer: Layer, cycle: number): Promise<readonly NodeId[] | undefined>
}

export interface ElectionRules {
  readonly genesis: BlockReference
  readonly parameters: ConsensusParameters
  readonly registry: NodeRegistry
  readonly scheme: SignatureScheme
}

/** An election as it must have come out. */
export interface Election {
  readonly cycle: number
  /** Number of the block as of which it was held. */
  readonly snapshot: bigint
  /** The chain of randomness as of the snapshot. */
  readonly randomness: Hash
  readonly seed: Hash
  readonly seats: Seats
}

export interface ElectionReport extends Election {
  /** Seals whose reveals were verified. */
  readonly sealCount: number
  /** The first thing that the chain has otherwise, which may be in an earlier cycle; `undefined` when all is the same. */
  readonly difference: string | undefined
}

/** The chain does not have what the election follows from. */
export class ElectionDataError extends AevirError {
  override readonly code = 'ELECTION_DATA_MISSING'
}

/**
 * @param onProgress told how far the seals were read, up to the snapshot.
 * @throws ElectionDataError when the chain does not reach the cycle; ElectionError
 */
export async function checkElection(
  cycle: number,
  rules: ElectionRules,
  source: ElectionSource,
  onProgress: (number: bigint, snapshot: bigint) => void = () => undefined,
): Promise<ElectionReport> {
  const snapshot = snapshotOf(cycle, rules.parameters)
  const walk = new RandomnessWalk(rules, source)
  await walk.begin()
  for (let number = 1n; number <= snapshot;) {
    const seal = await source.sealOf(number)
    if (seal === undefined) {
      throw new ElectionDataError(
        `the chain is sealed up to block ${number - 1n}, but cycle ${cycle} is elected as of block ${snapshot}: ` +
          'wait until it is sealed, or ask a node that has come further',
      )
    }
    if (seal.last < number) {
      throw new ElectionDataError(
        `the seal that covers block ${number} is said to end with block ${seal.last}: ask another node`,
      )
    }
    if (seal.last > snapshot) break
    await walk.take(seal)
    onProgress(seal.last, snapshot)
    number = seal.last + 1n
  }
  const election = await walk.reach(cycle)
  return { ...election, sealCount: walk.sealCount, difference: walk.difference }
}

/** What a node has stored. */
export function storedElections(store: ConsensusStore): ElectionSource {
  return {
    async sealOf(number) {
      const stored = store.sealOf(number)
      if (stored === undefined) return undefined
      const { epoch, proposal, randomness, seal } = stored
      const { first, reveal, handover } = seal
      return { epoch, view: proposal.view, first, last: lastOf(seal), reveal, randomness, handover }
    },
    async members(layer, cycle) {
      return store.epochs(layer).find(({ epoch }) => cycleOfEpoch(epoch) === cycle)?.members
    },
  }
}

/** Goes over the seals from genesis, electing as it goes. What the seals hold counts until the first difference. */
class RandomnessWalk {
  sealCount = 0
  /** The first one that was seen. */
  difference: string | undefined
  private readonly rules: ElectionRules
  private readonly source: ElectionSource
  private point: SealingPoint
  private current: Election
  /** The first epoch of the witnesses in this cycle, and the one that seals now. */
  private firstEpoch = epochOf(0)
  private epoch = epochOf(0)
  /** Of that epoch, in slot order. */
  private witnesses: readonly NodeId[]
  private keyring: Keyring
  /** Of the next cycle, from its snapshot on. */
  private next: Election | undefined

  constructor(rules: ElectionRules, source: ElectionSource) {
    this.rules = rules
    this.source = source
    this.point = sealingPointOf(undefined, epochOf(0), rules.genesis.hash)
    this.current = this.elect(0)
    this.witnesses = this.current.seats.witnesses
    this.keyring = this.witnessKeys()
  }

  async begin(): Promise<void> {
    await this.compareMembers(this.current)
  }

  /** The seal that follows. */
  async take(seal: ElectionSeal): Promise<void> {
    const { parameters } = this.rules
    const { cycle } = this.current
    if (seal.last > snapshotOf(cycle + 1, parameters)) await this.electNext()
    if (seal.epoch > this.epoch && cycleOfEpoch(seal.epoch) === cycle) this.drawAnew(seal.epoch)
    if (this.difference === undefined) this.checkSeal(seal)
    if (seal.view - this.point.view > SKIPPED_VIEWS_MAX) {
      throw new ElectionDataError(
        `the seal of block ${seal.last} is said to be of view ${seal.view}, after view ${this.point.view}: ask another node`,
      )
    }
    this.point = {
      number: seal.last,
      randomness: randomnessAfter(this.point, seal.view, seal.reveal),
      view: seal.view,
    }
    this.sealCount += 1
    if (this.point.randomness !== seal.randomness) {
      this.note(`the randomness after block ${seal.last} is ${this.point.randomness}, not ${seal.randomness}`)
    }
    if (seal.last === boundaryOf(cycle, parameters)) await this.enterNext(seal.handover)
  }

  /** The election of this cycle or the next, once all seals up to its snapshot were taken. */
  async reach(cycle: number): Promise<Election> {
    return cycle === this.current.cycle ? this.current : this.electNext()
  }

  private checkSeal({ epoch, view, first, last, reveal }: ElectionSeal): void {
    const { parameters } = this.rules
    const { cycle } = this.current
    const range = `the seal of blocks ${first} to ${last}`
    const isNext = first === this.point.number + 1n && last >= first && cycleOf(last, parameters) === cycle
    if (!isNext) this.note(`${range} does not follow block ${this.point.number} in cycle ${cycle}`)
    else if (epoch !== this.epoch) this.note(`${range} is of epoch ${epoch}, after epoch ${this.epoch}`)
    else if (view <= this.point.view) this.note(`${range} is of view ${view}, after ${this.point.view}`)
    else {
      const slot = view % this.witnesses.length
      const message = revealMessage(BigInt(cycle), slotOf(epoch, view))
      if (this.keyring.verify(slot, message, reveal)) return
      this.note(
        `the reveal in ${range} is not that of ${this.witnesses[slot]}, the Committer of view ${view}`,
      )
    }
  }

  private async electNext(): Promise<Election> {
    if (this.next === undefined) {
      this.next = this.elect(this.current.cycle + 1)
      await this.compareMembers(this.next)
    }
    return this.next
  }

  private async enterNext(handover: Seats | undefined): Promise<void> {
    const next = await this.electNext()
    if (handover === undefined || !isSameSeats(handover, next.seats)) {
      this.note(`the seal before cycle ${next.cycle} hands over to others`)
    }
    this.current = next
    this.firstEpoch = epochAfterCycle(this.firstEpoch, this.epoch)
    this.epoch = this.firstEpoch
    this.witnesses = next.seats.witnesses
    this.keyring = this.witnessKeys()
    this.next = undefined
    this.point = { ...this.point, view: GENESIS_VIEW }
  }

  /** A reset: the candidates are those of the cycle, the seed is another. */
  private drawAnew(epoch: Epoch): void {
    const { parameters, registry } = this.rules
    const { cycle, snapshot } = this.current
    const seed = seedOfAttempt(this.point.randomness, BigInt(cycle), attemptOf(epoch))
    this.witnesses = electWitnesses(registry.at(snapshot), parameters.witnessSeats, seed)
    this.keyring = this.witnessKeys()
    this.epoch = epoch
    this.point = { ...this.point, view: GENESIS_VIEW }
  }

  private async compareMembers({ cycle, seats }: Election): Promise<void> {
    for (const layer of ['execution', 'witness'] as const) {
      const found = await this.source.members(layer, cycle)
      const expected = layer === 'execution' ? seats.executors : seats.witnesses
      if (found !== undefined) this.compareSeats(cycle, layer, expected, found)
    }
  }

  private compareSeats(
    cycle: number,
    layer: Layer,
    expected: readonly NodeId[],
    found: readonly NodeId[],
  ): void {
    const at = expected.findIndex((id, index) => found[index] !== id)
    const isSame = at < 0 && found.length === expected.length
    if (isSame) return
    const seat = at < 0 ? expected.length : at
    const who = layer === 'execution' ? 'executor' : 'witness'
    const [is, should] = [found[seat] ?? 'nobody', expected[seat] ?? 'nobody']
    this.note(`${who} ${seat} of cycle ${cycle} is ${is}, not ${should}`)
  }

  private note(difference: string): void {
    this.difference ??= difference
  }

  private elect(cycle: number): Election {
    const { parameters, registry } = this.rules
    const snapshot = snapshotOf(cycle, parameters)
    const { randomness } = this.point
    const seats = electSeats(registry.at(snapshot), parameters, cycle, randomness)
    return { cycle, snapshot, randomness, seed: seedOf(randomness, BigInt(cycle)), seats }
  }

  private witnessKeys(): Keyring {
    return this.rules.scheme.keyring(this.witnesses.map(hexToBytes))
  }
}
