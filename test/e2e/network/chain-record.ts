/**
 * All that the nodes of a network have promised to those who listened: which blocks they pre-confirmed and sealed, when,
 * and which transactions stand in them. Latencies and the final judgement come from here.
 */
import { assert } from '../../../src/primitives/assert.ts'
import { RpcConnection } from '../../../benchmarks/rpc-connection.ts'
import { BlockWatch, transactionsOf, type Head } from './block-watch.ts'
import type { Sent } from './token-sender.ts'
import { isGone, type NodeHandle } from './node-handle.ts'

/** A transaction as its client saw it; times of `performance.now()`. */
export interface Fate {
  readonly dueMs: number
  /** Node that it was sent to. */
  readonly node: string
  /** Heard from that node. */
  preconfirmedMs: number | undefined
  sealedMs: number | undefined
}

export interface SealedBlock {
  readonly number: number
  readonly hash: string
  /** Who said so first, and when. */
  readonly node: string
  readonly heardMs: number
}

export interface BlockContent {
  readonly number: number
  readonly hash: string
  readonly transactions: readonly string[]
}

export class ChainRecord {
  readonly fates = new Map<string, Fate>()
  /** By number: the first report of each. */
  readonly sealed = new Map<number, SealedBlock>()
  /** By hash; of blocks that a node has pre-confirmed which transactions are sent to. */
  readonly contents = new Map<string, BlockContent>()
  /** Pre-confirmed blocks that were taken back: reports, one of each node. */
  revocations = 0
  readonly #violations: string[] = []
  readonly #watches = new Map<string, BlockWatch>()
  readonly #readers = new Map<string, Reader>()

  /** Listens to a node. @param isRead whether its blocks are asked for. */
  async watch(node: NodeHandle, isRead: boolean): Promise<void> {
    let watch = this.#watches.get(node.name)
    if (watch === undefined) {
      watch = new BlockWatch(node, (head) => this.#onHead(head))
      this.#watches.set(node.name, watch)
    }
    watch.close()
    this.#readers.get(node.name)?.close()
    if (isRead) this.#readers.set(node.name, new Reader(await RpcConnection.open(node.rpcPort)))
    await watch.open()
  }

  /** A node lost its disk. */
  forget(node: NodeHandle): void {
    this.#watches.get(node.name)?.forget()
  }

  /** The longest time without a newly sealed block between two moments, of `performance.now()`. */
  longestSilence(fromMs: number, toMs: number): number {
    const times = [...this.sealed.values()].map(({ heardMs }) => heardMs)
    const within = [fromMs, ...times.filter((ms) => ms > fromMs && ms < toMs).toSorted((a, b) => a - b), toMs]
    return Math.max(...within.map((ms, index) => ms - (within[index - 1] ?? ms)))
  }

  sent({ hash, dueMs, node }: Sent): void {
    this.fates.set(hash, { dueMs, node, preconfirmedMs: undefined, sealedMs: undefined })
  }

  refused(hash: string): void {
    this.fates.delete(hash)
  }

  /** Promises that were broken, for people. */
  violations(): readonly string[] {
    return [...this.#violations, ...[...this.#watches.values()].flatMap((watch) => watch.violations)]
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.close()
    for (const reader of this.#readers.values()) reader.close()
  }

  #onHead(head: Head): void {
    switch (head.state) {
      case 'revoked':
        this.revocations += 1
        break
      case 'preconfirmed':
        this.#readers.get(head.node)?.read(head, (content) => this.#onContent(head, content))
        break
      case 'final':
        break
      case 'sealed':
        this.#onSealed(head)
        break
    }
  }

  #onContent(head: Head, content: BlockContent): void {
    this.contents.set(content.hash, content)
    for (const hash of content.transactions) {
      const fate = this.fates.get(hash)
      if (fate?.node === head.node) fate.preconfirmedMs ??= head.heardMs
    }
  }

  #onSealed(head: Head): void {
    const first = this.sealed.get(head.number)
    if (first === undefined) this.sealed.set(head.number, head)
    else if (first.hash !== head.hash) {
      this.#violations.push(
        `block ${head.number} is sealed as ${first.hash} at ${first.node} and as ${head.hash} at ${head.node}`,
      )
    }
    // Its content was asked for when it was pre-confirmed.
    const reader = this.#readers.get(head.node)
    reader?.after(() => {
      for (const hash of this.contents.get(head.hash)?.transactions ?? []) {
        const fate = this.fates.get(hash)
        if (fate?.node === head.node) fate.sealedMs ??= head.heardMs
      }
    })
  }

  /** Resolves when all that was asked for is here. */
  async settled(): Promise<void> {
    await Promise.all([...this.#readers.values()].map((reader) => reader.drained()))
  }
}

/** Asks one node for blocks, one after the other. */
class Reader {
  readonly #connection: RpcConnection
  #tail: Promise<void> = Promise.resolve()

  constructor(connection: RpcConnection) {
    this.#connection = connection
  }

  read({ number, hash, gasUsed }: Head, onContent: (content: BlockContent) => void): void {
    this.#enqueue(async () => {
      const transactions = gasUsed === 0 ? [] : await transactionsOf(this.#connection, hash)
      onContent({ number, hash, transactions })
    })
  }

  after(work: () => void): void {
    this.#enqueue(async () => work())
  }

  drained(): Promise<void> {
    return this.#tail
  }

  close(): void {
    this.#connection.close()
  }

  #enqueue(work: () => Promise<void>): void {
    const before = this.#tail
    this.#tail = (async () => {
      await before
      try {
        await work()
      } catch (error) {
        assert(isGone(error), 'only a node that is gone does not answer')
      }
    })()
  }
}
