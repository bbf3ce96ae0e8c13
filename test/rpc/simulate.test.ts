/** eth_simulateV1: blocks that follow from each other, in the shape of execution-apis, and none of them kept. */
import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { bytesToHex, wordToHash, ZERO_HASH, type Address } from '../../src/primitives/bytes.ts'
import { assemble } from '../support/assembler.ts'
import { addressOf } from '../support/small-world.ts'
import { openSmallNode, RICH, type SmallNode } from '../support/small-node.ts'

const RETURN_WORD = 'PUSH0 MSTORE PUSH1 32 PUSH0 RETURN'
const COUNTER = addressOf(0xc0)
const LOGGER = addressOf(0xc1)
const SENDING = addressOf(0xc2)
const HASHES = addressOf(0xc3)
const FAILING = addressOf(0xc4)
const ENDLESS = addressOf(0xc5)
const POOR = addressOf(0xaa)

interface Call {
  readonly status: string
  readonly returnData: string
  readonly gasUsed: string
  readonly maxUsedGas: string
  readonly logs: readonly {
    address: string
    topics: readonly string[]
    data: string
    logIndex: string
    transactionHash: string
    blockHash: string
  }[]
  readonly error?: { code: number; message: string; data?: string }
}

interface Block {
  readonly number: string
  readonly hash: string
  readonly parentHash: string
  readonly timestamp: string
  readonly baseFeePerGas: string
  readonly stateRoot: string
  readonly gasUsed: string
  readonly miner: string
  readonly transactions: readonly (string | { hash: string; from: string; type: string; nonce: string })[]
  readonly withdrawals: readonly unknown[]
  readonly calls: readonly Call[]
}

let node: SmallNode
before(async () => {
  node = await openSmallNode(
    new Map([
      [COUNTER, { code: assemble('PUSH0 SLOAD PUSH1 1 ADD DUP1 PUSH0 SSTORE', RETURN_WORD) }],
      [LOGGER, { code: assemble('PUSH1 7 PUSH0 PUSH0 LOG1 STOP') }],
      // Sends 3 wei on, and 4 to a contract that fails.
      [
        SENDING,
        {
          balance: 10n,
          code: assemble(
            'PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 3 PUSH2 0xdead PUSH2 5000 CALL PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 4 PUSH1 0xc4 PUSH2 5000 CALL STOP',
          ),
        },
      ],
      [HASHES, { code: assemble('PUSH1 1 NUMBER SUB BLOCKHASH', RETURN_WORD) }],
      [FAILING, { code: assemble('PUSH1 1 PUSH0 PUSH0 LOG1 PUSH0 PUSH0 REVERT') }],
      [ENDLESS, { code: assemble('@again PUSH2 @again JUMP') }],
    ]),
  )
  await node.send({ to: addressOf(0xeeee), value: '0x1' })
})
after(() => node.close())

async function simulate(
  blocks: readonly object[],
  options: object = {},
  block = 'latest',
): Promise<readonly Block[]> {
  // Its fields are the ones above; the tests say whether their values are right.
  return (await node.call(
    'eth_simulateV1',
    { blockStateCalls: blocks, ...options },
    block,
  )) as readonly Block[]
}

const failsWith = async (blocks: readonly object[], options: object = {}): Promise<[number, string]> => {
  const { code, message } = await node.fail(
    'eth_simulateV1',
    { blockStateCalls: blocks, ...options },
    'latest',
  )
  return [code, message]
}
const calls = (...to: readonly Address[]): object => ({ calls: to.map((address) => ({ to: address })) })
const first = (blocks: readonly Block[]): Call => {
  const call = blocks[0]?.calls[0]
  assert.ok(call)
  return call
}

