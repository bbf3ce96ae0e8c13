/** The debug_trace methods over real blocks: each transaction is traced as it ran, in the state that it found. */
import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { bytesToHex, wordToHash, type Hex } from '../../../src/primitives/bytes.ts'
import type { Header } from '../../../src/chain/block.ts'
import { encodeBlock } from '../../../src/chain/block-codec.ts'
import { present } from '../../../src/primitives/assert.ts'
import { assemble } from '../../support/assembler.ts'
import { addressOf } from '../../support/small-world.ts'
import { openSmallNode, RICH, type SmallNode } from '../../support/small-node.ts'

const COUNTER = addressOf(0xc0)
const LOGGER = addressOf(0xc1)
const FAILING = addressOf(0xc2)
const ENDLESS = addressOf(0xc3)
const BALANCE_OF = addressOf(0xc4)

const RETURN_WORD = 'PUSH0 MSTORE PUSH1 32 PUSH0 RETURN'

interface StructLogs {
  readonly gas: number
  readonly failed: boolean
  readonly returnValue: string
  readonly structLogs: readonly { op: string; gasCost: number; stack?: readonly string[] }[]
}
interface Frame {
  readonly type: string
  readonly gasUsed: string
  readonly output?: string
  readonly error?: string
  readonly logs?: readonly { index: string }[]
}
interface Traced<Result> {
  readonly txHash: string
  readonly result: Result
}

let node: SmallNode
/** Three transactions of one block: to the counter, the logger twice around it, and one that fails. */
let hashes: string[]
let blockNumber: Hex

before(async () => {
  node = await openSmallNode(
    new Map([
      [COUNTER, { code: assemble('PUSH0 SLOAD PUSH1 1 ADD DUP1 PUSH0 SSTORE', RETURN_WORD) }],
      [LOGGER, { code: assemble('PUSH1 7 PUSH0 PUSH0 LOG1 STOP') }],
      [FAILING, { code: assemble('PUSH0 PUSH0 REVERT') }],
      [ENDLESS, { code: assemble('@again PUSH2 @again JUMP') }],
      [BALANCE_OF, { code: assemble('CALLER BALANCE', RETURN_WORD) }],
    ]),
  )
  const dev = present(node.node.backend.dev, 'development controls')
  await node.send({ to: COUNTER })
  dev.setAutomine(false)
  const gas = '0x186a0'
  hashes = []
  for (const to of [LOGGER, COUNTER, LOGGER, FAILING]) hashes.push(await node.send({ to, gas }))
  await dev.mine(1)
  dev.setAutomine(true)
  blockNumber = '0x2'
})
after(() => node.close())

const callTracer = { tracer: 'callTracer', tracerConfig: { withLog: true } }

async function receiptOf(
  hash: string | undefined,
): Promise<{ gasUsed: string; logs: readonly { logIndex: string }[] }> {
  // A receipt has these fields; the tests say whether traces agree with them.
  return (await node.call('eth_getTransactionReceipt', hash)) as Awaited<ReturnType<typeof receiptOf>>
}

