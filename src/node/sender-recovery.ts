/**
 * Recovers the senders of transactions, and tells them in the order in which they were asked for. Requests of one turn of
 * the event loop are looked at together, and those that come meanwhile wait for each other. They are recovered by this
 * thread and its helpers side by side (`recovery-slots.ts`): one a turn here, in between the node goes on.
 *
 * Helpers start when there is work for them. Until they are up, and should they ever be lost, this thread does it all.
 */
import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Address } from '../primitives/bytes.ts'
import { AevirError } from '../primitives/errors.ts'
import { publicKeyToAddress, secp256k1Backend } from '../primitives/secp256k1.ts'
import type { Transaction } from '../chain/transaction.ts'
import { RECOVERY_SIZE, writeRecovery } from '../chain/transaction-signature.ts'
import { RecoverySlots, SLOTS_MAX } from './recovery-slots.ts'

/** Transactions that may wait for recovery; more are refused so that a flood cannot fill the memory. */
const WAITING_MAX = 50_000
/** So few may hold the event loop, for a millisecond: one takes 45 to 60 µs natively. */
const AT_ONCE_MAX = 16
/** Transactions that came together by then are a load: helpers, each of which takes 40 ms of a core to start, pay off. */
const LOAD_MIN = 400
const HELPERS_MAX = 3
/** Helpers that ended by themselves so often are not started again. */
const STARTS_MAX = 10
/** Longer than a helper needs for what it has begun, when it has a core. */
const STRAGGLER_MS = 0.2

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
  /** What is worked on. Arrivals are in slots from the highest down, which is how slots are taken. */
  private round: readonly Waiting[] = []
  /** Of the round. */
  private settledCount = 0
  /** When there was nothing left to do in the round but to wait for helpers. */
  private idleSinceMs: number | undefined
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
    const lost = [...this.round.slice(this.settledCount), ...this.waiting]
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
    else {
      this.open(slots, waiting.splice(0, SLOTS_MAX))
      this.recoverOne()
    }
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
    for (const { transaction, resolve } of this.waiting.splice(0, AT_ONCE_MAX)) resolve(senderOf(transaction))
    if (this.waiting.length > 0) this.flushSoon()
  }

  private open(slots: RecoverySlots, batch: readonly Waiting[]): void {
    this.round = batch
    this.settledCount = 0
    this.idleSinceMs = undefined
    for (const [index, { transaction }] of batch.entries()) {
      slots.prepare(batch.length - 1 - index, (out, offset) => writeRecovery(transaction, out, offset))
    }
    slots.open(batch.length, Math.min(batch.length, this.helpers.size))
  }

  /** Hot: this thread's share of a round, in a turn. */
  private recoverOne(): void {
    const { slots } = this
    if (slots === undefined || this.round.length === 0) return
    const slot = slots.take()
    if (slot >= 0) slots.work(slot)
    this.settleDone(slots)
    if (this.round.length === 0) return
    if (slot < 0) this.idleSinceMs ??= performance.now()
    if (this.idleSinceMs !== undefined && performance.now() - this.idleSinceMs > STRAGGLER_MS) {
      this.settleWithoutHelpers()
    } else setImmediate(() => this.recoverOne())
  }

  /** In the order of arrival, so far as it goes. */
  private settleDone(slots: RecoverySlots): void {
    const { round } = this
    for (; this.settledCount < round.length; this.settledCount++) {
      const slot = round.length - 1 - this.settledCount
      if (!slots.isDone(slot)) return
      round[this.settledCount]?.resolve(senderIn(slots, slot))
    }
    this.endRound()
  }

  /** Helpers that have no core are not waited for. */
  private settleWithoutHelpers(): void {
    const { round } = this
    this.straggling = round.length
    for (const { transaction, resolve } of round.slice(this.settledCount)) resolve(senderOf(transaction))
    this.endRound()
  }

  private endRound(): void {
    this.round = []
    if (this.waiting.length > 0) this.flushSoon()
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
    helper.once('error', () => this.loseHelpers())
    helper.once('exit', () => {
      if (this.helpers.has(helper)) this.loseHelpers()
    })
    // Last: whoever listens to it keeps the process alive.
    helper.unref()
  }

  /** One failed, so none is trusted any more; what they had is done here, and the next load starts others. */
  private loseHelpers(): void {
    this.waiting = [...this.round.slice(this.settledCount), ...this.waiting]
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

function senderIn(slots: RecoverySlots, slot: number): Address | undefined {
  const publicKey = slots.publicKey(slot)
  return publicKey === undefined ? undefined : publicKeyToAddress(publicKey)
}

const input = new Uint8Array(RECOVERY_SIZE)
const [hash, signature] = [input.subarray(0, 32), input.subarray(32, 96)]

/** As `recoverSender`, without encoding anything anew. */
function senderOf(transaction: Transaction): Address | undefined {
  if (!writeRecovery(transaction, input, 0)) return undefined
  const publicKey = secp256k1Backend.recover(hash, signature, input[96] === 0 ? 0 : 1)
  return publicKey === undefined ? undefined : publicKeyToAddress(publicKey)
}
