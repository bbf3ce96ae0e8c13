/**
 * What a hostile client does to the port of a node: each attack is bounded, ends by itself and leaves connections open
 * only as long as it lasts. Attacks look at answers where there must be some, and do not care where there need not.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { WebSocket } from 'ws'
import { checkAnswer } from './rpc-client.ts'

/** The node that is attacked. */
export interface Target {
  readonly url: string
  readonly webSocketUrl: string
  readonly port: number
}

export type Attack = (target: Target) => Promise<void>

const PATIENCE_MS = 20_000
const CONNECTION_COUNT = 150

/** Status and text of the answer to a POST; `undefined` when the connection was cut instead. */
async function post(
  target: Target,
  body: string | Buffer,
): Promise<{ readonly status: number | undefined; readonly text: string } | undefined> {
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof post>>>()
  const options = { method: 'POST', agent: AGENT, headers: { 'content-length': Buffer.byteLength(body) } }
  const sent = request(target.url, options, (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('end', () => resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() }))
    response.on('error', () => resolve(undefined))
  })
  sent.on('error', () => resolve(undefined))
  sent.end(body)
  return promise
}
const AGENT = new Agent({ keepAlive: true, maxSockets: 16 })

/** Every body must be answered with one well-formed error. */
async function expectErrors(target: Target, bodies: readonly string[]): Promise<void> {
  await Promise.all(
    bodies.map(async (body) => {
      const answer = await post(target, body)
      assert.ok(answer !== undefined, `no answer to ${body.slice(0, 80)}`)
      const { error } = checkAnswer(JSON.parse(answer.text))
      assert.ok(error !== undefined, `${body.slice(0, 80)} gave ${answer.text.slice(0, 80)}`)
      assert.notEqual(error.code, -32_603, body.slice(0, 80))
    }),
  )
}

const rpc = (method: string, ...params: readonly unknown[]): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })

/** Resolves when the connection has ended, reset or not. */
function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

async function socketTo({ port }: Target): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Sends bytes on connections of their own, keeps them open until `work` is done, and cuts them. */
async function holding(
  target: Target,
  bytes: readonly (string | Buffer)[],
  work: () => Promise<void>,
): Promise<void> {
  const sockets = await Promise.all(bytes.map(() => socketTo(target)))
  for (const [index, socket] of sockets.entries()) socket.write(bytes[index] as string | Buffer)
  await work()
  for (const socket of sockets) socket.resetAndDestroy()
}

const malformedJson: Attack = (target) => {
  const texts = [
    '',
    ' ',
    '{',
    '[',
    '"',
    'nul',
    '{"jsonrpc":"2.0"',
    '{]',
    '\u0000',
    '{"id":1,}',
    'NaN',
    '1e999',
    '""',
  ]
  const requests = [
    '{}',
    '[]',
    '[[]]'.slice(0, 2),
    'null',
    '7',
    '{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}',
  ]
  const ids = ['{}', '[]', 'true'].map((id) => `{"jsonrpc":"2.0","id":${id},"method":"eth_chainId"}`)
  const all = [...texts, ...requests, ...ids, rpc('__proto__'), rpc('constructor'), rpc('x'.repeat(100_000))]
  return expectErrors(target, Array.from({ length: 20 }, () => all).flat())
}

const deepNesting: Attack = (target) => {
  const depth = 1_000_000
  const nested = ['['.repeat(depth), '{"a":'.repeat(depth), `${'['.repeat(depth)}${']'.repeat(depth)}`]
  const inside = `{"jsonrpc":"2.0","id":1,"method":"eth_call","params":${'['.repeat(80)}${']'.repeat(80)}}`
  return expectErrors(target, [...nested, inside])
}

