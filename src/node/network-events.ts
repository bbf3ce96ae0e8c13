/** What the transport tells a node, handed to whom it concerns; and what of it the operator should read. */
import type { NodeId } from '../consensus/election/election.ts'
import type { Clock } from '../consensus/plugin.ts'
import type { MessageClass } from '../network/message-classes.ts'
import type { Offence } from '../network/peer-scores.ts'
import type { Topic } from '../network/topics.ts'
import type { GossipVerdict, Notice, TransportHandlers } from '../network/transport.ts'
import { unreachable } from '../primitives/assert.ts'
import type { NetworkInstances } from './bft/instance-host.ts'
import type { Log, LogFields } from './log.ts'
import { NodeFailedError } from './node-errors.ts'
import type { TransactionGossip } from './transaction-gossip.ts'

/** The same notice about the same peer is written down this often. */
const NOTICE_PAUSE_MS = 60_000
/** Notices that are remembered for it. */
const NOTICES_MAX = 1024

/** What helps, by the reason of a refusal. */
const CURES: Readonly<Record<string, string>> = {
  'another genesis': 'one of the two nodes has the wrong genesis file: compare them',
  'another chain id': 'one of the two nodes belongs to another network: check its bootstrap addresses',
  'clock too far off': 'the clocks of the two machines differ: let both follow a time server (NTP)',
  'the same node key is in use here': 'two nodes run with one key: stop one of them at once',
  'another network version': 'one of the two nodes is too old: update it',
}

export interface NetworkEventsOptions {
  readonly instances: NetworkInstances
  readonly gossip: TransactionGossip
  readonly report: (peer: NodeId, offence: Offence) => void
  readonly log: Log
  readonly clock: Clock
}

export class NetworkEvents implements TransportHandlers {
  readonly #options: NetworkEventsOptions
  /** When a notice was written last, in milliseconds since 1970; the longest ago first. */
  readonly #written = new Map<string, number>()

  constructor(options: NetworkEventsOptions) {
    this.#options = options
  }

  onMessage(peer: NodeId, messageClass: MessageClass, bytes: Uint8Array): void | Promise<void> {
    if (messageClass === 'pool') return this.#onTransactions(peer, bytes)
    this.#options.instances.onMessage(peer, messageClass, bytes)
  }

  onGossip(_peer: NodeId, topic: Topic, bytes: Uint8Array): GossipVerdict | Promise<GossipVerdict> {
    // Blocks and seals reach everybody by consensus.
    return topic === 'transactions' ? this.#options.gossip.receive(bytes) : 'ignore'
  }

  onPeerUp(peer: NodeId): void {
    this.#options.log.debug('a peer is connected', { peer })
    this.#options.instances.onPeerUp(peer)
    this.#options.gossip.onPeerUp()
  }

  onPeerDown(peer: NodeId): void {
    this.#options.log.debug('a peer is gone', { peer })
    this.#options.instances.onPeerDown(peer)
  }

  onNotice(notice: Notice): void {
    switch (notice.kind) {
      case 'refused':
      case 'refused-by-peer': {
        const { peer, reason } = notice
        const message = notice.kind === 'refused' ? 'a peer was refused' : 'a peer refused this node'
        this.#warn(message, { peer, reason, cure: CURES[reason] })
        break
      }
      case 'banned':
        this.#warn('a peer misbehaved and is banned for a while', {
          peer: notice.node,
          offence: notice.offence,
        })
        break
      case 'dial-failed':
        this.#options.log.debug('an address does not answer', {
          address: notice.address,
          error: notice.error,
        })
        break
      default:
        unreachable(notice)
    }
  }

  onError(error: unknown): void {
    this.#options.log.error('the network failed', { reason: new NodeFailedError(error).message })
  }

  async #onTransactions(peer: NodeId, bytes: Uint8Array): Promise<void> {
    const verdict = await this.#options.gossip.receive(bytes)
    if (verdict === 'reject') this.#options.report(peer, 'invalid-message')
  }

  /** At most now and then: a peer that cannot connect tries all the time. */
  #warn(message: string, fields: LogFields): void {
    const key = `${message} ${Object.values(fields).join(' ')}`
    const nowMs = this.#options.clock.nowMs()
    const lastMs = this.#written.get(key)
    if (lastMs !== undefined && nowMs - lastMs < NOTICE_PAUSE_MS) return
    this.#written.delete(key)
    this.#written.set(key, nowMs)
    const [oldest] = this.#written.keys()
    if (this.#written.size > NOTICES_MAX && oldest !== undefined) this.#written.delete(oldest)
    this.#options.log.warn(message, fields)
  }
}
