/**
 * What a node tells those who subscribed to `aevirNewHeads`: each block at each commit state, with the time at which it
 * was heard, and every promise that was not kept. A block's state only goes up; a pre-confirmation may be taken back, what
 * is final or sealed may not.
 */
import { WebSocket } from 'ws'
import type { RpcConnection } from '../../../benchmarks/rpc-connection.ts'
import type { NodeHandle } from './node-handle.ts'

export type HeadState = 'preconfirmed' | 'final' | 'sealed' | 'revoked'

export interface Head {
  readonly node: string
  readonly state: HeadState
  readonly number: number
  readonly hash: string
  readonly gasUsed: number
  /** Of `performance.now()`. */
  readonly heardMs: number
}

const RANKS: Readonly<Record<HeadState, number>> = { revoked: 0, preconfirmed: 1, final: 2, sealed: 3 }

interface Notification {
  readonly method?: string
  readonly params?: {
    readonly result: {
      readonly number: string
      readonly hash: string
      readonly gasUsed: string
      readonly commitState: HeadState
    }
  }
}

export class BlockWatch {
  readonly #node: NodeHandle
  readonly #onHead: (head: Head) => void
  /** What this node said last about a number; kept when the node is started again. */
  readonly #latest = new Map<number, Head>()
  /** Promises that this node broke, for people. */
  readonly violations: string[] = []
  #socket: WebSocket | undefined

  constructor(node: NodeHandle, onHead: (head: Head) => void) {
    this.#node = node
    this.#onHead = onHead
  }

  /** Resolves when the node has confirmed the subscription. Again after the node was started again. */
  async open(): Promise<void> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.#node.rpcPort}`)
    this.#socket = socket
    // 'close' follows, and the node may be killed at any time.
    socket.on('error', () => undefined)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    socket.on('close', () => reject(new Error(`${this.#node.name} closed the connection`)))
    socket.on('open', () => {
      const params = ['aevirNewHeads']
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params }))
    })
    socket.on('message', (data: Buffer) => {
      const heardMs = performance.now()
      const message = JSON.parse(data.toString()) as Notification
      if (message.params === undefined) resolve()
      else this.#hear(message.params.result, heardMs)
    })
    await promise
  }

  close(): void {
    this.#socket?.terminate()
  }

  /** The node lost its disk: it will tell everything again. */
  forget(): void {
    this.#latest.clear()
  }

  #hear(result: NonNullable<Notification['params']>['result'], heardMs: number): void {
    const { commitState: state, hash } = result
    const head: Head = {
      node: this.#node.name,
      state,
      number: Number(result.number),
      hash,
      gasUsed: Number(result.gasUsed),
      heardMs,
    }
    this.#judge(head)
    this.#onHead(head)
  }

  #judge(head: Head): void {
    const before = this.#latest.get(head.number)
    this.#latest.set(head.number, head)
    if (before === undefined || RANKS[before.state] < RANKS.final) return
    const isKept = head.hash === before.hash && RANKS[head.state] >= RANKS[before.state]
    // A node that was killed tells of a block again when what it said last had not reached its disk.
    if (!isKept) {
      this.violations.push(
        `${head.node}: block ${head.number} was ${before.state} as ${before.hash}, then ${head.state} as ${head.hash}`,
      )
    }
  }
}

/** Hashes of the transactions of a block, asked for by its hash; nothing when it was taken back meanwhile. */
export async function transactionsOf(connection: RpcConnection, hash: string): Promise<readonly string[]> {
  const block = await connection.call<{ transactions: string[] } | null>('eth_getBlockByHash', [hash, false])
  return block?.transactions ?? []
}
