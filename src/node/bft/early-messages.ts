/**
 * Messages that come a moment too early: for an epoch that other members have entered and this node has not. They are
 * kept until its instance is there, as many as a change of epochs explains; without them every epoch would begin with a
 * time-out at all who came late.
 */
import type { NodeId } from '../../consensus/election/election.ts'
import type { MessageClass } from '../../network/message-classes.ts'

/** Of one peer: a proposal, votes and certificates of the first views. */
const PEER_MESSAGES_MAX = 32
const PEER_BYTES_MAX = 6 << 20
const BYTES_MAX = 48 << 20
/** … and of those in no committee as far as this node knows. Some serve in the next one; anybody else may want to fill it. */
const STRANGERS_BYTES_MAX = 16 << 20

export interface EarlyMessage {
  readonly peer: NodeId
  readonly messageClass: MessageClass
  readonly bytes: Uint8Array
}

export class EarlyMessages {
  readonly #byPeer = new Map<NodeId, EarlyMessage[]>()
  #bytes = 0
  /** By peer: what came from those who were in no committee when it came. */
  readonly #strangers = new Map<NodeId, number>()

  /** False when there is no room. @param isMember whether the peer serves in a committee. */
  keep(message: EarlyMessage, isMember: boolean): boolean {
    const kept = this.#byPeer.get(message.peer) ?? []
    const bytes = kept.reduce((sum, other) => sum + other.bytes.length, message.bytes.length)
    if (kept.length >= PEER_MESSAGES_MAX || bytes > PEER_BYTES_MAX) return false
    if (this.#bytes + message.bytes.length > BYTES_MAX) return false
    if (!isMember) {
      const all = [...this.#strangers.values()].reduce((sum, own) => sum + own, message.bytes.length)
      if (all > STRANGERS_BYTES_MAX) return false
      this.#strangers.set(message.peer, (this.#strangers.get(message.peer) ?? 0) + message.bytes.length)
    }
    kept.push(message)
    this.#byPeer.set(message.peer, kept)
    this.#bytes += message.bytes.length
    return true
  }

  /** All that was kept, in the order of each peer; what is still too early is to be kept again. */
  take(): readonly EarlyMessage[] {
    const all = [...this.#byPeer.values()].flat()
    this.#byPeer.clear()
    this.#bytes = 0
    this.#strangers.clear()
    return all
  }

  forget(peer: NodeId): void {
    for (const { bytes } of this.#byPeer.get(peer) ?? []) this.#bytes -= bytes.length
    this.#byPeer.delete(peer)
    this.#strangers.delete(peer)
  }
}
