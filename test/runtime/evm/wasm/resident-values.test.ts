/** Call data, gas and output that stay in linear memory: who reads them when, and what happens when that changes. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { bytesToBigint, EMPTY_BYTES } from '../../../../src/primitives/bytes.ts'
import { keccak256Hash } from '../../../../src/primitives/keccak.ts'
import { FORKS } from '../../../../src/chain/forks.ts'
import { tier1 } from '../../../../runtime/evm/tier1/engine.ts'
import { RETURN_DATA_MAX } from '../../../../runtime/evm/wasm/layout.ts'
import type { Frame, Message, StepTracer } from '../../../../runtime/host.ts'
import type { CallRequest, FinalOutcome, Outcome } from '../../../../runtime/outcome.ts'
import { assemble } from '../../../support/assembler.ts'
import { FakeHost, finish, runCode, startFrame } from '../../../support/fake-host.ts'

/** Passes on two bytes of its memory, and returns the first word of the return data with what else it knows of it. */
const CALLER = assemble(
  'PUSH2 0x0708 PUSH0 MSTORE PUSH0 PUSH0 PUSH1 2 PUSH1 30 PUSH0 PUSH0 PUSH4 1000000000 CALL PUSH1 32 MSTORE',
  'PUSH3 0x200000 MLOAD POP RETURNDATASIZE PUSH1 64 MSTORE PUSH1 32 PUSH0 PUSH1 96 RETURNDATACOPY',
  'PUSH1 128 PUSH0 RETURN',
)
const INPUT = Uint8Array.of(7, 8)
const STEPS: StepTracer = { step() {} }

function suspended(host: FakeHost): { frame: Frame; request: CallRequest } {
  const frame = startFrame(CALLER, { engine: tier1, host, gas: 2n ** 40n })
  return { frame, request: requestOf(frame.run()) }
}

function requestOf(outcome: Outcome): CallRequest {
  assert(outcome.kind === 'call')
  return outcome.request
}

function calleeOf(request: CallRequest, host: FakeHost, program: string, tracer?: StepTracer): Frame {
  const code = assemble(program)
  const { isStatic, to, caller, value } = request
  const message: Message = {
    depth: 1,
    isStatic,
    get gas() {
      return request.gas
    },
    address: to,
    caller,
    value,
    get input() {
      return request.input
    },
    code,
    codeHash: keccak256Hash(code),
    request,
  }
  return tier1.start(message, host, FORKS.osaka, tracer)
}

/** Another tree of frames in the same memory: everybody has to leave it. */
function takeMachine(): void {
  assert.equal(runCode(assemble('PUSH0 NOT PUSH0 MSTORE STOP'), { engine: tier1 }).kind, 'return')
}

/** Success and what was read of the return data. */
function resumeWith(frame: Frame, ended: FinalOutcome): bigint[] {
  const outcome = frame.resume(ended)
  assert(outcome.kind === 'return')
  return [32, 64, 96].map((offset) => bytesToBigint(outcome.output.subarray(offset, offset + 32)))
}

function ended(outcome: Outcome): FinalOutcome {
  assert(outcome.kind !== 'call' && outcome.kind !== 'create')
  return outcome
}

/** Reads call data, grows memory beyond what there is, reads call data again: returns both words. */
const READ_GROW_READ =
  'PUSH0 CALLDATALOAD PUSH0 MSTORE PUSH3 0x300000 MLOAD POP PUSH0 CALLDATALOAD PUSH1 32 MSTORE CALLDATASIZE PUSH1 64 MSTORE PUSH1 96 PUSH0 RETURN'
const WORD_OF_INPUT = 0x0708n << 240n

function wordsOf(outcome: Outcome): bigint[] {
  assert(outcome.kind === 'return')
  return [0, 32, 64].map((offset) => bytesToBigint(outcome.output.subarray(offset, offset + 32)))
}

suite('call data of a frame in linear memory', () => {
  test('is read where it lies, by a callee in the same memory', () => {
    const host = new FakeHost()
    const { request } = suspended(host)
    const callee = calleeOf(request, host, READ_GROW_READ)
    assert.deepEqual(wordsOf(callee.run()), [WORD_OF_INPUT, WORD_OF_INPUT, 2n])
  })

  test('is read where it lies, by a callee on tier 0', () => {
    const host = new FakeHost()
    const { request } = suspended(host)
    const callee = calleeOf(request, host, READ_GROW_READ, STEPS)
    assert.deepEqual(wordsOf(callee.run()), [WORD_OF_INPUT, WORD_OF_INPUT, 2n])
  })

  test('is a view for each reader, also after the memory has grown', () => {
    const host = new FakeHost()
    const { request } = suspended(host)
    const before = request.input
    assert.deepEqual(before, INPUT)
    // A callee of the same tree, with more memory than there was before.
    calleeOf(request, host, 'PUSH4 0x1000000 MLOAD STOP').run()
    assert.deepEqual(request.input, INPUT)
  })

  test('is kept when its frame has to leave, with the gas', () => {
    const host = new FakeHost()
    const { frame, request } = suspended(host)
    takeMachine()
    assert.deepEqual(request.input, INPUT)
    assert.equal(request.gas, 1_000_000_000n)
    const callee = calleeOf(
      request,
      host,
      'GAS PUSH0 MSTORE PUSH0 CALLDATALOAD PUSH1 32 MSTORE PUSH1 64 PUSH0 RETURN',
    )
    const outcome = callee.run()
    assert.deepEqual(wordsOf(outcome).slice(0, 2), [999_999_998n, WORD_OF_INPUT])
    assert.deepEqual(resumeWith(frame, ended(outcome)).slice(0, 2), [1n, 64n])
  })

  test('is kept when caller and callee have to leave', () => {
    const host = new FakeHost()
    const { frame, request } = suspended(host)
    const callee = calleeOf(
      request,
      host,
      'PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 CALL POP PUSH0 CALLDATALOAD PUSH0 MSTORE PUSH1 32 PUSH0 RETURN',
    )
    requestOf(callee.run())
    takeMachine()
    const outcome = callee.resume({ kind: 'revert', gasLeft: 0n, output: EMPTY_BYTES })
    assert.equal(wordsOf(outcome)[0], WORD_OF_INPUT)
    assert.deepEqual(resumeWith(frame, ended(outcome)), [1n, 32n, WORD_OF_INPUT])
  })

  test('cannot be asked for once the caller went on, nor the gas once the callee began', () => {
    const host = new FakeHost()
    const { frame, request } = suspended(host)
    const callee = calleeOf(request, host, 'STOP')
    assert.throws(() => request.gas, /before its callee begins/)
    resumeOf(frame, callee)
    assert.throws(() => request.input, /before the caller goes on/)
  })
})

