/**
 * Recovers the senders of transactions, and tells them in the order in which they were asked for. One that comes
 * alone is recovered at once. Those that come together in a turn of the event loop, or while others are worked on, are
 * recovered by this thread and its helpers side by side (`recovery-slots.ts`): one a turn here, in between the node goes on.
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
import { nextNumber, RecoverySlots, SLOTS_MAX } from './recovery-slots.ts'

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
  private isTurnComing = false
  private waiting: Waiting[] = []
  /** What is in slots, after {@link settledCount} that was. */
  private underway: Waiting[] = []
  private settledCount = 0
  /** In the slots, of the first that is not settled. */
  private oldestNumber = 0
  /** When there was nothing left to do but to wait for helpers. */
  private idleSinceMs: number | undefined

  /** Whether a helper is up. */
  get hasThread(): boolean {
    return this.online > 0
  }

  /** @throws NodeBusyError when too many wait already. */
  recover(transaction: Transaction): Promise<Address | undefined> {
    if (this.waiting.length + this.underway.length >= WAITING_MAX) return Promise.reject(new NodeBusyError())
    return new Promise((resolve, reject) => {
      this.waiting.push({ transaction, resolve, reject })
      this.turnSoon()
    })
  }

  recoverAll(transactions: readonly Transaction[]): Promise<readonly (Address | undefined)[]> {
    return Promise.all(transactions.map((transaction) => this.recover(transaction)))
  }

  /** What waits is told that nobody will answer. */
  async close(): Promise<void> {
    const lost = [...this.unsettled(), ...this.waiting]
    const ended = [...this.helpers].map(endOf)
    this.underway = []
    this.settledCount = 0
    this.waiting = []
    this.dismissHelpers()
    for (const { reject } of lost) reject(new RecoveryStoppedError())
    await Promise.all(ended)
  }

  private turnSoon(): void {
    if (this.isTurnComing) return
    this.isTurnComing = true
    setImmediate(() => this.turn())
  }

  private turn(): void {
    this.isTurnComing = false
    if (this.waiting.length > 0) this.begin()
    if (this.slots !== undefined && this.underway.length > 0) this.advance(this.slots)
    if (this.waiting.length > 0 || this.underway.length > 0) this.turnSoon()
  }

  private begin(): void {
    const { waiting } = this
    if (waiting.length > 1) this.load += waiting.length
    if (waiting.length > AT_ONCE_MAX || this.load >= LOAD_MIN) this.startHelpers()
    const slots = this.online === 0 ? undefined : this.slots
    const isAlone = slots === undefined || waiting.length === 1 || slots.isFull
    if (this.underway.length === 0 && isAlone) this.recoverAlone()
    else if (slots !== undefined) this.publish(slots)
  }

  /** As many as the event loop can be held for. */
  private recoverAlone(): void {
    for (const { transaction, resolve } of this.waiting.splice(0, AT_ONCE_MAX)) resolve(senderOf(transaction))
  }

  /** As many as there are slots for. */
  private publish(slots: RecoverySlots): void {
    let count = 0
    for (const one of this.waiting) {
      // A key stays where it is until its turn to be told comes.
      if (slots.isFull || this.underway.length - this.settledCount >= SLOTS_MAX) break
      slots.publish((out, offset) => writeRecovery(one.transaction, out, offset))
      this.underway.push(one)
      count += 1
    }
    this.waiting.splice(0, count)
    // The first that is left is for this thread.
    const helpers = Math.min(slots.untakenCount - 1, this.helpers.size)
    if (helpers > 0) slots.call(helpers)
  }

  /** Hot: this thread's share, in a turn. */
  private advance(slots: RecoverySlots): void {
    const number = slots.take()
    if (number >= 0) slots.work(number)
    this.settle(slots)
    if (number >= 0 || this.underway.length === 0) this.idleSinceMs = undefined
    else {
      this.idleSinceMs ??= performance.now()
      if (performance.now() - this.idleSinceMs > STRAGGLER_MS) this.settleWithoutHelpers(slots)
    }
  }

  /** In the order of arrival, so far as it goes. */
  private settle(slots: RecoverySlots): void {
    const { underway } = this
    while (this.settledCount < underway.length && slots.isDone(this.oldestNumber)) {
      this.settleOldest(senderIn(slots, this.oldestNumber))
    }
    if (this.settledCount === underway.length || this.settledCount >= SLOTS_MAX) {
      underway.splice(0, this.settledCount)
      this.settledCount = 0
    }
  }

  private settleOldest(sender: Address | undefined): void {
    this.underway[this.settledCount]?.resolve(sender)
    this.settledCount += 1
    this.oldestNumber = nextNumber(this.oldestNumber)
  }

  /** Helpers that have no core are not waited for. What is left is as many as there are helpers, or done behind those. */
  private settleWithoutHelpers(slots: RecoverySlots): void {
    for (const { transaction } of this.unsettled()) {
      const isDone = slots.isDone(this.oldestNumber)
      this.settleOldest(isDone ? senderIn(slots, this.oldestNumber) : senderOf(transaction))
    }
    this.underway = []
    this.settledCount = 0
    this.idleSinceMs = undefined
  }

  private unsettled(): readonly Waiting[] {
    return this.underway.slice(this.settledCount)
  }

  private startHelpers(): void {
    if (this.helpers.size > 0 || this.starts >= STARTS_MAX) return
    // Memory of helpers that are gone may be in any state.
    this.slots = new RecoverySlots()
    this.oldestNumber = 0
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
    this.waiting = [...this.unsettled(), ...this.waiting]
    this.underway = []
    this.settledCount = 0
    this.dismissHelpers()
    if (this.waiting.length > 0) this.turnSoon()
  }

  private dismissHelpers(): void {
    this.slots?.stop()
    this.slots = undefined
    this.helpers.clear()
    this.online = 0
    this.idleSinceMs = undefined
  }
}

function endOf(helper: Worker): Promise<void> {
  return new Promise((resolve) => {
    helper.once('exit', () => resolve())
  })
}

function senderIn(slots: RecoverySlots, number: number): Address | undefined {
  const publicKey = slots.publicKey(number)
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
