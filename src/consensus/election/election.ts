/**
 * Who orders and who verifies in a cycle. Pure and in integers: anyone recomputes it from chain data.
 *
 * Executors are the nodes with the most stake. Witnesses are drawn from the better half of the contributor nodes by
 * IntelliPoints, without replacement, each draw weighted by points; the same draws then put them into slot order.
 * Decision: when half of the nodes are fewer than the seats, the pool is as many of the best as there are seats.
 */
import { AevirError } from '../../primitives/errors.ts'
import type { Hex, Hash } from '../../primitives/bytes.ts'
import { Draws } from './randomness.ts'

/** A node's identity: its BLS public key, 48 bytes. */
export type NodeId = Hex

export interface StakedNode {
  readonly id: NodeId
  /** In wei. */
  readonly stake: bigint
}

export interface ContributorNode {
  readonly id: NodeId
  /** IntelliPoints; whole points. */
  readonly points: bigint
  readonly isJailed: boolean
}

export class ElectionError extends AevirError {
  override readonly code = 'ELECTION_FAILED'
  readonly candidates: number
  readonly seats: number
  constructor(what: string, candidates: number, seats: number) {
    super(
      `${candidates} ${what} for ${seats} seats: register more nodes or lower the number of seats in the genesis`,
    )
    this.candidates = candidates
    this.seats = seats
  }
}

/** The `seats` nodes with the most stake, most first; ties by id. @throws ElectionError when there are too few. */
export function electExecutors(nodes: readonly StakedNode[], seats: number): readonly StakedNode[] {
  const staked = nodes.filter(({ stake }) => stake > 0n)
  if (staked.length < seats) throw new ElectionError('staked nodes', staked.length, seats)
  return staked.toSorted((a, b) => descending(a.stake, b.stake) || byId(a, b)).slice(0, seats)
}

/** Witnesses in slot order. @throws ElectionError when there are too few candidates with points. */
export function electWitnesses(
  nodes: readonly ContributorNode[],
  seats: number,
  seed: Hash,
): readonly NodeId[] {
  const pool = witnessPool(nodes, seats)
  const draws = new Draws(seed)
  const seated: NodeId[] = []
  let total = pool.reduce((sum, { points }) => sum + points, 0n)
  const waiting = [...pool]
  while (seated.length < seats) {
    const index = indexAt(waiting, draws.below(total))
    const [drawn] = waiting.splice(index, 1) as [ContributorNode]
    total -= drawn.points
    seated.push(drawn.id)
  }
  return shuffled(seated, draws)
}

/** The nodes that seats are drawn from, best first. */
export function witnessPool(nodes: readonly ContributorNode[], seats: number): readonly ContributorNode[] {
  const eligible = nodes.filter(({ points, isJailed }) => points > 0n && !isJailed)
  if (eligible.length < seats)
    throw new ElectionError('contributor nodes with points', eligible.length, seats)
  const half = Math.ceil(eligible.length / 2)
  return eligible
    .toSorted((a, b) => descending(a.points, b.points) || byId(a, b))
    .slice(0, Math.max(half, seats))
}

/** The Committer of a slot. */
export function committerOf(witnesses: readonly NodeId[], slot: bigint): NodeId {
  return witnesses[Number(slot % BigInt(witnesses.length))] as NodeId
}

/** Position of the node in whose share of all points the drawn point lies. */
function indexAt(nodes: readonly ContributorNode[], drawn: bigint): number {
  let end = 0n
  return nodes.findIndex(({ points }) => {
    end += points
    return drawn < end
  })
}

/** Fisher–Yates, from the end. */
function shuffled(ids: readonly NodeId[], draws: Draws): readonly NodeId[] {
  const result = [...ids]
  for (let last = result.length - 1; last > 0; last--) {
    const other = Number(draws.below(BigInt(last + 1)))
    const swapped = result[last] as NodeId
    result[last] = result[other] as NodeId
    result[other] = swapped
  }
  return result
}

function descending(a: bigint, b: bigint): number {
  return a === b ? 0 : a > b ? -1 : 1
}

function byId(a: { readonly id: NodeId }, b: { readonly id: NodeId }): number {
  return a.id < b.id ? -1 : 1
}
