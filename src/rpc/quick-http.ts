/**
 * The short way through HTTP/1.1 for what local tools send all day: small POSTs to `/` on a connection that stays open,
 * each of which arrives in one piece. Node's own HTTP makes two streams and a table of headers for a request, which takes
 * longer than most of our answers: 66 to 92 µs of processor time in a process that just started and 30 to 36 µs later,
 * against 22 and 14 µs this way.
 *
 * Only what is understood to the last byte is answered here: a list of the headers that could matter, each in its plainest
 * form (RFC 9112). Anything else (chunks, upgrades, other methods, strange syntax, pages that may not call, half a request)
 * is handed to Node's server together with its connection, which then stays there. So two parsers never disagree about
 * where a request ends. Answers look like those of `http.ts`.
 */
import type { Socket } from 'node:net'

/** Bytes of a request line with its headers. */
const HEAD_SIZE_MAX = 8_192
const HEAD_END = '\r\n\r\n'
const REQUEST_LINE = 'POST / HTTP/1.1'
/** Name and value; the value without spaces around it. */
const HEADER = /^([\w!#$%&'*+.^`|~-]+):[ \t]*((?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?)[ \t]*$/
const LENGTH = /^\d{1,6}$/

/** Headers of a request that access depends on. */
interface QuickHeaders {
  readonly host: string
  readonly origin?: string
}

interface QuickHttpOptions {
  /** Answers the text of a request; never rejects. */
  readonly handle: (text: string) => Promise<string | undefined>
  /** The headers `access-control-…` and such of the answer, or `undefined` when the request is not to be answered here. */
  readonly admit: (headers: QuickHeaders) => Readonly<Record<string, string>> | undefined
  /** Time that clients may keep a connection without a request, told to them. */
  readonly keepAliveTimeoutMs: number
  /** Time without a byte after which a connection is cut. */
  readonly idleTimeoutMs: number
  /** Takes over a connection, whose next bytes are the beginning of a request. */
  readonly handOver: (socket: Socket) => void
}

export interface QuickHttp {
  accept(socket: Socket): void
  /** Ends the connections, each after the request it is at. */
  close(): void
  /** Cuts the connections. */
  terminate(): void
}

/** What is known of a request before its body. */
interface Head {
  /** Bytes of the body. */
  readonly length: number
  /** Headers of the answer that access depends on, as text. */
  readonly admitted: string
}

export function createQuickHttp(options: QuickHttpOptions): QuickHttp {
  const shared: Shared = { options, date: new DateHeader(), connections: new Set(), isClosing: false }
  return {
    accept(socket) {
      shared.connections.add(new Connection(socket, shared))
    },
    close() {
      shared.isClosing = true
      for (const connection of shared.connections) connection.closeWhenIdle()
    },
    terminate() {
      for (const connection of shared.connections) connection.terminate()
    },
  }
}

interface Shared {
  readonly options: QuickHttpOptions
  readonly date: DateHeader
  readonly connections: Set<Connection>
  isClosing: boolean
}

class Connection {
  private readonly socket: Socket
  private readonly shared: Shared
  /** A client's requests have the same head again and again. */
  private headText = ''
  private head: Head | undefined
  private isBusy = false
  private isHalfClosed = false
  /** What arrived while the connection was busy; nothing more is read then. */
  private rest: Buffer | undefined

  constructor(socket: Socket, shared: Shared) {
    this.socket = socket
    this.shared = shared
    socket.setTimeout(shared.options.idleTimeoutMs)
    socket.on('data', this.onData).on('end', this.onEnd).on('timeout', this.onTimeout)
    socket.on('error', ignore).on('close', this.onClose)
  }

  closeWhenIdle(): void {
    if (!this.isBusy) this.socket.end()
  }

  terminate(): void {
    this.socket.destroy()
  }

  // Arrow functions: they are taken off the socket again when it is handed over.
  private readonly onData = (chunk: Buffer): void => {
    if (this.isBusy) {
      this.socket.pause()
      this.rest = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk])
    } else this.take(chunk)
  }

  private readonly onEnd = (): void => {
    this.isHalfClosed = true
    this.closeWhenIdle()
  }

  private readonly onTimeout = (): void => {
    this.socket.destroy()
  }

  private readonly onClose = (): void => {
    this.shared.connections.delete(this)
  }

  /** Hot: answers the request that `bytes` begin with, or hands the connection over. */
  private take(bytes: Buffer): void {
    const headSize = bytes.indexOf(HEAD_END)
    const head =
      headSize < 0 || headSize > HEAD_SIZE_MAX ? undefined : this.parse(bytes.toString('latin1', 0, headSize))
    const start = headSize + HEAD_END.length
    const end = start + (head?.length ?? 0)
    if (head === undefined || end > bytes.length) {
      this.handOver(bytes)
      return
    }
    if (end < bytes.length) this.rest = bytes.subarray(end)
    this.isBusy = true
    void this.answer(bytes.toString('utf8', start, end), head)
  }

  private parse(text: string): Head | undefined {
    if (text !== this.headText) {
      this.headText = text
      this.head = parseHead(text, this.shared.options.admit)
    }
    return this.head
  }

  private async answer(request: string, head: Head): Promise<void> {
    const text = await this.shared.options.handle(request)
    const { socket } = this
    if (socket.destroyed) return
    this.write(text, head)
    if (socket.writableNeedDrain) socket.once('drain', this.onIdle)
    else this.onIdle()
  }

  private write(text: string | undefined, { admitted }: Head): void {
    const { socket, shared } = this
    const size = text === undefined ? 0 : Buffer.byteLength(text)
    let head = text === undefined ? 'HTTP/1.1 204 No Content\r\n' : 'HTTP/1.1 200 OK\r\n'
    head += admitted
    if (text !== undefined) {
      head += `content-type: application/json\r\ncontent-length: ${size}\r\nx-content-type-options: nosniff\r\n`
    }
    head += `Date: ${shared.date.now()}\r\n${this.persistence()}\r\n`
    if (text === undefined) socket.write(head, 'latin1')
    // One byte a character means ASCII, which is written without a copy.
    else socket.write(head + text, size === text.length ? 'latin1' : 'utf8')
  }

  private persistence(): string {
    if (this.shared.isClosing) return 'Connection: close\r\n'
    const timeoutS = Math.floor(this.shared.options.keepAliveTimeoutMs / 1000)
    return `Connection: keep-alive\r\nKeep-Alive: timeout=${timeoutS}\r\n`
  }

  private readonly onIdle = (): void => {
    this.isBusy = false
    const { rest, socket } = this
    if (this.shared.isClosing) socket.end()
    else if (rest !== undefined) {
      this.rest = undefined
      this.take(rest)
    } else if (this.isHalfClosed) socket.end()
    // Busy again when the rest had another request in it.
    if (!this.isBusy && socket.isPaused()) socket.resume()
  }

  private handOver(bytes: Buffer): void {
    const { socket, shared } = this
    socket.off('data', this.onData).off('end', this.onEnd).off('timeout', this.onTimeout)
    socket.off('error', ignore).off('close', this.onClose)
    shared.connections.delete(this)
    socket.pause()
    socket.unshift(bytes)
    shared.options.handOver(socket)
    // Once its new owner listens.
    process.nextTick(() => socket.resume())
  }
}

