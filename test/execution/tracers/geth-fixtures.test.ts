/**
 * callTracer and prestateTracer against geth's own fixtures. Most of them come from forks long before Cancun; those are
 * run by Cancun's rules and compared in everything that gas prices do not change. What else a fork changed is listed
 * fixture by fixture, so that nothing is left out silently.
 */
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { present } from '../../../src/primitives/assert.ts'
import { hexToBytes, toAddress, wordToHash, type Address } from '../../../src/primitives/bytes.ts'
import { decodeTransaction } from '../../../src/chain/transaction-codec.ts'
import { recoverSender } from '../../../src/chain/transaction-signature.ts'
import { FORKS } from '../../../src/chain/forks.ts'
import { blobBaseFee } from '../../../src/execution/fees.ts'
import { executeTransaction } from '../../../src/execution/transaction.ts'
import { CallTracer } from '../../../src/execution/tracers/call-tracer.ts'
import { PrestateTracer } from '../../../src/execution/tracers/prestate-tracer.ts'
import type { Tracer } from '../../../src/execution/tracers/tracer.ts'
import { Journal } from '../../../src/state/journal.ts'
import { parseJson, SHARED_SKIP, untar } from '../../support/shared.ts'
import { AMPLE_ALLOWANCE, smallConfig, smallEnvironment, smallWorld } from '../../support/small-world.ts'

type Number_ = string | number | undefined
type Json = Readonly<Record<string, unknown>>

interface Fixture {
  readonly genesis: {
    readonly config: Readonly<Record<string, Number_>>
    readonly alloc: Readonly<
      Record<string, { balance?: Number_; nonce?: Number_; code?: string; storage?: Record<string, string> }>
    >
    readonly excessBlobGas?: Number_
  }
  readonly context: Readonly<
    Record<'number' | 'timestamp' | 'gasLimit' | 'difficulty' | 'baseFeePerGas', Number_>
  > & {
    readonly miner: string
  }
  readonly input: string
  readonly tracerConfig?: Readonly<Record<string, boolean>>
  readonly result: unknown
}

const SUITES = ['call_tracer', 'call_tracer_withLog', 'prestate_tracer', 'prestate_tracer_with_diff_mode']

/** Suites of tracers that this node does not have. */
const OTHER_SUITES: Readonly<Record<string, string>> = {
  call_tracer_legacy: 'the JavaScript tracer that callTracer replaced; its output differs by design',
  prestate_tracer_legacy: 'the JavaScript tracer that prestateTracer replaced; its output differs by design',
  call_tracer_flat: 'flatCallTracer (Parity style) is not offered',
  erc7562_tracer: 'erc7562Tracer (account abstraction bundlers) is not offered',
}

/** Fixtures whose result follows from a rule that Cancun does not have any more. */
const OTHER_RULES: Readonly<Record<string, string>> = {
  'prestate_tracer_with_diff_mode/suicide': 'SELFDESTRUCT deleted any contract before EIP-6780',
}

/** Before EIP-161 a new contract began with nonce 0. */
const NONCE_ZERO_CONTRACTS = new Set(
  [
    'create',
    'create_disable_code',
    'create_disable_storage',
    'inner_create',
    'inner_create_disable_code_and_storage',
  ].map((name) => `prestate_tracer_with_diff_mode/${name}`),
)

/** A contract that pays its caller for the gas it saw itself use: its balance follows from gas prices, too. */
const GAS_REFUNDER = toAddress('0x7dd677b54fc954824a7bc49bd26cbdfa12c75adf')

const PATH = /testdata\/(\w+)\/([\w.]+)\.json$/

describe('geth tracer fixtures', { skip: SHARED_SKIP }, () => {
  const files = SHARED_SKIP === false ? untar('rpc/tracers.tar.gz') : new Map<string, Uint8Array>()
  let comparedCount = 0
  for (const [path, bytes] of files) {
    const [, suite = '', name = ''] = PATH.exec(path) ?? []
    const id = `${suite}/${name}`
    if (!SUITES.includes(suite) || OTHER_RULES[id] !== undefined) continue
    comparedCount += 1
    test(id, () => {
      compare(id, parseJson<Fixture>(bytes))
    })
  }

  test('every suite is either compared or named with a reason', () => {
    const suites = new Set([...files.keys()].flatMap((path) => PATH.exec(path)?.[1] ?? []))
    assert.deepEqual([...suites].toSorted(), [...SUITES, ...Object.keys(OTHER_SUITES)].toSorted())
    assert.equal(comparedCount, 48)
  })
})

