/**
 * Memory that the main thread and its helpers recover signatures in: slots with what a signature is recovered from, each
 * of which one thread takes and fills with a public key. Taking one is a single compare-and-exchange, so that nobody waits
 * for anybody, and whoever is on a core does the work.
 *
 * The main thread alone writes inputs and opens rounds, and only when nobody is at a slot any more.
 */
import { RECOVERY_SIZE } from '../chain/transaction-signature.ts'
import { secp256k1Backend } from '../primitives/secp256k1.ts'

/** Signatures of a round. */
export const SLOTS_MAX = 256

const PUBLIC_KEY_SIZE = 64
const SLOT_SIZE = RECOVERY_SIZE + PUBLIC_KEY_SIZE
const [SIGNATURE_OFFSET, PARITY_OFFSET] = [32, 96]

/** Words before those of the slots: slots that nobody has taken, with the round above them; and the number of the round. */
const [OPEN, ROUND] = [0, 1]
const STATES = 2
/** Of a word {@link OPEN}. The rest of its bits tell rounds apart, so that a late thread cannot take from another one. */
const OPEN_BITS = 9
const ROUND_MASK = 0x003f_ffff
/** In place of a round. */
const STOPPED = -1
/** A thread that is ended from outside may not hear of it while it waits. */
const WAIT_MS = 1_000

/** States of a slot. */
const [WAITING, FOUND, MISSING] = [0, 1, 2]

export class RecoverySlots {
  readonly buffer: SharedArrayBuffer
  private readonly words: Int32Array
  private readonly bytes: Uint8Array
  /** Bindings may not take views of shared memory. */
  private readonly input = new Uint8Array(RECOVERY_SIZE)
  private readonly hash = this.input.subarray(0, SIGNATURE_OFFSET)
  private readonly signature = this.input.subarray(SIGNATURE_OFFSET, PARITY_OFFSET)

  constructor(buffer = new SharedArrayBuffer((STATES + SLOTS_MAX) * 4 + SLOTS_MAX * SLOT_SIZE)) {
    this.buffer = buffer
    this.words = new Int32Array(buffer, 0, STATES + SLOTS_MAX)
    this.bytes = new Uint8Array(buffer, this.words.byteLength)
  }

  // Of the main thread ------------------------------------------------------------------------------------------------

  /** Writes the input of a slot before its round is opened: `write` says whether there is anything to be recovered. */
  prepare(slot: number, write: (out: Uint8Array, offset: number) => boolean): void {
    this.words[STATES + slot] = write(this.bytes, slot * SLOT_SIZE) ? WAITING : MISSING
  }

  /** Opens the slots below `count`, and wakes up to `helpers` threads. */
  open(count: number, helpers: number): void {
    const round = (Atomics.load(this.words, ROUND) + 1) & ROUND_MASK
    Atomics.store(this.words, OPEN, (round << OPEN_BITS) | count)
    Atomics.store(this.words, ROUND, round)
    Atomics.notify(this.words, ROUND, helpers)
  }

  /** Lets helpers end. */
  stop(): void {
    Atomics.store(this.words, ROUND, STOPPED)
    Atomics.notify(this.words, ROUND)
  }

  isDone(slot: number): boolean {
    return Atomics.load(this.words, STATES + slot) !== WAITING
  }

  /** 64 bytes x ‖ y that the next round overwrites, `undefined` where there is no key; of a slot that is done. */
  publicKey(slot: number): Uint8Array | undefined {
    const start = slot * SLOT_SIZE + RECOVERY_SIZE
    return this.words[STATES + slot] === FOUND
      ? this.bytes.subarray(start, start + PUBLIC_KEY_SIZE)
      : undefined
  }

  // Of all threads ----------------------------------------------------------------------------------------------------

  /** Waits until another round than `seen` is open. @returns its number, or `undefined` once nobody needs help. */
  waitForRound(seen: number): number | undefined {
    for (;;) {
      const round = Atomics.load(this.words, ROUND)
      if (round === STOPPED) return undefined
      if (round !== seen) return round
      Atomics.wait(this.words, ROUND, seen, WAIT_MS)
    }
  }

  /** A slot for the caller alone to {@link work} on; -1 when all are taken. */
  take(): number {
    for (;;) {
      const open = Atomics.load(this.words, OPEN)
      const left = open & ((1 << OPEN_BITS) - 1)
      if (left === 0) return -1
      if (Atomics.compareExchange(this.words, OPEN, open, open - 1) === open) return left - 1
    }
  }

  /** Hot: recovers what is in a slot. */
  work(slot: number): void {
    if (this.isDone(slot)) return
    const start = slot * SLOT_SIZE
    this.input.set(this.bytes.subarray(start, start + RECOVERY_SIZE))
    const parity = this.input[PARITY_OFFSET] === 0 ? 0 : 1
    const publicKey = secp256k1Backend.recover(this.hash, this.signature, parity)
    if (publicKey !== undefined) this.bytes.set(publicKey, start + RECOVERY_SIZE)
    Atomics.store(this.words, STATES + slot, publicKey === undefined ? MISSING : FOUND)
  }
}