/** @returns `undefined` unless every line is of the plainest form and nothing asks for more than an answer. */
function parseHead(text: string, admit: QuickHttpOptions['admit']): Head | undefined {
  const [requestLine, ...lines] = text.split('\r\n')
  if (requestLine !== REQUEST_LINE) return undefined
  let length: number | undefined
  let host: string | undefined
  let origin: string | undefined
  for (const line of lines) {
    const [, name, value] = HEADER.exec(line) ?? []
    if (name === undefined || value === undefined) return undefined
    switch (name.toLowerCase()) {
      case 'content-length':
        if (length !== undefined || !LENGTH.test(value)) return undefined
        length = Number(value)
        break
      case 'host':
        if (host !== undefined) return undefined
        host = value
        break
      case 'origin':
        if (origin !== undefined) return undefined
        origin = value
        break
      case 'connection':
        if (value.toLowerCase() !== 'keep-alive') return undefined
        break
      case 'expect':
      case 'te':
      case 'trailer':
      case 'transfer-encoding':
      case 'upgrade':
        return undefined
      default:
        break
    }
  }
  if (length === undefined || host === undefined) return undefined
  const admitted = admit(origin === undefined ? { host } : { host, origin })
  if (admitted === undefined) return undefined
  const headers = Object.entries(admitted).map(([header, value]) => `${header}: ${value}\r\n`)
  return { length, admitted: headers.join('') }
}

/** The time of an answer, which changes once a second. */
class DateHeader {
  private second = 0
  private text = ''

  now(): string {
    const second = Math.floor(Date.now() / 1000)
    if (second !== this.second) {
      this.second = second
      this.text = new Date(second * 1000).toUTCString()
    }
    return this.text
  }
}

/** A client that goes away in the middle of an answer is nobody's problem. */
function ignore(): void {}
