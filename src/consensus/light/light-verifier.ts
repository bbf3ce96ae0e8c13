/**
 * Follows a chain by its certificates alone: no state, no execution, no peers. Whoever trusts one sealed block and knows
 * who serves in its cycle can tell the sealed headers after it from any others.
 *
 * The chain comes as items, one for each final proposal of the witness layer. Of each is checked that
 *
 * 1. the proposal follows the one before it, has the hash that it claims, and its body is the one that it names;
 * 2. the seal in the body keeps the rules of `witness-layer/seal-rules.ts`, and a quorum of the executors of this cycle
 *    made its last block final;
 * 3. the headers are those of the seal's blocks, each the parent of the next;
 * 4. a quorum of the witnesses of this cycle made it final, or a later item of the same epoch. Until then it waits;
 * 5. where a cycle ends, the seal's handover names who serves next, and where the witnesses reject what the executors made
 *    final (`witness-layer/reject.ts`), the reject names who replaces them. The witnesses vouch for both with the rest.
 *
 * That what the blocks do is right, the two quorums say.
 *
 * Everything here is a function of the state and the item: an earlier state can be taken up again.
 */
import { assert } from '../../primitives/assert.ts'
import type { Hash } from '../../primitives/bytes.ts'
import { AevirError } from '../../primitives/errors.ts'
import { keccak256Hash } from '../../primitives/keccak.ts'
import { BlockDecodingError, decodeHeader } from '../../chain/block-codec.ts'
import type { Header } from '../../chain/block.ts'
import { epochAfterCycle, epochOf, makeCommittee, nextAttempt } from '../committees/committee.ts'
import type { ConsensusParameters } from '../committees/parameters.ts'
import type { RegisteredNode } from '../committees/registry.ts'
import { firstSeats, type Seats } from '../committees/schedule.ts'
import type { BlockReference } from '../plugin.ts'
import { InvalidKeyError, type SignatureScheme } from '../signature-scheme.ts'
import { WireError } from '../simplex/binary.ts'
import { encodeProposal } from '../simplex/proposal.ts'
import {
  GENESIS_VIEW,
  tipOf,
  type Certificate,
  type Epoch,
  type Proposal,
  type Tip,
} from '../simplex/types.ts'
import { decodeReject, isReject } from '../witness-layer/reject-codec.ts'
import { rejectFaultOf, type RejectFault } from '../witness-layer/reject.ts'
import { decodeSeal } from '../witness-layer/seal-codec.ts'
import { faultOf, isFinalizationOf, type SealBounds, type SealFault } from '../witness-layer/seal-rules.ts'
import { lastOf, type Seal } from '../witness-layer/seal.ts'
import { cycleAfter, holds, makeCycle, ready, type LightChain, type LightCycle } from './light-cycle.ts'

/** A final proposal of the witness layer with what it seals. */
export interface SealedItem {
  /** Encodings of the headers of the sealed blocks, ascending; none for a proposal that seals nothing. */
  readonly headers: readonly Uint8Array[]
  readonly proposal: Proposal
  /** The bytes of the seal, or of a reject; empty for a proposal that repeats. */
  readonly body: Uint8Array
  /** `undefined` when a later item of the epoch makes it final. */
  readonly finalization: Certificate | undefined
}

export interface SealedHeader {
  readonly header: Header
  readonly hash: Hash
}

/** What is trusted. */
export interface LightStart extends LightChain {
  /** The last block of a seal, or the genesis block. */
  readonly block: BlockReference
  /** The last proposal of the witness layer; the root of its epoch when there is none in it. */
  readonly tip: Tip
  /** Committees of the cycle that the next block is of. */
  readonly seats: Seats
  /** Epochs of the execution layer in this cycle, where the first is not attempt 0 or others have followed. */
  readonly executionEpochs?: { readonly first: Epoch; readonly current: Epoch }
}

