/**
 * Ways to break the rules of the composition. Each works on what an otherwise ordinary node wants to send: it may swallow
 * it, or send something else that it signs with its own key.
 */
import { blockFromParts, decodeBlock, encodeBlock } from '../../../src/chain/block-codec.ts'
import type { Header } from '../../../src/chain/block.ts'
import { committeeShape } from '../../../src/consensus/simplex/config.ts'
import type { Message, ProposeMessage } from '../../../src/consensus/simplex/messages.ts'
import { makeBlock as makeProposal } from '../../../src/consensus/simplex/proposal.ts'
import type { Block } from '../../../src/consensus/simplex/types.ts'
import { isReject } from '../../../src/consensus/witness-layer/reject-codec.ts'
import { decodeSeal, encodeSeal } from '../../../src/consensus/witness-layer/seal-codec.ts'
import type { Seal } from '../../../src/consensus/witness-layer/seal.ts'
import { EMPTY_BYTES, ZERO_HASH, bytesToHash, type Hash } from '../../../src/primitives/bytes.ts'
import type { DualLiar } from './liar.ts'
import { makeBlock, numbersOf } from './ledger.ts'
import type { OpenInstance } from './node.ts'

export interface DualBehaviour {
  readonly name: string
  /** @returns true when the message is dealt with. @param to `undefined` for everybody that it concerns. */
  intercept(liar: DualLiar, instance: OpenInstance, to: number | undefined, message: Message): boolean
}

/** Says nothing at all, in one of the layers. */
const silent: DualBehaviour = {
  name: 'silent',
  intercept: (liar, { committee }) => committee.layer === liar.favourite,
}

/** Answers nobody and passes no certificate on. */
const withholding: DualBehaviour = {
  name: 'withholding',
  intercept: (_, __, ___, message) => message.kind === 'certificates' || message.kind === 'blocks',
}

/** A Committer that never proposes what it should seal. */
const withheldSeal: DualBehaviour = {
  name: 'withheld-seal',
  intercept: (_, { committee }, __, message) => message.kind === 'propose' && committee.layer === 'witness',
}

/** Sends all that it has to say much later. */
const late: DualBehaviour = {
  name: 'late',
  intercept(liar, instance, to, message) {
    liar.send(instance, to, message, 400)
    return true
  },
}

/** Another block beside the one that it proposes, each to a part of the others. */
const equivocatingLeader: DualBehaviour = {
  name: 'equivocating-leader',
  intercept(liar, instance, to, message) {
    if (message.kind !== 'propose' || to !== undefined) return false
    const other =
      instance.committee.layer === 'execution' ? anotherBlock(message.block) : repeatOf(liar, message.block)
    if (other === undefined) return false
    const proposals = [message, liar.proposal(instance, message, other)] as const
    for (const receiver of liar.receivers(instance, message)) {
      const chosen = liar.stream.pick(proposals)
      liar.send(instance, receiver, chosen)
      liar.voteFor(instance, receiver, chosen.block)
    }
    return true
  },
}

/** Replaces what it proposes in one layer. */
function replacing(
  name: string,
  layer: 'execution' | 'witness',
  change: (liar: DualLiar, block: Block, instance: OpenInstance) => Block | undefined,
): DualBehaviour {
  return {
    name,
    intercept(liar, instance, to, message) {
      if (message.kind !== 'propose' || to !== undefined || instance.committee.layer !== layer) return false
      const other = change(liar, message.block, instance)
      if (other === undefined) return false
      const proposal: ProposeMessage = liar.proposal(instance, message, other)
      for (const receiver of liar.receivers(instance, message)) {
        liar.send(instance, receiver, proposal)
        liar.voteFor(instance, receiver, other)
      }
      return true
    },
  }
}

// ---- Execution: wrong headers -------------------------------------------------------------------------------------------

function withHeader(block: Block, change: (header: Header) => Partial<Header>): Block | undefined {
  if (block.body.length === 0) return undefined
  const { header, transactions, withdrawals } = decodeBlock(block.body)
  const changed = blockFromParts({ ...header, ...change(header) }, transactions, withdrawals)
  return makeProposal({ ...block.proposal, payloadHash: changed.hash }, encodeBlock(changed))
}

function anotherBlock(block: Block): Block | undefined {
  if (block.body.length === 0) return undefined
  const { header } = decodeBlock(block.body)
  const { timestamp, beneficiary, prevRandao, parentBeaconBlockRoot = ZERO_HASH } = header
  // A state root depends on the parent's, which the block does not tell: one that repeats is as good as any other.
  const contents = { timestamp, beneficiary, prevRandao, parentBeaconBlockRoot, numbers: [] }
  const extraData = numbersOf(decodeBlock(block.body)).length === 0 ? Uint8Array.of(1) : EMPTY_BYTES
  const other = makeBlock({ ...header, number: header.number - 1n }, header.parentHash, {
    ...contents,
    extraData,
  })
  return makeProposal({ ...block.proposal, payloadHash: other.hash }, encodeBlock(other))
}

