/** Asks a dispatcher as a client would, and takes its answers apart. */
import assert from 'node:assert/strict'
import { createDispatcher, type Dispatcher, type DispatcherOptions } from '../../src/rpc/dispatcher.ts'
import { FakeBackend } from './fake-backend.ts'
import { ManualClock } from './manual-clock.ts'

export interface RpcFailure {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

interface Answer {
  readonly jsonrpc: string
  readonly id: unknown
  readonly result?: unknown
  readonly error?: RpcFailure
}

export interface RpcWorld {
  readonly backend: FakeBackend
  readonly clock: ManualClock
  readonly dispatcher: Dispatcher
  /** What was reported as unexpected; a test that expects none asserts that it is empty. */
  readonly internalErrors: unknown[]
  /** The result of a request that must succeed. */
  call(method: string, ...params: readonly unknown[]): Promise<unknown>
  /** The error of a request that must fail. */
  fail(method: string, ...params: readonly unknown[]): Promise<RpcFailure>
}

export function rpcWorld(
  backend: FakeBackend = new FakeBackend(),
  options: Partial<DispatcherOptions> = {},
): RpcWorld {
  const clock = new ManualClock()
  const internalErrors: unknown[] = []
  const dispatcher = createDispatcher({
    backend,
    clock,
    onInternalError: (error) => internalErrors.push(error),
    ...options,
  })
  const ask = (method: string, params: readonly unknown[]): Promise<Answer> =>
    askText(dispatcher, JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }))
  return {
    backend,
    clock,
    dispatcher,
    internalErrors,
    async call(method, ...params) {
      const { error, result } = await ask(method, params)
      assert.equal(error, undefined, `${method}: ${error?.message}`)
      return result
    },
    async fail(method, ...params) {
      const { error, result } = await ask(method, params)
      assert.ok(error, `${method} gave ${JSON.stringify(result)}`)
      return error
    },
  }
}

/** The answer to any text, which must be one well-formed response. */
export async function askText(dispatcher: Dispatcher, text: string): Promise<Answer> {
  const answer = await dispatcher.handle(text)
  assert.ok(answer !== undefined, 'an answer')
  return checkAnswer(JSON.parse(answer))
}

/** JSON-RPC 2.0 §5: version, id, and either a result or an error. */
export function checkAnswer(value: unknown): Answer {
  // The assertions below are the proof.
  const answer = value as Answer
  assert.equal(answer.jsonrpc, '2.0')
  assert.ok('id' in answer)
  assert.notEqual('result' in answer, 'error' in answer, 'either a result or an error')
  if (answer.error !== undefined) {
    assert.ok(Number.isInteger(answer.error.code))
    assert.ok(answer.error.message.length > 0)
  }
  return answer
}
