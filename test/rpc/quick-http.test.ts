/** The short way through HTTP, over real loopback sockets: what it answers, and what it leaves to Node's server. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { createQuickHttp, type QuickHttp } from '../../src/rpc/quick-http.ts'

let server: Server
let quickHttp: QuickHttp
let port: number
/** Texts of requests in the order they came to be answered. */
let asked: string[]
let answerOf: (text: string) => Promise<string | undefined>
let handedOver: Socket[]

beforeEach(async () => {
  asked = []
  handedOver = []
  answerOf = (text) => Promise.resolve(`<${text}>`)
  quickHttp = createQuickHttp({
    handle: (text) => {
      asked.push(text)
      return answerOf(text)
    },
    admit: ({ host, origin }) => (host === 'evil' ? undefined : { 'x-origin': origin ?? 'none' }),
    keepAliveTimeoutMs: 75_000,
    idleTimeoutMs: 120_000,
    handOver: (socket) => {
      handedOver.push(socket)
      socket.on('data', (chunk: Buffer) => socket.end(`LEFT ${chunk.toString()}`))
    },
  })
  server = createServer({ allowHalfOpen: true }, (socket) => quickHttp.accept(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})

afterEach(async () => {
  quickHttp.terminate()
  for (const socket of handedOver) socket.destroy()
  server.close()
  await once(server, 'close')
})

function post(body: string, headers = '', host = 'localhost'): string {
  return `POST / HTTP/1.1\r\nHost: ${host}\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/** A connection that collects what it receives. */
class Client {
  readonly socket: Socket
  private received = ''
  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('utf8').on('data', (text: string) => (this.received += text))
  }

  static async open(): Promise<Client> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    await once(socket, 'connect')
    return new Client(socket)
  }

  /** What was received up to and including `text`, which is waited for. */
  async until(text: string): Promise<string> {
    while (!this.received.includes(text)) await once(this.socket, 'data')
    const end = this.received.indexOf(text) + text.length
    const taken = this.received.slice(0, end)
    this.received = this.received.slice(end)
    return taken
  }

  /** All that is received until the other side ends. */
  async untilEnd(): Promise<string> {
    if (!this.socket.readableEnded) await once(this.socket, 'end')
    return this.received
  }
}

describe('the short way', () => {
  it('answers requests of one connection one after the other', async () => {
    const client = await Client.open()
    for (const body of ['first', 'second', 'much longer than those']) {
      client.socket.write(post(body))
      const answer = await client.until(`<${body}>`)
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\nx-origin: none\r\ncontent-type: application\/json\r\n/)
      assert.match(answer, new RegExp(`\\r\\ncontent-length: ${body.length + 2}\\r\\n`))
      assert.match(
        answer,
        /\r\nDate: .* GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=75\r\n\r\n<.*>$/,
      )
    }
  })

  it('counts bytes, not characters', async () => {
    const client = await Client.open()
    client.socket.write(post('ünï…😀'))
    const answer = await client.until('>')
    assert.match(answer, /\r\ncontent-length: 14\r\n/)
    assert.ok(answer.endsWith('\r\n\r\n<ünï…😀>'))
    assert.deepEqual(asked, ['ünï…😀'])
  })

  it('has no body for a notification', async () => {
    answerOf = () => Promise.resolve(undefined)
    const client = await Client.open()
    client.socket.write(post('note', 'Origin: http://page\r\n'))
    const answer = await client.until('\r\n\r\n')
    assert.match(answer, /^HTTP\/1\.1 204 No Content\r\nx-origin: http:\/\/page\r\nDate/)
    assert.doesNotMatch(answer, /content-length/)
  })

  it('keeps the order of requests that do not wait for answers', async () => {
    const gates: (() => void)[] = []
    answerOf = (text) => new Promise((resolve) => gates.push(() => resolve(`<${text}>`)))
    const client = await Client.open()
    client.socket.write(`${post('1')}${post('2')}${post('3')}`)
    for (const body of ['1', '2', '3']) {
      while (gates.length === 0) await new Promise(setImmediate)
      assert.equal(asked.at(-1), body)
      gates.shift()?.()
      await client.until(`<${body}>`)
    }
  })

  it('takes requests that arrive while it is busy', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<undefined>()
    answerOf = async (text) => {
      await gate
      return `<${text}>`
    }
    const client = await Client.open()
    client.socket.write(post('early'))
    while (asked.length === 0) await new Promise(setImmediate)
    await new Promise((written) => client.socket.write(post('late'), written))
    open(undefined)
    await client.until('<early>')
    await client.until('<late>')
    client.socket.write(post('later'))
    await client.until('<later>')
  })

  it('answers who has already said goodbye', async () => {
    const client = await Client.open()
    client.socket.end(`${post('a')}${post('b')}`)
    assert.match(await client.untilEnd(), /<a>HTTP[^]*<b>$/)
  })

  it('ends connections when it closes, after the answer that is due', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<string>()
    answerOf = () => gate
    const [idle, busy] = [await Client.open(), await Client.open()]
    busy.socket.write(post('request'))
    while (asked.length === 0) await new Promise(setImmediate)
    quickHttp.close()
    assert.equal(await idle.untilEnd(), '')
    open('<answer>')
    assert.match(await busy.untilEnd(), /\r\nConnection: close\r\n\r\n<answer>$/)
    for (const { socket } of [idle, busy]) socket.end()
  })
})

describe('what is left to the other server, from the first byte of the request', () => {
  const refused: Readonly<Record<string, string>> = {
    'another method': 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n',
    'another path': post('x').replace('POST /', 'POST /x'),
    'another version': post('x').replace('HTTP/1.1', 'HTTP/1.0'),
    'half a head': 'POST / HT',
    'half a body': post('xyz').slice(0, -1),
    'a head too large': post('x', `x-large: ${'x'.repeat(8_192)}\r\n`),
    'no host': post('x').replace(/Host: .*\r\n/, ''),
    'two hosts': post('x', 'Host: other\r\n'),
    'two origins': post('x', 'Origin: a\r\nOrigin: b\r\n'),
    'a host that may not call': post('x', '', 'evil'),
    'no length': 'POST / HTTP/1.1\r\nhost: localhost\r\n\r\n',
    'two lengths': post('x', 'content-length: 1\r\n'),
    'a length with a sign': post('x').replace('Length: 1', 'Length: +1'),
    'a list of lengths': post('x').replace('Length: 1', 'Length: 1, 1'),
    'a length in hex': post('x').replace('Length: 1', 'Length: 0x1'),
    chunks: post('x', 'Transfer-Encoding: chunked\r\n'),
    'a connection that is to end': post('x', 'Connection: close\r\n'),
    'an upgrade': post('x', 'Connection: upgrade\r\nUpgrade: websocket\r\n'),
    'a client that wants to hear 100 first': post('x', 'Expect: 100-continue\r\n'),
    'a line that goes on in the next': post('x', 'x-folded: a\r\n b\r\n'),
    'a space before the colon': post('x', 'Transfer-Encoding : chunked\r\n'),
    'a line feed alone': post('x', 'x-a: b\nTransfer-Encoding: chunked\r\n'),
    'a carriage return alone': post('x', 'x-a: b\rTransfer-Encoding: chunked\r\n'),
    'a zero byte': post('x', 'x-a: \0\r\n'),
    'an empty line first': `\r\n${post('x')}`,
  }
  for (const [what, text] of Object.entries(refused)) {
    it(what, async () => {
      const client = await Client.open()
      // A request before it that is fine: connections change hands in the middle.
      client.socket.write(post('before'))
      await client.until('<before>')
      client.socket.write(text)
      assert.equal(await client.until(text), `LEFT ${text}`)
      assert.deepEqual(asked, ['before'])
      client.socket.destroy()
    })
  }
})
