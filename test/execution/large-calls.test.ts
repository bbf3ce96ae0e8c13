/**
 * Calls with much call data and much output, which are cheap once the memory is paid for: on every engine the same results,
 * whoever is called and however it ends.
 */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { bytesToHex } from '../../src/primitives/bytes.ts'
import type { TransactionResult } from '../../src/execution/message.ts'
import type { ExecutionTracer } from '../../src/execution/tracing.ts'
import { runMessage } from '../../src/execution/transaction.ts'
import { CALL_POLICY } from '../../src/execution/validation.ts'
import { Journal } from '../../src/state/journal.ts'
import { tier0 } from '../../runtime/evm/engine.ts'
import { tier1 } from '../../runtime/evm/tier1/engine.ts'
import { tier2 } from '../../runtime/evm/tier2/engine.ts'
import { immediatePort } from '../../runtime/evm/tiering/compile-job.ts'
import { createTieredEngine } from '../../runtime/evm/tiering/engine.ts'
import type { Engine } from '../../runtime/host.ts'
import { assemble } from '../support/assembler.ts'
import {
  addressOf,
  AMPLE_ALLOWANCE,
  smallEnvironment,
  smallMessage,
  smallWorld,
} from '../support/small-world.ts'

const ENGINES: readonly Engine[] = [tier1, tier2, createTieredEngine({ port: immediatePort() })]
const CONTRACT = addressOf(0xc0de)
const CALLEE = addressOf(0xca11)
const DEEPER = addressOf(0xdee9)
const LARGE = 0x40000

/** Marks the first word and the last one of 256 KB of memory. */
const FILL = `PUSH2 0x0102 PUSH0 MSTORE PUSH1 0x77 PUSH3 ${LARGE - 1} MSTORE8`
/** Returns the results of all calls, the size of the return data, and a hash of all memory. */
const TELL =
  'PUSH0 MSTORE RETURNDATASIZE PUSH1 32 MSTORE MSIZE PUSH0 KECCAK256 PUSH1 64 MSTORE GAS PUSH1 96 MSTORE PUSH1 128 PUSH0 RETURN'

interface CallOptions {
  readonly instruction?: string
  readonly value?: number
  readonly outputSize?: number
  readonly gas?: string
}

function call(to: string, options: CallOptions = {}): string {
  const { instruction = 'CALL', value = 0, outputSize = 0, gas = 'GAS' } = options
  const valuePart = instruction === 'CALL' || instruction === 'CALLCODE' ? `PUSH1 ${value}` : ''
  return `PUSH3 ${outputSize} PUSH1 5 PUSH3 ${LARGE} PUSH0 ${valuePart} PUSH20 ${to} ${gas} ${instruction}`
}

function run(engine: Engine, code: string, callee: string, tracer?: ExecutionTracer): TransactionResult {
  const journal = new Journal(
    smallWorld(
      new Map([
        [CONTRACT, { code: assemble(code), balance: 3n }],
        [CALLEE, { code: assemble(callee) }],
        [DEEPER, { code: assemble(READ) }],
      ]),
    ),
  )
  const message = smallMessage({ gasLimit: 1n << 36n })
  return runMessage(journal, smallEnvironment('osaka'), message, AMPLE_ALLOWANCE, CALL_POLICY, {
    engine,
    tracer,
  })
}

const READ =
  'PUSH0 CALLDATALOAD PUSH0 MSTORE PUSH3 0x3fff0 CALLDATALOAD PUSH1 32 MSTORE CALLDATASIZE PUSH1 64 MSTORE PUSH1 96 PUSH0 RETURN'
/** Grows its memory beyond everything that is there, calls somebody with other call data, and reads its own again. */
const PASS_ON = `PUSH3 0x300000 MLOAD POP PUSH1 9 PUSH0 MSTORE ${call(DEEPER, { outputSize: 96 })} POP ${READ}`

const CALLEES: readonly (readonly [name: string, code: string])[] = [
  ['does nothing', 'STOP'],
  ['reads its call data', READ],
  ['copies its call data', 'CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY CALLDATASIZE PUSH0 RETURN'],
  ['reverts with its call data', 'CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY CALLDATASIZE PUSH0 REVERT'],
  ['halts', 'INVALID'],
  ['grows memory, calls somebody else and reads its call data again', PASS_ON],
  ['calls back to the deepest frame', `${call(CALLEE)} ${READ}`],
]
/** By address: identity, sums of points, a compression function, nobody. */
const OTHERS = [0x04, 0x06, 0x09, 0xbad].map(addressOf)

suite('256 KB of call data', () => {
  for (const [name, callee] of CALLEES) {
    for (const instruction of ['CALL', 'CALLCODE', 'DELEGATECALL', 'STATICCALL']) {
      test(`with ${instruction} of a contract that ${name}`, () => {
        for (const outputSize of [0, 40, LARGE]) {
          const code = `${FILL} ${call(CALLEE, { instruction, outputSize })} ${TELL}`
          agree(code, callee)
        }
      })
    }
  }

  test('for accounts without code and for precompiles, with gas and without', () => {
    for (const to of OTHERS) {
      for (const gas of ['GAS', 'PUSH0', 'PUSH2 200']) {
        for (const outputSize of [0, 40, LARGE]) agree(`${FILL} ${call(to, { gas, outputSize })} ${TELL}`)
      }
    }
  })

  test('in calls that are refused', () => {
    for (const to of [CALLEE, ...OTHERS]) agree(`${FILL} ${call(to, { value: 4 })} ${TELL}`)
  })

  test('in a call between other ones', () => {
    const [first, second] = [call(CALLEE, { outputSize: 40 }), call(DEEPER, { outputSize: 70, value: 1 })]
    const copy = 'RETURNDATASIZE PUSH0 PUSH2 500 RETURNDATACOPY'
    agree(`${FILL} ${first} ${copy} ${second} ADD ${copy} ${first} ADD ${TELL}`, READ)
  })

  test('are shown to tracers while the call begins', () => {
    for (const engine of [tier0, ...ENGINES]) {
      const seen: string[] = []
      const tracer: ExecutionTracer = {
        enter: ({ to, input }) => seen.push(`${to} ${input.length} ${bytesToHex(input.subarray(30, 32))}`),
        exit: ({ output }) => seen.push(`${output.length}`),
      }
      run(engine, `${FILL} ${call(CALLEE)} ${TELL}`, READ, tracer)
      const called = `${CALLEE} ${LARGE} 0x0102`
      assert.deepEqual(seen, [`${CONTRACT} 0 0x`, called, '96', '128'], engine.name)
    }
  })
})

/** All engines with tier 0, which has to succeed. */
function agree(code: string, callee = 'STOP'): void {
  const expected = run(tier0, code, callee)
  assert.equal(expected.status, 'succeeded')
  for (const engine of ENGINES) {
    const { status, gasUsed, output, logs } = run(engine, code, callee)
    assert.deepEqual(
      { status, gasUsed, output, logs },
      {
        status: expected.status,
        gasUsed: expected.gasUsed,
        output: expected.output,
        logs: expected.logs,
      },
      engine.name,
    )
  }
}
