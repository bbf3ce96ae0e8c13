/** HTTP around the dispatcher, over real loopback sockets. */
import assert from 'node:assert/strict'
import { Agent, request, type IncomingHttpHeaders, type RequestOptions } from 'node:http'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../src/node/system-clock.ts'
import { REQUEST_SIZE_MAX } from '../../src/rpc/http.ts'
import type { NodeStatus } from '../../src/rpc/node-status.ts'
import {
  createRpcServer,
  RpcServerError,
  type RpcServer,
  type RpcServerOptions,
} from '../../src/rpc/server.ts'
import { FakeBackend } from '../support/fake-backend.ts'

const internalErrors: unknown[] = []

function startServer(options: Partial<RpcServerOptions> = {}): Promise<RpcServer> {
  return createRpcServer({
    backend: new FakeBackend(),
    clock: systemClock,
    port: 0,
    onInternalError: (error) => internalErrors.push(error),
    ...options,
  })
}

interface Reply {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

function send(server: RpcServer, options: RequestOptions, body?: string | Buffer): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(server.url, options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        resolve({
          status: response.statusCode,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
        })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const CHAIN_ID = '{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'
const post = (server: RpcServer, body: string | Buffer, options: RequestOptions = {}): Promise<Reply> =>
  send(server, { method: 'POST', ...options }, body)

describe('HTTP', () => {
  let server: RpcServer
  before(async () => {
    server = await startServer()
  })
  after(() => server.close())

  it('answers requests, whatever their content type', async () => {
    for (const type of ['application/json', 'text/plain', undefined]) {
      const headers = type === undefined ? {} : { 'content-type': type }
      const { headers: answered, status, text } = await post(server, CHAIN_ID, { headers })
      assert.equal(status, 200)
      assert.equal(answered['content-type'], 'application/json')
      assert.deepEqual(JSON.parse(text), { jsonrpc: '2.0', id: 1, result: '0x7a69' })
    }
  })

  it('answers errors with status 200, notifications with none', async () => {
    assert.equal((await post(server, 'nonsense')).status, 200)
    const notified = await post(server, '{"jsonrpc":"2.0","method":"eth_chainId"}')
    assert.deepEqual([notified.status, notified.text], [204, ''])
  })

  it('takes bytes that are no text', async () => {
    const { text } = await post(server, Buffer.from([0xff, 0xfe, 0x00, 0x80]))
    assert.equal((JSON.parse(text) as { error: { code: number } }).error.code, -32700)
  })

  it('refuses a request that is too large, and goes on with the same connection', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const refused = await post(server, Buffer.alloc(REQUEST_SIZE_MAX + 1, 0x20), { agent })
    assert.equal(refused.status, 413)
    assert.match(refused.text, /"code":-32600,"message":"request too large: 5000001 bytes/)
    assert.equal((await post(server, CHAIN_ID, { agent })).status, 200)
    agent.destroy()
  })

  it('takes a request that is just small enough', async () => {
    const padded = Buffer.alloc(REQUEST_SIZE_MAX, 0x20)
    padded.write(CHAIN_ID)
    assert.equal((await post(server, padded)).status, 200)
  })

  it('has a page for browsers and probes', async () => {
    const page = await send(server, { method: 'GET' })
    assert.equal(page.status, 200)
    assert.match(page.headers['content-type'] ?? '', /text\/html/)
    assert.match(page.text, /Aevir VM/)
    assert.match(page.text, /31337/)
    assert.equal((await send(server, { method: 'GET', path: '/livez' })).text, 'ok\n')
    assert.equal((await send(server, { method: 'GET', path: '/readyz' })).status, 200)
    assert.equal((await send(server, { method: 'GET', path: '/nothing' })).status, 404)
    assert.equal((await send(server, { method: 'PUT' })).status, 405)
  })

  it('answers only to names of the loopback interface', async () => {
    const status = async (host: string): Promise<number | undefined> =>
      (await post(server, CHAIN_ID, { headers: { host } })).status
    for (const host of ['localhost', 'localhost:8545', '127.0.0.1', '[::1]:8545', 'LOCALHOST']) {
      assert.equal(await status(host), 200, host)
    }
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:80']) {
      assert.equal(await status(host), 403, host)
    }
  })

  it('lets pages call a development node', async () => {
    const headers = { origin: 'http://localhost:3000' }
    const preflight = await send(server, { method: 'OPTIONS', headers })
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers['access-control-allow-origin'], '*')
    assert.match(preflight.headers['access-control-allow-headers'] ?? '', /content-type/)
    assert.equal((await post(server, CHAIN_ID, { headers })).headers['access-control-allow-origin'], '*')
  })

  it('survives clients that go away', async () => {
    for (const text of [
      'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{',
      'garbage\r\n\r\n',
      `POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${CHAIN_ID.length}\r\n\r\n${CHAIN_ID}`,
    ]) {
      await new Promise<void>((resolve) => {
        const socket = connect(server.port, '127.0.0.1', () => {
          socket.write(text, () => {
            socket.resetAndDestroy()
          })
        })
        socket.on('error', () => {})
        socket.on('close', () => {
          resolve()
        })
      })
    }
    assert.equal((await post(server, CHAIN_ID)).status, 200)
    assert.deepEqual(internalErrors, [])
  })
})