const wrongRoot = replacing('wrong-root', 'execution', (liar, block) =>
  withHeader(block, () => ({ stateRoot: bytesToHash(liar.stream.bytes(32)) })),
)

/** To a block that ends no seal, to a seal of long ago, or to what nobody has. */
const wrongReference = replacing('wrong-seal-reference', 'execution', (liar, block) =>
  withHeader(block, ({ parentHash, parentBeaconBlockRoot }) => {
    const choices: readonly Hash[] = [parentHash, liar.node.genesisHash, bytesToHash(liar.stream.bytes(32))]
    return { parentBeaconBlockRoot: liar.stream.pick([...choices, parentBeaconBlockRoot ?? ZERO_HASH]) }
  }),
)

const wrongRandomness = replacing('wrong-randomness', 'execution', (liar, block) =>
  withHeader(block, () => ({ prevRandao: bytesToHash(liar.stream.bytes(32)) })),
)

/** Goes on after the last block of an epoch, or repeats before it. */
const repeatsEarly = replacing('repeats-early', 'execution', (liar, block) => repeatOf(liar, block))

// ---- Witness: wrong seals ------------------------------------------------------------------------------------------------

function repeatOf(liar: DualLiar, { proposal, body }: Block): Block | undefined {
  const parentPayload = liar.payloadOf(proposal.parentHash)
  if (body.length === 0 || parentPayload === undefined) return undefined
  return makeProposal({ ...proposal, payloadHash: parentPayload }, EMPTY_BYTES)
}

function withSeal(liar: DualLiar, block: Block, change: (seal: Seal) => Seal): Block | undefined {
  if (block.body.length === 0 || isReject(block.body)) return undefined
  const seal = decodeSeal(block.body, committeeShape(liar.world.parameters.executorSeats))
  const changed = change(seal)
  const payloadHash = changed.blocks.at(-1) ?? block.proposal.payloadHash
  return makeProposal({ ...block.proposal, payloadHash }, encodeSeal(changed))
}

const falseReveal = replacing('false-reveal', 'witness', (liar, block) =>
  withSeal(liar, block, (seal) => ({ ...seal, reveal: liar.stream.bytes(seal.reveal.length) })),
)

const wrongRange = replacing('wrong-range', 'witness', (liar, block) =>
  withSeal(liar, block, (seal) => {
    const more = [...seal.blocks, bytesToHash(liar.stream.bytes(32))]
    const without = seal.blocks.length > 1 ? seal.blocks.slice(1) : seal.blocks
    const last = seal.blocks.length - 1
    const invented = seal.blocks.map((hash, index) =>
      index < last ? bytesToHash(liar.stream.bytes(32)) : hash,
    )
    if (last > 0 && liar.stream.chance(0.5)) return { ...seal, blocks: invented }
    return liar.stream.pick([
      { ...seal, first: seal.first + 1n },
      { ...seal, first: seal.first + 1n, blocks: without },
      { ...seal, blocks: without },
      { ...seal, blocks: more },
      { ...seal, blocks: seal.blocks.toReversed() },
    ])
  }),
)

/** Seals a block that nobody made, or one that is final by an invented certificate. */
const forgedFinality = replacing('forged-finality', 'witness', (liar, block) =>
  withSeal(liar, block, (seal) => {
    const signature = liar.stream.bytes(seal.finalization.signature.length)
    const bitmap = seal.finalization.bitmap.map(() => 0)
    return liar.stream.pick([
      { ...seal, finalization: { ...seal.finalization, signature } },
      { ...seal, finalization: { ...seal.finalization, bitmap } },
      { ...seal, proposals: seal.proposals.slice(1) },
      { ...seal, blocks: seal.blocks.map(() => bytesToHash(liar.stream.bytes(32))) },
    ])
  }),
)

/** Names other successors, or names them at the wrong moment. */
const falseHandover = replacing('false-handover', 'witness', (liar, block, { committee }) =>
  withSeal(liar, block, (seal) => {
    const { handover } = seal
    const seats = handover ?? {
      executors: seal.proposals.length > 0 ? liar.world.firstExecutors : [],
      witnesses: committee.members,
    }
    return { ...seal, handover: { ...seats, witnesses: seats.witnesses.toReversed() } }
  }),
)

export const DUAL_BEHAVIOURS: readonly DualBehaviour[] = [
  silent,
  withholding,
  withheldSeal,
  late,
  equivocatingLeader,
  wrongRoot,
  wrongReference,
  wrongRandomness,
  repeatsEarly,
  falseReveal,
  wrongRange,
  forgedFinality,
  falseHandover,
]
