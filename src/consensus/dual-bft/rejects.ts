/**
 * What this node refuses, and what becomes of the ledger and the store once the witnesses have rejected it. Why a reject
 * is safe stands in `witness-layer/reject.ts`.
 *
 * A reject that is final is settled in two steps, each durable: the ledger goes back to the last sealed block, then the
 * store learns of the epoch that begins there. The reject itself is in the store before either. A node that ends in
 * between finds it again at its next start, behind the newest seal: nothing more can be sealed here before the new epoch
 * has begun.
 */
import { assert } from '../../primitives/assert.ts'
import { cycleOfEpoch, nextAttempt, type Committee } from '../committees/committee.ts'
import { boundaryOf } from '../committees/schedule.ts'
import type { NodeId } from '../election/election.ts'
import type { Application } from '../plugin.ts'
import { committeeShape } from '../simplex/config.ts'
import type { InvalidFinality } from '../simplex/events.ts'
import type { Epoch } from '../simplex/types.ts'
import type { FinalityProof } from '../witness-layer/final-chain.ts'
import { decodeReject, isReject } from '../witness-layer/reject-codec.ts'
import { refusedBlock, type Refusals, type Reject } from '../witness-layer/reject.ts'
import type { EpochStart } from './consensus-store.ts'
import type { DualBftOptions } from './dual-bft.ts'
import type { Elections } from './elections.ts'
import type { SealedChain } from './sealed-chain.ts'

interface Refusal {
  readonly reason: InvalidFinality
  readonly reject: Reject | undefined
}

export interface RejectParts {
  readonly application: Pick<Application, 'head' | 'revoke'>
  readonly options: Pick<DualBftOptions, 'store' | 'parameters'>
  readonly elections: Elections
  readonly sealed: SealedChain
}

export class Rejects implements Refusals {
  private readonly parts: RejectParts
  private refusal: Refusal | undefined

  constructor(parts: RejectParts) {
    this.parts = parts
  }

  /**
   * This node's own execution found a final block invalid.
   * @returns false when that is the end: too few nodes could replace the executors, or it is no block of their epoch.
   */
  refuse(committee: Committee, reason: InvalidFinality): boolean {
    const { options, elections } = this.parts
    const { proposals, finalization } = reason
    const proof = { epoch: committee.epoch, proposals, finalization }
    const lastNumber = boundaryOf(cycleOfEpoch(committee.epoch), options.parameters)
    const isBlock = refusedBlock(proof).number <= lastNumber
    const executors = isBlock ? elections.replacementOf(committee, proof) : undefined
    this.refusal = { reason, reject: executors && { proof, executors } }
    return executors !== undefined
  }

  /** What the execution layer halted for. */
  get reason(): InvalidFinality | undefined {
    return this.refusal?.reason
  }

  /** Shows that a block is final which this node refuses, and so that its ancestors are. */
  get proof(): FinalityProof | undefined {
    return this.refusal?.reject?.proof
  }

  own(): Reject | undefined {
    return this.refusal?.reject
  }

  decisiveFor(epoch: Epoch): Reject | undefined {
    const isOfEpoch = ({ proof }: Reject): boolean => proof.epoch === epoch
    const own = this.own()
    return this.unsealed().find(isOfEpoch) ?? (own !== undefined && isOfEpoch(own) ? own : undefined)
  }

  replacementFor(proof: FinalityProof): readonly NodeId[] | undefined {
    const { options, elections } = this.parts
    const start = options.store.epochs('execution').find(({ epoch }) => epoch === proof.epoch)
    return start && elections.replacementOf(start, proof)
  }

  /** Whether the executors of that epoch were replaced already: a later reject of it rejects nothing. */
  isSettled({ proof }: Reject): boolean {
    const epoch = nextAttempt(proof.epoch)
    return this.parts.options.store.epochs('execution').some((start) => start.epoch === epoch)
  }

  /** Takes the ledger back and begins the epoch of the new executors in the store. All blocks below are sealed. */
  async settle({ proof, executors }: Reject): Promise<EpochStart> {
    const { application, options, sealed } = this.parts
    const { number, hash } = sealed.head()
    assert(number + 1n === refusedBlock(proof).number, 'a reject follows the seal below its block')
    if (application.head().number > number) await application.revoke({ number, hash })
    const start: EpochStart = {
      layer: 'execution',
      epoch: nextAttempt(proof.epoch),
      members: executors,
      root: { height: Number(number), hash, payloadHash: hash },
    }
    await options.store.addEpoch(start)
    this.refusal = undefined
    return start
  }

  /** Settles what an earlier life of this node left unfinished. */
  async finish(): Promise<void> {
    for (const reject of this.unsealed()) if (!this.isSettled(reject)) await this.settle(reject)
  }

  /** Final rejects behind the newest seal, oldest first. */
  private unsealed(): readonly Reject[] {
    const { store, parameters } = this.parts.options
    const latest = store.epochs('witness').at(-1)
    if (latest === undefined) return []
    const layer = store.witness(latest.epoch)
    const rejects: Reject[] = []
    for (
      let proposal = layer.latest();
      proposal !== undefined;
      proposal = layer.proposal(proposal.parentHash)
    ) {
      const body = layer.body(proposal.hash)
      if (body === undefined || body.length === 0) continue
      if (!isReject(body)) break
      rejects.push(decodeReject(body, committeeShape(parameters.executorSeats)))
    }
    return rejects.toReversed()
  }
}
