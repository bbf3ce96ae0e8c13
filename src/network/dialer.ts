/**
 * Keeps connections: to the addresses of the configuration, and to the members of the committees once their records are
 * known. Failed attempts are repeated with growing pauses, some chance in them so that nodes that lost each other at the
 * same moment do not all come back at the same moment.
 */
import type { NodeId } from '../consensus/election/election.ts'
import type { SignedPeerRecord } from './peer-record.ts'

const PAUSE_MS = 250
const PAUSE_MS_MAX = 30_000
/** A connection that lived so long was a good one: the next pause is short again. */
const GOOD_CONNECTION_MS = 10_000
/** Of two nodes the one with the lower id dials; the other gives it this head start. */
const HEAD_START_MS = 1_000
const DIALS_MAX = 8

export interface DialTarget {
  readonly addresses: readonly string[]
  readonly peerId: string | undefined
}

export interface DialerOwner {
  readonly self: NodeId
  /** Whether a connection to the node is there or being set up. */
  isConnected(node: NodeId): boolean
  /** Whether a node is worth connections that the configuration does not ask for. */
  isWanted(node: NodeId): boolean
  /** Connects and waits for the introduction. Returns who is there. Never rejects. */
  dial(target: DialTarget): Promise<NodeId | undefined>
}

interface Entry {
  target: DialTarget
  /** Who is there; unknown for an address of the configuration until it answered. */
  node: NodeId | undefined
  readonly isConfigured: boolean
  failures: number
  nextMs: number
  isDialing: boolean
}

export class Dialer {
  readonly #owner: DialerOwner
  readonly #random: () => number
  readonly #configured: Entry[]
  readonly #known = new Map<NodeId, Entry>()
  #dials = 0

  constructor(owner: DialerOwner, addresses: readonly string[], random: () => number) {
    this.#owner = owner
    this.#random = random
    this.#configured = addresses.map((address) => ({
      target: { addresses: [address], peerId: undefined },
      node: undefined,
      isConfigured: true,
      failures: 0,
      nextMs: 0,
      isDialing: false,
    }))
  }

  /** Learns or renews where a node listens. */
  learn({ node, peerId, addresses }: SignedPeerRecord, nowMs: number): void {
    const target = { addresses, peerId }
    const entry = this.#known.get(node)
    if (entry !== undefined) {
      entry.target = target
      return
    }
    const headStartMs = this.#owner.self < node ? 0 : HEAD_START_MS
    this.#known.set(node, {
      target,
      node,
      isConfigured: false,
      failures: 0,
      nextMs: nowMs + headStartMs,
      isDialing: false,
    })
  }

  forget(node: NodeId): void {
    this.#known.delete(node)
  }

  /** A connection ended after `livedMs`. */
  onDisconnect(node: NodeId, livedMs: number, nowMs: number): void {
    for (const entry of this.#entries()) {
      if (entry.node !== node) continue
      if (livedMs >= GOOD_CONNECTION_MS) entry.failures = 0
      entry.nextMs = nowMs + this.#pause(entry.failures) + (this.#owner.self < node ? 0 : HEAD_START_MS)
    }
  }

  /** Dials whatever is due. */
  tick(nowMs: () => number): void {
    const startedMs = nowMs()
    for (const entry of this.#entries()) {
      if (this.#dials >= DIALS_MAX) return
      if (entry.isDialing || entry.nextMs > startedMs || entry.target.addresses.length === 0) continue
      if (entry.node !== undefined && this.#owner.isConnected(entry.node)) continue
      if (!entry.isConfigured && entry.node !== undefined && !this.#owner.isWanted(entry.node)) continue
      void this.#dial(entry, nowMs)
    }
  }

  async #dial(entry: Entry, nowMs: () => number): Promise<void> {
    entry.isDialing = true
    this.#dials++
    const node = await this.#owner.dial(entry.target)
    this.#dials--
    entry.isDialing = false
    entry.failures++
    entry.node = node ?? entry.node
    entry.nextMs = nowMs() + this.#pause(entry.failures)
  }

  #pause(failures: number): number {
    return Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** Math.min(failures, 16)) * (0.5 + this.#random())
  }

  #entries(): Entry[] {
    return [...this.#configured, ...this.#known.values()]
  }
}