/** Where a light client stands. Made by {@link lightState}, changed by {@link verifyItem}. */
export interface LightState extends LightChain {
  readonly cycle: LightCycle
  /** The last block that is accepted. */
  readonly block: BlockReference
  /** The last block that was seen, and the last proposal. */
  readonly head: BlockReference
  readonly tip: Tip
  /** Seals that no certificate of the witnesses covers yet, oldest first. */
  readonly waiting: readonly WaitingSeal[]
  /** Items since the last that was final. */
  readonly waitingItems: number
  /** Items verified. */
  readonly itemCount: number
}

/** A seal that is right but for what only a certificate of the witnesses can show. */
interface WaitingSeal {
  readonly headers: readonly SealedHeader[]
  readonly handover: Seats | undefined
  /** Of its proposal. */
  readonly height: number
}

/** Items that may wait for a certificate: the core itself does not keep more blocks that are not final. */
export const WAITING_ITEMS_MAX = 128
/** A header has some 600 bytes; extra data adds at most 32. */
const HEADER_SIZE_MAX = 1024

/** Which rule an item breaks: those of seals and rejects, and those that stand at the top of this file. */
export type LightRule =
  | SealFault
  | RejectFault
  | 'proposalHash'
  | 'parent'
  | 'body'
  | 'sealBytes'
  | 'rejectBytes'
  | 'repeat'
  | 'headerCount'
  | 'headerBytes'
  | 'headerHash'
  | 'headerLink'
  | 'executionCertificate'
  | 'witnessCertificate'
  | 'waiting'
  | 'end'

export class LightClientError extends AevirError {
  override readonly code = 'LIGHT_CLIENT_REFUSES'
  /** Counted from 0. */
  readonly item: number
  readonly rule: LightRule

  constructor(item: number, rule: LightRule, problem: string, options?: ErrorOptions) {
    super(`item ${item} breaks the rule "${rule}": ${problem}`, options)
    this.item = item
    this.rule = rule
  }
}

/** @throws InvalidKeyError | CommitteeSizeError when the committees can be none. */
export function lightState(start: LightStart): LightState {
  const { chainId, genesisHash, parameters, scheme, block, tip, seats } = start
  const cycle = cycleAfter(block, parameters)
  const { first, current } = start.executionEpochs ?? { first: epochOf(cycle), current: epochOf(cycle) }
  return {
    ...{ chainId, genesisHash, parameters, scheme, block, tip },
    cycle: { ...makeCycle(start, current, seats), firstEpoch: first },
    head: block,
    waiting: [],
    waitingItems: 0,
    itemCount: 0,
  }
}

/** A start at the genesis block of a network. @throws ElectionError */
export function genesisStart(
  chainId: bigint,
  genesis: BlockReference,
  nodes: readonly RegisteredNode[],
  parameters: ConsensusParameters,
  scheme: SignatureScheme,
): LightStart {
  const { hash } = genesis
  return {
    ...{ chainId, genesisHash: hash, parameters, scheme },
    block: genesis,
    tip: { view: GENESIS_VIEW, height: 0, hash, payloadHash: hash },
    seats: firstSeats(nodes, parameters, hash),
  }
}

/**
 * @returns the next state, and the headers that are proven with this item: those of items that waited for it as well.
 * @throws LightClientError when the item breaks a rule; the state is still good.
 */
export function verifyItem(
  state: LightState,
  item: SealedItem,
): { readonly state: LightState; readonly accepted: readonly SealedHeader[] } {
  checkProposal(state, item)
  const sealed = isSealing(item) ? checkSeal(state, item) : checkNothingSealed(state, item)
  const next: LightState = {
    ...state,
    cycle: isReject(item.body) ? checkReject(state, item) : state.cycle,
    head: sealed === undefined ? state.head : referenceTo(sealed, state.head),
    tip: tipOf(item.proposal),
    waiting: sealed === undefined ? state.waiting : [...state.waiting, sealed],
    waitingItems: state.waitingItems + 1,
    itemCount: state.itemCount + 1,
  }
  const { finalization } = item
  if (finalization === undefined) {
    if (next.waitingItems < WAITING_ITEMS_MAX) return { state: next, accepted: [] }
    throw refusal(state, 'waiting', `no certificate follows ${WAITING_ITEMS_MAX} items`)
  }
  const { witness } = next.cycle
  const isFinal = isFinalizationOf(finalization, item.proposal) && holds(witness, finalization)
  if (!isFinal)
    throw refusal(state, 'witnessCertificate', 'no quorum of the witnesses of this cycle signed it')
  return { state: settle(state, next), accepted: next.waiting.flatMap(({ headers }) => headers) }
}

