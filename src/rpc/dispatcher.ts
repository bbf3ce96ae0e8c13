/**
 * From the text of a request to the text of its answer: JSON-RPC 2.0 with batches, without any transport. The server puts
 * it behind HTTP and WebSocket, tests and the conformance suite call it directly.
 *
 * No request can end the process: what a method throws is either told to the client (`errors.ts`) or, when nobody
 * expected it, reported through `onInternalError` and answered as an internal error.
 */
import type { Clock } from '../consensus/plugin.ts'
import type { Backend } from './backend.ts'
import { Deadlines } from './deadlines.ts'
import { errorBody, INTERNAL_ERROR, invalidParams, RPC_CODES, RpcError, type ErrorBody } from './errors.ts'
import { turn } from './event-loop.ts'
import { Filters } from './filters.ts'
import { isJsonWithinDepth } from './json-depth.ts'
import type { Method, MethodContext } from './method.ts'
import { nearestName } from './nearest-name.ts'
import type { NodeStatus } from './node-status.ts'
import { METHODS } from './registry.ts'
import { Subscriptions, type Subscriber } from './subscriptions.ts'

export interface DispatcherOptions {
  readonly backend: Backend
  readonly clock: Clock
  /** Reports an exception that nobody expected, an assertion included. Must not throw. */
  readonly onInternalError: (error: unknown, method: string) => void
  /** Whether blocks and receipts carry `commitState` beside the members of the Ethereum API; `true` by default. */
  readonly commitStates?: boolean
  /** Time for a request, or for all of a batch. */
  readonly requestTimeoutMs?: number
  /** Hears of every answered request; see {@link NodeStatus.onAnswered}. */
  readonly onAnswered?: NodeStatus['onAnswered']
}

export const REQUEST_TIMEOUT_MS = 30_000
export const BATCH_MAX = 1_000
/** Characters of an answer, all of a batch together. */
export const RESPONSE_LENGTH_MAX = 25_000_000
/** Nesting of a request; real ones stay below 10. */
export const REQUEST_DEPTH_MAX = 64
/** Time that a batch may take before the event loop has a turn. */
const TURN_MS = 10

export interface Dispatcher {
  /** The answer to a request or a batch; `undefined` when there is none, to notifications. Never rejects. */
  handle(text: string): Promise<string | undefined>
  /** Answers a message of a connection that can be notified later, too. Never rejects. */
  serve(text: string, subscriber: Subscriber): Promise<void>
  /** Forgets what a closed connection asked for. */
  disconnect(subscriber: Subscriber): void
  close(): void
}

interface Request {
  /** JSON text; `undefined` for a notification. */
  readonly id: string | undefined
  readonly method: string
  readonly params: readonly unknown[]
}

