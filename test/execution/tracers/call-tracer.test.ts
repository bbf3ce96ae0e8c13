/** The tree of calls, and the text for each way in which a frame can fail: debuggers and explorers show these. */
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import {
  bytesToHex,
  concatBytes,
  UINT64_MAX,
  wordToHash,
  type Address,
} from '../../../src/primitives/bytes.ts'
import { delegationTo } from '../../../src/chain/delegation.ts'
import { createAddress } from '../../../src/chain/contract-address.ts'
import { CallTracer } from '../../../src/execution/tracers/call-tracer.ts'
import { FourByteTracer } from '../../../src/execution/tracers/four-byte-tracer.ts'
import { MuxTracer } from '../../../src/execution/tracers/mux-tracer.ts'
import { TraceBudget, TraceTooLargeError, type Tracer } from '../../../src/execution/tracers/tracer.ts'
import { runMessage } from '../../../src/execution/transaction.ts'
import { CALL_POLICY } from '../../../src/execution/validation.ts'
import type { CallMessage } from '../../../src/execution/message.ts'
import { Journal } from '../../../src/state/journal.ts'
import { assemble } from '../../support/assembler.ts'
import {
  addressOf,
  AMPLE_ALLOWANCE,
  smallEnvironment,
  smallMessage,
  smallWorld,
  type SmallAccount,
} from '../../support/small-world.ts'

interface Frame {
  readonly type: string
  readonly from: Address
  readonly to?: Address
  readonly error?: string
  readonly revertReason?: string
  readonly output?: string
  readonly value?: string
  readonly calls?: readonly Frame[]
  readonly logs?: readonly {
    readonly index: string
    readonly position: string
    readonly topics: readonly string[]
  }[]
}

const MAIN = addressOf(0xc0de)
const CALLEE = addressOf(0xca11ee)
const NOBODY = addressOf(0xdead)

interface Setting {
  readonly message?: Partial<CallMessage>
  readonly main?: SmallAccount
  readonly others?: readonly (readonly [Address, SmallAccount])[]
}

function traced(tracer: Tracer, code: Uint8Array, { message = {}, main = {}, others = [] }: Setting): void {
  const journal = new Journal(smallWorld(new Map([[MAIN, { code, ...main }], ...others])))
  runMessage(journal, smallEnvironment(), smallMessage(message), AMPLE_ALLOWANCE, CALL_POLICY, { tracer })
}

function callsOf(code: Uint8Array, setting: Setting = {}, options: { onlyTopCall?: boolean } = {}): Frame {
  const tracer = new CallTracer({ onlyTopCall: false, withLog: true, ...options })
  traced(tracer, code, setting)
  // Its fields are the ones above; the tests say whether their values are right.
  return tracer.result() as Frame
}

/** Calls CALLEE with 100,000 gas and no value. */
const CALL_CALLEE = 'PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH3 0xca11ee PUSH3 100000 CALL'

const reverting = (data: Uint8Array): Uint8Array => {
  const words = Array.from({ length: Math.ceil(data.length / 32) }, (_, index) => {
    const word = new Uint8Array(32)
    word.set(data.subarray(32 * index, 32 * index + 32))
    return `PUSH32 ${bytesToHex(word)} PUSH2 ${32 * index} MSTORE`
  })
  return assemble(...words, `PUSH2 ${data.length} PUSH0 REVERT`)
}

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text)

const word = (value: bigint): Uint8Array => hex(wordToHash(value).slice(2))

const panic = (code: bigint): string | undefined =>
  callsOf(reverting(concatBytes(hex('4e487b71'), word(code)))).revertReason

const places = (logs: Frame['logs']): unknown => logs?.map(({ index, position }) => [index, position])

const selectorCall = (to: string): string => `PUSH0 PUSH0 PUSH1 8 PUSH0 PUSH0 PUSH3 ${to} GAS CALL POP`

