/**
 * Requests as clients send them: whatever the text, the answer is well-formed JSON-RPC or none, never an internal error.
 * Each case has a dispatcher of its own, so that it can be made again alone.
 */
import { METHODS } from '../../../src/rpc/registry.ts'
import { FakeBackend } from '../../support/fake-backend.ts'
import { checkAnswer, rpcWorld } from '../../support/rpc-client.ts'
import { CONTRACT, SENDER, signedTransaction } from '../../support/fake-backend.ts'
import { bytesToHex } from '../../../src/primitives/bytes.ts'
import { assert } from '../../../src/primitives/assert.ts'
import type { FaultControl } from '../../../src/rpc/fault-control.ts'
import { consensusWorld, type ConsensusWorld } from '../../support/consensus-world.ts'
import type { Target } from '../target.ts'
import { jsonTarget } from './text.ts'

const call = {
  from: SENDER,
  to: CONTRACT,
  data: '0x60016002',
  gas: '0x186a0',
  value: '0x1',
  maxFeePerGas: '0x77359400',
}
const hash = `0x${'ab'.repeat(32)}`
const filter = { fromBlock: '0x0', toBlock: 'latest', address: [CONTRACT], topics: [null, [hash]] }
/** What makes sense somewhere as a parameter. */
const PARAMS: readonly (readonly unknown[])[] = [
  [],
  ['latest'],
  ['0x1', true],
  [SENDER, 'latest'],
  [CONTRACT, '0x0', 'latest'],
  [CONTRACT, ['0x0'], 'latest'],
  [hash],
  [hash, { tracer: 'callTracer', tracerConfig: { onlyTopCall: true } }],
  [call, 'latest'],
  [call, 'latest', { [CONTRACT]: { balance: '0x1', code: '0x5b00', state: { [hash]: hash } } }],
  [call, 'latest', { tracer: 'prestateTracer', stateOverrides: {} }],
  [{ blockStateCalls: [{ blockOverrides: { number: '0x5' }, calls: [call] }], validation: true }, 'latest'],
  [filter],
  ['logs', filter],
  ['newHeads'],
  [bytesToHex(signedTransaction(0n).bytes)],
  ['0x4', 'latest', [25, 75]],
  [SENDER, '0xff'],
  ['0xdeadbeef'],
]

async function answerTo(backend: FakeBackend, text: string): Promise<string | undefined> {
  const { clock, dispatcher, internalErrors } = rpcWorld(backend)
  const answer = dispatcher.handle(text)
  // Whatever waits for the chain waits in vain.
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(120_000)
  const result = await answer
  dispatcher.close()
  const [first] = internalErrors
  if (first !== undefined) throw first
  return result
}

function checkAnswers(answer: string | undefined): void {
  if (answer === undefined) return
  const parsed: unknown = JSON.parse(answer)
  for (const item of Array.isArray(parsed) ? parsed : [parsed]) {
    assert(checkAnswer(item).error?.code !== -32_603, 'no answer is an internal error')
  }
}

/** Tracers and simulations do some work. */
const TIME_MS_MAX = 1000

const rpc = jsonTarget<string | undefined>({
  name: 'rpc',
  documents: () => {
    const requests = [...METHODS.keys()].flatMap((method, index) =>
      [PARAMS[index % PARAMS.length], PARAMS[(index * 7 + 3) % PARAMS.length]].map((params) =>
        request(method, params),
      ),
    )
    return [...requests, requests.slice(0, 5), [request('eth_chainId', []), 1, {}]]
  },
  parse: (text) => {
    const backend = new FakeBackend()
    backend.devAnswers['mine'] = () => Promise.resolve([])
    return answerTo(backend, text)
  },
  errors: [],
  check: checkAnswers,
  timeMsMax: TIME_MS_MAX,
})

const NODE = `0x${'01'.repeat(48)}` as const
/** One node, on which no fault has an effect. */
const faults: FaultControl = {
  nodes: () => [{ name: 'node-0', id: NODE, fault: { kind: 'none' } }],
  setFault: () => Promise.resolve(),
}
/** Made once: nothing that is asked changes it. */
const worlds: { consensus?: Promise<ConsensusWorld> } = {}

/** What a node of a network answers besides, with certificates, committees and faults. */
const rpcOfNetwork = jsonTarget<string | undefined>({
  name: 'rpc-network',
  documents: () => [
    request('aevir_getBlockCertificates', ['0x5']),
    request('aevir_getBlockCertificates', ['safe']),
    request('aevir_getCommittees', ['0x1']),
    request('aevir_getCommittees', []),
    request('aevir_consensusStatus', []),
    request('aevir_getOffences', ['0x0', '0x5']),
    request('aevir_getFaults', []),
    request('aevir_setFault', [NODE, { kind: 'delay', milliseconds: 5 }]),
    request('aevir_setFault', ['node-0', { kind: 'partition', nodes: [NODE] }]),
    request('aevir_getTransactionStatus', [hash]),
    request('eth_getBlockByNumber', ['finalized', true]),
    request('eth_subscribe', ['newHeads']),
  ],
  parse: async (text) => {
    const { backend } = await (worlds.consensus ??= consensusWorld(faults))
    return answerTo(backend, text)
  },
  errors: [],
  check: checkAnswers,
  timeMsMax: TIME_MS_MAX,
})

function request(method: string, params: unknown): object {
  return { jsonrpc: '2.0', id: 1, method, params }
}

export const RPC_TARGETS: readonly Target[] = [rpc, rpcOfNetwork]
