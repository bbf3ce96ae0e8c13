/**
 * Memory that the main thread and its helpers recover signatures in: a ring of slots with what a signature is recovered from,
 * each of which one thread takes and fills with a public key. Taking one is a single compare-and-exchange, so that nobody
 * waits for anybody, and whoever is on a core does the work.
 *
 * The main thread alone writes inputs, and only in slots that nobody is at any more.
 */
import { RECOVERY_SIZE } from '../chain/transaction-signature.ts'
import { secp256k1Backend } from '../primitives/secp256k1.ts'

/** Signatures that can be worked on at once; a power of 2. */
export const SLOTS_MAX = 256

const PUBLIC_KEY_SIZE = 64
const SLOT_SIZE = RECOVERY_SIZE + PUBLIC_KEY_SIZE
const [SIGNATURE_OFFSET, PARITY_OFFSET] = [32, 96]
/** In place of a parity: there is nothing to recover. */
const NO_PARITY = 2

/** Words before those of the slots: the numbers of the next to be taken and of the next to be published, and of the last call. */
const [TAKEN, PUBLISHED, CALL] = [0, 1, 2]
const STATES = 3
/** Numbers begin again after so many: nobody sleeps through that. */
const NUMBER_MASK = 0x3fff_ffff
/** In place of a call. */
const STOPPED = -1
/** A thread that is ended from outside may not hear of it while it waits. */
const WAIT_MS = 1_000

/** States of a slot. Only who has taken it ends its waiting. */
const [MISSING, FOUND, WAITING] = [0, 1, 2]

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

  /** Published, and taken by nobody yet. */
  get untakenCount(): number {
    return (Atomics.load(this.words, PUBLISHED) - Atomics.load(this.words, TAKEN)) & NUMBER_MASK
  }

  /** Whether the next slot is not through with what was published in it before. */
  get isFull(): boolean {
    return !this.isDone(Atomics.load(this.words, PUBLISHED))
  }

  /**
   * Gives the next number to what `write` writes, which says whether there is anything to be recovered. Not when it
   * {@link isFull}; numbers follow each other from 0 on, see {@link nextNumber}.
   */
  publish(write: (out: Uint8Array, offset: number) => boolean): void {
    const number = Atomics.load(this.words, PUBLISHED)
    const slot = slotOf(number)
    const start = slot * SLOT_SIZE
    if (!write(this.bytes, start)) this.bytes[start + PARITY_OFFSET] = NO_PARITY
    Atomics.store(this.words, STATES + slot, WAITING)
    Atomics.store(this.words, PUBLISHED, nextNumber(number))
  }

  /** Wakes up to `helpers` threads that found nothing to take. */
  call(helpers: number): void {
    Atomics.store(this.words, CALL, nextNumber(Atomics.load(this.words, CALL)))
    Atomics.notify(this.words, CALL, helpers)
  }

  /** Lets helpers end. */
  stop(): void {
    Atomics.store(this.words, CALL, STOPPED)
    Atomics.notify(this.words, CALL)
  }

  isDone(number: number): boolean {
    return Atomics.load(this.words, STATES + slotOf(number)) !== WAITING
  }

  /** 64 bytes x ‖ y that are overwritten with what is published next, `undefined` where there is no key; of what is done. */
  publicKey(number: number): Uint8Array | undefined {
    const slot = slotOf(number)
    const start = slot * SLOT_SIZE + RECOVERY_SIZE
    return this.words[STATES + slot] === FOUND
      ? this.bytes.subarray(start, start + PUBLIC_KEY_SIZE)
      : undefined
  }

  // Of all threads ----------------------------------------------------------------------------------------------------

  /** Waits for another call than `seen`. @returns its number, or `undefined` once nobody needs help. */
  waitForCall(seen: number): number | undefined {
    for (;;) {
      const call = Atomics.load(this.words, CALL)
      if (call === STOPPED) return undefined
      if (call !== seen) return call
      Atomics.wait(this.words, CALL, seen, WAIT_MS)
    }
  }

  /** A number for the caller alone to {@link work} on; -1 when all are taken. */
  take(): number {
    for (;;) {
      const number = Atomics.load(this.words, TAKEN)
      if (number === Atomics.load(this.words, PUBLISHED)) return -1
      if (Atomics.compareExchange(this.words, TAKEN, number, nextNumber(number)) === number) return number
    }
  }

  /** Hot: recovers what was published under a number. Nobody but who took it writes to its slot until then. */
  work(number: number): void {
    const slot = slotOf(number)
    const start = slot * SLOT_SIZE
    this.input.set(this.bytes.subarray(start, start + RECOVERY_SIZE))
    const parity = this.input[PARITY_OFFSET]
    const publicKey =
      parity === NO_PARITY
        ? undefined
        : secp256k1Backend.recover(this.hash, this.signature, parity === 0 ? 0 : 1)
    if (publicKey !== undefined) this.bytes.set(publicKey, start + RECOVERY_SIZE)
    Atomics.store(this.words, STATES + slot, publicKey === undefined ? MISSING : FOUND)
  }
}

/** The number after another. */
export function nextNumber(number: number): number {
  return (number + 1) & NUMBER_MASK
}

function slotOf(number: number): number {
  return number & (SLOTS_MAX - 1)
}