describe('debug_traceTransaction', () => {
  test('sees what the transactions before it in the block did', async () => {
    const trace = (await node.call('debug_traceTransaction', hashes[1])) as StructLogs
    // The counter stood at 1 from an earlier block.
    assert.equal(trace.returnValue, wordToHash(2n))
    assert.equal(`0x${trace.gas.toString(16)}`, (await receiptOf(hashes[1])).gasUsed)
    assert.deepEqual(
      trace.structLogs.slice(0, 2).map(({ op, gasCost }) => [op, gasCost]),
      [
        ['PUSH0', 2],
        ['SLOAD', 2100],
      ],
    )
  })

  test('gives log indexes as the receipts have them', async () => {
    const frame = (await node.call('debug_traceTransaction', hashes[2], callTracer)) as Frame
    assert.deepEqual(
      frame.logs?.map(({ index }) => index),
      (await receiptOf(hashes[2])).logs.map(({ logIndex }) => logIndex),
    )
    assert.deepEqual(
      frame.logs?.map(({ index }) => index),
      ['0x1'],
    )
  })

  test('gives each tracer by its name', async () => {
    const pre = await node.call('debug_traceTransaction', hashes[1], { tracer: 'prestateTracer' })
    assert.deepEqual((pre as Record<string, { storage?: object }>)[COUNTER]?.storage, {
      [wordToHash(0n)]: wordToHash(1n),
    })
    const diff = (await node.call('debug_traceTransaction', hashes[1], {
      tracer: 'prestateTracer',
      tracerConfig: { diffMode: true },
    })) as {
      post: Record<string, { storage?: object; nonce?: number }>
    }
    assert.deepEqual(diff.post[COUNTER]?.storage, { [wordToHash(0n)]: wordToHash(2n) })
    assert.equal(diff.post[RICH]?.nonce, 3)
    assert.deepEqual(await node.call('debug_traceTransaction', hashes[1], { tracer: '4byteTracer' }), {})
    assert.deepEqual(await node.call('debug_traceTransaction', hashes[1], { tracer: 'noopTracer' }), {})
    const mux = (await node.call('debug_traceTransaction', hashes[1], {
      tracer: 'muxTracer',
      tracerConfig: { callTracer: {}, prestateTracer: {} },
    })) as Record<string, unknown>
    assert.deepEqual(Object.keys(mux), ['callTracer', 'prestateTracer'])
    assert.deepEqual(mux['prestateTracer'], pre)
  })

  test('works after the state that a development control set', async () => {
    const poor = addressOf(0xaa)
    const dev = present(node.node.backend.dev, 'development controls')
    dev.setBalance(poor, 10n ** 18n)
    dev.impersonate(poor)
    const hash = await node.call('eth_sendTransaction', { from: poor, to: BALANCE_OF, gas: '0x186a0' })
    const trace = (await node.call('debug_traceTransaction', hash)) as StructLogs
    assert.equal(trace.failed, false)
    assert.ok(BigInt(trace.returnValue) > 0n)
    assert.equal(`0x${trace.gas.toString(16)}`, (await receiptOf(String(hash))).gasUsed)
  })

  test('refuses what it cannot trace, with what would work', async () => {
    const unknown = await node.fail('debug_traceTransaction', wordToHash(1n))
    assert.deepEqual([unknown.code, unknown.message], [-32000, 'transaction not found'])
    const tracer = await node.fail('debug_traceTransaction', hashes[1], { tracer: 'flatCallTracer' })
    assert.equal(tracer.code, -32602)
    assert.match(
      tracer.message,
      /unknown tracer "flatCallTracer": use one of callTracer, prestateTracer, 4byteTracer/,
    )
    const script = await node.fail('debug_traceTransaction', hashes[1], { tracer: '{ step: function() {} }' })
    assert.match(script.message, /JavaScript tracers are not supported/)
    const prototype = await node.fail('debug_traceTransaction', hashes[1], { tracer: 'toString' })
    assert.match(prototype.message, /unknown tracer/)
    const options = { tracer: 'prestateTracer', tracerConfig: { diffMode: true, includeEmpty: true } }
    assert.match(
      (await node.fail('debug_traceTransaction', hashes[1], options)).message,
      /cannot use diffMode with includeEmpty/,
    )
    const nested = { tracer: 'muxTracer', tracerConfig: { muxTracer: {} } }
    assert.match(
      (await node.fail('debug_traceTransaction', hashes[1], nested)).message,
      /cannot hold another one/,
    )
    const flag = { tracer: 'callTracer', tracerConfig: { withLog: 'yes' } }
    assert.match(
      (await node.fail('debug_traceTransaction', hashes[1], flag)).message,
      /withLog: expected true or false/,
    )
  })
})

