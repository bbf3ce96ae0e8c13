/** Subscriptions over a real loopback WebSocket: what is told, in which order, and what a bad client can do. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, afterEach, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { systemClock } from '../../src/node/system-clock.ts'
import type { JsonRecord } from '../../src/rpc/format.ts'
import { REQUEST_SIZE_MAX } from '../../src/rpc/http.ts'
import { createRpcServer, type RpcServer } from '../../src/rpc/server.ts'
import { PING_INTERVAL_MS, SEND_BUFFER_MAX } from '../../src/rpc/websocket.ts'
import { SUBSCRIPTIONS_PER_CONNECTION_MAX } from '../../src/rpc/subscriptions.ts'
import { CONTRACT, FakeBackend, logOf, signedTransaction, TOPIC } from '../support/fake-backend.ts'
import { ManualClock } from '../support/manual-clock.ts'

interface Message {
  readonly id?: number
  readonly result?: unknown
  readonly error?: { readonly code: number; readonly message: string }
  readonly params?: { readonly subscription: string; readonly result: unknown }
}

let backend: FakeBackend
let server: RpcServer
const open: WebSocket[] = []

before(async () => {
  backend = new FakeBackend()
  server = await createRpcServer({
    backend,
    clock: systemClock,
    port: 0,
    onInternalError: (error) => assert.fail(String(error)),
  })
})
afterEach(() => {
  for (const socket of open.splice(0)) socket.terminate()
})
after(() => server.close())

class Client {
  readonly socket: WebSocket
  readonly #messages: Message[] = []
  readonly #waiting: ((message: Message) => void)[] = []

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data: Buffer) => {
      // Whatever the server sends is asserted by the tests.
      const message = JSON.parse(data.toString()) as Message
      const waiting = this.#waiting.shift()
      if (waiting === undefined) this.#messages.push(message)
      else waiting(message)
    })
  }

  static async connect(headers: Record<string, string> = {}): Promise<Client> {
    const socket = new WebSocket(server.url.replace('http', 'ws'), { headers })
    open.push(socket)
    await once(socket, 'open')
    return new Client(socket)
  }

  next(): Promise<Message> {
    const message = this.#messages.shift()
    if (message !== undefined) return Promise.resolve(message)
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  /** What the next notification tells, which must be of the subscription. */
  async told(subscription: unknown): Promise<unknown> {
    const { params } = await this.next()
    assert.equal(params?.subscription, subscription)
    return params?.result
  }

  send(method: string, ...params: readonly unknown[]): void {
    this.socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }))
  }

  async ask(method: string, ...params: readonly unknown[]): Promise<unknown> {
    this.send(method, ...params)
    const { error, result } = await this.next()
    assert.equal(error, undefined)
    return result
  }

  async refused(method: string, ...params: readonly unknown[]): Promise<NonNullable<Message['error']>> {
    this.send(method, ...params)
    const { error } = await this.next()
    assert.ok(error !== undefined)
    return error
  }
}

