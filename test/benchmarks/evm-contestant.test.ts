/** Who takes part in the EVM benchmark: engines in processes of their own, and nodes that are asked over JSON-RPC. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ContestantError, NodeContestant, WorkerContestant } from '../../benchmarks/evm-contestant.ts'
import { DEFAULT_ENGINE, ENGINE_VARIANTS, openEngine, OWN_ENGINES } from '../../benchmarks/evm-engines.ts'
import { NoAnswerError } from '../../benchmarks/processes.ts'
import { bytesToHex } from '../../src/primitives/bytes.ts'
import { assemble } from '../support/assembler.ts'

const TIMEOUT_MS = 60_000
const TO = `0xc0${'00'.repeat(19)}` as const
const CALL = { from: `0xa0${'00'.repeat(19)}`, to: TO, data: '0x', gas: 100_000 } as const
/** Returns slot 5. */
const CODE = bytesToHex(assemble('PUSH1 5 SLOAD PUSH0 MSTORE PUSH1 32 PUSH0 RETURN'))
const ACCOUNT = { address: TO, code: CODE, storage: { '0x5': '0x2a' } }
const FORTY_TWO = `0x${'2a'.padStart(64, '0')}`

describe('our engines', () => {
  test('open under every name that benchmarks know, nodes’ default among them', async () => {
    assert.ok(OWN_ENGINES.includes(DEFAULT_ENGINE))
    for (const name of [...OWN_ENGINES, ...ENGINE_VARIANTS])
      assert.ok((await openEngine(name)) !== undefined, name)
    assert.equal(await openEngine('reference'), undefined)
  })
})

describe('an engine in a process of its own', { timeout: TIMEOUT_MS }, () => {
  for (const engine of ['tier1', '@ethereumjs/evm']) {
    test(`does calls on the state that was placed, each anew: ${engine}`, async () => {
      const contestant = await WorkerContestant.open(engine, engine)
      try {
        await contestant.place([ACCOUNT])
        const { output, gasUsed, time } = await contestant.run(CALL, 3)
        // Two pushes, a cold SLOAD, PUSH0, MSTORE with a word of memory, two pushes.
        assert.deepEqual([output, gasUsed], [FORTY_TWO, 3 + 2100 + 2 + 6 + 3 + 2])
        assert.ok(time.wallMs > 0 && time.processorMs >= 0)
        await contestant.place([{ ...ACCOUNT, code: '0xfe' }])
        assert.equal((await contestant.run(CALL, 1)).output, undefined)
        assert.equal(await contestant.settle(), 0)
      } finally {
        await contestant.close()
      }
    })
  }

  test('answers what went wrong, and goes on', async () => {
    const contestant = await WorkerContestant.open('tier1', 'tier1')
    try {
      const bad = contestant.place([{ ...ACCOUNT, code: '0xzz' }])
      await assert.rejects(
        bad,
        (error) => error instanceof ContestantError && /^tier1: .*hex/is.test(error.message),
      )
      await contestant.place([ACCOUNT])
      assert.equal((await contestant.run(CALL, 1)).output, FORTY_TWO)
    } finally {
      await contestant.close()
    }
  })

  test('that ends is told of', async () => {
    const contestant = await WorkerContestant.open('tier0', 'tier0')
    await contestant.place([{ address: TO, code: '0x5b5f56' }])
    const endless = contestant.run({ ...CALL, gas: 1e15 }, 1)
    const refused = assert.rejects(endless, /tier0: the process ended with SIGKILL/)
    await contestant.close()
    await refused
  })
})

/** Answers as a node does that was asked to refuse calls to the zero address; its only argument is its port. */
const NODE = `
  require('node:http').createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const { id, method, params } = JSON.parse(text)
    const isRefused = method === 'eth_call' && /^0x0+$/.test(params[0].to)
    const outcome = isRefused ? { error: { code: 3, message: 'reverted' } } : { result: method === 'eth_call' ? '0x2a' : '0x1' }
    const body = JSON.stringify({ jsonrpc: '2.0', id, ...outcome })
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
  }).listen(Number(process.argv[1]), '127.0.0.1')`

describe('a node', { timeout: TIMEOUT_MS }, () => {
  const peer = (code: string) => ({
    name: 'node',
    prefix: 'anvil' as const,
    command: (port: number) => ({ file: process.execPath, args: ['-e', code, `${port}`] }),
  })

  test('is started, asked, and told apart from one that refuses a call', async () => {
    const contestant = await NodeContestant.open(peer(NODE))
    try {
      await contestant.place([ACCOUNT])
      const { output, gasUsed, time } = await contestant.run(CALL, 2)
      assert.deepEqual([output, gasUsed], ['0x2a', undefined])
      assert.ok(time.wallMs > 0)
      const refused = await contestant.run({ ...CALL, to: `0x${'00'.repeat(20)}` }, 1)
      assert.equal(refused.output, undefined)
    } finally {
      await contestant.close()
    }
  })

  test('that ends before it answers is left out, with what it said', async () => {
    await assert.rejects(
      NodeContestant.open(peer(`console.error('no such chain'); process.exit(3)`)),
      (error) => error instanceof NoAnswerError && /ended: no such chain/.test(error.message),
    )
  })
})