describe('why a frame failed', () => {
  const texts: readonly (readonly [string, Uint8Array, bigint?])[] = [
    ['execution reverted', assemble('PUSH0 PUSH0 REVERT')],
    ['out of gas', assemble('@again PUSH2 @again JUMP'), 50_000n],
    ['out of gas: not enough gas for reentrancy sentry', assemble('PUSH0 PUSH0 SSTORE'), 23_000n],
    ['invalid jump destination', assemble('PUSH0 JUMP')],
    ['invalid opcode: INVALID', assemble('INVALID')],
    ['invalid opcode: opcode 0xc not defined', Uint8Array.of(0x0c)],
    ['invalid opcode: opcode 0xef not defined', Uint8Array.of(0xef)],
    ['stack underflow (0 <=> 1)', assemble('POP')],
    ['stack underflow (1 <=> 2)', assemble('PUSH0 ADD')],
    ['stack underflow (3 <=> 17)', assemble('PUSH0 PUSH0 PUSH0 SWAP16')],
    ['stack limit reached 1024 (1023)', assemble('@again PUSH0 PUSH2 @again JUMP')],
    ['return data out of bounds', assemble('PUSH1 1 PUSH0 PUSH0 RETURNDATACOPY')],
    ['max initcode size exceeded: code size 49153 limit 49152', assemble('PUSH3 49153 PUSH0 PUSH0 CREATE')],
  ]
  for (const [text, code, gasLimit = 1_000_000n] of texts) {
    test(text, () => {
      assert.equal(callsOf(code, { message: { gasLimit } }).error, text)
    })
  }

  test('write protection', () => {
    const code = assemble('PUSH0 PUSH0 PUSH0 PUSH0 PUSH3 0xca11ee PUSH3 100000 STATICCALL STOP')
    const writer = { code: assemble('PUSH0 PUSH0 LOG0') }
    const { calls, error } = callsOf(code, { others: [[CALLEE, writer]] })
    assert.deepEqual(
      [calls?.[0]?.error, calls?.[0]?.type, error],
      ['write protection', 'STATICCALL', undefined],
    )
    assert.equal('value' in (calls?.[0] ?? {}), false)
  })

  test('insufficient balance for transfer', () => {
    const code = assemble('PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 1 PUSH3 0xca11ee PUSH3 100000 CALL STOP')
    const [call] = callsOf(code).calls ?? []
    assert.deepEqual([call?.error, call?.value], ['insufficient balance for transfer', '0x1'])
  })

  test('max call depth exceeded', () => {
    const code = assemble('PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS CALL STOP')
    let frame: Frame | undefined = callsOf(code, { message: { gasLimit: 1n << 40n } })
    let depth = 0
    for (; frame?.calls?.[0] !== undefined; frame = frame.calls[0]) depth += 1
    assert.deepEqual([frame?.error, depth], ['max call depth exceeded', 1025])
  })

  test('nonce uint64 overflow', () => {
    const [call] =
      callsOf(assemble('PUSH0 PUSH0 PUSH0 CREATE STOP'), { main: { nonce: UINT64_MAX } }).calls ?? []
    assert.deepEqual([call?.error, call?.type, call?.to], ['nonce uint64 overflow', 'CREATE', undefined])
  })

  test('contract address collision', () => {
    const taken = createAddress(MAIN, 1n)
    const main = { nonce: 1n }
    const [call] =
      callsOf(assemble('PUSH0 PUSH0 PUSH0 CREATE STOP'), { main, others: [[taken, { nonce: 1n }]] }).calls ??
      []
    assert.equal(call?.error, 'contract address collision')
  })

  const creations: readonly (readonly [string, string, bigint])[] = [
    ['contract creation code storage out of gas', 'PUSH2 1000 PUSH0 RETURN', 200_000n],
    ['out of gas', 'PUSH4 0x00ffffff PUSH0 RETURN', 200_000n],
    ['max code size exceeded: code size 24577 limit 24576', 'PUSH2 24577 PUSH0 RETURN', 10_000_000n],
    ['invalid code: must not begin with 0xef', 'PUSH1 0xef PUSH0 MSTORE8 PUSH1 1 PUSH0 RETURN', 200_000n],
  ]
  for (const [text, initcode, gasLimit] of creations) {
    test(`${text}, at the top`, () => {
      const frame = callsOf(new Uint8Array(0), { message: { to: null, data: assemble(initcode), gasLimit } })
      assert.deepEqual(
        [frame.error, frame.type, frame.to, frame.output],
        [text, 'CREATE', undefined, undefined],
      )
    })
  }

  test('a precompile that refuses its input', () => {
    // Blake2 wants 213 bytes.
    const [call] = callsOf(assemble('PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 9 PUSH2 5000 STATICCALL STOP')).calls ?? []
    assert.deepEqual([call?.error, call?.to], ['precompile failed', addressOf(9)])
  })
})

describe('reasons of reverts', () => {
  test('Error(string)', () => {
    const data = concatBytes(hex('08c379a0'), word(32n), word(5n), hex('68656c6c6f'))
    const { error, revertReason, output } = callsOf(reverting(data))
    assert.deepEqual([error, revertReason, output], ['execution reverted', 'hello', bytesToHex(data)])
  })

  test('Panic(uint256)', () => {
    assert.equal(panic(0x11n), 'arithmetic underflow or overflow')
    assert.equal(panic(0x77n), 'unknown panic code: 0x77')
  })

  test('anything else has none', () => {
    const custom = concatBytes(hex('deadbeef'), word(1n))
    const truncated = concatBytes(hex('08c379a0'), word(32n), word(500n), hex('68656c6c6f'))
    const farOffset = concatBytes(hex('08c379a0'), word(1n << 255n), word(5n))
    for (const data of [custom, truncated, farOffset, hex('08c379a0')]) {
      const { revertReason, output } = callsOf(reverting(data))
      assert.deepEqual([revertReason, output], [undefined, bytesToHex(data)])
    }
  })
})