describe('a subscription', () => {
  it('to new heads tells each header', async () => {
    const client = await Client.connect()
    const id = await client.ask('eth_subscribe', 'newHeads')
    const block = backend.addBlock()
    const head = (await client.told(id)) as JsonRecord
    assert.equal(head['hash'], block.hash)
    assert.ok(!('transactions' in head))
  })

  it('to logs tells matching ones, and again as removed when their block is taken back', async () => {
    const client = await Client.connect()
    const id = await client.ask('eth_subscribe', 'logs', { address: CONTRACT, topics: [TOPIC] })
    backend.addBlock([signedTransaction(0n)], [[logOf(CONTRACT), logOf(CONTRACT, TOPIC)]])
    const log = (await client.told(id)) as JsonRecord
    assert.deepEqual([log['logIndex'], log['removed']], ['0x1', false])
    backend.revoke()
    assert.deepEqual(await client.told(id), { ...log, removed: true })
  })

  it('to pending transactions tells hashes, or bodies', async () => {
    const client = await Client.connect()
    const transaction = signedTransaction(7n)
    const hashes = await client.ask('eth_subscribe', 'newPendingTransactions')
    backend.addToPool(transaction)
    assert.equal(await client.told(hashes), transaction.hash)
    assert.equal(await client.ask('eth_unsubscribe', hashes), true)
    const bodies = await client.ask('eth_subscribe', 'newPendingTransactions', true)
    backend.addToPool(transaction)
    assert.equal(((await client.told(bodies)) as JsonRecord)['hash'], transaction.hash)
  })

  it('to receipts tells those of a block, or of the transactions named', async () => {
    const client = await Client.connect()
    const [first, second] = [signedTransaction(8n), signedTransaction(9n)]
    const all = await client.ask('eth_subscribe', 'transactionReceipts')
    const one = await client.ask('eth_subscribe', 'transactionReceipts', { transactionHashes: [second.hash] })
    backend.addBlock([first, second])
    const hashesOf = (told: unknown): unknown[] =>
      (told as JsonRecord[]).map((receipt) => receipt['transactionHash'])
    assert.deepEqual(hashesOf(await client.told(all)), [first.hash, second.hash])
    assert.deepEqual(hashesOf(await client.told(one)), [second.hash])
  })

  it('to syncing tells that there is nothing to catch up with', async () => {
    const client = await Client.connect()
    const id = await client.ask('eth_subscribe', 'syncing')
    assert.equal(await client.told(id), false)
  })

  it('to commit states tells each block at each of them', async () => {
    const client = await Client.connect()
    const id = await client.ask('eth_subscribe', 'aevirNewHeads')
    const [first, second] = [backend.addBlock(), backend.addBlock()]
    backend.commit('final', second.header.number)
    const told: unknown[] = []
    for (let count = 0; count < 2 + Number(second.header.number); count++) {
      const { hash, commitState } = (await client.told(id)) as JsonRecord
      told.push([hash, commitState])
    }
    assert.deepEqual(told.slice(0, 2), [
      [first.hash, 'preconfirmed'],
      [second.hash, 'preconfirmed'],
    ])
    assert.deepEqual(told.slice(-2), [
      [first.hash, 'final'],
      [second.hash, 'final'],
    ])
    backend.commit('sealed', first.header.number)
  })

  it('is silent until its id is known, and forgets nothing in between', async () => {
    const client = await Client.connect()
    const pending = await backend.pendingBlock()
    backend.pendingBlock = () => {
      // An event between the subscription and the answer to the batch that made it.
      backend.addBlock()
      return Promise.resolve(pending)
    }
    client.socket.send(
      JSON.stringify([
        { jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['newHeads'] },
        { jsonrpc: '2.0', id: 2, method: 'eth_getBlockByNumber', params: ['pending', false] },
      ]),
    )
    const answers = (await client.next()) as unknown as Message[]
    assert.equal(answers.length, 2)
    const head = (await client.told(answers[0]?.result)) as JsonRecord
    assert.equal(head['hash'], backend.ledger.headHash())
    backend.pendingBlock = () => Promise.resolve(pending)
  })

  it('ends when asked, by its own connection only', async () => {
    const [client, other] = [await Client.connect(), await Client.connect()]
    const id = await client.ask('eth_subscribe', 'newHeads')
    assert.equal(await other.ask('eth_unsubscribe', id), false)
    assert.equal(await client.ask('eth_unsubscribe', id), true)
    assert.equal(await client.ask('eth_unsubscribe', id), false)
    backend.addBlock()
    // The answer is the next message: no notification came before it.
    assert.equal(await client.ask('eth_chainId'), '0x7a69')
  })

  it('is refused when it is unknown, malformed or one too many', async () => {
    const client = await Client.connect()
    assert.match((await client.refused('eth_subscribe', 'nothing')).message, /expected one of newHeads, logs/)
    assert.equal((await client.refused('eth_subscribe', 'logs', { address: 5 })).code, -32602)
    for (let count = 0; count < SUBSCRIPTIONS_PER_CONNECTION_MAX; count++) {
      await client.ask('eth_subscribe', 'newHeads')
    }
    assert.equal((await client.refused('eth_subscribe', 'newHeads')).code, -32005)
    assert.equal(typeof (await (await Client.connect()).ask('eth_subscribe', 'newHeads')), 'string')
  })

  it('is not to be had over HTTP', async () => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['newHeads'] })
    const { error } = (await (await fetch(server.url, { method: 'POST', body })).json()) as Message
    assert.match(error?.message ?? '', /notifications not supported: .* WebSocket/)
  })
})