const hugeNumbers: Attack = (target) => {
  const digits = `0x${'f'.repeat(1_000_000)}`
  const address = `0x${'ab'.repeat(20)}`
  return expectErrors(target, [
    rpc('eth_getBlockByNumber', digits, true),
    rpc('eth_getBalance', digits, 'latest'),
    rpc('eth_getStorageAt', address, digits, 'latest'),
    rpc('eth_call', { to: address, gas: digits }, 'latest'),
    rpc('eth_call', { to: address, data: `${digits}f` }, 'latest'),
    rpc('eth_feeHistory', digits, 'latest', []),
    rpc(
      'eth_feeHistory',
      '0x400',
      'latest',
      Array.from({ length: 100_000 }, (_, i) => i / 1000),
    ),
    rpc('eth_getLogs', { fromBlock: '0x0', toBlock: `0x${'f'.repeat(16)}` }),
    rpc('eth_getLogs', { address: Array.from({ length: 50_000 }, () => address) }),
    rpc('eth_getLogs', { topics: [Array.from({ length: 50_000 }, () => `0x${'ab'.repeat(32)}`)] }),
    rpc('anvil_mine', `0x${'f'.repeat(16)}`),
    rpc('evm_increaseTime', `0x${'f'.repeat(60)}`),
    rpc('eth_simulateV1', { blockStateCalls: Array.from({ length: 100_000 }, () => ({})) }, 'latest'),
    `{"jsonrpc":"2.0","id":1,"method":"eth_feeHistory","params":[1e400,"latest",[]]}`,
    `{"jsonrpc":"2.0","id":1,"method":"eth_feeHistory","params":[${'9'.repeat(100_000)},"latest",[]]}`,
  ])
}

const oversizeBodies: Attack = async (target) => {
  const [large, tooLarge] = await Promise.all([
    post(target, Buffer.alloc(6_000_000, 0x20)),
    post(target, Buffer.alloc(70_000_000, 0x20)),
  ])
  assert.equal(large?.status, 413)
  assert.ok(tooLarge === undefined || tooLarge.status === 413)
  // A body that never ends, in pieces.
  const socket = await socketTo(target)
  const closed = closing(socket)
  socket.resume()
  socket.write('POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n')
  const piece = `${(1_000_000).toString(16)}\r\n${' '.repeat(1_000_000)}\r\n`
  for (let count = 0; count < 80 && !socket.destroyed; count++) {
    if (!socket.write(piece))
      await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed])
  }
  await closed
}

const largeBatches: Attack = async (target) => {
  const batch = (length: number, item: string): string => `[${Array.from({ length }, () => item).join(',')}]`
  await expectErrors(target, [batch(1_001, rpc('eth_chainId')), batch(100_000, '1'), '[]'])
  const full = await post(target, batch(1_000, rpc('eth_chainId')))
  assert.equal((JSON.parse(full?.text ?? '') as unknown[]).length, 1_000)
  // Code that runs until its gas is used up, 8 times.
  const loop = { to: LOOP, gas: '0x1c9c380' }
  const override = { [LOOP]: { code: '0x5b600056' } }
  const loops = await post(target, batch(8, rpc('eth_call', loop, 'latest', override)))
  for (const answer of JSON.parse(loops?.text ?? '') as unknown[]) assert.ok(checkAnswer(answer).error)
}
const LOOP = `0x${'10'.repeat(20)}`

const slowLoris: Attack = async (target) => {
  const starts = [
    'P',
    'POST / HTTP/1.1\r\nhost: localhost\r\n',
    'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n[',
    'GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\n',
  ]
  const bytes = Array.from({ length: CONNECTION_COUNT }, (_, i) => starts[i % starts.length] as string)
  await holding(target, bytes, () => expectErrors(target, ['{']))
}

const notHttp: Attack = async (target) => {
  const bytes = [
    Buffer.from('16030100f8010000f40303', 'hex'),
    Buffer.from('505249202a20485454502f322e300d0a0d0a534d0d0a0d0a', 'hex'),
    Buffer.alloc(100_000, 0xff),
    `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n\r\n`,
    `POST / HTTP/1.1\r\n${'x: y\r\n'.repeat(20_000)}\r\n`,
    'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzzz\r\n',
    'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n',
  ]
  await holding(target, bytes, () => expectErrors(target, ['{']))
}

