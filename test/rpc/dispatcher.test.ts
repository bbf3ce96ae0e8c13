/** JSON-RPC 2.0 itself: forms of requests, batches, limits, and that nothing a client sends ends the process. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { AssertionFailure } from '../../src/primitives/assert.ts'
import { PoolError } from '../../src/pool/transaction-pool.ts'
import { bytesToHex } from '../../src/primitives/bytes.ts'
import { BATCH_MAX, REQUEST_DEPTH_MAX, RESPONSE_LENGTH_MAX } from '../../src/rpc/dispatcher.ts'
import { FakeBackend, signedTransaction } from '../support/fake-backend.ts'
import { askText, checkAnswer, rpcWorld } from '../support/rpc-client.ts'

const request = (id: unknown, method: string, params?: unknown): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })

async function askBatch(
  texts: readonly string[],
  world = rpcWorld(),
): Promise<ReturnType<typeof checkAnswer>[]> {
  const answer = await world.dispatcher.handle(`[${texts.join(',')}]`)
  return (JSON.parse(answer ?? '[]') as unknown[]).map(checkAnswer)
}

describe('a request', () => {
  it('is answered under its own id', async () => {
    const { dispatcher } = rpcWorld()
    for (const id of [0, 1.5, -7, 'a', '', null, '"\\']) {
      const answer = await askText(dispatcher, request(id, 'eth_chainId'))
      assert.deepEqual(answer, { jsonrpc: '2.0', id, result: '0x7a69' })
    }
  })

  it('may leave out params, or give none', async () => {
    const { dispatcher } = rpcWorld()
    for (const params of [undefined, null, [], [null]]) {
      assert.equal((await askText(dispatcher, request(1, 'eth_chainId', params))).result, '0x7a69')
    }
  })

  it('without an id is not answered, but done', async () => {
    const { backend, dispatcher } = rpcWorld()
    const raw = bytesToHex(signedTransaction(0n).bytes)
    const text = JSON.stringify({ jsonrpc: '2.0', method: 'eth_sendRawTransaction', params: [raw] })
    assert.equal(await dispatcher.handle(text), undefined)
    assert.equal(backend.pooled.size, 1)
  })

  const malformed: readonly (readonly [text: string, code: number])[] = [
    ['', -32700],
    ['{', -32700],
    ['{"jsonrpc":"2.0","id":1,"method":"eth_chainId"', -32700],
    ['\u0000', -32700],
    ['nonsense', -32700],
    ['1', -32600],
    ['null', -32600],
    ['"x"', -32600],
    ['[]', -32600],
    ['{}', -32600],
    ['{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}', -32600],
    ['{"id":1,"method":"eth_chainId"}', -32600],
    ['{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', -32600],
    ['{"jsonrpc":"2.0","id":true,"method":"eth_chainId"}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":5}', -32600],
    ['{"jsonrpc":"2.0","id":1}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{"a":1}}', -32602],
    ['{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":"x"}', -32602],
    ['{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[1]}', -32602],
    ['{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":[]}', -32602],
  ]
  for (const [text, code] of malformed) {
    it(`of the wrong form is refused with ${code}: ${JSON.stringify(text)}`, async () => {
      const { dispatcher, internalErrors } = rpcWorld()
      assert.equal((await askText(dispatcher, text)).error?.code, code)
      assert.deepEqual(internalErrors, [])
    })
  }

  it('of any text at all has a well-formed answer', async () => {
    const { dispatcher, internalErrors } = rpcWorld()
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async (text) => {
        const answer: unknown = JSON.parse((await dispatcher.handle(text)) ?? '[]')
        for (const one of Array.isArray(answer) ? answer : [answer]) checkAnswer(one)
      }),
    )
    assert.deepEqual(internalErrors, [])
  })

  it('that nests a million deep is refused, not parsed', async () => {
    const { dispatcher } = rpcWorld()
    const depth = 1_000_000
    const text = `{"jsonrpc":"2.0","id":1,"method":"eth_call","params":${'['.repeat(depth)}${']'.repeat(depth)}}`
    const { error } = await askText(dispatcher, text)
    assert.equal(error?.code, -32600)
    assert.match(error.message, new RegExp(`nested more than ${REQUEST_DEPTH_MAX} deep`))
  })

  it('says how many params a method takes', async () => {
    const { fail } = rpcWorld()
    assert.match((await fail('eth_getBalance')).message, /eth_getBalance takes 1 to 2 params, got 0/)
    assert.match((await fail('eth_chainId', 1, 2)).message, /eth_chainId takes 0 params, got 2/)
  })
})

describe('an unknown method', () => {
  it('is told with the nearest name', async () => {
    const { fail } = rpcWorld()
    assert.deepEqual(await fail('eth_getBalanc'), {
      code: -32601,
      message: 'the method eth_getBalanc does not exist/is not available',
      data: 'did you mean eth_getBalance?',
    })
    assert.equal((await fail('ETH_CHAINID')).data, 'did you mean eth_chainId?')
  })

  it('is told without one where none is near', async () => {
    const { fail } = rpcWorld()
    for (const name of ['', 'x', 'constructor', '__proto__', 'toString', 'q'.repeat(100_000)]) {
      const error = await fail(name)
      assert.equal(error.code, -32601)
      assert.equal(error.data, undefined)
      assert.ok(error.message.length < 200)
    }
  })

  it('can be one that only development nodes have', async () => {
    const { fail } = rpcWorld(new FakeBackend({ isDevelopment: false }))
    for (const name of [
      'evm_mine',
      'hardhat_setBalance',
      'anvil_setCode',
      'eth_sendTransaction',
      'eth_sign',
    ]) {
      const error = await fail(name)
      assert.equal(error.code, -32601)
      assert.match(error.message, /does not exist\/is not available/)
      assert.equal(error.data, 'only a development node has it: aevir dev')
    }
    // Never suggested either.
    assert.equal((await fail('evm_snapsho')).data, undefined)
  })
})

describe('a batch', () => {
  it('takes transactions that follow each other in side by side, and all before what comes next', async () => {
    const world = rpcWorld()
    const { backend } = world
    const submit = backend.submit.bind(backend)
    let underway = 0
    let most = 0
    backend.submit = async (bytes) => {
      most = Math.max(most, ++underway)
      const transaction = await submit(bytes)
      underway -= 1
      return transaction
    }
    const send = (nonce: bigint): string =>
      request(Number(nonce), 'eth_sendRawTransaction', [bytesToHex(signedTransaction(nonce).bytes)])
    const answers = await askBatch(
      [send(0n), send(1n), request(9, 'eth_chainId'), send(2n), send(3n), send(4n)],
      world,
    )
    assert.equal(most, 3)
    assert.deepEqual(
      answers.map(({ id }) => id),
      [0, 1, 9, 2, 3, 4],
    )
    assert.deepEqual(
      [...backend.pooled.keys()],
      [0n, 1n, 2n, 3n, 4n].map((nonce) => signedTransaction(nonce).hash),
    )
  })

  it('is answered in order, without its notifications', async () => {
    const answers = await askBatch([
      request(1, 'eth_chainId'),
      JSON.stringify({ jsonrpc: '2.0', method: 'eth_chainId' }),
      '5',
      request('b', 'nope'),
    ])
    assert.deepEqual(
      answers.map(({ id, error }) => [id, error?.code]),
      [
        [1, undefined],
        [null, -32600],
        ['b', -32601],
      ],
    )
  })

  it('of notifications only has no answer', async () => {
    const { dispatcher } = rpcWorld()
    assert.equal(await dispatcher.handle('[{"jsonrpc":"2.0","method":"eth_chainId"}]'), undefined)
  })

  it(`has at most ${BATCH_MAX} requests`, async () => {
    const { dispatcher } = rpcWorld()
    const batch = (count: number): string => JSON.stringify(Array.from({ length: count }, () => 1))
    assert.equal(
      (JSON.parse((await dispatcher.handle(batch(BATCH_MAX))) ?? '') as unknown[]).length,
      BATCH_MAX,
    )
    const { error } = await askText(dispatcher, batch(BATCH_MAX + 1))
    assert.equal(error?.code, -32600)
    assert.match(error.message, /batch too large: 1001 requests, at most 1000 are taken/)
  })

  it('sees what its earlier requests did', async () => {
    const raw = bytesToHex(signedTransaction(0n).bytes)
    const { hash } = signedTransaction(0n)
    const [, second] = await askBatch([
      request(1, 'eth_sendRawTransaction', [raw]),
      request(2, 'eth_getTransactionByHash', [hash]),
    ])
    assert.equal((second?.result as { hash: string } | undefined)?.hash, hash)
  })

  it('stops answering when its answers grow too large', async () => {
    const backend = new FakeBackend()
    backend.devAnswers['dumpState'] = () => new Uint8Array(RESPONSE_LENGTH_MAX / 2 - 100)
    const dump = request(1, 'anvil_dumpState')
    const answers = await askBatch([dump, dump, dump], rpcWorld(backend))
    assert.deepEqual(
      answers.map(({ error }) => error?.code),
      [undefined, undefined, -32003],
    )
  })

  it('shares one deadline', async () => {
    const world = rpcWorld(undefined, { requestTimeoutMs: 1_000 })
    world.backend.pendingBlock = () => {
      world.clock.advance(600)
      return new FakeBackend().pendingBlock()
    }
    const slow = request(1, 'eth_getBlockByNumber', ['pending'])
    const answers = await askBatch([slow, slow, slow], world)
    assert.deepEqual(
      answers.map(({ error }) => error?.code),
      [undefined, undefined, -32002],
    )
  })
})

describe('an answer', () => {
  it('that would be too large becomes an error', async () => {
    const backend = new FakeBackend()
    backend.devAnswers['dumpState'] = () => new Uint8Array(RESPONSE_LENGTH_MAX / 2)
    const { fail } = rpcWorld(backend)
    const error = await fail('anvil_dumpState')
    assert.equal(error.code, -32003)
    assert.match(error.message, /response too large: an answer can have 25 MB/)
  })

  it('that does not come in time becomes an error, and its timer goes', async () => {
    const world = rpcWorld()
    world.backend.pendingBlock = () => new Promise(() => {})
    const answer = world.fail('eth_getBlockByNumber', 'pending')
    await new Promise((resolve) => setImmediate(resolve))
    world.clock.advance(30_000)
    assert.equal((await answer).code, -32002)
    assert.equal(world.clock.scheduledCount, 0)
  })

  it('to a request that fails unexpectedly tells nothing of the inside, and reports it', async () => {
    const failures = [
      new AssertionFailure('secret'),
      new TypeError('secret'),
      new PoolError('invalid', 'known'),
    ]
    for (const failure of failures) {
      const world = rpcWorld()
      world.backend.onSubmit = () => {
        throw failure
      }
      const error = await world.fail('eth_sendRawTransaction', bytesToHex(signedTransaction(0n).bytes))
      const isExpected = failure instanceof PoolError
      assert.equal(error.code, isExpected ? -32000 : -32603)
      assert.deepEqual(world.internalErrors, isExpected ? [] : [failure])
      assert.doesNotMatch(error.message, /secret/)
      // The node goes on.
      assert.equal(await world.call('eth_chainId'), '0x7a69')
    }
  })
})

describe('an event that cannot be told', () => {
  it('is reported and does not reach the node', async () => {
    const world = rpcWorld()
    await world.call('eth_newBlockFilter')
    // A node that breaks its word: the cast is the point.
    world.backend.emit({ kind: 'block', block: undefined, receipts: [] } as never)
    assert.equal(world.internalErrors.length, 1)
  })
})