describe('blocks', () => {
  test('follow from the base and from each other', async () => {
    const head = (await node.call('eth_getBlockByNumber', 'latest', false)) as Block
    const [a, b] = await simulate([calls(COUNTER), calls(COUNTER, COUNTER)])
    assert.ok(a !== undefined && b !== undefined)
    assert.deepEqual([a.parentHash, b.parentHash], [head.hash, a.hash])
    assert.deepEqual(
      [BigInt(a.number), BigInt(b.number)],
      [BigInt(head.number) + 1n, BigInt(head.number) + 2n],
    )
    assert.deepEqual(
      [BigInt(a.timestamp), BigInt(b.timestamp)],
      [BigInt(head.timestamp) + 12n, BigInt(head.timestamp) + 24n],
    )
    assert.equal(a.baseFeePerGas, '0x0')
    const returned = [...a.calls, ...b.calls].map(({ returnData }) => returnData)
    assert.deepEqual(returned, [1n, 2n, 3n].map(wordToHash))
    assert.notEqual(a.stateRoot, b.stateRoot)
    assert.equal(
      BigInt(b.gasUsed),
      b.calls.reduce((sum, { gasUsed }) => sum + BigInt(gasUsed), 0n),
    )
  })

  test('leave the chain as it was', async () => {
    await simulate([calls(COUNTER)])
    assert.equal(await node.call('eth_getStorageAt', COUNTER, '0x0', 'latest'), ZERO_HASH)
    assert.equal(await node.call('eth_blockNumber'), '0x1')
  })

  test('fill the gap before a number', async () => {
    const blocks = await simulate([{ blockOverrides: { number: '0x5' }, ...calls(HASHES) }])
    assert.deepEqual(
      blocks.map(({ number }) => number),
      ['0x2', '0x3', '0x4', '0x5'],
    )
    assert.equal(blocks[3]?.calls[0]?.returnData, blocks[2]?.hash)
  })

  test('an empty block on the head has the state root of the next real one', async () => {
    const [simulated] = await simulate([{}], { validation: true })
    const [mined] = (await node.node.backend.dev?.mine(1)) ?? []
    const real = (await node.call('eth_getBlockByHash', mined, false)) as Block
    // Both hold the parent's hash (EIP-2935) and a beacon root at their own time (EIP-4788): only the time differs.
    assert.equal(simulated?.parentHash, real.parentHash)
    const [again] = await simulate(
      [{ blockOverrides: { time: real.timestamp } }],
      { validation: true },
      '0x1',
    )
    assert.equal(again?.stateRoot, real.stateRoot)
    assert.equal(again?.baseFeePerGas, real.baseFeePerGas)
  })

  test('can be overridden in all they decide', async () => {
    const recipient = addressOf(0xfee)
    const withdrawal = { index: '0x1', validatorIndex: '0x2', address: POOR, amount: '0x3' }
    const overrides = {
      feeRecipient: recipient,
      baseFeePerGas: '0x9',
      gasLimit: '0x100000',
      prevRandao: wordToHash(5n),
      withdrawals: [withdrawal],
      time: '0xffffffffff',
    }
    const code = bytesToHex(assemble(`PUSH1 0xaa BALANCE`, RETURN_WORD))
    const blocks = await simulate([
      { blockOverrides: overrides, calls: [] },
      { stateOverrides: { [COUNTER]: { code } }, ...calls(COUNTER) },
    ])
    assert.deepEqual(
      [blocks[0]?.miner, blocks[0]?.baseFeePerGas, blocks[0]?.timestamp],
      [recipient, '0x9', '0xffffffffff'],
    )
    assert.deepEqual(blocks[0]?.withdrawals, [withdrawal])
    // Withdrawals are in gwei.
    assert.equal(blocks[1]?.calls[0]?.returnData, wordToHash(3_000_000_000n))
    assert.equal(blocks[1]?.miner, recipient)
  })

  test('show hashes, or whole transactions with their senders', async () => {
    const request = [
      {
        calls: [
          { from: RICH, to: COUNTER },
          { from: POOR, to: COUNTER, gasPrice: '0x0' },
        ],
      },
    ]
    const [short] = await simulate(request)
    const [long] = await simulate(request, { returnFullTransactions: true })
    const bodies = long?.transactions ?? []
    assert.deepEqual(
      bodies.map((body) => (typeof body === 'string' ? '' : body.hash)),
      short?.transactions,
    )
    assert.deepEqual(
      bodies.map((body) => (typeof body === 'string' ? '' : [body.from, body.type])),
      [
        [RICH, '0x2'],
        [POOR, '0x0'],
      ],
    )
  })
})