describe('a connection', () => {
  it('answers requests as HTTP does, also in binary frames', async () => {
    const client = await Client.connect()
    assert.equal(await client.ask('eth_chainId'), '0x7a69')
    client.socket.send(Buffer.from('{"jsonrpc":"2.0","id":5,"method":"net_version"}'))
    assert.deepEqual(await client.next(), { jsonrpc: '2.0', id: 5, result: '31337' })
    client.socket.send('nonsense')
    assert.equal((await client.next()).error?.code, -32700)
  })

  it('may send many messages at once', async () => {
    const client = await Client.connect()
    const count = 500
    for (let id = 0; id < count; id++) {
      client.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method: 'eth_blockNumber' }))
    }
    const ids = new Set<number | undefined>()
    for (let received = 0; received < count; received++) ids.add((await client.next()).id)
    assert.equal(ids.size, count)
  })

  it('that sends too much at once is closed', async () => {
    const client = await Client.connect()
    client.socket.send(Buffer.alloc(REQUEST_SIZE_MAX + 1))
    const [code] = (await once(client.socket, 'close')) as [number]
    assert.equal(code, 1009)
  })

  it('takes its subscriptions and filters along', async () => {
    const client = await Client.connect()
    const filter = await client.ask('eth_newBlockFilter')
    await client.ask('eth_subscribe', 'newHeads')
    client.socket.close()
    await once(client.socket, 'close')
    const other = await Client.connect()
    assert.match((await other.refused('eth_getFilterChanges', filter)).message, /filter not found/)
    backend.addBlock()
    assert.equal(await other.ask('eth_chainId'), '0x7a69')
  })

  it('that does not read is cut off', async () => {
    const client = await Client.connect()
    await client.ask('eth_subscribe', 'logs')
    client.socket.pause()
    const log = { ...logOf(CONTRACT), data: new Uint8Array(8_000_000) }
    const blockCount = Math.ceil((1.5 * SEND_BUFFER_MAX) / (2 * log.data.length))
    for (let count = 0; count < blockCount; count++) backend.addBlock([signedTransaction(50n)], [[log]])
    client.socket.resume()
    const [code] = (await once(client.socket, 'close')) as [number]
    assert.equal(code, 1006)
    while (blockCount < backend.blocks.length) backend.revoke()
  })

  it('that does not answer pings is cut off', async () => {
    const clock = new ManualClock()
    const other = await createRpcServer({
      backend: new FakeBackend(),
      clock,
      port: 0,
      onInternalError: (error) => assert.fail(String(error)),
    })
    const url = other.url.replace('http', 'ws')
    const [dead, alive] = [new WebSocket(url, { autoPong: false }), new WebSocket(url)]
    await Promise.all([once(dead, 'open'), once(alive, 'open')])
    const pinged = [once(dead, 'ping'), once(alive, 'ping')]
    clock.advance(PING_INTERVAL_MS)
    await Promise.all(pinged)
    // A round trip: the answer to the ping arrived before it.
    alive.send('1')
    await once(alive, 'message')
    const closed = once(dead, 'close')
    clock.advance(PING_INTERVAL_MS)
    assert.equal(((await closed) as [number])[0], 1006)
    assert.equal(alive.readyState, WebSocket.OPEN)
    await other.close()
  })

  it('is refused under a foreign host name', async () => {
    const socket = new WebSocket(server.url.replace('http', 'ws'), { headers: { host: 'evil.example' } })
    const [error] = (await once(socket, 'error')) as [Error]
    assert.match(error.message, /403/)
  })

  it('is told when the node stops', async () => {
    const other = await createRpcServer({
      backend: new FakeBackend(),
      clock: systemClock,
      port: 0,
      onInternalError: (error) => assert.fail(String(error)),
    })
    const socket = new WebSocket(other.url.replace('http', 'ws'))
    await once(socket, 'open')
    const closed = once(socket, 'close')
    await other.close()
    assert.equal(((await closed) as [number])[0], 1001)
  })
})
