/**
 * JSON-RPC over WebSocket: requests are answered as they are done, subscriptions speak at any time. A client that does not
 * read, does not answer pings or sends faster than it is answered cannot make the node hold more than a bounded amount.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { RawData, WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '../consensus/plugin.ts'
import type { Dispatcher } from './dispatcher.ts'
import { refuseAccess, REQUEST_SIZE_MAX, type AccessRules } from './http.ts'
import type { Subscriber } from './subscriptions.ts'

/** Connections at a time. */
export const WEBSOCKETS_MAX = 1_000
/** Messages of one connection that are worked on at a time; then it is not read from. */
export const MESSAGES_IN_FLIGHT_MAX = 64
/** Bytes that wait for a client to read them; then the connection is cut. */
export const SEND_BUFFER_MAX = 64_000_000
/** Time between pings; who has not answered the last one is cut off. */
export const PING_INTERVAL_MS = 30_000

/** WebSocket close code: the server goes away. */
const GOING_AWAY = 1001

export interface WebSocketOptions {
  readonly dispatcher: Dispatcher
  readonly access: AccessRules
  readonly clock: Clock
}

export interface WebSockets {
  /** Takes over a connection that asks for the protocol. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>
  readonly count: number
  /** Asks all clients to go. */
  close(): void
  /** Cuts those that have not gone. */
  terminate(): void
}

export function createWebSockets(options: WebSocketOptions): WebSockets {
  const { access, clock, dispatcher } = options
  const connections = new Set<Connection>()
  let server: WebSocketServer | undefined
  let cancelPing: (() => void) | undefined

  function ping(): void {
    for (const connection of connections) connection.ping()
    cancelPing = connections.size === 0 ? undefined : clock.schedule(PING_INTERVAL_MS, ping)
  }

  function accept(socket: WebSocket): void {
    const connection = new Connection(socket, dispatcher)
    connections.add(connection)
    socket.on('close', () => {
      connections.delete(connection)
      dispatcher.disconnect(connection)
    })
    cancelPing ??= clock.schedule(PING_INTERVAL_MS, ping)
  }

  return {
    async upgrade(request, socket, head) {
      socket.on('error', ignore)
      const refusal = refuseAccess(request.headers, access)
      if (refusal !== undefined) {
        refuse(socket, '403 Forbidden', refusal)
      } else if (connections.size >= WEBSOCKETS_MAX) {
        refuse(socket, '503 Service Unavailable', `all ${WEBSOCKETS_MAX} connections are in use`)
      } else {
        server ??= await createServer()
        server.handleUpgrade(request, socket, head, accept)
      }
    },
    get count() {
      return connections.size
    },
    close() {
      cancelPing?.()
      for (const connection of connections) connection.close()
    },
    terminate() {
      for (const connection of connections) connection.terminate()
    },
  }
}

/** The library is loaded with the first connection: most short-lived nodes never see one. */
async function createServer(): Promise<WebSocketServer> {
  const ws = await import('ws')
  return new ws.WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: REQUEST_SIZE_MAX,
    perMessageDeflate: false,
  })
}

function refuse(socket: Duplex, status: string, reason: string): void {
  socket.end(`HTTP/1.1 ${status}\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n${reason}\n`)
}

class Connection implements Subscriber {
  readonly #socket: WebSocket
  readonly #dispatcher: Dispatcher
  #inFlight = 0
  #isAlive = true

  constructor(socket: WebSocket, dispatcher: Dispatcher) {
    this.#socket = socket
    this.#dispatcher = dispatcher
    socket.on('error', ignore)
    socket.on('pong', () => {
      this.#isAlive = true
    })
    socket.on('message', (data: RawData) => {
      void this.#serve(textOf(data))
    })
  }

  send(text: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    this.#socket.send(text, ignore)
    if (this.#socket.bufferedAmount > SEND_BUFFER_MAX) this.terminate()
  }

  ping(): void {
    if (!this.#isAlive) {
      this.terminate()
      return
    }
    this.#isAlive = false
    this.#socket.ping(ignore)
  }

  close(): void {
    this.#socket.close(GOING_AWAY, 'the node stops')
  }

  terminate(): void {
    this.#socket.terminate()
  }

  async #serve(text: string): Promise<void> {
    this.#inFlight++
    if (this.#inFlight === MESSAGES_IN_FLIGHT_MAX) this.#socket.pause()
    await this.#dispatcher.serve(text, this)
    if (this.#inFlight === MESSAGES_IN_FLIGHT_MAX) this.#socket.resume()
    this.#inFlight--
  }
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8')
  return data instanceof ArrayBuffer ? Buffer.from(data).toString('utf8') : data.toString('utf8')
}

/** A client that goes away is nobody's problem: its `close` event cleans up. */
function ignore(): void {}
