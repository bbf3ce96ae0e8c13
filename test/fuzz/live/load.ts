/** Users of the attacked node: transfers at a steady pace, and how long they wait to be pre-confirmed and to be sealed. */
import type { NetworkNode } from '../../../src/node/network-node.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import { transfer } from '../../support/transfer.ts'

/** Transfers that wait; with more, no new ones are sent until some have come through. */
const WAITING_MAX = 500

export interface Waits {
  readonly preconfirmedMs: number[]
  readonly sealedMs: number[]
}

interface Submitted {
  readonly atMs: number
  readonly waits: Waits
  block: bigint | undefined
}

export class Load {
  /** Where the waits of transfers sent from now on are noted. */
  waits: Waits = { preconfirmedMs: [], sealedMs: [] }
  submitted = 0
  sealed = 0
  /** Submissions that failed. */
  readonly refusals = new Map<string, number>()
  readonly #node: NetworkNode
  readonly #waiting = new Map<Hash, Submitted>()
  readonly #timer: NodeJS.Timeout
  readonly #unsubscribe: () => void
  #nonce = 0n
  #isSending = false

  constructor(node: NetworkNode, perSecond: number) {
    this.#node = node
    this.#unsubscribe = node.backend.subscribe((event) => {
      if (event.kind === 'block')
        for (const { hash } of event.block.transactions) this.#included(hash, event.block.header.number)
      if (event.kind === 'revoked')
        for (const { hash } of event.block.transactions) this.#included(hash, undefined)
      if (event.kind === 'committed' && event.state === 'sealed') this.#onSealed(event.number)
    })
    this.#timer = setInterval(() => void this.#send(), 1000 / perSecond)
  }

  get waitingCount(): number {
    return this.#waiting.size
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#unsubscribe()
  }

  async #send(): Promise<void> {
    if (this.#isSending || this.#waiting.size >= WAITING_MAX) return
    // One after the other: a refused one must not leave a gap before the next.
    this.#isSending = true
    const transaction = transfer(this.#nonce)
    const submitted: Submitted = { atMs: performance.now(), waits: this.waits, block: undefined }
    this.#waiting.set(transaction.hash, submitted)
    try {
      await this.#node.backend.submit(transaction.bytes)
      this.submitted += 1
      this.#nonce += 1n
    } catch (error) {
      this.#waiting.delete(transaction.hash)
      const reason = error instanceof Error ? error.message : String(error)
      this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1)
    } finally {
      this.#isSending = false
    }
  }

  #included(hash: Hash, block: bigint | undefined): void {
    const submitted = this.#waiting.get(hash)
    if (submitted === undefined) return
    if (submitted.block === undefined && block !== undefined) {
      submitted.waits.preconfirmedMs.push(performance.now() - submitted.atMs)
    }
    submitted.block = block
  }

  #onSealed(number: bigint): void {
    for (const [hash, { atMs, block, waits }] of this.#waiting) {
      if (block === undefined || block > number) continue
      waits.sealedMs.push(performance.now() - atMs)
      this.sealed += 1
      this.#waiting.delete(hash)
    }
  }
}

/** A quantile of the values; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}