describe('calls', () => {
  test('that fail are results', async () => {
    const request = { calls: [{ to: FAILING }, { to: ENDLESS, gas: '0xf4240' }, { to: COUNTER }] }
    const [block] = await simulate([request])
    const [reverted, halted, fine] = block?.calls ?? []
    assert.deepEqual(
      [reverted?.status, reverted?.error, reverted?.logs],
      ['0x0', { message: 'execution reverted', code: 3, data: '0x' }, []],
    )
    assert.deepEqual([halted?.status, halted?.error], ['0x0', { message: 'out of gas', code: -32015 }])
    assert.equal(fine?.status, '0x1')
  })

  test('have logs with their place in the block', async () => {
    const [block] = await simulate([calls(LOGGER, FAILING, LOGGER)])
    const logs = block?.calls.flatMap((call) => call.logs) ?? []
    assert.deepEqual(
      logs.map(({ logIndex, address, topics }) => [logIndex, address, topics]),
      [
        ['0x0', LOGGER, [wordToHash(7n)]],
        ['0x1', LOGGER, [wordToHash(7n)]],
      ],
    )
    assert.deepEqual(
      logs.map(({ blockHash, transactionHash }) => [blockHash, transactionHash]),
      [
        [block?.hash, block?.transactions[0]],
        [block?.hash, block?.transactions[2]],
      ],
    )
  })

  test('show moves of coins when asked, but not those taken back', async () => {
    const request = [{ calls: [{ from: RICH, to: SENDING, value: '0x5' }] }]
    const transfer = (from: Address, to: Address, value: bigint): unknown[] => [
      '0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee',
      [
        wordToHash(0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3efn),
        wordToHash(BigInt(from)),
        wordToHash(BigInt(to)),
      ],
      wordToHash(value),
    ]
    const logs = first(await simulate(request, { traceTransfers: true })).logs
    assert.deepEqual(
      logs.map(({ address, topics, data }) => [address, topics, data]),
      [transfer(RICH, SENDING, 5n), transfer(SENDING, addressOf(0xdead), 3n)],
    )
    assert.deepEqual(first(await simulate(request)).logs, [])
  })

  test('say the peak of their gas beside what they used', async () => {
    const code = bytesToHex(assemble('PUSH0 PUSH0 SSTORE STOP'))
    const clearing = { stateOverrides: { [COUNTER]: { code, state: { '0x0': '0x1' } } }, ...calls(COUNTER) }
    const { gasUsed, maxUsedGas } = first(await simulate([clearing]))
    assert.equal(BigInt(maxUsedGas), 21_000n + 4n + 5000n)
    assert.equal(BigInt(gasUsed), BigInt(maxUsedGas) - 4800n)
  })

  test('return the code of the contract that they create', async () => {
    const data = bytesToHex(assemble('PUSH1 42', RETURN_WORD))
    assert.equal(first(await simulate([{ calls: [{ data }] }])).returnData, wordToHash(42n))
  })

  test('run on state that overrides made, from that block on', async () => {
    const blocks = await simulate([
      calls(COUNTER),
      { stateOverrides: { [COUNTER]: { stateDiff: { '0x0': '0x64' } } }, ...calls(COUNTER) },
      calls(COUNTER),
    ])
    assert.deepEqual(
      blocks.map((block) => BigInt(block.calls[0]?.returnData ?? 0)),
      [1n, 101n, 102n],
    )
  })
})