/** A client that has said all it has to say still gets its answer. */
const halfClosed: Attack = async (target) => {
  const body = rpc('eth_chainId')
  const text = `POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  for (let count = 0; count < 20; count++) {
    const socket = await socketTo(target)
    let answer = ''
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    socket.end(text)
    await closing(socket)
    assert.match(answer, /"result":"0x7a69"/)
  }
}

const UPGRADE =
  'GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n' +
  'sec-websocket-version: 13\r\nsec-websocket-key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n\r\n'

/** Frames that break RFC 6455, each on a connection of its own, which the node has to close. */
const garbageFrames: Attack = async (target) => {
  const frames = [
    'ffffffffffffffffffff',
    // Not masked.
    '8101',
    '810141',
    // Reserved bits and codes.
    'f18100000000',
    '838100000000',
    // A length beyond all limits, twice.
    '81ff7fffffffffffffff00000000',
    '81ffffffffffffffffff00000000',
    // A continuation of nothing, a fragmented ping, a ping that is too long.
    '808100000000ff',
    '098100000000ff',
    '89fe00ff00000000',
    // Text that is not UTF-8, close frames of one byte and with a code that does not exist.
    '818100000000ff',
    '888100000000ff',
    '8882000000000001',
  ]
  for (const hex of frames) {
    const socket = await socketTo(target)
    const closed = closing(socket)
    socket.resume()
    socket.write(Buffer.concat([Buffer.from(UPGRADE), Buffer.from(hex, 'hex'), Buffer.alloc(300, 0x41)]))
    await closed
  }
  // The first fragment of a message that never ends, and handshakes that are none.
  const openings = [Buffer.from('018100000000', 'hex'), Buffer.alloc(0), Buffer.from('01fe', 'hex')]
  const held = openings.map((frame) => Buffer.concat([Buffer.from(UPGRADE), frame]))
  const wrong = [UPGRADE.replace('13', '99'), UPGRADE.replace('MTIz', ''), UPGRADE.replace('GET', 'POST')]
  await holding(target, [...held, ...wrong], () => expectErrors(target, ['{']))
}

/** Far more filters and subscriptions than anyone may have; what is above the limits is refused. */
const filtersAndSubscriptions: Attack = async (target) => {
  const batch = `[${Array.from({ length: 1_000 }, () => rpc('eth_newFilter', {})).join(',')}]`
  let refused = 0
  for (let count = 0; count < 3; count++) {
    const answers = JSON.parse((await post(target, batch))?.text ?? '') as unknown[]
    refused += answers.filter((answer) => checkAnswer(answer).error !== undefined).length
  }
  assert.ok(refused >= 2_000, `${refused} refused`)
  const sockets = await Promise.all(Array.from({ length: 20 }, () => openWebSocket(target)))
  for (const socket of sockets) {
    for (const kind of ['newHeads', 'logs', 'newPendingTransactions', 'transactionReceipts', 'nonsense']) {
      for (let count = 0; count < 60; count++) socket.send(rpc('eth_subscribe', kind))
    }
  }
  await post(target, rpc('anvil_mine', 20))
  await Promise.all(sockets.map((socket) => answered(socket)))
  for (const socket of sockets) socket.terminate()
}

/** Sends much, reads nothing, and goes. */
const deafWebSockets: Attack = async (target) => {
  const sockets = await Promise.all(Array.from({ length: 10 }, () => openWebSocket(target)))
  for (const socket of sockets) {
    socket.pause()
    for (let count = 0; count < 2_000; count++) socket.send(rpc('eth_getBlockByNumber', 'latest', true))
    socket.send('['.repeat(1_000_000))
  }
  await post(target, rpc('anvil_mine', 5))
  for (const socket of sockets) socket.terminate()
}

async function openWebSocket({ webSocketUrl }: Target): Promise<WebSocket> {
  const socket = new WebSocket(webSocketUrl)
  socket.on('error', () => {})
  await once(socket, 'open')
  return socket
}

/** Resolves when the node has answered all that was sent before. */
async function answered(socket: WebSocket): Promise<void> {
  const done = Promise.withResolvers<void>()
  socket.on('message', (data: Buffer) => {
    if (data.toString().includes('"id":"last"')) done.resolve()
  })
  socket.on('close', () => done.reject(new Error('the connection was closed')))
  socket.send('{"jsonrpc":"2.0","id":"last","method":"eth_chainId"}')
  await done.promise
}

export const ATTACKS: Readonly<Record<string, Attack>> = {
  'malformed JSON': malformedJson,
  'deep nesting': deepNesting,
  'huge numbers': hugeNumbers,
  'oversize bodies': oversizeBodies,
  'large batches': largeBatches,
  'connections that dawdle': slowLoris,
  'connections that speak no HTTP': notHttp,
  'half-closed connections': halfClosed,
  'garbage frames': garbageFrames,
  'filters and subscriptions': filtersAndSubscriptions,
  'WebSockets that do not read': deafWebSockets,
}

/** Runs an attack, which must not hang. */
export async function attack(target: Target, run: Attack): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`not over after ${PATIENCE_MS} ms`)), PATIENCE_MS)
  try {
    await Promise.race([run(target), promise])
  } finally {
    clearTimeout(timer)
  }
}
