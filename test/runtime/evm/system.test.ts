/** Calls, creations and self-destruction: what they charge, what they ask for, how a frame goes on afterwards. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  bytesToBigint,
  concatBytes,
  EMPTY_BYTES,
  hexToBytes,
  toAddress,
  WORD_MAX,
  type Address,
} from '../../../src/primitives/bytes.ts'
import { FORKS } from '../../../src/chain/forks.ts'
import type { CallRequest, CreateRequest, FinalOutcome } from '../../../runtime/outcome.ts'
import { assemble } from '../../support/assembler.ts'
import {
  CALLER,
  FakeHost,
  OTHER,
  runCode,
  SELF,
  startFrame,
  type RunOptions,
} from '../../support/fake-host.ts'

const TARGET = toAddress(`0x${'7a'.repeat(20)}`)
const STATIC_VIOLATION = { kind: 'halt', reason: 'staticViolation' }
const OUT_OF_GAS = { kind: 'halt', reason: 'outOfGas' }

/** The operands of an instruction of the CALL family, and the instruction; no input, no output. */
function callCode(mnemonic: string, value: number, gas = 'PUSH3 0x00ffff'): string {
  const valuePart = mnemonic === 'CALL' || mnemonic === 'CALLCODE' ? `PUSH1 ${value}` : ''
  return `PUSH1 0 PUSH1 0 PUSH1 0 PUSH1 0 ${valuePart} PUSH20 ${OTHER} ${gas} ${mnemonic}`
}

interface Requested {
  readonly request: CallRequest
  /** What the instruction itself cost, without the gas it passed on and without its operands. */
  readonly cost: bigint
}

/** Runs one call instruction; its cost is found by giving all passed gas back. */
function requestOf(mnemonic: string, value: number, options: RunOptions = {}): Requested {
  const frame = startFrame(assemble(callCode(mnemonic, value)), options)
  const outcome = frame.run()
  assert(
    outcome.kind === 'call',
    JSON.stringify(outcome, (_, v: unknown) => String(v)),
  )
  const request = said(outcome.request)
  const stipend = value > 0 ? 2300n : 0n
  const ended = frame.resume(failure(request.gas - stipend))
  assert(ended.kind === 'return')
  const operands = mnemonic === 'CALL' || mnemonic === 'CALLCODE' ? 7n : 6n
  return { request, cost: 1_000_000n - ended.gasLeft - 3n * operands }
}

function failure(gasLeft: bigint, output = EMPTY_BYTES): FinalOutcome {
  return { kind: 'revert', gasLeft, output }
}

function success(output = EMPTY_BYTES): FinalOutcome {
  return { kind: 'return', gasLeft: 0n, output }
}

/** What a request says, whatever it is made of; only before the frame is resumed. */
function said(request: CallRequest): CallRequest {
  const { kind, gas, to, codeAddress, isDelegated, caller, value, transfersValue, isStatic, input } = request
  return { kind, gas, to, codeAddress, isDelegated, caller, value, transfersValue, isStatic, input }
}

/** A host in which {@link OTHER} exists. */
function hostWithOther(code: Uint8Array = EMPTY_BYTES): FakeHost {
  const host = new FakeHost()
  host.accounts.set(OTHER, { nonce: 1n, code })
  return host
}