/**
 * @param claimed the block that the chain is said to end with, where somebody says so.
 * @returns the last block, which is proven.
 * @throws LightClientError when items still wait for a certificate, or the end is another.
 */
export function endOfChain(state: LightState, claimed: BlockReference = state.block): BlockReference {
  const { block, waitingItems } = state
  if (waitingItems > 0) throw refusal(state, 'end', `${waitingItems} items before it wait for a certificate`)
  if (claimed.number === block.number && claimed.hash === block.hash) return block
  throw refusal(
    state,
    'end',
    `the chain ends with block ${block.number}, not with ${claimed.number} ${claimed.hash}`,
  )
}

// ---- Rules ---------------------------------------------------------------------------------------------------------

function checkProposal(state: LightState, { proposal, body }: SealedItem): void {
  const { tip } = state
  const { view, parentView, height, parentHash, bodyHash, hash } = proposal
  if (parentHash !== tip.hash || parentView !== tip.view || height !== tip.height + 1 || view <= parentView) {
    throw refusal(
      state,
      'parent',
      `the proposal of view ${view} does not follow ${tip.hash} of view ${tip.view}`,
    )
  }
  const computed = keccak256Hash(encodeProposal(proposal))
  if (computed !== hash) throw refusal(state, 'proposalHash', `the hash is ${computed}, not ${hash}`)
  if (keccak256Hash(body) !== bodyHash)
    throw refusal(state, 'body', `the body has another hash than ${bodyHash}`)
}

function isSealing({ body }: SealedItem): boolean {
  return body.length > 0 && !isReject(body)
}

function checkNothingSealed(state: LightState, { proposal, headers }: SealedItem): undefined {
  if (headers.length > 0 || proposal.payloadHash !== state.tip.payloadHash) {
    throw refusal(state, 'repeat', 'a proposal without a seal has no headers, and its parent’s payload')
  }
}

/** @returns the cycle with the executors that replace those who were rejected. */
function checkReject(state: LightState, { proposal, body }: SealedItem): LightCycle {
  const { cycle, head, tip } = state
  const { committee } = cycle.execution
  const reject = reading(state, 'rejectBytes', () => decodeReject(body, committee.shape))
  const { epoch, finalization } = reject.proof
  const fault = rejectFaultOf(reject, head.number, tip.payloadHash, proposal.payloadHash, boundsOf(state))
  if (fault !== undefined) throw refusal(state, fault, `the reject of block ${head.number + 1n}`)
  // The first reject of an epoch counts; others, by other signers of the same block, may follow it.
  if (epoch < committee.epoch) return cycle
  if (epoch > committee.epoch) throw refusal(state, 'epoch', `the committee of epoch ${epoch} is unknown`)
  if (!holds(cycle.execution, finalization)) {
    throw refusal(state, 'executionCertificate', 'no quorum of the executors signed what is rejected')
  }
  const successors = makeCommittee(state.genesisHash, 'execution', nextAttempt(epoch), reject.executors)
  return { ...cycle, execution: withKeys(state, 'executors', () => ready(state, successors)) }
}

function checkSeal(state: LightState, { proposal, body, headers }: SealedItem): WaitingSeal {
  const { cycle, head } = state
  const seal = reading(state, 'sealBytes', () => decodeSeal(body, cycle.execution.committee.shape))
  const fault = faultOf(seal, head.number, proposal, boundsOf(state))
  if (fault !== undefined) throw refusal(state, fault, `the seal of blocks ${seal.first} to ${lastOf(seal)}`)
  if (seal.executionEpoch !== cycle.execution.committee.epoch) {
    throw refusal(state, 'epoch', `the committee of epoch ${seal.executionEpoch} is unknown`)
  }
  if (!holds(cycle.execution, seal.finalization)) {
    throw refusal(state, 'executionCertificate', 'no quorum of the executors of this cycle signed it')
  }
  checkHandover(state, seal.handover)
  return { headers: checkHeaders(state, seal, headers), handover: seal.handover, height: proposal.height }
}

