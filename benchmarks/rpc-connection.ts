/**
 * A JSON-RPC client that costs little: one keep-alive socket, one request at a time, no parser but for the header that
 * tells the length. What a benchmark measures should be the node, not an HTTP library.
 */
import { connect, type Socket } from 'node:net'
import { assert } from '../src/primitives/assert.ts'
import { AevirError } from '../src/primitives/errors.ts'

const HEADER_END = '\r\n\r\n'
const CONTENT_LENGTH = /^content-length: (\d+)/im
/** anvil sends its answers in chunks when they are long. */
const IS_CHUNKED = /^transfer-encoding: chunked/im

interface Waiting {
  readonly resolve: (body: string) => void
  readonly reject: (error: Error) => void
}

export class RpcConnection {
  private readonly socket: Socket
  private readonly host: string
  private received: Buffer = Buffer.alloc(0)
  private waiting: Waiting | undefined
  private id = 0

  private constructor(socket: Socket, port: number) {
    this.socket = socket
    this.host = `127.0.0.1:${port}`
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.onData(chunk))
    // 'close' follows.
    socket.on('error', () => undefined)
    socket.on('close', () => this.onClose())
  }

  /** @throws Error of the system when nothing listens there. */
  static open(port: number): Promise<RpcConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new RpcConnection(socket, port))
      })
    })
  }

  /** The result of one request. @throws RpcRefusal | NodeGoneError */
  async call<T = unknown>(method: string, params: readonly unknown[] = []): Promise<T> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++this.id, method, params })
    const answer = JSON.parse(await this.post(body)) as {
      readonly result?: T
      readonly error?: { readonly message: string }
    }
    if (answer.error !== undefined) throw new RpcRefusal(method, answer.error.message)
    // A benchmark knows what it asks for; a wrong shape fails where it is used.
    return answer.result as T
  }

  /** A request as bytes, made before time is taken. */
  prepare(method: string, params: readonly unknown[] = []): Uint8Array {
    return Buffer.from(this.requestText(JSON.stringify({ jsonrpc: '2.0', id: ++this.id, method, params })))
  }

  /** Sends a prepared request. What it is answered is looked at no further than that it is no error. @throws as call */
  async send(request: Uint8Array): Promise<void> {
    const answer = await this.exchange(request)
    if (answer.includes('"error":')) throw new RpcRefusal('prepared request', answer)
  }

  close(): void {
    this.socket.destroy()
  }

  private post(body: string): Promise<string> {
    return this.exchange(this.requestText(body))
  }

  private requestText(body: string): string {
    return (
      `POST / HTTP/1.1\r\nhost: ${this.host}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
    )
  }

  private exchange(request: string | Uint8Array): Promise<string> {
    assert(this.waiting === undefined, 'one request at a time')
    if (this.socket.closed) return Promise.reject(new NodeGoneError())
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
      this.socket.write(request)
    })
  }

  private onData(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk])
    const body = completeBody(this.received)
    if (body === undefined) return
    this.received = Buffer.alloc(0)
    const { waiting } = this
    this.waiting = undefined
    waiting?.resolve(body)
  }

  private onClose(): void {
    const { waiting } = this
    this.waiting = undefined
    waiting?.reject(new NodeGoneError())
  }
}

/** The connection was closed from the other side. */
export class NodeGoneError extends AevirError {
  override readonly code = 'NODE_GONE'
  constructor() {
    super('the node closed the connection')
  }
}

/** The node answered with an error. */
export class RpcRefusal extends AevirError {
  override readonly code = 'RPC_REFUSAL'
  constructor(method: string, message: string) {
    super(`${method}: ${message}`)
  }
}

/** The body of a response, or `undefined` while a part of it is missing. */
function completeBody(received: Buffer): string | undefined {
  const end = received.indexOf(HEADER_END)
  if (end < 0) return undefined
  const head = received.toString('latin1', 0, end)
  const body = received.subarray(end + HEADER_END.length)
  const length = CONTENT_LENGTH.exec(head)?.[1]
  if (length !== undefined) return body.length < Number(length) ? undefined : body.toString()
  if (!IS_CHUNKED.test(head)) throw new Error(`a response without a length: ${head}`)
  return body.toString('latin1').endsWith(`0${HEADER_END}`) ? joinChunks(body) : undefined
}

function joinChunks(body: Buffer): string {
  const parts: Buffer[] = []
  for (let at = 0; at < body.length;) {
    const lineEnd = body.indexOf('\r\n', at)
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16)
    parts.push(body.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
  return Buffer.concat(parts).toString()
}