describe('a server', () => {
  it('of a network node is closed to pages that it does not know', async () => {
    const backend = new FakeBackend({ isDevelopment: false })
    const server = await startServer({ backend, corsOrigins: ['https://wallet.example'] })
    const ask = (origin: string): Promise<Reply> => post(server, CHAIN_ID, { headers: { origin } })
    const known = await ask('https://wallet.example')
    assert.deepEqual(
      [known.status, known.headers['access-control-allow-origin']],
      [200, 'https://wallet.example'],
    )
    assert.equal((await ask('https://evil.example')).status, 403)
    await server.close()
  })

  it('that catches up says so', async () => {
    const status: NodeStatus = {
      readiness: () => ({ isReady: false, reason: 'catching up' }),
      metrics: () => Promise.resolve(''),
      onAnswered: () => {},
    }
    const server = await startServer({ status })
    const ready = await send(server, { method: 'GET', path: '/readyz' })
    assert.deepEqual([ready.status, ready.text], [503, 'not ready: catching up\n'])
    assert.equal((await send(server, { method: 'GET', path: '/livez' })).status, 200)
    await server.close()
  })

  it('tells its metrics as the node gives them, and which methods were answered', async () => {
    const answered: (string | undefined)[] = []
    const status: NodeStatus = {
      readiness: () => ({ isReady: true }),
      metrics: () => (answered.length < 3 ? Promise.resolve('aevir 1\n') : Promise.reject(new Error('bug'))),
      onAnswered: (method, durationMs) => {
        assert.ok(durationMs >= 0)
        answered.push(method)
      },
    }
    const reported: unknown[] = []
    const server = await startServer({ status, onInternalError: (error) => reported.push(error) })
    const metrics = await send(server, { method: 'GET', path: '/metrics' })
    assert.deepEqual([metrics.status, metrics.text], [200, 'aevir 1\n'])
    assert.match(metrics.headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/)
    for (const method of ['eth_chainId', 'eth_made_up', 'eth_blockNumber']) {
      await post(server, JSON.stringify({ jsonrpc: '2.0', id: 1, method }))
    }
    assert.deepEqual(answered, ['eth_chainId', undefined, 'eth_blockNumber'])
    assert.equal((await send(server, { method: 'GET', path: '/metrics' })).status, 500)
    assert.equal(reported.length, 1)
    await server.close()
  })

  it('without metrics has no page of them', async () => {
    const server = await startServer()
    assert.equal((await send(server, { method: 'GET', path: '/metrics' })).status, 404)
    await server.close()
  })

  it('says what to do when its port is taken', async () => {
    const server = await startServer()
    await assert.rejects(startServer({ port: server.port }), (error) => {
      assert.ok(error instanceof RpcServerError)
      assert.match(error.message, new RegExp(`port ${server.port} of 127.0.0.1: it is in use .* --port`))
      return true
    })
    await server.close()
    await (await startServer({ port: server.port })).close()
  })

  it('says what to do when there is no such interface', async () => {
    await assert.rejects(startServer({ host: '192.0.2.1' }), /no such address; choose 127\.0\.0\.1/)
  })

  it('listens on the loopback interface unless told otherwise, and stops listening to the node with its end', async () => {
    const backend = new FakeBackend()
    const server = await startServer({ backend })
    assert.equal(server.url, `http://127.0.0.1:${server.port}`)
    assert.equal(backend.listeners.size, 1)
    await server.close()
    assert.equal(backend.listeners.size, 0)
    await assert.rejects(post(server, CHAIN_ID), /ECONNREFUSED/)
  })
})