function boundsOf({ cycle, parameters }: LightState): SealBounds {
  return { cycle: cycle.cycle, lastNumber: cycle.boundary, rangeBlocks: parameters.rangeBlocks }
}

function reading<T>(state: LightState, rule: LightRule, decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause
    throw refusal(state, rule, cause.message, { cause })
  }
}

/** Their keys are looked at when they are needed. */
function checkHandover(state: LightState, handover: Seats | undefined): void {
  const { executorSeats, witnessSeats } = state.parameters
  if (handover === undefined) return
  const { executors, witnesses } = handover
  if (executors.length !== executorSeats || witnesses.length !== witnessSeats) {
    throw refusal(
      state,
      'handover',
      `${executors.length} executors and ${witnesses.length} witnesses take over`,
    )
  }
}

function checkHeaders(
  state: LightState,
  seal: Seal,
  encoded: readonly Uint8Array[],
): readonly SealedHeader[] {
  const { blocks, first } = seal
  if (encoded.length !== blocks.length) {
    throw refusal(state, 'headerCount', `${encoded.length} headers for ${blocks.length} blocks`)
  }
  let parentHash = state.head.hash
  return encoded.map((bytes, index) => {
    const number = first + BigInt(index)
    const hash = keccak256Hash(bytes)
    if (hash !== blocks[index])
      throw refusal(state, 'headerHash', `the header of block ${number} has ${hash}`)
    const header = readHeader(state, bytes)
    if (header.number !== number || header.parentHash !== parentHash) {
      throw refusal(
        state,
        'headerLink',
        `block ${header.number} does not follow ${parentHash} as block ${number}`,
      )
    }
    parentHash = hash
    return { header, hash }
  })
}

function readHeader(state: LightState, bytes: Uint8Array): Header {
  if (bytes.length > HEADER_SIZE_MAX) throw refusal(state, 'headerBytes', `a header of ${bytes.length} bytes`)
  try {
    return decodeHeader(bytes)
  } catch (cause) {
    if (!(cause instanceof BlockDecodingError)) throw cause
    throw refusal(state, 'headerBytes', cause.message, { cause })
  }
}

// ---- Steps ---------------------------------------------------------------------------------------------------------

/** All that waited is final. Where the cycle ends, the next one begins from its last seal. */
function settle(before: LightState, state: LightState): LightState {
  const { cycle, head, waiting } = state
  const settled: LightState = { ...state, block: head, waiting: [], waitingItems: 0 }
  const last = waiting.at(-1)
  if (head.number < cycle.boundary) return settled
  assert(last?.handover !== undefined, 'the last seal of a cycle hands over')
  const { handover, height } = last
  const epoch = epochAfterCycle(cycle.firstEpoch, cycle.execution.committee.epoch)
  return {
    ...settled,
    cycle: withKeys(before, 'handover', () => makeCycle(state, epoch, handover)),
    tip: { view: GENESIS_VIEW, height, hash: head.hash, payloadHash: head.hash },
  }
}

function withKeys<T>(state: LightState, rule: LightRule, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    if (!(cause instanceof InvalidKeyError)) throw cause
    throw refusal(state, rule, cause.message, { cause })
  }
}

function referenceTo({ headers }: WaitingSeal, head: BlockReference): BlockReference {
  const last = headers.at(-1)
  return last === undefined ? head : { number: last.header.number, hash: last.hash }
}

function refusal(
  state: LightState,
  rule: LightRule,
  problem: string,
  options?: ErrorOptions,
): LightClientError {
  return new LightClientError(state.itemCount, rule, problem, options)
}
