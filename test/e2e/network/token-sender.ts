/**
 * An account that sends through one node at a time and counts its own nonces. When the node is gone, or refuses, it goes
 * on with the nonce that a node tells; while no node answers, what is due is counted as not sent.
 */
import { LoadAccount, type Call } from '../../../benchmarks/load-accounts.ts'
import { RpcConnection } from '../../../benchmarks/rpc-connection.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import { isGone, type NodeHandle } from './node-handle.ts'

/** Transactions that may wait for the answer to the one before them. */
const BACKLOG_MAX = 100

export interface Sent {
  readonly hash: Hash
  /** When it was due, of `performance.now()`. */
  readonly dueMs: number
  /** Name of the node that it is sent to. */
  readonly node: string
}

export interface TokenSenderOptions {
  readonly nodes: readonly NodeHandle[]
  /** The node to begin with. */
  readonly first: number
  readonly key: Uint8Array
  callOf(number: number): Call
  /** About to leave. */
  onSent(sent: Sent): void
  /** @param hash of what was sent and refused; `undefined` for what never left. */
  onError(reason: string, hash?: Hash): void
}

export class TokenSender {
  readonly #options: TokenSenderOptions
  #account: LoadAccount
  #turn: number
  #connection: RpcConnection | undefined
  #backlog = 0
  #tail: Promise<void> = Promise.resolve()

  constructor(options: TokenSenderOptions) {
    this.#options = options
    this.#turn = options.first
    this.#account = new LoadAccount(options.key)
  }

  /** Finds a node that answers. False when there is none. */
  async connect(): Promise<boolean> {
    const { nodes, key } = this.#options
    for (let attempt = 0; attempt < nodes.length; attempt++) {
      try {
        this.#connection ??= await RpcConnection.open(this.#node.rpcPort)
        const params = [this.#account.address, 'pending']
        const nonce = await this.#connection.call<string>('eth_getTransactionCount', params)
        this.#account = new LoadAccount(key, BigInt(nonce))
        return true
      } catch (error) {
        if (!isGone(error)) throw error
        this.close()
        this.#turn += 1
      }
    }
    return false
  }

  send(number: number, dueMs: number): void {
    if (this.#backlog >= BACKLOG_MAX) {
      this.#options.onError('the answers before it are late')
      return
    }
    this.#backlog += 1
    const before = this.#tail
    this.#tail = (async () => {
      await before
      await this.#send(number, dueMs)
      this.#backlog -= 1
    })()
  }

  drained(): Promise<void> {
    return this.#tail
  }

  close(): void {
    this.#connection?.close()
    this.#connection = undefined
  }

  get #node(): NodeHandle {
    const { nodes } = this.#options
    // Not empty: there is an account for each turn.
    return nodes[this.#turn % nodes.length] as NodeHandle
  }

  async #send(number: number, dueMs: number): Promise<void> {
    const { callOf, onError, onSent } = this.#options
    if (this.#connection === undefined && !(await this.connect())) {
      onError('no node answers')
      return
    }
    const { raw, hash } = this.#account.sign(callOf(number))
    onSent({ hash, dueMs, node: this.#node.name })
    try {
      await this.#connection?.call('eth_sendRawTransaction', [raw])
    } catch (error) {
      onError(
        error instanceof Error ? error.message.replaceAll(/0x[0-9a-f]+|\d+/g, '…') : String(error),
        hash,
      )
      if (isGone(error)) this.close()
      else await this.connect()
    }
  }
}
