/**
 * Every method with params that make no sense: the answer is a well-formed error (or, where the params happen to mean
 * something, a result), never an internal error, and the node goes on.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { METHODS } from '../../src/rpc/registry.ts'
import { FakeBackend } from '../support/fake-backend.ts'
import { askText, rpcWorld } from '../support/rpc-client.ts'

const JUNK: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  '',
  '0x',
  '0x0',
  '0x00',
  '0xzz',
  'latest',
  'pending',
  'newHeads',
  'logs',
  '0xffffffffffffffff',
  `0x${'f'.repeat(64)}`,
  `0x${'f'.repeat(65)}`,
  `0x${'ab'.repeat(20)}`,
  `0x${'ab'.repeat(32)}`,
  '\u0000\uD800',
  'x'.repeat(10_000),
  {},
  { __proto__: null, constructor: 1, toString: 2 },
  { fromBlock: '0x0', toBlock: 'pending', address: [], topics: [null, []] },
  { blockHash: '0x1' },
  { to: '0x', data: '0x1' },
  { to: `0x${'ab'.repeat(20)}`, from: `0x${'cd'.repeat(20)}`, gas: '0xffffffffffffffff', data: '0xfe' },
  { timestamp: -1, blocks: 'many' },
  { tracer: 'nope', tracerConfig: 5, timeout: {} },
  [],
  [[]],
  [null, {}, [[[]]]],
  Array.from({ length: 2_000 }, () => `0x${'ab'.repeat(20)}`),
]

/** Of every length up to one more than a method takes. */
const junkParams = fc.array(fc.oneof(fc.constantFrom(...JUNK), fc.jsonValue()), { maxLength: 5 })

describe('junk params', () => {
  for (const method of METHODS.keys()) {
    it(`never break ${method}`, async () => {
      const backend = new FakeBackend()
      backend.devAnswers['mine'] = () => Promise.resolve([])
      const { call, clock, dispatcher, internalErrors } = rpcWorld(backend)
      const ask = async (params: readonly unknown[]): Promise<void> => {
        const answer = askText(dispatcher, JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }))
        // Whatever waits for the chain waits in vain.
        await new Promise((resolve) => setImmediate(resolve))
        clock.advance(120_000)
        const { error } = await answer
        assert.deepEqual(internalErrors, [], JSON.stringify(params).slice(0, 500))
        assert.notEqual(error?.code, -32603)
      }
      await ask([])
      for (const value of JUNK)
        for (const count of [1, 2, 3]) await ask(Array.from({ length: count }, () => value))
      await fc.assert(fc.asyncProperty(junkParams, ask), { numRuns: 30 })
      assert.equal(await call('eth_chainId'), '0x7a69')
    })
  }
})
