/**
 * `eth_subscribe`: who listens to what, and the notifications. What an event looks like as JSON is worked out once for
 * all who want the same.
 */
import { unreachable } from '../primitives/assert.ts'
import type { Hash } from '../primitives/bytes.ts'
import type { Backend, NodeEvent } from './backend.ts'
import { blobBaseFeeOf } from './chain-view.ts'
import { CommitProgress } from './commit-progress.ts'
import { RPC_CODES, RpcError } from './errors.ts'
import { randomId } from './filters.ts'
import { formatHeader, formatReceipts, formatTransaction, type Json } from './format.ts'
import { formatSyncing } from './format-syncing.ts'
import { matchingLogs, type LogMatcher } from './logs.ts'

/** Subscriptions of one connection. */
export const SUBSCRIPTIONS_PER_CONNECTION_MAX = 128

/** Notifications that wait for the answer to the request that subscribed. */
const HELD_MAX = 10_000

export type SubscriptionKind =
  | { readonly kind: 'newHeads' }
  | { readonly kind: 'logs'; readonly matcher: LogMatcher }
  | { readonly kind: 'newPendingTransactions'; readonly hasBodies: boolean }
  /** `undefined`: of all transactions. */
  | { readonly kind: 'transactionReceipts'; readonly hashes: ReadonlySet<Hash> | undefined }
  /** Whether the node catches up: at once, and with the first event after it changed. */
  | { readonly kind: 'syncing' }
  /** A block's header at each commit state, and with `revoked` when it is taken back before it is final. */
  | { readonly kind: 'aevirNewHeads' }

/** A connection that can be written to at any time. */
export interface Subscriber {
  /** Sends a message, unless the connection is gone. */
  send(text: string): void
}

/** An event with what is worked out of it once for all. */
interface Happening {
  readonly event: NodeEvent
  /** Blocks that reached a commit state with it, oldest first. */
  readonly reached: readonly bigint[]
  readonly hasSyncingChanged: boolean
}

interface Subscription {
  readonly kind: SubscriptionKind
  readonly subscriber: Subscriber
  /** What waits until the client knows the subscription's id; `undefined` from then on. */
  held: string[] | undefined
}

export class Subscriptions {
  readonly #backend: Backend
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #progress: CommitProgress
  #wasSyncing: boolean

  constructor(backend: Backend) {
    this.#backend = backend
    this.#progress = new CommitProgress(backend.ledger)
    this.#wasSyncing = isSyncing(backend)
  }

  get count(): number {
    return this.#subscriptions.size
  }