describe('logs', () => {
  const emitter = { code: assemble('PUSH1 0xaa PUSH0 PUSH0 LOG1 STOP') }
  const failing = { code: assemble('PUSH1 0xbb PUSH0 PUSH0 LOG1 INVALID') }

  test('carry their place between the calls and their index in the block', () => {
    const code = assemble('PUSH1 1 PUSH0 PUSH0 LOG1', CALL_CALLEE, 'PUSH1 2 PUSH0 PUSH0 LOG1 STOP')
    const frame = callsOf(code, { others: [[CALLEE, emitter]] })
    assert.deepEqual(places(frame.logs), [
      ['0x0', '0x0'],
      ['0x2', '0x1'],
    ])
    assert.deepEqual(places(frame.calls?.[0]?.logs), [['0x1', '0x0']])
  })

  test('of a frame that failed are gone and leave no gap', () => {
    const code = assemble(CALL_CALLEE, 'PUSH1 2 PUSH0 PUSH0 LOG1 STOP')
    const frame = callsOf(code, { others: [[CALLEE, failing]] })
    assert.equal(frame.calls?.[0]?.logs, undefined)
    assert.deepEqual(
      frame.logs?.map(({ index }) => index),
      ['0x0'],
    )
  })

  test('are gone below a frame that failed', () => {
    const code = assemble(CALL_CALLEE, 'PUSH0 PUSH0 REVERT')
    assert.equal(callsOf(code, { others: [[CALLEE, emitter]] }).calls?.[0]?.logs, undefined)
  })
})

describe('frames', () => {
  test('a delegatecall shows the contract that made it and the account it names', () => {
    const code = assemble('PUSH0 PUSH0 PUSH0 PUSH0 PUSH3 0xca11ee PUSH3 100000 DELEGATECALL STOP')
    // Delegated once more by EIP-7702: the trace names the account, not the code behind it.
    const others = [
      [CALLEE, { code: delegationTo(NOBODY) }],
      [NOBODY, { code: assemble('STOP') }],
      [addressOf(0xaa), { balance: 3n }],
    ] as const
    const [call] = callsOf(code, { others, message: { value: 3n } }).calls ?? []
    assert.deepEqual([call?.from, call?.to, call?.value], [MAIN, CALLEE, '0x3'])
  })

  test('a SELFDESTRUCT is a frame of its own', () => {
    const frame = callsOf(assemble('PUSH2 0xdead SELFDESTRUCT'), { main: { balance: 5n } })
    assert.deepEqual(frame.calls, [
      { from: MAIN, gas: '0x0', gasUsed: '0x0', to: NOBODY, input: '0x', value: '0x5', type: 'SELFDESTRUCT' },
    ])
  })

  test('onlyTopCall leaves out what is below', () => {
    const code = assemble('PUSH1 1 PUSH0 PUSH0 LOG1', CALL_CALLEE, 'STOP')
    const others = [[CALLEE, { code: assemble('PUSH0 PUSH0 LOG0 INVALID') }]] as const
    const frame = callsOf(code, { others }, { onlyTopCall: true })
    assert.deepEqual([frame.calls, frame.logs?.length, frame.error], [undefined, 1, undefined])
  })

  test('a tree beyond the budget is given up', () => {
    const tracer = new CallTracer({ onlyTopCall: false, withLog: false }, new TraceBudget(10_000))
    const code = assemble('@again', CALL_CALLEE, 'POP PUSH2 @again JUMP')
    assert.throws(() => {
      traced(tracer, code, {})
    }, TraceTooLargeError)
  })
})

test('selectors are counted with the size of their arguments, precompiles and creations left out', () => {
  const tracer = new FourByteTracer()
  const code = assemble(
    'PUSH4 0x11223344 PUSH1 224 SHL PUSH0 MSTORE',
    selectorCall('0xca11ee'),
    selectorCall('0xca11ee'),
    selectorCall('0x000004'),
  )
  traced(tracer, code, { message: { data: Uint8Array.of(1, 2, 3) } })
  assert.deepEqual(tracer.result(), { '0x11223344-4': 2 })
})

test('a mux gives each tracer the same run', () => {
  const parts = new Map<string, Tracer>([
    ['callTracer', new CallTracer({ onlyTopCall: false, withLog: true })],
    ['4byteTracer', new FourByteTracer()],
  ])
  traced(new MuxTracer(parts), assemble(CALL_CALLEE, 'INVALID'), {})
  const mux = new MuxTracer(parts).result()
  assert.deepEqual(mux, { callTracer: callsOf(assemble(CALL_CALLEE, 'INVALID')), '4byteTracer': {} })
})