suite('a call request', () => {
  const common = { codeAddress: OTHER, isDelegated: false, isStatic: false, input: EMPTY_BYTES, gas: 0xffffn }
  const expected: [string, number, Partial<CallRequest>][] = [
    ['CALL', 0, { kind: 'call', to: OTHER, caller: SELF, value: 0n, transfersValue: false }],
    [
      'CALL',
      5,
      { kind: 'call', to: OTHER, caller: SELF, value: 5n, transfersValue: true, gas: 0xffffn + 2300n },
    ],
    ['CALLCODE', 0, { kind: 'callcode', to: SELF, caller: SELF, value: 0n, transfersValue: false }],
    [
      'CALLCODE',
      5,
      { kind: 'callcode', to: SELF, caller: SELF, value: 5n, transfersValue: true, gas: 0xffffn + 2300n },
    ],
    [
      'DELEGATECALL',
      0,
      { kind: 'delegatecall', to: SELF, caller: CALLER, value: 77n, transfersValue: false },
    ],
    [
      'STATICCALL',
      0,
      { kind: 'staticcall', to: OTHER, caller: SELF, value: 0n, transfersValue: false, isStatic: true },
    ],
  ]
  for (const [mnemonic, value, parts] of expected) {
    test(`of ${mnemonic} with value ${value} says whose code runs on whose behalf`, () => {
      const { request } = requestOf(mnemonic, value, { host: hostWithOther(), value: 77n })
      assert.deepEqual(request, { ...common, ...parts })
    })
  }

  test('of a static frame is static', () => {
    for (const mnemonic of ['CALL', 'CALLCODE', 'DELEGATECALL', 'STATICCALL']) {
      assert.equal(requestOf(mnemonic, 0, { isStatic: true }).request.isStatic, true)
    }
  })

  test('has the input as it lies in memory', () => {
    const code = 'PUSH1 7 PUSH0 MSTORE PUSH0 PUSH0 PUSH1 2 PUSH1 30 PUSH0 PUSH0 GAS CALL PUSH1 9 PUSH0 MSTORE'
    const frame = startFrame(assemble(code))
    const outcome = frame.run()
    assert(outcome.kind === 'call')
    const { input } = outcome.request
    assert.deepEqual(input, Uint8Array.of(0, 7))
    assert(input.buffer.byteLength > 32, 'a view')
    frame.resume(failure(0n))
  })

  test('ignores the upper 12 bytes of the address', () => {
    const code = assemble(
      'PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH32',
      `0x${'ff'.repeat(12)}${OTHER.slice(2)}`,
      'GAS CALL',
    )
    const outcome = runCode(code)
    assert(outcome.kind === 'call')
    assert.equal(outcome.request.to, OTHER)
  })
})

/** What all of a frame uses whose call has 32 bytes of input, and so much space for output. */
function gasUsedWithOutput(outputSize: number): bigint {
  const frame = startFrame(assemble(`PUSH2 ${outputSize} PUSH0 PUSH1 32 PUSH0 PUSH0 PUSH0 PUSH0 CALL`))
  assert.equal(frame.run().kind, 'call')
  const ended = frame.resume(failure(0n))
  assert(ended.kind === 'return')
  return 1_000_000n - ended.gasLeft
}

suite('the cost of a call', () => {
  test('is 2,600 cold and 100 warm (EIP-2929)', () => {
    for (const mnemonic of ['CALL', 'CALLCODE', 'DELEGATECALL', 'STATICCALL']) {
      const host = hostWithOther()
      assert.equal(requestOf(mnemonic, 0, { host }).cost, 2600n)
      assert.equal(requestOf(mnemonic, 0, { host }).cost, 100n)
    }
  })

  test('is 9,000 more with value, and 25,000 more when that revives a dead account', () => {
    const host = hostWithOther()
    host.accessAccount(OTHER)
    assert.equal(requestOf('CALL', 1, { host }).cost, 9100n)
    assert.equal(requestOf('CALLCODE', 1, { host }).cost, 9100n)
    host.accounts.delete(OTHER)
    assert.equal(requestOf('CALL', 0, { host }).cost, 100n)
    assert.equal(requestOf('CALL', 1, { host }).cost, 34_100n)
    assert.equal(requestOf('CALLCODE', 1, { host }).cost, 9100n)
  })

  test('passes on all but one 64th of what is left after everything else (EIP-150)', () => {
    const frame = startFrame(assemble(callCode('CALL', 0, 'PUSH32 0x' + 'ff'.repeat(32))), { gas: 100_000n })
    const outcome = frame.run()
    assert(outcome.kind === 'call')
    const left = 100_000n - 21n - 2600n
    assert.equal(outcome.request.gas, left - left / 64n)
    assert.deepEqual(frame.resume(failure(0n)), { kind: 'return', gasLeft: left / 64n, output: EMPTY_BYTES })
  })

  test('includes memory for input and output together', () => {
    assert.equal(gasUsedWithOutput(64) - gasUsedWithOutput(0), 3n)
    assert.equal(gasUsedWithOutput(32) - gasUsedWithOutput(0), 0n)
  })

  test('a cold account that cannot be paid is not looked at', () => {
    const host = hostWithOther()
    host.code = () => assert.fail('read before it was paid')
    assert.deepEqual(runCode(assemble(callCode('CALL', 0)), { host, gas: 21n + 2599n }), OUT_OF_GAS)
  })
})

