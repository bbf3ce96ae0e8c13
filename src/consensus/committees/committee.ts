/** A committee: who sits where, and what makes its signatures its own. */
import { sha256 } from '@noble/hashes/sha2.js'
import { assert } from '../../primitives/assert.ts'
import { bytesToHash, hexToBytes, type Hash } from '../../primitives/bytes.ts'
import type { NodeId } from '../election/election.ts'
import { ByteWriter, HASH_SIZE } from '../simplex/binary.ts'
import { committeeShape, type CommitteeShape, type Domain } from '../simplex/config.ts'
import { LAYER_CODES } from '../simplex/signing.ts'
import type { Epoch, Layer, View } from '../simplex/types.ts'

const TAG = new TextEncoder().encode('aevir-committee')
/** A BLS public key in G1, compressed, in bytes. */
export const NODE_ID_SIZE = 48
/** An epoch counts the cycles, and in its last byte the committees that served in the same cycle. */
const ATTEMPTS = 256

export interface Committee {
  readonly layer: Layer
  readonly epoch: Epoch
  /** In the order of leaders: executors by stake, witnesses by slot. */
  readonly members: readonly NodeId[]
  readonly shape: CommitteeShape
  /** Of all of the above, and of the network's genesis. */
  readonly hash: Hash
}

/**
 * @param genesisHash of the network. What members sign covers it by the committee's hash: where a network begins anew with
 * the same keys and the same chain id, what they said in the old one is worth nothing.
 * @throws CommitteeSizeError when there is no quorum for so many.
 */
export function makeCommittee(
  genesisHash: Hash,
  layer: Layer,
  epoch: Epoch,
  members: readonly NodeId[],
): Committee {
  const shape = committeeShape(members.length)
  const writer = new ByteWriter(TAG.length + HASH_SIZE + 1 + 8 + 8 + members.length * NODE_ID_SIZE)
  writer.bytes(TAG)
  writer.hash(genesisHash)
  writer.uint8(LAYER_CODES[layer])
  writer.count(epoch)
  writer.count(members.length)
  for (const member of members) writer.bytes(hexToBytes(member))
  return { layer, epoch, members, shape, hash: bytesToHash(sha256(writer.finish())) }
}

export function domainOf(chainId: bigint, { layer, epoch, hash }: Committee): Domain {
  return { chainId, layer, epoch, committeeHash: hash }
}

/** @param attempt counts the committees of one cycle from 0: more than one only after a reset. */
export function epochOf(cycle: number, attempt = 0): Epoch {
  return (cycle * ATTEMPTS + attempt) as Epoch
}

export function cycleOfEpoch(epoch: Epoch): number {
  return Math.floor(epoch / ATTEMPTS)
}

/** Which of the committees of its cycle an epoch is of. */
export function attemptOf(epoch: Epoch): number {
  return epoch % ATTEMPTS
}

/** Whether the cycle has room for one more committee. */
export function hasNextAttempt(epoch: Epoch): boolean {
  return attemptOf(epoch) + 1 < ATTEMPTS
}

/** With the next committee of the same cycle. */
export function nextAttempt(epoch: Epoch): Epoch {
  assert(hasNextAttempt(epoch), 'a cycle has room for that many committees')
  return epochOf(cycleOfEpoch(epoch), attemptOf(epoch) + 1)
}

/**
 * The first epoch of the next cycle. After a cycle that needed more than one committee it takes the number of the last
 * attempt along: before the earlier committee was replaced, nodes that followed it may have begun the next cycle, and
 * have signed in the epoch that would come otherwise.
 * @param first and last epoch of a cycle.
 */
export function epochAfterCycle(first: Epoch, last: Epoch): Epoch {
  return epochOf(cycleOfEpoch(last) + 1, first === last ? 0 : attemptOf(last))
}

/**
 * The slot that a view of the witness layer is, among all of its cycle: what a Committer's reveal is about. Views begin
 * anew with each committee; if slots did, reveals of one attempt would be known before those of the next.
 */
export function slotOf(epoch: Epoch, view: View): bigint {
  return (BigInt(attemptOf(epoch)) << 48n) + BigInt(view)
}

/** Position of a node, or `undefined` for one without a seat. */
export function seatOf({ members }: Committee, node: NodeId | undefined): number | undefined {
  const index = node === undefined ? -1 : members.indexOf(node)
  return index < 0 ? undefined : index
}