/** The answer to what was not understood well enough to have an id. */
export function errorResponse(code: RpcError['rpcCode'], message: string): string {
  return failure('null', { code, message })
}

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { backend, clock, onAnswered, onInternalError } = options
  const { commitStates = true, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options
  const filters = new Filters(clock, backend.ledger)
  const deadlines = new Deadlines(clock, requestTimeout)
  const subscriptions = new Subscriptions(backend)
  const methodNames = [...METHODS.keys()].filter((name) => isAvailable(name, backend))
  const shared = { backend, clock, commitStates, filters, subscriptions, methodNames }
  const unsubscribe = backend.subscribe((event) => {
    try {
      filters.onEvent(event)
      subscriptions.onEvent(event)
    } catch (error) {
      onInternalError(error, 'event')
    }
  })

  function contextOf(subscriber: Subscriber | undefined): MethodContext {
    return { ...shared, deadlineMs: clock.nowMs() + requestTimeoutMs, subscriber, opened: [] }
  }

  async function handle(text: string, context: MethodContext): Promise<string | undefined> {
    const parsed = parseText(text)
    if (parsed instanceof RpcError) return failure('null', toBody(parsed, ''))
    if (!Array.isArray(parsed)) return answer(parsed, context)
    const refusal = refuseBatch(parsed.length)
    return refusal === undefined ? answerBatch(parsed, context) : failure('null', toBody(refusal, ''))
  }

  /** One after the other: later requests of a batch may build on earlier ones. But see {@link endOfSubmissions}. */
  async function answerBatch(batch: readonly unknown[], context: MethodContext): Promise<string | undefined> {
    const answers: string[] = []
    let length = 0
    let turnMs = clock.nowMs()
    for (let at = 0, end = 0; at < batch.length; at = end) {
      end = Math.max(at + 1, endOfSubmissions(batch, at))
      const items = batch.slice(at, end)
      const texts =
        length > RESPONSE_LENGTH_MAX
          ? items.map((item) => refuse(item, responseTooLarge()))
          : await Promise.all(items.map((item) => answer(item, context)))
      for (const text of texts) {
        if (text !== undefined) answers.push(text)
        length += text?.length ?? 0
      }
      if (clock.nowMs() - turnMs > TURN_MS) {
        await turn()
        turnMs = clock.nowMs()
      }
    }
    return answers.length === 0 ? undefined : `[${answers.join(',')}]`
  }

  async function answer(value: unknown, context: MethodContext): Promise<string | undefined> {
    const request = parseRequest(value)
    if ('refusal' in request) return failure(request.id, toBody(request.refusal, ''))
    const startMs = performance.now()
    const text = await run(request, context)
    onAnswered?.(
      isAvailable(request.method, backend) ? request.method : undefined,
      performance.now() - startMs,
    )
    return request.id === undefined ? undefined : text
  }

  async function run(request: Request, context: MethodContext): Promise<string> {
    const id = request.id ?? 'null'
    try {
      const method = await findMethod(request.method, context)
      const params = checkCount(request.method, method, request.params)
      return success(id, await runWithin(deadlines, method, params, context))
    } catch (error) {
      return failure(id, toBody(error, request.method))
    }
  }

  function toBody(error: unknown, method: string): ErrorBody {
    const body = errorBody(error)
    if (body !== undefined) return body
    onInternalError(error, method)
    return INTERNAL_ERROR
  }

  return {
    handle: (text) => handle(text, contextOf(undefined)),
    async serve(text, subscriber) {
      const context = contextOf(subscriber)
      const answerText = await handle(text, context)
      if (answerText !== undefined) subscriber.send(answerText)
      for (const id of context.opened) subscriptions.activate(id)
    },
    disconnect(subscriber) {
      filters.removeOwner(subscriber)
      subscriptions.removeSubscriber(subscriber)
    },
    close() {
      unsubscribe()
      filters.close()
    },
  }
}

function parseText(text: string): unknown {
  if (!isJsonWithinDepth(text, REQUEST_DEPTH_MAX)) {
    return new RpcError(
      RPC_CODES.invalidRequest,
      `invalid request: nested more than ${REQUEST_DEPTH_MAX} deep`,
    )
  }
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    const detail = error instanceof Error ? error.message : 'not JSON'
    return new RpcError(RPC_CODES.parse, `parse error: ${detail}`)
  }
}

function refuseBatch(count: number): RpcError | undefined {
  if (count === 0) return new RpcError(RPC_CODES.invalidRequest, 'invalid request: an empty batch')
  if (count <= BATCH_MAX) return undefined
  return new RpcError(
    RPC_CODES.invalidRequest,
    `batch too large: ${count} requests, at most ${BATCH_MAX} are taken; send them in several batches`,
  )
}

/**
 * Where a run of transactions in a batch ends that are taken in side by side: their senders are recovered on all cores then,
 * and they still enter the pool in their order.
 */
function endOfSubmissions(batch: readonly unknown[], start: number): number {
  let end = start
  while (end < batch.length && isSubmission(batch[end])) end++
  return end
}

function isSubmission(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'method' in value &&
    value.method === 'eth_sendRawTransaction'
  )
}

interface RefusedRequest {
  readonly id: string
  readonly refusal: RpcError
}

function refused(id: string, message: string): RefusedRequest {
  return { id, refusal: new RpcError(RPC_CODES.invalidRequest, `invalid request: ${message}`) }
}