suite('a call to a delegated account (EIP-7702)', () => {
  const designator = concatBytes(hexToBytes('0xef0100'), hexToBytes(TARGET))

  test('runs the code of the target, and pays for access to it as well', () => {
    for (const mnemonic of ['CALL', 'CALLCODE', 'DELEGATECALL', 'STATICCALL']) {
      const host = hostWithOther(designator)
      const cold = requestOf(mnemonic, 0, { host })
      assert.equal(cold.cost, 2600n + 2600n)
      assert.equal(cold.request.codeAddress, TARGET)
      assert.equal(cold.request.isDelegated, true)
      assert.equal(requestOf(mnemonic, 0, { host }).cost, 100n + 100n)
    }
  })

  test('follows one hop only', () => {
    const host = hostWithOther(designator)
    host.accounts.set(TARGET, { nonce: 1n, code: concatBytes(hexToBytes('0xef0100'), hexToBytes(CALLER)) })
    assert.equal(requestOf('CALL', 0, { host }).request.codeAddress, TARGET)
  })

  test('does not exist before Prague, nor for code that only begins like a designator', () => {
    const before = requestOf('CALL', 0, { host: hostWithOther(designator), rules: FORKS.cancun })
    assert.equal(before.request.isDelegated, false)
    assert.equal(before.cost, 2600n)
    for (const code of [
      designator.slice(0, 22),
      concatBytes(designator, Uint8Array.of(0)),
      hexToBytes('0xef0101'),
    ]) {
      assert.equal(requestOf('CALL', 0, { host: hostWithOther(code) }).request.isDelegated, false)
    }
  })
})

/** What a callee returns in these tests. */
function ones(size: number): Uint8Array {
  return new Uint8Array(size).fill(0x11)
}

/** The word of memory that the output goes to, all ones before; whether the call succeeded; RETURNDATASIZE. */
function resumeWith(outputSize: number, result: FinalOutcome): bigint[] {
  const call = `PUSH1 ${outputSize} PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 GAS CALL PUSH1 32 MSTORE`
  const rest = 'RETURNDATASIZE PUSH1 64 MSTORE PUSH1 96 PUSH0 RETURN'
  const frame = startFrame(assemble('PUSH0 NOT PUSH0 MSTORE', call, rest))
  assert.equal(frame.run().kind, 'call')
  const ended = frame.resume(result)
  assert(ended.kind === 'return')
  return [0, 32, 64].map((offset) => bytesToBigint(ended.output.subarray(offset, offset + 32)))
}

suite('after a call', () => {
  test('success is 1, failure 0, and RETURNDATASIZE counts all of the output', () => {
    const [, succeeded, size] = resumeWith(0, success(ones(40)))
    assert.deepEqual([succeeded, size], [1n, 40n])
    assert.deepEqual(resumeWith(0, failure(0n)).slice(1), [0n, 0n])
  })

  test('as much of the output as fits is in memory, and no more of memory changes than came back', () => {
    assert.equal(resumeWith(2, failure(0n, ones(40)))[0], BigInt(`0x1111${'ff'.repeat(30)}`))
    assert.equal(resumeWith(32, failure(0n, ones(4)))[0], BigInt(`0x11111111${'ff'.repeat(28)}`))
    assert.equal(resumeWith(32, failure(0n))[0], WORD_MAX)
  })

  test('a frame may be resumed only when it waits', () => {
    const frame = startFrame(assemble('STOP'))
    assert.throws(() => frame.resume(failure(0n)), /suspended/)
    frame.run()
    assert.throws(() => frame.run(), /runs once/)
    assert.throws(() => frame.resume(failure(0n)), /suspended/)
  })
})

