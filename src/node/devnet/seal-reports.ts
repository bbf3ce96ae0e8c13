/**
 * What a user of a development network watches: a report for each seal, with how far the chain is, how long users waited
 * and how much was done. Made from the events of one node, by that node's clock.
 */
import type { Hash } from '../../primitives/bytes.ts'
import type { NodeEvent } from '../../rpc/backend.ts'

export interface SealReport {
  /** The blocks of the seal, or of several that came at once. */
  readonly first: bigint
  readonly last: bigint
  /** Numbers of the newest block and of the newest final one. */
  readonly head: bigint
  readonly final: bigint
  /** In the sealed blocks. */
  readonly transactions: number
  /** Median over their transactions: from when this node heard of one to its block; `undefined` for none. */
  readonly preconfirmMs: number | undefined
  /** Median over the blocks: from when this node had one to its seal. */
  readonly sealMs: number
  /** Sealed since the report before this one. */
  readonly transactionsPerSecond: number
}

/** Transactions that wait for a block; more are not measured. */
const WAITING_MAX = 65_536
/** Blocks that wait for a seal; the window of the protocol is far smaller. */
const BLOCKS_MAX = 4_096

interface UnsealedBlock {
  readonly atMs: number
  readonly transactions: number
  /** How long each of them waited. */
  readonly waitedMs: readonly number[]
}

export class SealReports {
  readonly #nowMs: () => number
  readonly #onReport: (report: SealReport) => void
  readonly #heardMs = new Map<Hash, number>()
  readonly #blocks = new Map<bigint, UnsealedBlock>()
  #head = 0n
  #final = 0n
  #sealed = 0n
  #reportedMs: number

  constructor(nowMs: () => number, onReport: (report: SealReport) => void) {
    this.#nowMs = nowMs
    this.#onReport = onReport
    this.#reportedMs = nowMs()
  }

  onEvent(event: NodeEvent): void {
    switch (event.kind) {
      case 'transaction':
        if (this.#heardMs.size < WAITING_MAX) this.#heardMs.set(event.pooled.transaction.hash, this.#nowMs())
        break
      case 'block':
        this.#add(event)
        break
      case 'revoked':
        this.#blocks.delete(event.block.header.number)
        this.#head = event.block.header.number - 1n
        break
      case 'committed':
        if (event.state === 'final') this.#final = event.number
        if (event.state === 'sealed') this.#seal(event.number)
        break
    }
  }

  #add({ block: { header, transactions } }: NodeEvent & { readonly kind: 'block' }): void {
    const atMs = this.#nowMs()
    this.#head = header.number
    const waitedMs = transactions.flatMap(({ hash }) => {
      const heardMs = this.#heardMs.get(hash)
      this.#heardMs.delete(hash)
      return heardMs === undefined ? [] : [atMs - heardMs]
    })
    this.#blocks.set(header.number, { atMs, transactions: transactions.length, waitedMs })
    const [oldest] = this.#blocks.keys()
    if (this.#blocks.size > BLOCKS_MAX && oldest !== undefined) this.#blocks.delete(oldest)
  }

  #seal(last: bigint): void {
    const nowMs = this.#nowMs()
    const sealed = [...this.#blocks].filter(([number]) => number <= last)
    for (const [number] of sealed) this.#blocks.delete(number)
    const [oldest] = sealed
    // Told again after a restart, or of blocks that were there before it.
    if (last <= this.#sealed || oldest === undefined) return
    const blocks = sealed.map(([, block]) => block)
    const transactions = blocks.reduce((sum, block) => sum + block.transactions, 0)
    const seconds = Math.max(1, nowMs - this.#reportedMs) / 1000
    this.#sealed = last
    this.#reportedMs = nowMs
    this.#onReport({
      first: oldest[0],
      last,
      head: this.#head,
      final: this.#final,
      transactions,
      preconfirmMs: median(blocks.flatMap(({ waitedMs }) => waitedMs)),
      sealMs: median(blocks.map(({ atMs }) => nowMs - atMs)) ?? 0,
      transactionsPerSecond: transactions / seconds,
    })
  }
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}
