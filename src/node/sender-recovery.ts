/**
 * Recovers the senders of transactions. Requests of one turn of the event loop are looked at together: a few are
 * recovered at once, many off the main thread, and those that come while the thread works wait for each other, for waking
 * it is what costs. The thread starts when many come for the first time; until it is up they are recovered here.
 */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Address } from '../primitives/bytes.ts'
import { present } from '../primitives/assert.ts'
import { AevirError } from '../primitives/errors.ts'
import type { Transaction } from '../chain/transaction.ts'
import { recoverSender } from '../chain/transaction-signature.ts'

/** Transactions that may wait for recovery; more are refused so that a flood cannot fill the memory. */
const WAITING_MAX = 50_000

/**
 * So few at a time are recovered at once, which holds the event loop for a millisecond: one takes 60 µs natively. With
 * eight clients that wait for each answer, on two cores, the thread made a transaction dearer (270 against 221 µs of
 * processor time, all threads together) and sending no faster, and starting it takes 150 ms of a core. What is left to it
 * is what a client sends that does not wait for answers, a network that gossips, and blocks of others.
 */
const AT_ONCE_MAX = 16

/** What the thread is sent and sends back; positions correspond. */
export interface RecoveryRequest {
  readonly transactions: readonly Uint8Array[]
}
export interface RecoveryAnswer {
  /** `null` where no sender fits the signature. */
  readonly senders: readonly (Address | null)[]
}

export class NodeBusyError extends AevirError {
  override readonly code = 'NODE_BUSY'
  constructor() {
    super(
      `the node is busy: more than ${WAITING_MAX} transactions wait for their signatures to be checked; try again`,
    )
  }
}

/** The node ends: what still waits for its sender is not answered any more. */
export class RecoveryStoppedError extends AevirError {
  override readonly code = 'RECOVERY_STOPPED'
  constructor() {
    super('the node is stopping and checks no more signatures: send this again when it runs')
  }
}

interface Waiting {
  readonly transaction: Transaction
  readonly resolve: (sender: Address | undefined) => void
  readonly reject: (error: unknown) => void
}

export class SenderRecovery {
  private worker: Worker | undefined
  private isOnline = false
  private isFlushing = false
  private waitingCount = 0
  private waiting: Waiting[] = []
  /** What the thread works on: one message at a time. */
  private sent: readonly Waiting[] = []

  /** Whether the thread is up. */
  get hasThread(): boolean {
    return this.isOnline
  }

  /** @throws NodeBusyError when too many wait already. */
  recover(transaction: Transaction): Promise<Address | undefined> {
    if (this.waitingCount >= WAITING_MAX) return Promise.reject(new NodeBusyError())
    return new Promise((resolve, reject) => {
      this.waitingCount += 1
      this.waiting.push({ transaction, resolve, reject })
      if (!this.isFlushing && this.sent.length === 0) {
        this.isFlushing = true
        setImmediate(() => this.flush())
      }
    })
  }

  recoverAll(transactions: readonly Transaction[]): Promise<readonly (Address | undefined)[]> {
    return Promise.all(transactions.map((transaction) => this.recover(transaction)))
  }

  /** What waits is told that nobody will answer. */
  async close(): Promise<void> {
    const { worker } = this
    this.giveUp(new RecoveryStoppedError())
    await worker?.terminate()
  }

  private flush(): void {
    this.isFlushing = false
    const batch = this.waiting
    this.waiting = []
    if (batch.length > AT_ONCE_MAX) this.startWorker()
    if (batch.length <= AT_ONCE_MAX || !this.isOnline) {
      this.settle(batch, (index) => recoverSender(present(batch[index], 'waiting').transaction))
      return
    }
    this.sent = batch
    const request: RecoveryRequest = { transactions: batch.map(({ transaction }) => transaction.bytes) }
    this.worker?.postMessage(request)
  }

  private startWorker(): void {
    if (this.worker !== undefined) return
    const worker = new Worker(new URL(`./sender-recovery-worker${extname(import.meta.url)}`, import.meta.url))
    this.worker = worker
    worker.unref()
    worker.once('online', () => (this.isOnline = this.worker === worker))
    worker.on('message', (answer: RecoveryAnswer) => this.onAnswer(answer))
    worker.once('error', (error) => this.giveUp(error))
  }

  private onAnswer({ senders }: RecoveryAnswer): void {
    const batch = this.sent
    this.sent = []
    this.settle(batch, (index) => senders[index] ?? undefined)
    if (this.waiting.length > 0) this.flush()
  }

  private settle(batch: readonly Waiting[], senderOf: (index: number) => Address | undefined): void {
    this.waitingCount -= batch.length
    for (const [index, { resolve }] of batch.entries()) resolve(senderOf(index))
  }

  /** The thread is gone; what it had is told so, the next request starts another one. */
  private giveUp(error: unknown): void {
    const lost = [...this.sent, ...this.waiting]
    this.sent = []
    this.waiting = []
    this.waitingCount = 0
    this.isOnline = false
    this.worker = undefined
    for (const { reject } of lost) reject(error)
  }
}
