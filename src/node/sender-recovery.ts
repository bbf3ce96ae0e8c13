/**
 * Recovers the senders of transactions. Requests of one turn of the event loop are looked at together. A few are recovered
 * at once, by this thread and its helpers side by side (`recovery-slots.ts`); many are left to the helpers, so that the
 * event loop goes on, and those that come meanwhile wait for each other.
 *
 * Helpers start when there is work for them. Until they are up, and should they ever be lost, this thread does it all.
 */
import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Address } from '../primitives/bytes.ts'
import { AevirError } from '../primitives/errors.ts'
import { publicKeyToAddress } from '../primitives/secp256k1.ts'
import type { Transaction } from '../chain/transaction.ts'
import { recoverSender, writeRecovery } from '../chain/transaction-signature.ts'
import { RecoverySlots, SLOTS_MAX } from './recovery-slots.ts'

/** Transactions that may wait for recovery; more are refused so that a flood cannot fill the memory. */
const WAITING_MAX = 50_000
/** So few at a time are recovered at once, which holds the event loop for a millisecond: one takes 45 to 60 µs natively. */
const AT_ONCE_MAX = 16
/** Transactions that came together by then are a load: helpers, each of which takes 40 ms of a core to start, pay off. */
const LOAD_MIN = 400
const HELPERS_MAX = 3
/** Helpers that ended by themselves so often are not started again. */
const STARTS_MAX = 10
/** Longer than a helper needs for what it has begun, when it has a core. */
const STRAGGLER_MS = 0.1

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
  private readonly helpers = new Set<Worker>()
  /** Helpers that are up. */
  private online = 0
  private starts = 0
  private slots: RecoverySlots | undefined
  /** Transactions that came together with others. */
  private load = 0
  private isFlushing = false
  private waiting: Waiting[] = []
  /** What helpers alone work on. */
  private round: readonly Waiting[] = []
  /** Slots of the last round, when a helper had begun some of them and was not waited for. */
  private straggling = 0

  /** Whether a helper is up. */
  get hasThread(): boolean {
    return this.online > 0
  }

  /** @throws NodeBusyError when too many wait already. */
  recover(transaction: Transaction): Promise<Address | undefined> {
    if (this.waiting.length + this.round.length >= WAITING_MAX) return Promise.reject(new NodeBusyError())
    return new Promise((resolve, reject) => {
      this.waiting.push({ transaction, resolve, reject })
      if (!this.isFlushing && this.round.length === 0) this.flushSoon()
    })
  }

  recoverAll(transactions: readonly Transaction[]): Promise<readonly (Address | undefined)[]> {
    return Promise.all(transactions.map((transaction) => this.recover(transaction)))
  }

  /** What waits is told that nobody will answer. */
  async close(): Promise<void> {
    const lost = [...this.round, ...this.waiting]
    const ended = [...this.helpers].map(endOf)
    this.round = []
    this.waiting = []
    this.dismissHelpers()
    for (const { reject } of lost) reject(new RecoveryStoppedError())
    await Promise.all(ended)
  }

  private flushSoon(): void {
    this.isFlushing = true
    setImmediate(() => this.flush())
  }

  private flush(): void {
    this.isFlushing = false
    const { waiting } = this
    if (waiting.length === 0) return
    if (waiting.length > 1) this.load += waiting.length
    if (waiting.length > AT_ONCE_MAX || this.load >= LOAD_MIN) this.startHelpers()
    const slots = this.freeSlots()
    if (slots === undefined || waiting.length === 1) this.recoverAlone()
    else if (waiting.length <= AT_ONCE_MAX) this.recoverTogether(slots)
    else this.leaveToHelpers(slots)
    if (this.waiting.length > 0 && this.round.length === 0) this.flushSoon()
  }

  /** Unless nobody helps, or somebody is at one of them still. */
  private freeSlots(): RecoverySlots | undefined {
    const { slots } = this
    if (this.online === 0 || slots === undefined) return undefined
    for (; this.straggling > 0; this.straggling--) if (!slots.isDone(this.straggling - 1)) return undefined
    return slots
  }

  /** As many as the event loop can be held for. */
  private recoverAlone(): void {
    for (const { transaction, resolve } of this.waiting.splice(0, AT_ONCE_MAX))
      resolve(recoverSender(transaction))
  }

  /** Hot: `eth_sendRawTransaction` on several connections at a time. */
  private recoverTogether(slots: RecoverySlots): void {
    const batch = this.waiting
    this.waiting = []
    this.open(slots, batch, false)
    for (let slot = slots.take(); slot >= 0; slot = slots.take()) slots.work(slot)
    for (const [slot, { transaction, resolve }] of batch.entries()) {
      if (isDoneSoon(slots, slot)) resolve(senderIn(slots, slot))
      else {
        // Its helper has no core.
        this.straggling = batch.length
        resolve(recoverSender(transaction))
      }
    }
  }

  private leaveToHelpers(slots: RecoverySlots): void {
    this.round = this.waiting.splice(0, SLOTS_MAX)
    this.open(slots, this.round, true)
  }

  private open(slots: RecoverySlots, batch: readonly Waiting[], isAwaited: boolean): void {
    for (const [slot, { transaction }] of batch.entries()) {
      slots.prepare(slot, (out, offset) => writeRecovery(transaction, out, offset))
    }
    slots.open(batch.length, Math.min(batch.length, this.helpers.size), isAwaited)
  }

  /** A helper found nothing left to take. */
  private onHelped(): void {
    const { round, slots } = this
    if (slots === undefined || round.length === 0) return
    if (!round.every((_, slot) => slots.isDone(slot))) return
    this.round = []
    for (const [slot, { resolve }] of round.entries()) resolve(senderIn(slots, slot))
    if (this.waiting.length > 0) this.flush()
  }

  private startHelpers(): void {
    if (this.helpers.size > 0 || this.starts >= STARTS_MAX) return
    // Memory of helpers that are gone may be in any state.
    this.slots = new RecoverySlots()
    const count = Math.min(HELPERS_MAX, Math.max(1, availableParallelism() - 1))
    for (let i = 0; i < count; i++) this.startHelper(this.slots)
  }

  private startHelper(slots: RecoverySlots): void {
    this.starts += 1
    const file = new URL(`./sender-recovery-worker${extname(import.meta.url)}`, import.meta.url)
    const helper = new Worker(file, { workerData: slots.buffer })
    this.helpers.add(helper)
    helper.once('online', () => {
      if (this.helpers.has(helper)) this.online += 1
    })
    helper.on('message', () => this.onHelped())
    helper.once('error', () => this.loseHelpers())
    helper.once('exit', () => {
      if (this.helpers.has(helper)) this.loseHelpers()
    })
    // Last: whoever listens to it keeps the process alive.
    helper.unref()
  }

  /** One failed, so none is trusted any more; what they had is done here, and the next load starts others. */
  private loseHelpers(): void {
    this.waiting = [...this.round, ...this.waiting]
    this.round = []
    this.dismissHelpers()
    if (this.waiting.length > 0 && !this.isFlushing) this.flushSoon()
  }

  private dismissHelpers(): void {
    this.slots?.stop()
    this.slots = undefined
    this.helpers.clear()
    this.online = 0
    this.straggling = 0
  }
}

function endOf(helper: Worker): Promise<void> {
  return new Promise((resolve) => {
    helper.once('exit', () => resolve())
  })
}

function isDoneSoon(slots: RecoverySlots, slot: number): boolean {
  if (slots.isDone(slot)) return true
  const deadlineMs = performance.now() + STRAGGLER_MS
  while (!slots.isDone(slot)) if (performance.now() > deadlineMs) return false
  return true
}

function senderIn(slots: RecoverySlots, slot: number): Address | undefined {
  const publicKey = slots.publicKey(slot)
  return publicKey === undefined ? undefined : publicKeyToAddress(publicKey)
}