function resumeOf(frame: Frame, callee: Frame): Outcome {
  return frame.resume(ended(callee.run()))
}

suite('the output of a frame in linear memory', () => {
  const returning = (size: number, end = 'RETURN'): string =>
    `PUSH1 9 PUSH0 MSTORE PUSH3 ${size} PUSH0 ${end}`

  test('is the return data of its caller, however much memory that makes behind it', () => {
    for (const size of [32, 33, 100, RETURN_DATA_MAX, RETURN_DATA_MAX + 1, 250_000]) {
      for (const end of ['RETURN', 'REVERT']) {
        const host = new FakeHost()
        const { frame, request } = suspended(host)
        const outcome = calleeOf(request, host, returning(size, end)).run()
        assert.deepEqual(resumeWith(frame, ended(outcome)), [end === 'RETURN' ? 1n : 0n, BigInt(size), 9n])
      }
    }
  })

  test('is kept when another tree of frames takes the machine', () => {
    const host = new FakeHost()
    const { frame, request } = suspended(host)
    const outcome = ended(calleeOf(request, host, returning(40)).run())
    takeMachine()
    assert(outcome.kind === 'return')
    assert.equal(outcome.output.length, 40)
    assert(outcome.gasLeft < 1_000_000_000n && outcome.gasLeft > 999_999_900n)
    assert.deepEqual(resumeWith(frame, outcome), [1n, 40n, 9n])
  })

  test('cannot be asked for once the caller went on, unless it was before', () => {
    const host = new FakeHost()
    const { frame, request } = suspended(host)
    const outcome = ended(calleeOf(request, host, returning(40)).run())
    resumeWith(frame, outcome)
    assert(outcome.kind === 'return')
    assert.throws(() => outcome.output, /before the caller goes on/)
    assert.throws(() => outcome.gasLeft, /before the caller goes on/)
    const second = suspended(host)
    const asked = ended(calleeOf(second.request, host, returning(40)).run())
    assert(asked.kind === 'return')
    const { output, gasLeft } = asked
    resumeWith(second.frame, asked)
    assert.deepEqual([asked.output, asked.gasLeft], [output, gasLeft])
  })

  test('that came from elsewhere is return data as well', () => {
    for (const size of [32, 100, RETURN_DATA_MAX + 1]) {
      const { frame } = suspended(new FakeHost())
      const output = new Uint8Array(size).fill(1)
      const word = bytesToBigint(output.subarray(0, 32))
      assert.deepEqual(resumeWith(frame, { kind: 'revert', gasLeft: 0n, output }), [0n, BigInt(size), word])
    }
  })

  test('of a call is gone in the next one', () => {
    const again = 'PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 CALL POP'
    const frame = startFrame(assemble(again, again, 'RETURNDATASIZE PUSH0 MSTORE PUSH1 32 PUSH0 RETURN'), {
      engine: tier1,
    })
    requestOf(frame.run())
    const second = frame.resume({ kind: 'return', gasLeft: 0n, output: new Uint8Array(RETURN_DATA_MAX + 1) })
    requestOf(second)
    const outcome = frame.resume({ kind: 'halt', reason: 'outOfGas' })
    assert.equal(wordsOf(outcome)[0], 0n)
    assert.equal(finish(startFrame(assemble('STOP'), { engine: tier1 })).kind, 'return')
  })
})

test('a frame that is used again knows nothing of the one before', () => {
  const host = new FakeHost()
  const call = 'PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH4 1000000000 CALL POP'
  const frame = startFrame(assemble(call, call, 'STOP'), { engine: tier1, host, gas: 2n ** 40n })
  const seen =
    'RETURNDATASIZE PUSH0 MSTORE PUSH1 64 MLOAD PUSH1 32 MSTORE MSIZE PUSH1 64 MSTORE PUSH1 96 PUSH0'
  const first = calleeOf(requestOf(frame.run()), host, `PUSH0 NOT PUSH1 64 MSTORE ${call} ${seen} RETURN`)
  requestOf(first.run())
  const output = new Uint8Array(RETURN_DATA_MAX + 1)
  const outcome = ended(first.resume({ kind: 'return', gasLeft: 0n, output }))
  const second = calleeOf(requestOf(frame.resume(outcome)), host, `${seen} REVERT`)
  assert.equal(second, first)
  const reverted = second.run()
  assert(reverted.kind === 'revert')
  assert.deepEqual(wordsOf({ ...reverted, kind: 'return', output: reverted.output }), [0n, 0n, 96n])
  assert.equal(frame.resume(reverted).kind, 'return')
})
