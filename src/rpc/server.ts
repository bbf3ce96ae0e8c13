/** The RPC server: HTTP and WebSocket on one port in front of a dispatcher. */
import type { Server } from 'node:http'
import { isIP, type AddressInfo, type Socket } from 'node:net'
import { AevirError } from '../primitives/errors.ts'
import type { Clock } from '../consensus/plugin.ts'
import { createDispatcher, type DispatcherOptions } from './dispatcher.ts'
import { createHttpHandler, originHeaders, refuseAccess, type AccessRules } from './http.ts'
import { landingPage } from './landing-page.ts'
import type { NodeStatus } from './node-status.ts'
import { createQuickHttp, type QuickHttp } from './quick-http.ts'
import { createWebSockets, type WebSockets } from './websocket.ts'

export interface RpcServerOptions extends DispatcherOptions {
  /** `127.0.0.1` by default: never a public interface unasked. */
  readonly host?: string
  /** 8545 by default; 0 takes any free one. */
  readonly port?: number
  /** Web pages that may call: any by default on a development node, else none. */
  readonly corsOrigins?: '*' | readonly string[]
  /** For `/readyz` and `/metrics`; it also hears of every answered request. */
  readonly status?: NodeStatus
}

export interface RpcServer {
  /** `http://127.0.0.1:8545`; WebSocket has the same address. */
  readonly url: string
  readonly port: number
  /** Lets running requests end, then cuts what is left. */
  close(): Promise<void>
}

/** The server cannot listen. */
export class RpcServerError extends AevirError {
  override readonly code = 'RPC_SERVER'
}

const HOST = '127.0.0.1'
const PORT = 8545
const CONNECTIONS_MAX = 2_000
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_RECEIVED_TIMEOUT_MS = 30_000
const KEEP_ALIVE_TIMEOUT_MS = 75_000
/** A connection on which nothing moves for so long is closed: its client does not read. */
const IDLE_TIMEOUT_MS = 120_000
/** Time that requests have to end when the server stops. */
const CLOSE_GRACE_MS = 3_000

/** Host names of the loopback interface. */
const LOCAL_NAMES = ['localhost']

/** @throws RpcServerError when the address is taken or not to be had. */
export async function createRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { backend, host = HOST, port = PORT, clock, status } = options
  const onAnswered = options.onAnswered ?? status?.onAnswered.bind(status)
  const dispatcher = createDispatcher({ ...options, ...(onAnswered !== undefined && { onAnswered }) })
  const access: AccessRules = {
    corsOrigins: options.corsOrigins ?? (backend.dev === undefined ? [] : '*'),
    hostNames: isLoopback(host) ? LOCAL_NAMES : undefined,
  }
  const webSockets = createWebSockets({ dispatcher, access, clock })
  // Importing it would list its exports, among them a WebSocket client that loads all of undici: a quarter of the
  // time that a node has to start.
  const { createServer } = process.getBuiltinModule('node:http')
  const server: Server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS, headersTimeout: HEADERS_TIMEOUT_MS },
    createHttpHandler({
      dispatcher,
      access,
      status,
      onInternalError: options.onInternalError,
      landingPage: () => landingPage(backend, urlOf(server)),
    }),
  )
  server.requestTimeout = REQUEST_RECEIVED_TIMEOUT_MS
  server.maxConnections = CONNECTIONS_MAX
  server.setTimeout(IDLE_TIMEOUT_MS)
  server.on('upgrade', (request, socket, head) => {
    webSockets.upgrade(request, socket, head).catch((error: unknown) => {
      options.onInternalError(error, 'upgrade')
      socket.destroy()
    })
  })
  const quickHttp = createQuickHttp({
    handle: (text) => dispatcher.handle(text),
    admit: (headers) =>
      refuseAccess(headers, access) === undefined ? originHeaders(headers, access) : undefined,
    keepAliveTimeoutMs: KEEP_ALIVE_TIMEOUT_MS,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    handOver: takeConnections(server, (socket) => quickHttp.accept(socket)),
  })
  try {
    await listen(server, host, port)
  } catch (error) {
    dispatcher.close()
    throw error
  }
  return {
    url: urlOf(server),
    port: addressOf(server).port,
    async close() {
      await closeGracefully(server, quickHttp, webSockets, clock)
      dispatcher.close()
    },
  }
}

/**
 * Gives the connections of a server to somebody else.
 * @returns the server's own way of taking one.
 */
function takeConnections(server: Server, accept: (socket: Socket) => void): (socket: Socket) => void {
  const own = server.listeners('connection')
  server.removeAllListeners('connection').on('connection', accept)
  return (socket) => {
    for (const listener of own) listener.call(server, socket)
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function addressOf(server: Server): AddressInfo {
  // A server that listens on a port, which ours does, has an address of this form.
  return server.address() as AddressInfo
}

function urlOf(server: Server): string {
  const { address, port } = addressOf(server)
  return isIP(address) === 6 ? `http://[${address}]:${port}` : `http://${address}:${port}`
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new RpcServerError(listenFailure(error, host, port), { cause: error }))
    })
    server.listen(port, host, resolve)
  })
}

function listenFailure(error: NodeJS.ErrnoException, host: string, port: number): string {
  const cause = LISTEN_FAILURES.get(error.code ?? '')
  return cause === undefined
    ? `cannot listen on port ${port} of ${host}: ${error.message}`
    : `cannot listen on port ${port} of ${host}: ${cause}`
}

const LISTEN_FAILURES: ReadonlyMap<string, string> = new Map([
  [
    'EADDRINUSE',
    'it is in use by another program, perhaps another node; stop that or choose another port with --port',
  ],
  ['EACCES', 'this user may not use it; choose a port above 1023 with --port'],
  ['EADDRNOTAVAIL', 'this machine has no such address; choose 127.0.0.1, or 0.0.0.0 for all, with --host'],
  ['ENOTFOUND', 'there is no such host; choose 127.0.0.1, or 0.0.0.0 for all, with --host'],
])

async function closeGracefully(
  server: Server,
  quickHttp: QuickHttp,
  webSockets: WebSockets,
  clock: Clock,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => {
    resolve()
  })
  server.closeIdleConnections()
  quickHttp.close()
  webSockets.close()
  const cancel = clock.schedule(CLOSE_GRACE_MS, () => {
    webSockets.terminate()
    quickHttp.terminate()
    server.closeAllConnections()
  })
  await promise
  cancel()
}
