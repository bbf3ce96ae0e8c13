/**
 * JSON-RPC over HTTP POST, and the few pages beside it. JSON-RPC errors are HTTP successes; HTTP errors are left for what
 * never became a request.
 *
 * Browsers: who may call is decided by `Origin` (CORS), and a node that listens on the loopback interface only answers to
 * names of it in `Host`, so that a page cannot reach it through a name of its own (DNS rebinding).
 */
import { isIP } from 'node:net'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { errorResponse, type Dispatcher } from './dispatcher.ts'
import { RPC_CODES } from './errors.ts'
import type { NodeStatus, Readiness } from './node-status.ts'

/** Bytes of a request. */
export const REQUEST_SIZE_MAX = 5_000_000
/** Bytes of a request that are read to their end to answer it properly; a larger one is cut off. */
const DRAINED_SIZE_MAX = 64_000_000
/** Bytes of requests that are being received, all connections together. */
const RECEIVED_SIZE_MAX = 256_000_000
const PREFLIGHT_AGE_S = 600
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export interface AccessRules {
  /** Web pages that may call: `'*'` for any, or their origins. */
  readonly corsOrigins: '*' | readonly string[]
  /** Host names that requests may be addressed to beside IP addresses; `undefined` for any. */
  readonly hostNames: readonly string[] | undefined
}

export interface HttpOptions {
  readonly dispatcher: Dispatcher
  readonly access: AccessRules
  /** What `/readyz` and `/metrics` tell; without it the node is always ready, and has no metrics. */
  readonly status: NodeStatus | undefined
  /** Reports an exception that nobody expected. Must not throw. */
  readonly onInternalError: (error: unknown, method: string) => void
  /** HTML of `/`. */
  readonly landingPage: () => string
}

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void

export function createHttpHandler(options: HttpOptions): HttpHandler {
  const { access, dispatcher } = options
  let receivedSize = 0

  function answerPost(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    let size = 0
    const release = (): void => {
      receivedSize -= chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      chunks.length = 0
    }
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > DRAINED_SIZE_MAX) request.destroy()
      if (size > REQUEST_SIZE_MAX) return
      chunks.push(chunk)
      receivedSize += chunk.length
    })
    request.on('error', release)
    request.on('close', release)
    request.on('end', () => {
      const isCrowded = receivedSize > RECEIVED_SIZE_MAX
      const text = Buffer.concat(chunks).toString('utf8')
      release()
      if (size > REQUEST_SIZE_MAX) sendJson(response, 413, tooLarge(size))
      else if (isCrowded) sendJson(response, 503, crowded())
      else void respond(response, dispatcher.handle(text))
    })
  }

  return (request, response) => {
    response.on('error', ignore)
    const refusal = refuseAccess(request.headers, access)
    if (refusal !== undefined) {
      request.resume()
      sendText(response, 403, refusal)
      return
    }
    for (const [name, value] of Object.entries(originHeaders(request.headers, access))) {
      response.setHeader(name, value)
    }
    if (request.method === 'POST' && pathOf(request) === '/') answerPost(request, response)
    else answerOther(request, response, options)
  }
}

async function respond(response: ServerResponse, answer: Promise<string | undefined>): Promise<void> {
  const text = await answer
  if (text === undefined) response.writeHead(204).end()
  else sendJson(response, 200, text)
}

function answerOther(request: IncomingMessage, response: ServerResponse, options: HttpOptions): void {
  request.resume()
  const path = pathOf(request)
  if (request.method === 'OPTIONS') {
    response
      .writeHead(204, {
        'access-control-allow-methods': 'POST, GET, OPTIONS',
        'access-control-allow-headers': 'content-type, authorization',
        'access-control-max-age': String(PREFLIGHT_AGE_S),
      })
      .end()
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'POST, GET, OPTIONS')
    sendText(response, path === '/' ? 405 : 404, 'send JSON-RPC requests by POST to /')
  } else if (path === '/livez') sendText(response, 200, 'ok')
  else if (path === '/readyz') {
    const readiness: Readiness = options.status?.readiness() ?? { isReady: true }
    if (readiness.isReady) sendText(response, 200, 'ok')
    else sendText(response, 503, `not ready: ${readiness.reason}`)
  } else if (path === '/metrics' && options.status !== undefined) {
    void sendMetrics(response, options.status, options.onInternalError)
  } else if (path === '/') {
    send(response, 200, 'text/html; charset=utf-8', options.landingPage())
  } else sendText(response, 404, 'nothing here: JSON-RPC is served at /')
}

async function sendMetrics(
  response: ServerResponse,
  status: NodeStatus,
  onInternalError: HttpOptions['onInternalError'],
): Promise<void> {
  try {
    send(response, 200, METRICS_TYPE, await status.metrics())
  } catch (error) {
    onInternalError(error, '/metrics')
    sendText(response, 500, 'the metrics failed: a bug in the node; its log holds the details')
  }
}

/** Why a request is not even looked at, or `undefined`. */
export function refuseAccess(
  { origin, host }: Pick<IncomingHttpHeaders, 'origin' | 'host'>,
  access: AccessRules,
): string | undefined {
  if (origin !== undefined && access.corsOrigins !== '*' && !access.corsOrigins.includes(origin)) {
    return `pages of ${origin} may not use this node: allow them with --cors`
  }
  if (host === undefined || access.hostNames === undefined) return undefined
  const name = host
    .replace(/:\d*$/, '')
    .replace(/^\[(?<ip>.*)\]$/, '$<ip>')
    .toLowerCase()
  if (isIP(name) !== 0 || access.hostNames.includes(name)) return undefined
  return `this node does not answer to the host name ${name}`
}

/** Headers of an answer to a page that was not refused before. */
export function originHeaders(
  { origin }: Pick<IncomingHttpHeaders, 'origin'>,
  access: AccessRules,
): Readonly<Record<string, string>> {
  if (access.corsOrigins === '*') return { 'access-control-allow-origin': '*' }
  return origin === undefined ? {} : { 'access-control-allow-origin': origin, vary: 'origin' }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] as string
}

function tooLarge(size: number): string {
  return errorResponse(
    RPC_CODES.invalidRequest,
    `request too large: ${size} bytes, at most ${REQUEST_SIZE_MAX} are taken`,
  )
}

function crowded(): string {
  return errorResponse(RPC_CODES.limitExceeded, 'too many large requests at once: try again')
}

function sendJson(response: ServerResponse, status: number, text: string): void {
  send(response, status, 'application/json', text)
}

function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, 'text/plain; charset=utf-8', `${text}\n`)
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  if (response.destroyed) return
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'x-content-type-options': 'nosniff',
  })
  response.end(text)
}

/** A client that goes away in the middle of an answer is nobody's problem. */
function ignore(): void {}
