/**
 * Penalty points of peers. Each offence adds points; points halve every {@link HALF_LIFE_MS}. At {@link BAN_POINTS} a peer
 * is disconnected and banned until it has decayed to {@link RELEASE_POINTS}, so that an honest node with a passing fault
 * comes back and a hostile one is worth a few messages every few minutes.
 */
import type { NodeId } from '../consensus/election/election.ts'

/** Points of each offence. Those that no honest node can commit ban at once. */
const OFFENCE_POINTS = {
  /** Bytes that are no message. */
  undecodable: 25,
  /** A signature or certificate that does not verify. */
  'invalid-signature': 50,
  /** A message that breaks a rule of its protocol, whoever signed it. */
  'invalid-message': 25,
  /** Something true and useless: stale, from another epoch, far in the future, not asked for. */
  useless: 1,
  /** A message longer than its class or topic allows, or a frame longer than the multiplexer allows. */
  oversize: 100,
  /** One message above the rate of its class or topic. */
  flood: 1,
  /** A message that did not complete in time, or a peer that does not read. */
  slow: 34,
  /** A message of a class the peer has no right to, beyond what a change of committees explains. */
  'not-allowed': 10,
} as const

export type Offence = keyof typeof OFFENCE_POINTS

// The keys of a literal are its offences.
export const OFFENCES = Object.keys(OFFENCE_POINTS) as readonly Offence[]

export const BAN_POINTS = 100
export const RELEASE_POINTS = 50
export const HALF_LIFE_MS = 5 * 60_000
/** However often it offends, a peer is released after three half-lives. */
const POINTS_MAX = 8 * RELEASE_POINTS
/** Peers remembered; beyond, those with the fewest points are forgotten. */
const PEERS_MAX = 4096

interface Score {
  points: number
  updatedMs: number
  isBanned: boolean
}

export class PeerScores {
  readonly #scores = new Map<NodeId, Score>()

  /** Adds the points of an offence. `true` when it brings the ban. */
  add(peer: NodeId, offence: Offence, nowMs: number): boolean {
    const score = this.#at(peer, nowMs) ?? this.#create(peer, nowMs)
    score.points = Math.min(score.points + OFFENCE_POINTS[offence], POINTS_MAX)
    if (score.isBanned || score.points < BAN_POINTS) return false
    score.isBanned = true
    return true
  }

  points(peer: NodeId, nowMs: number): number {
    return this.#at(peer, nowMs)?.points ?? 0
  }

  isBanned(peer: NodeId, nowMs: number): boolean {
    return this.#at(peer, nowMs)?.isBanned ?? false
  }

  #at(peer: NodeId, nowMs: number): Score | undefined {
    const score = this.#scores.get(peer)
    if (score === undefined) return undefined
    // A clock that was set back must not add points.
    const elapsedMs = Math.max(0, nowMs - score.updatedMs)
    score.points *= 2 ** (-elapsedMs / HALF_LIFE_MS)
    score.updatedMs = nowMs
    if (score.points < RELEASE_POINTS) score.isBanned = false
    return score
  }

  #create(peer: NodeId, nowMs: number): Score {
    if (this.#scores.size >= PEERS_MAX) this.#forgetHalf(nowMs)
    const score = { points: 0, updatedMs: nowMs, isBanned: false }
    this.#scores.set(peer, score)
    return score
  }

  /** Half at once, so that the sorting is paid once in many new peers. */
  #forgetHalf(nowMs: number): void {
    const peers = [...this.#scores.keys()]
    peers.sort((a, b) => this.points(a, nowMs) - this.points(b, nowMs))
    for (const peer of peers.slice(0, PEERS_MAX / 2)) this.#scores.delete(peer)
  }
}