function parseRequest(value: unknown): Request | RefusedRequest {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refused('null', 'expected an object with jsonrpc, id, method and params')
  }
  const { id, jsonrpc, method, params } = value as Readonly<Record<string, unknown>>
  if (id !== undefined && id !== null && typeof id !== 'string' && typeof id !== 'number') {
    return refused('null', 'id must be a string, a number or null')
  }
  const idText = id === undefined ? undefined : JSON.stringify(id)
  if (jsonrpc !== '2.0') return refused(idText ?? 'null', 'jsonrpc must be "2.0"')
  if (typeof method !== 'string') return refused(idText ?? 'null', 'method must be a string')
  if (params === undefined || params === null) return { id: idText, method, params: [] }
  if (!Array.isArray(params)) {
    return { id: idText ?? 'null', refusal: invalidParams('expected an array of params, by position') }
  }
  return { id: idText, method, params: params as readonly unknown[] }
}

/** The answer to a request that is not even looked at. */
function refuse(value: unknown, refusal: RpcError): string | undefined {
  const request = parseRequest(value)
  if (request.id === undefined) return undefined
  return failure(request.id, { code: refusal.rpcCode, message: refusal.message })
}

function isAvailable(name: string, backend: Backend): boolean {
  const entry = METHODS.get(name)
  return entry !== undefined && (backend.dev !== undefined || !entry.isDevOnly)
}

async function findMethod(name: string, context: MethodContext): Promise<Method> {
  const entry = METHODS.get(name)
  if (entry !== undefined && isAvailable(name, context.backend)) return entry.load()
  throw methodNotFound(name, context.methodNames, entry !== undefined)
}

const METHOD_NAME_SHOWN_MAX = 80

function methodNotFound(name: string, methodNames: readonly string[], isKnown: boolean): RpcError {
  const shown = name.length <= METHOD_NAME_SHOWN_MAX ? name : `${name.slice(0, METHOD_NAME_SHOWN_MAX)}…`
  const nearest = isKnown ? undefined : nearestName(name, methodNames)
  const hint = isKnown ? 'only a development node has it: aevir dev' : nearest && `did you mean ${nearest}?`
  return new RpcError(RPC_CODES.methodNotFound, `the method ${shown} does not exist/is not available`, hint)
}

/** Params without those at the end that were left out as `null`. */
function checkCount(name: string, method: Method, params: readonly unknown[]): readonly unknown[] {
  const [min, max] = method.params
  let count = params.length
  while (count > max && (params[count - 1] === null || params[count - 1] === undefined)) count--
  if (count >= min && count <= max) return params.slice(0, count)
  const wanted = min === max ? `${min}` : `${min} to ${max}`
  throw invalidParams(`${name} takes ${wanted} params, got ${count}`)
}

/** The result, or a promise of it. */
function runWithin(
  deadlines: Deadlines,
  method: Method,
  params: readonly unknown[],
  context: MethodContext,
): unknown {
  const { clock, deadlineMs } = context
  if (deadlineMs <= clock.nowMs()) throw requestTimeout()
  const result = method.run(params, context)
  if (!(result instanceof Promise) || method.hasOwnTimeout) return result
  return deadlines.within(result, deadlineMs)
}

function requestTimeout(): RpcError {
  return new RpcError(RPC_CODES.timeout, 'request timed out: ask for less at once')
}

function responseTooLarge(): RpcError {
  return new RpcError(
    RPC_CODES.responseTooLarge,
    `response too large: an answer can have ${RESPONSE_LENGTH_MAX / 1_000_000} MB, all of a batch together; ask for less at once`,
  )
}

/** @param id JSON text. */
function success(id: string, result: unknown): string {
  const text = resultText(result)
  if (text.length > RESPONSE_LENGTH_MAX) throw responseTooLarge()
  return `{"jsonrpc":"2.0","id":${id},"result":${text}}`
}

function resultText(result: unknown): string {
  try {
    // A method without a result has `null` on the wire; JSON.stringify would leave the member out.
    return JSON.stringify(result ?? null)
  } catch (error) {
    // The longest string V8 can hold is far above the limit.
    if (error instanceof RangeError) throw responseTooLarge()
    throw error
  }
}

/** @param id JSON text. */
function failure(id: string, body: ErrorBody): string {
  return `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(body)}}`
}
