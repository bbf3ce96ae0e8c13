/**
 * Transactions between nodes; those that arrive together share a message: an RLP list of a number and then transactions as
 * they stand in blocks. The number is that of the repetition, for the network carries the same bytes only once.
 *
 * A member of a committee sends what a user submits to those who make blocks, and to nobody else: gossip brings each
 * message to every node several times over, which in a small network under load costs more than all of consensus. Who has
 * no such connections publishes to all. What comes from peers goes into the pool, and the verdict tells the network whether
 * to pass gossip on: only what was new and good here travels on.
 *
 * A transaction may reach nobody (a node that is alone for a moment), only executors whose time is over, or be dropped by
 * full pools. Own ones that still wait are published to all now and then, and soon after a peer connects.
 */
import { decodeTransaction, TransactionDecodingError } from '../chain/transaction-codec.ts'
import type { Transaction } from '../chain/transaction.ts'
import type { Clock } from '../consensus/plugin.ts'
import { TOPICS } from '../network/topics.ts'
import type { GossipVerdict, Transport } from '../network/transport.ts'
import { PoolError, type PoolRefusal, type TransactionPool } from '../pool/transaction-pool.ts'
import type { Address, Hash } from '../primitives/bytes.ts'
import { decodeRlp, encodeRlp, RlpError, rlpBytes, rlpFromUint, rlpList, rlpUint } from '../primitives/rlp.ts'
import { NodeBusyError, RecoveryStoppedError, type SenderRecovery } from './sender-recovery.ts'

/** Transactions in one message. */
const TRANSACTIONS_MAX = 512
/** Of a message, without the headers of its lists. */
const BYTES_MAX = TOPICS.transactions.messageSizeMax - 8 * 1024
/** After a message left, what comes next is collected for so long. */
const COLLECT_MS = 20
const REPEAT_MS = 15_000
/** From a new peer until gossip with it has begun. */
const GREETING_MS = 1_000
const REPETITION_SIZE_MAX = 4
/** Own transactions that are remembered, and published again at a time. */
const OWN_MAX = 4096
const REPEATED_MAX = 256

/** Refusals that do not depend on this node's state or limits: whoever passes such a transaction on did not check it. */
const BAD: ReadonlySet<PoolRefusal> = new Set([
  'intrinsicGasTooLow',
  'tipAboveFeeCap',
  'invalidSender',
  'wrongChainId',
  'invalid',
])

interface Arrival {
  readonly transaction: Transaction
  /** `undefined` when no sender fits the signature. */
  readonly sender: Address | undefined
}

/**
 * Decodes messages and finds the senders. In a network within one process all nodes get the same bytes, and share one of
 * these, so that it is done once.
 */
export class TransactionDecoder {
  readonly #senders: SenderRecovery
  readonly #decoded = new WeakMap<Uint8Array, Promise<readonly Arrival[] | undefined>>()

  constructor(senders: SenderRecovery) {
    this.#senders = senders
  }

  /** `undefined` for bytes that are no message. @throws NodeBusyError, RecoveryStoppedError */
  decode(bytes: Uint8Array): Promise<readonly Arrival[] | undefined> {
    const known = this.#decoded.get(bytes)
    if (known !== undefined) return known
    const decoded = this.#decode(bytes)
    this.#decoded.set(bytes, decoded)
    return decoded
  }

  async #decode(bytes: Uint8Array): Promise<readonly Arrival[] | undefined> {
    const transactions = decodeMessage(bytes)
    if (transactions === undefined) return undefined
    const senders = await this.#senders.recoverAll(transactions)
    return transactions.map((transaction, index) => ({ transaction, sender: senders[index] }))
  }
}

export interface TransactionGossipOptions {
  readonly network: Pick<Transport, 'publish'>
  /** Sends to those who make blocks; false when it reaches none of them. Left out where all are told of everything. */
  readonly sendToExecutors?: (bytes: Uint8Array) => boolean
  readonly clock: Clock
  readonly decoder: TransactionDecoder
  readonly pool: Pick<TransactionPool, 'get'>
  /** Puts a transaction into the pool and tells consensus. @throws PoolError */
  admit(transaction: Transaction, sender: Address): void
}

export class TransactionGossip {
  readonly #options: TransactionGossipOptions
  #collected: Transaction[] = []
  #cancelSending: (() => void) | undefined
  #cancelRepeating: () => void = () => {}
  /** When own transactions are published again, in milliseconds since 1970. */
  #repeatMs = 0
  #repetition = 0n
  /** Hashes of own transactions, the oldest first. */
  readonly #own = new Set<Hash>()