suite('CREATE and CREATE2', () => {
  const initcode = 'PUSH1 7 PUSH0 MSTORE'

  function creationOf(program: string, gas = 1_000_000n): { request: CreateRequest; left: bigint } {
    const frame = startFrame(assemble(initcode, program), { gas })
    const outcome = frame.run()
    assert(outcome.kind === 'create')
    const ended = frame.resume(failure(0n))
    assert(ended.kind === 'return')
    return { request: outcome.request, left: ended.gasLeft }
  }

  test('ask for a creation with all but one 64th of the gas', () => {
    const { request, left } = creationOf('PUSH1 2 PUSH1 30 PUSH1 5 CREATE')
    const before = 1_000_000n - 11n - 9n - 32_000n - 2n
    assert.deepEqual(request, {
      gas: before - before / 64n,
      creator: SELF,
      value: 5n,
      initcode: Uint8Array.of(0, 7),
      salt: undefined,
    })
    assert.equal(left, before / 64n)
  })

  test('CREATE2 has a salt and pays for the hash of the initcode', () => {
    const { request } = creationOf('PUSH1 9 PUSH1 33 PUSH0 PUSH1 5 CREATE2')
    const before = 1_000_000n - 11n - 11n - 32_000n - 2n * (2n + 6n) - 3n
    assert.equal(request.gas, before - before / 64n)
    assert.equal(request.salt, 9n)
  })

  test('push the address of the new contract, or 0', () => {
    const program = assemble(
      'PUSH0 PUSH0 PUSH0 CREATE RETURNDATASIZE PUSH1 32 MSTORE PUSH0 MSTORE PUSH1 64 PUSH0 RETURN',
    )
    const results: [FinalOutcome, Address | undefined, bigint, bigint][] = [
      // The output is the new contract's code.
      [success(ones(9)), OTHER, BigInt(OTHER), 0n],
      [failure(1000n, ones(3)), undefined, 0n, 3n],
      [{ kind: 'halt', reason: 'outOfGas' }, undefined, 0n, 0n],
    ]
    for (const [result, created, address, returnDataSize] of results) {
      const frame = startFrame(program)
      frame.run()
      const ended = frame.resume(result, created)
      assert(ended.kind === 'return')
      assert.equal(bytesToBigint(ended.output.subarray(0, 32)), address)
      assert.equal(bytesToBigint(ended.output.subarray(32)), returnDataSize)
    }
  })

  test('halt on initcode above 49,152 bytes, and only above (EIP-3860)', () => {
    for (const end of ['CREATE', 'PUSH0 SWAP3 SWAP2 SWAP1 CREATE2']) {
      const at = (size: number) => runCode(assemble(`PUSH3 ${size} PUSH0 PUSH0 ${end}`), { gas: 10_000_000n })
      assert.equal(at(49_152).kind, 'create')
      assert.deepEqual(at(49_153), { kind: 'halt', reason: 'invalidInitcodeSize' })
    }
  })

  test('are refused in a static frame', () => {
    for (const program of ['PUSH0 PUSH0 PUSH0 CREATE', 'PUSH0 PUSH0 PUSH0 PUSH0 CREATE2']) {
      assert.deepEqual(runCode(assemble(program), { isStatic: true }), STATIC_VIOLATION)
    }
  })
})

suite('a call with value in a static frame', () => {
  test('is refused for CALL, which moves it, and allowed for CALLCODE, which does not', () => {
    assert.deepEqual(runCode(assemble(callCode('CALL', 1)), { isStatic: true }), STATIC_VIOLATION)
    assert.equal(runCode(assemble(callCode('CALLCODE', 1)), { isStatic: true }).kind, 'call')
  })
})

suite('SELFDESTRUCT', () => {
  const code = assemble('PUSH20', OTHER, 'SELFDESTRUCT')

  function gasUsed(host: FakeHost): bigint {
    const outcome = runCode(code, { host })
    assert(outcome.kind === 'return')
    assert.deepEqual(host.selfDestructs, [{ address: SELF, beneficiary: OTHER }])
    return 1_000_000n - outcome.gasLeft - 3n
  }

  test('costs 5,000, 2,600 for a cold beneficiary, 25,000 to revive a dead one', () => {
    assert.equal(gasUsed(hostWithOther()), 7600n)
    const warm = hostWithOther()
    warm.accessAccount(OTHER)
    assert.equal(gasUsed(warm), 5000n)
    const poor = new FakeHost()
    assert.equal(gasUsed(poor), 7600n)
    const rich = new FakeHost()
    rich.accounts.set(SELF, { balance: 1n })
    assert.equal(gasUsed(rich), 32_600n)
  })

  test('is refused in a static frame', () => {
    assert.deepEqual(runCode(code, { isStatic: true }), STATIC_VIOLATION)
  })
})