function compare(id: string, fixture: Fixture): void {
  const fork = supportedFork(fixture)
  const { result, sender, beneficiary } = trace(id, fixture, fork ?? 'cancun')
  // The traces are compared as JSON, the form in which they leave the node.
  const actual = JSON.parse(JSON.stringify(result)) as unknown
  if (fork !== undefined) {
    assert.deepEqual(actual, fixture.result)
    return
  }
  const payers = [sender, beneficiary, GAS_REFUNDER]
  const normalise = (value: unknown): unknown => withoutGas(value, payers, NONCE_ZERO_CONTRACTS.has(id))
  assert.deepEqual(normalise(actual), normalise(fixture.result))
}

function supportedFork({ genesis: { config }, context }: Fixture): 'cancun' | 'prague' | undefined {
  const isActive = (time: Number_): boolean => time !== undefined && big(time) <= big(context.timestamp)
  if (isActive(config['pragueTime'])) return 'prague'
  return isActive(config['cancunTime']) ? 'cancun' : undefined
}

function trace(
  id: string,
  { genesis, context, input, tracerConfig = {} }: Fixture,
  fork: 'cancun' | 'prague',
): { result: unknown; sender: Address; beneficiary: Address } {
  const accounts = Object.entries(genesis.alloc).map(([address, { balance, nonce, code, storage = {} }]) => {
    const slots = Object.fromEntries(Object.entries(storage).map(([slot, value]) => [slot, BigInt(value)]))
    const account = {
      balance: big(balance),
      nonce: big(nonce),
      code: hexToBytes(code ?? '0x'),
      storage: slots,
    }
    return [toAddress(withPrefix(address)), account] as const
  })
  const excessBlobGas = big(genesis.excessBlobGas)
  const beneficiary = toAddress(context.miner)
  const environment = smallEnvironment(fork, {
    config: smallConfig(fork, big(genesis.config['chainId'])),
    number: big(context.number),
    timestamp: big(context.timestamp),
    gasLimit: big(context.gasLimit),
    beneficiary,
    prevRandao: wordToHash(big(context.difficulty)),
    baseFeePerGas: big(context.baseFeePerGas),
    excessBlobGas,
    blobBaseFee: blobBaseFee(excessBlobGas, FORKS[fork]),
  })
  const transaction = decodeTransaction(hexToBytes(withPrefix(input)))
  const sender = present(recoverSender(transaction), 'sender')
  const tracer = tracerOf(id, tracerConfig)
  const journal = new Journal(smallWorld(new Map(accounts)))
  executeTransaction(journal, environment, transaction, sender, AMPLE_ALLOWANCE, { tracer })
  return { result: tracer.result(), sender, beneficiary }
}

function tracerOf(id: string, config: Readonly<Record<string, boolean>>): Tracer {
  const flag = (name: string): boolean => config[name] ?? false
  if (id.startsWith('call')) {
    return new CallTracer({ onlyTopCall: flag('onlyTopCall'), withLog: flag('withLog') })
  }
  return new PrestateTracer({
    diffMode: flag('diffMode'),
    disableCode: flag('disableCode'),
    disableStorage: flag('disableStorage'),
    includeEmpty: flag('includeEmpty'),
  })
}

/** A trace without gas, without what was paid for it, and with the log indexes that old fixtures leave out. */
function withoutGas(value: unknown, payers: readonly Address[], dropsFirstNonce: boolean): unknown {
  const strip = (item: unknown): unknown => {
    if (Array.isArray(item)) return item.map(strip)
    if (typeof item !== 'object' || item === null) return item
    const kept = Object.entries(item as Json).filter(([key]) => key !== 'gas' && key !== 'gasUsed')
    const object: Record<string, unknown> = Object.fromEntries(
      kept.map(([key, child]) => [key, strip(child)]),
    )
    if ('position' in object) object['index'] ??= '0x0'
    return object
  }
  const stripped = strip(value)
  const { post } = stripped as { post?: Record<string, Record<string, unknown>> }
  for (const payer of payers) delete post?.[payer]?.['balance']
  if (dropsFirstNonce) {
    for (const account of Object.values(post ?? {})) if (account['nonce'] === 1) delete account['nonce']
  }
  return stripped
}

function big(value: Number_): bigint {
  return BigInt(value ?? 0)
}

function withPrefix(hex: string): string {
  return hex.startsWith('0x') ? hex : `0x${hex}`
}