  constructor(options: TransactionGossipOptions) {
    this.#options = options
    this.#repeatIn(REPEAT_MS)
  }

  /** Somebody is there who may not have heard of what waits here. */
  onPeerUp(): void {
    if (this.#repeatMs > this.#options.clock.nowMs() + GREETING_MS) this.#repeatIn(GREETING_MS)
  }

  /** Tells the others of a transaction that a user submitted here. */
  announce(transaction: Transaction): void {
    this.#own.add(transaction.hash)
    if (this.#own.size > OWN_MAX) for (const oldest of [...this.#own].slice(0, 1)) this.#own.delete(oldest)
    this.#collected.push(transaction)
    if (this.#cancelSending === undefined) this.#send()
  }

  /** What to do with a message of a peer. Never rejects for what is in it. */
  async receive(bytes: Uint8Array): Promise<GossipVerdict> {
    let arrivals: readonly Arrival[] | undefined
    try {
      arrivals = await this.#options.decoder.decode(bytes)
    } catch (error) {
      if (error instanceof NodeBusyError || error instanceof RecoveryStoppedError) return 'ignore'
      throw error
    }
    if (arrivals === undefined) return 'reject'
    const verdicts = new Set(arrivals.map((arrival) => this.#take(arrival)))
    if (verdicts.has('reject')) return 'reject'
    return verdicts.has('accept') ? 'accept' : 'ignore'
  }

  stop(): void {
    this.#cancelSending?.()
    this.#cancelRepeating()
    this.#collected = []
  }

  /** What the peer is told came next to a transaction that nobody could have let in is still taken. */
  #take({ transaction, sender }: Arrival): GossipVerdict {
    if (sender === undefined) return 'reject'
    try {
      this.#options.admit(transaction, sender)
      return 'accept'
    } catch (error) {
      if (!(error instanceof PoolError)) throw error
      return BAD.has(error.reason) ? 'reject' : 'ignore'
    }
  }

  /** Sends what was collected, and collects what comes within the next moment. */
  #send(): void {
    const { network, sendToExecutors } = this.#options
    for (const message of messagesOf(this.#collected, 0n)) {
      if (sendToExecutors?.(message) !== true) network.publish('transactions', message)
    }
    this.#collected = []
    this.#cancelSending = this.#options.clock.schedule(COLLECT_MS, () => {
      this.#cancelSending = undefined
      if (this.#collected.length > 0) this.#send()
    })
  }

  #repeat(): void {
    const waiting: Transaction[] = []
    for (const hash of this.#own) {
      const pooled = this.#options.pool.get(hash)
      if (pooled === undefined) this.#own.delete(hash)
      else if (waiting.length < REPEATED_MAX) waiting.push(pooled.transaction)
    }
    this.#repetition += 1n
    for (const message of messagesOf(waiting, this.#repetition)) {
      this.#options.network.publish('transactions', message)
    }
    this.#repeatIn(REPEAT_MS)
  }

  #repeatIn(delayMs: number): void {
    this.#cancelRepeating()
    this.#repeatMs = this.#options.clock.nowMs() + delayMs
    this.#cancelRepeating = this.#options.clock.schedule(delayMs, () => this.#repeat())
  }
}

function* messagesOf(transactions: readonly Transaction[], repetition: bigint): Generator<Uint8Array> {
  const head = rlpFromUint(repetition)
  let batch: Uint8Array[] = []
  let size = 0
  for (const { bytes } of transactions) {
    if (batch.length > 0 && (batch.length === TRANSACTIONS_MAX || size + bytes.length > BYTES_MAX)) {
      yield encodeRlp([head, ...batch])
      batch = []
      size = 0
    }
    batch.push(bytes)
    size += bytes.length
  }
  if (batch.length > 0) yield encodeRlp([head, ...batch])
}

function decodeMessage(bytes: Uint8Array): readonly Transaction[] | undefined {
  try {
    const [repetition, ...items] = rlpList(decodeRlp(bytes), 'transactions')
    rlpUint(repetition, REPETITION_SIZE_MAX, 'repetition')
    if (items.length === 0 || items.length > TRANSACTIONS_MAX) return undefined
    // Copies: a decoded transaction keeps views of its bytes, and in the pool it may outlive the rest of the message.
    return items.map((item) => decodeTransaction(rlpBytes(item, 'transaction').slice()))
  } catch (error) {
    if (error instanceof RlpError || error instanceof TransactionDecodingError) return undefined
    throw error
  }
}