describe('whole blocks', () => {
  test('by number, by hash and by their bytes are the same', async () => {
    const byNumber = (await node.call('debug_traceBlockByNumber', blockNumber, callTracer)) as Traced<Frame>[]
    assert.deepEqual(
      byNumber.map(({ txHash }) => txHash),
      hashes,
    )
    for (const [index, { result }] of byNumber.entries()) {
      assert.equal(result.gasUsed, (await receiptOf(hashes[index])).gasUsed)
    }
    assert.deepEqual(
      byNumber.map(({ result }) => result.error),
      [undefined, undefined, undefined, 'execution reverted'],
    )
    assert.deepEqual(
      byNumber.flatMap(({ result }) => result.logs?.map(({ index }) => index) ?? []),
      ['0x0', '0x1'],
    )
    const block = present(node.node.backend.ledger.block(BigInt(blockNumber)), 'block')
    assert.deepEqual(await node.call('debug_traceBlockByHash', block.hash, callTracer), byNumber)
    assert.deepEqual(
      await node.call('debug_traceBlock', bytesToHex(encodeBlock(block)), callTracer),
      byNumber,
    )
  })

  test('are refused where there is nothing to trace', async () => {
    assert.match((await node.fail('debug_traceBlockByNumber', '0x0')).message, /genesis is not traceable/)
    assert.match((await node.fail('debug_traceBlockByNumber', 'pending')).message, /pending is not supported/)
    assert.equal((await node.fail('debug_traceBlockByNumber', '0x64')).code, -32001)
    assert.equal((await node.fail('debug_traceBlock', '0xc0')).code, -32000)
    const block = present(node.node.backend.ledger.block(2n), 'block')
    const orphan = encodeBlock({ ...block, header: { ...block.header, parentHash: wordToHash(5n) } })
    assert.match((await node.fail('debug_traceBlock', bytesToHex(orphan))).message, /header not found/)
  })

  test('of a block that a client gives do no more work than a block can', async () => {
    const block = present(node.node.backend.ledger.block(2n), 'block')
    const traced = (header: Partial<Header>, transactions = block.transactions): string =>
      bytesToHex(encodeBlock({ ...block, header: { ...block.header, ...header }, transactions }))
    const large = traced({ gasLimit: 2n * block.header.gasLimit + 1n })
    assert.match((await node.fail('debug_traceBlock', large)).message, /gas limit 60000001 is above 60000000/)
    const crowded = traced({ gasLimit: 83_999n })
    assert.match((await node.fail('debug_traceBlock', crowded)).message, /4 transactions, at most 3 fit/)
    const tight = traced({ gasLimit: 100_000n })
    assert.match((await node.fail('debug_traceBlock', tight)).message, /gas limit reached/)
    // A price of blob gas whose exact value has 10¹² digits.
    const costly = traced({ excessBlobGas: 2n ** 64n - 1n })
    assert.equal(((await node.call('debug_traceBlock', costly, callTracer)) as unknown[]).length, 4)
  })
})

describe('debug_traceCall', () => {
  test('runs on the state of the block, or before one of its transactions', async () => {
    const counted = async (config: object): Promise<string | undefined> =>
      (
        (await node.call('debug_traceCall', { to: COUNTER }, blockNumber, {
          ...callTracer,
          ...config,
        })) as Frame
      ).output
    assert.equal(await counted({}), wordToHash(3n))
    assert.equal(await counted({ txIndex: '0x1' }), wordToHash(2n))
    assert.equal(await counted({ txIndex: '0x2' }), wordToHash(3n))
    const { message } = await node.fail('debug_traceCall', { to: COUNTER }, blockNumber, { txIndex: '0x9' })
    assert.match(message, /txIndex: 9 is too large, at most 4/)
  })

  test('takes overrides of state and block', async () => {
    const overrides = {
      stateOverrides: { [COUNTER]: { stateDiff: { '0x0': '0x63' } } },
      blockOverrides: { number: '0x1234' },
    }
    const frame = (await node.call('debug_traceCall', { to: COUNTER }, 'latest', {
      ...callTracer,
      ...overrides,
    })) as Frame
    assert.equal(frame.output, wordToHash(100n))
    const code = bytesToHex(assemble('NUMBER', RETURN_WORD))
    const numbered = { ...overrides, stateOverrides: { [COUNTER]: { code } } }
    const logs = (await node.call('debug_traceCall', { to: COUNTER }, 'latest', numbered)) as StructLogs
    assert.equal(logs.returnValue, wordToHash(0x1234n))
  })

  test('a trace that grows without end is given up, with what to ask for instead', async () => {
    const { code, message } = await node.fail('debug_traceCall', { to: ENDLESS })
    assert.equal(code, -32000)
    assert.match(message, /the trace is larger than 25000000 bytes.*disableStack/)
    const limited = (await node.call('debug_traceCall', { to: ENDLESS, gas: '0xf4240' }, 'latest', {
      limit: 1000,
    })) as StructLogs
    assert.ok(limited.failed && limited.structLogs.length < 30)
    const frame = (await node.call(
      'debug_traceCall',
      { to: ENDLESS, gas: '0xf4240' },
      'latest',
      callTracer,
    )) as Frame
    assert.equal(frame.error, 'out of gas')
  })
})