describe('validation', () => {
  const validated = { validation: true }
  const price = { maxFeePerGas: '0x77359400', gas: '0x5208' }

  test('without it neither nonce nor price nor funds matter', async () => {
    assert.equal(
      first(await simulate([{ calls: [{ from: POOR, to: COUNTER, nonce: '0x63' }] }])).status,
      '0x1',
    )
  })

  test('with it each refusal has its code', async () => {
    const code = async (call: object): Promise<number> => (await failsWith([{ calls: [call] }], validated))[0]
    assert.equal(await code({ from: RICH, to: POOR, ...price, nonce: '0x0' }), -38010)
    assert.equal(await code({ from: RICH, to: POOR, ...price, nonce: '0x63' }), -38011)
    assert.equal(await code({ from: RICH, to: POOR, gas: '0x5208' }), -38012)
    assert.equal(await code({ from: RICH, to: POOR, ...price, gas: '0x1' }), -38013)
    assert.equal(await code({ from: POOR, to: RICH, ...price }), -38014)
    assert.equal(await code({ from: RICH, to: POOR, ...price, gas: '0x2000000' }), -38015)
    assert.equal(
      await code({ from: RICH, data: `0x${'00'.repeat(49_153)}`, ...price, gas: '0x1000000' }),
      -38025,
    )
  })

  test('with it a sender with code is still let in, and base fees follow from the parent', async () => {
    const rich = { [COUNTER]: { balance: '0xde0b6b3a7640000' } }
    const call = { from: COUNTER, to: POOR, ...price, value: '0x1' }
    const [block] = await simulate([{ stateOverrides: rich, calls: [call] }], validated)
    assert.equal(block?.calls[0]?.status, '0x1')
    assert.ok(BigInt(block?.baseFeePerGas ?? 0) > 0n)
  })
})

describe('limits', () => {
  test('no blocks, too many, out of order', async () => {
    assert.deepEqual((await failsWith([]))[0], -32602)
    assert.deepEqual(await failsWith(Array.from({ length: 257 }, () => ({}))), [
      -38026,
      'too many blocks: at most 256, gaps included',
    ])
    assert.equal((await failsWith([{ blockOverrides: { number: '0x1000' } }]))[0], -38026)
    assert.match(
      (await failsWith([{ blockOverrides: { number: '0x1' } }]))[1],
      /block numbers must be in order/,
    )
    assert.equal((await failsWith([{ blockOverrides: { number: '0x0' } }]))[0], -38020)
    const [code, message] = await failsWith([{ blockOverrides: { time: '0x1' } }])
    assert.equal(code, -38021)
    assert.match(message, /block timestamps must be in order: 1 <= \d+/)
  })

  test('too many calls', async () => {
    const [code, message] = await failsWith([{ calls: Array.from({ length: 5001 }, () => ({})) }])
    assert.equal(code, -32602)
    assert.match(message, /at most 5000/)
    const halves = [
      { calls: Array.from({ length: 2501 }, () => ({})) },
      { calls: Array.from({ length: 2500 }, () => ({})) },
    ]
    assert.deepEqual(await failsWith(halves), [-38026, 'too many calls: 5001 > 5000'])
  })

  test('gas of all calls together', async () => {
    const blocks = await simulate([calls(ENDLESS), calls(ENDLESS)])
    const error = blocks[1]?.calls[0]?.error
    assert.match(error?.message ?? '', /^out of gas \(its gas was capped/)
    assert.deepEqual((await failsWith([calls(ENDLESS), calls(ENDLESS), calls(ENDLESS)]))[0], -38026)
  })

  test('256 blocks take moments', async () => {
    const blocks = await simulate(Array.from({ length: 256 }, () => calls(COUNTER)))
    assert.equal(blocks.at(-1)?.calls[0]?.returnData, wordToHash(256n))
  })
})
