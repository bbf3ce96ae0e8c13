/** Certificates, seals, committees and faults as JSON: bitmaps become the ids of those who signed. */
import { bytesToHex, type Hash } from '../primitives/bytes.ts'
import type { Committee } from '../consensus/committees/committee.ts'
import type { Seats } from '../consensus/committees/schedule.ts'
import type { LayerStatus } from '../consensus/dual-bft/dual-bft.ts'
import type { NodeId } from '../consensus/election/election.ts'
import { signersOf } from '../consensus/simplex/certificate.ts'
import { leaderOf } from '../consensus/simplex/state.ts'
import type { Certificate, Proposal } from '../consensus/simplex/types.ts'
import { lastOf } from '../consensus/witness-layer/seal.ts'
import { unreachable } from '../primitives/assert.ts'
import type {
  CommitteeView,
  ConsensusView,
  CycleView,
  ExecutionCertificates,
  Finality,
  SealCertificates,
} from './consensus-view.ts'
import type { FaultyNode, NodeFault } from './fault-control.ts'
import { quantity, type Json, type JsonRecord } from './format.ts'

export function formatExecution(of: ExecutionCertificates): JsonRecord {
  const { committee, finality, notarization, proposal } = of
  return {
    ...formatMembership(committee),
    proposal: formatProposal(proposal),
    notarization: notarization === undefined ? null : formatCertificate(notarization, committee),
    ...formatFinality(finality, committee),
  }
}

export function formatSeal(of: SealCertificates): JsonRecord {
  const { committee, committer, finality, proposal, randomness, seal } = of
  return {
    ...formatMembership(committee),
    first: quantity(seal.first),
    last: quantity(lastOf(seal)),
    blocks: seal.blocks,
    executionEpoch: quantity(seal.executionEpoch),
    proposal: formatProposal(proposal),
    committer,
    reveal: bytesToHex(seal.reveal),
    randomness,
    handover: seal.handover === undefined ? null : formatSeats(seal.handover),
    ...formatFinality(finality, committee),
  }
}

/** A certificate of a later proposal makes this one final too: then `finalizedBy` is above the proposal's height. */
function formatFinality(finality: Finality | undefined, committee: Committee): JsonRecord {
  if (finality === undefined) return { finalization: null, finalizedBy: null }
  const { certificate, height } = finality
  return { finalization: formatCertificate(certificate, committee), finalizedBy: quantity(height) }
}

function formatMembership({ epoch, hash, layer, shape }: Committee): JsonRecord {
  const { quorum, size } = shape
  return {
    layer,
    epoch: quantity(epoch),
    committeeHash: hash,
    committeeSize: quantity(size),
    quorum: quantity(quorum),
  }
}

function formatProposal(proposal: Proposal): JsonRecord {
  const { bodyHash, hash, height, parentHash, parentView, payloadHash, view } = proposal
  return {
    hash,
    view: quantity(view),
    parentView: quantity(parentView),
    height: quantity(height),
    parentHash,
    payloadHash,
    bodyHash,
  }
}

function formatCertificate(certificate: Certificate, { members }: Committee): JsonRecord {
  const { bitmap, hash, kind, signature, view } = certificate
  return {
    kind,
    view: quantity(view),
    hash,
    bitmap: bytesToHex(bitmap),
    // A certificate that was verified names members only.
    signers: signersOf(bitmap).map((index) => members[index] as NodeId),
    signature: bytesToHex(signature),
  }
}

function formatSeats({ executors, witnesses }: Seats): JsonRecord {
  return { executors, witnesses }
}

export function formatCycle(of: CycleView): JsonRecord {
  const orNull = (hash: Hash | undefined): Hash | null => hash ?? null
  return {
    cycle: quantity(of.cycle),
    firstBlock: quantity(of.first),
    lastBlock: quantity(of.last),
    snapshotBlock: quantity(of.snapshot),
    randomness: orNull(of.randomness),
    seed: orNull(of.seed),
    executors: of.executors.map(formatCommittee),
    witnesses: of.witnesses.map(formatCommittee),
  }
}

/** `slot` counts from 0: the leader of view v is the member in slot v mod size. */
function formatCommittee({ committee, members }: CommitteeView): JsonRecord {
  return {
    ...formatMembership(committee),
    members: members.map(({ id, points, stake }, slot) => ({
      slot: quantity(slot),
      node: id,
      stake: stake === undefined ? null : quantity(stake),
      points: points === undefined ? null : quantity(points),
    })),
  }
}

/** The part of `aevir_consensusStatus` that a chain with committees has. */
export function formatStatus(view: ConsensusView): JsonRecord {
  const { parameters } = view
  const status = view.status()
  return {
    consensus: 'dual-bft',
    node: view.self ?? null,
    isSynced: status?.isSynced ?? false,
    halted: view.halted() ?? null,
    peerCount: quantity(view.peerCount()),
    cycle: quantity(view.latestCycle()),
    execution: status === undefined ? null : formatLayer(status.execution),
    witness: status === undefined ? null : formatLayer(status.witness),
    parameters: Object.fromEntries(
      Object.entries(parameters).map(([name, value]: [string, number]) => [name, quantity(value)]),
    ),
    canBreak: view.faults !== undefined,
  }
}

function formatLayer({ committee, isPaused, self, view }: LayerStatus): JsonRecord {
  return {
    ...formatMembership(committee),
    view: quantity(view),
    leader: committee.members[leaderOf(committee.shape, view)] as NodeId,
    seat: self === undefined ? null : quantity(self),
    isPaused,
  }
}

export function formatFaultyNode({ fault, id, name }: FaultyNode): JsonRecord {
  return { name, node: id, ...formatFault(fault) }
}

function formatFault(fault: NodeFault): Readonly<Record<string, Json>> {
  switch (fault.kind) {
    case 'none':
    case 'pause':
    case 'crash':
    case 'equivocate':
      return { fault: fault.kind }
    case 'delay':
      return { fault: fault.kind, delayMs: fault.delayMs }
    case 'partition':
      return { fault: fault.kind, from: fault.from }
    default:
      return unreachable(fault)
  }
}