  /** @returns the id of a subscription that is silent until {@link activate}. @throws RpcError when the connection has too many. */
  add(kind: SubscriptionKind, subscriber: Subscriber): string {
    let owned = 0
    for (const other of this.#subscriptions.values()) if (other.subscriber === subscriber) owned++
    if (owned >= SUBSCRIPTIONS_PER_CONNECTION_MAX) {
      throw new RpcError(
        RPC_CODES.limitExceeded,
        `too many subscriptions: a connection can have ${SUBSCRIPTIONS_PER_CONNECTION_MAX}; ` +
          'end some with eth_unsubscribe or open another connection',
      )
    }
    const id = randomId()
    const held = kind.kind === 'syncing' ? [notification(id, JSON.stringify(this.#syncing()))] : []
    this.#subscriptions.set(id, { kind, subscriber, held })
    return id
  }

  /** The client knows the id: sends what has happened since, and from now on at once. */
  activate(id: string): void {
    const subscription = this.#subscriptions.get(id)
    if (subscription?.held === undefined) return
    const { held, subscriber } = subscription
    subscription.held = undefined
    for (const text of held) subscriber.send(text)
  }

  /** Whether the subscriber had such a subscription. */
  remove(id: string, subscriber: Subscriber): boolean {
    return this.#subscriptions.get(id)?.subscriber === subscriber && this.#subscriptions.delete(id)
  }

  removeSubscriber(subscriber: Subscriber): void {
    for (const [id, other] of this.#subscriptions) {
      if (other.subscriber === subscriber) this.#subscriptions.delete(id)
    }
  }

  onEvent(event: NodeEvent): void {
    const happening: Happening = {
      event,
      reached: this.#progress.onEvent(event),
      hasSyncingChanged: this.#hasSyncingChanged(),
    }
    if (this.#subscriptions.size === 0) return
    const cache = new Map<string, readonly string[]>()
    for (const [id, subscription] of this.#subscriptions) {
      const { kind } = subscription
      const key = cacheKey(kind)
      let texts = key === undefined ? undefined : cache.get(key)
      if (texts === undefined) {
        texts = this.#resultsOf(kind, happening).map((result) => JSON.stringify(result))
        if (key !== undefined) cache.set(key, texts)
      }
      for (const text of texts) this.#notify(id, subscription, notification(id, text))
    }
  }

  #notify(id: string, { held, subscriber }: Subscription, text: string): void {
    if (held === undefined) {
      subscriber.send(text)
      return
    }
    held.push(text)
    if (held.length > HELD_MAX) this.#subscriptions.delete(id)
  }

  #hasSyncingChanged(): boolean {
    const is = isSyncing(this.#backend)
    const hasChanged = is !== this.#wasSyncing
    this.#wasSyncing = is
    return hasChanged
  }

  /** As geth has it. */
  #syncing(): Json {
    const status = formatSyncing(this.#backend)
    return status === false ? false : { syncing: true, status }
  }

  #resultsOf(kind: SubscriptionKind, happening: Happening): readonly Json[] {
    const { event } = happening
    switch (kind.kind) {
      case 'newHeads':
        return event.kind === 'block' ? [formatHeader(event.block.header, event.block.hash)] : []
      case 'logs':
        if (event.kind !== 'block' && event.kind !== 'revoked') return []
        return matchingLogs(kind.matcher, event.block, event.receipts, event.kind === 'revoked')
      case 'newPendingTransactions': {
        if (event.kind !== 'transaction') return []
        const { transaction, sender } = event.pooled
        return [kind.hasBodies ? formatTransaction(transaction, sender, undefined) : transaction.hash]
      }
      case 'transactionReceipts':
        return event.kind === 'block' ? this.#receiptsOf(kind.hashes, event) : []
      case 'syncing':
        return happening.hasSyncingChanged ? [this.#syncing()] : []
      case 'aevirNewHeads':
        return this.#commitHeads(event, happening.reached)
      default:
        return unreachable(kind)
    }
  }

  /** One notification with the receipts of a block that are asked for, if there are any. */
  #receiptsOf(hashes: ReadonlySet<Hash> | undefined, event: NodeEvent & { kind: 'block' }): readonly Json[] {
    const { block, receipts } = event
    if (hashes !== undefined && !block.transactions.some(({ hash }) => hashes.has(hash))) return []
    const senders = this.#backend.ledger.senders(block.header.number)
    if (senders === undefined || receipts.length === 0) return []
    const blobBaseFee = blobBaseFeeOf(block.header, this.#backend.config)
    const all = formatReceipts({ block, receipts, senders, blobBaseFee })
    if (hashes === undefined) return [all]
    return [all.filter((_, index) => hashes.has(block.transactions[index]?.hash as Hash))]
  }

  #commitHeads(event: NodeEvent, reached: readonly bigint[]): readonly Json[] {
    if (event.kind === 'block' || event.kind === 'revoked') {
      const commitState = event.kind === 'block' ? 'preconfirmed' : 'revoked'
      return [{ ...formatHeader(event.block.header, event.block.hash), commitState }]
    }
    if (event.kind !== 'committed' || event.state === 'preconfirmed') return []
    return reached.flatMap((number) => {
      const header = this.#backend.ledger.header(number)
      const hash = this.#backend.ledger.hashOf(number)
      if (header === undefined || hash === undefined) return []
      return [{ ...formatHeader(header, hash), commitState: event.state }]
    })
  }
}

function isSyncing({ consensus }: Backend): boolean {
  return consensus?.syncing() !== undefined
}

/** Subscriptions with the same key get the same results; `undefined` when they may differ. */
function cacheKey(kind: SubscriptionKind): string | undefined {
  switch (kind.kind) {
    case 'newHeads':
    case 'syncing':
    case 'aevirNewHeads':
      return kind.kind
    case 'newPendingTransactions':
      return `${kind.kind} ${kind.hasBodies}`
    case 'transactionReceipts':
      return kind.hashes === undefined ? kind.kind : undefined
    case 'logs':
      return undefined
    default:
      return unreachable(kind)
  }
}

/** @param result the result as JSON text. */
function notification(id: string, result: string): string {
  return `{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"${id}","result":${result}}}`
}
