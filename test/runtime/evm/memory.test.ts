/** Memory, its price, and the instructions that copy into it or hash it. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { bytesToBigint, concatBytes, WORD_MAX } from '../../../src/primitives/bytes.ts'
import { keccak256 } from '../../../src/primitives/keccak.ts'
import { memoryGas } from '../../../runtime/evm/gas.ts'
import { createMemory, growMemory, readWord, writeWord } from '../../../runtime/evm/memory.ts'
import { assemble, pushOf } from '../../support/assembler.ts'
import { evaluate, FakeHost, OTHER, runCode, startFrame, type RunOptions } from '../../support/fake-host.ts'

const HUGE = [2n ** 32n, 2n ** 53n + 1n, 2n ** 64n - 1n, 2n ** 64n, WORD_MAX - 31n, WORD_MAX]

function gasOf(program: string, options: RunOptions = {}): bigint {
  const outcome = runCode(assemble(program), options)
  assert(outcome.kind === 'return')
  return 1_000_000n - outcome.gasLeft
}

/** The first `size` bytes of memory after a program. */
function memoryAfter(program: string, size: number, options: RunOptions = {}): Uint8Array {
  const outcome = runCode(assemble(program, pushOf(size), 'PUSH0 RETURN'), options)
  assert(outcome.kind === 'return', program)
  return outcome.output
}

suite('the price of memory', () => {
  test('is 3 gas a word plus a 512th of the square, rounded down', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 27 }), (words) => {
        const exact = 3n * BigInt(words) + (BigInt(words) * BigInt(words)) / 512n
        assert.equal(BigInt(memoryGas(words)), exact)
      }),
    )
  })

  test('stays exact where the square exceeds 2⁵³', () => {
    for (let words = 2 ** 27 - 5000; words <= 2 ** 27; words++) {
      const exact = 3n * BigInt(words) + (BigInt(words) * BigInt(words)) / 512n
      assert.equal(BigInt(memoryGas(words)), exact)
    }
  })

  test('is paid once for each word', () => {
    assert.equal(gasOf('PUSH0 MLOAD'), 2n + 3n + 3n)
    assert.equal(gasOf('PUSH0 MLOAD PUSH0 MLOAD'), 5n + 3n + 5n)
    assert.equal(gasOf('PUSH1 1 MLOAD'), 3n + 3n + 6n)
    assert.equal(gasOf('PUSH0 PUSH2 0x8000 MSTORE8'), 2n + 3n + 3n + 3n * 1025n + 2052n)
  })

  test('is out of gas beyond any size that can be paid, before anything is allocated', () => {
    const programs = [
      'MLOAD',
      'PUSH0 SWAP1 MSTORE',
      'PUSH0 SWAP1 MSTORE8',
      'PUSH1 1 SWAP1 RETURN',
      'PUSH1 1 SWAP1 LOG0',
    ]
    for (const offset of HUGE) {
      for (const program of programs) {
        const outcome = runCode(assemble(pushOf(offset), program), { gas: 2n ** 44n })
        assert.deepEqual(outcome, { kind: 'halt', reason: 'outOfGas' }, `${program} at ${offset}`)
      }
    }
  })

  test('is nothing for nothing, wherever that is', () => {
    for (const offset of HUGE) {
      const at = pushOf(offset)
      assert.equal(memoryAfter(`PUSH0 ${at} ${at} MCOPY PUSH0 ${at} ${at} CALLDATACOPY`, 0).length, 0)
      assert.equal(runCode(assemble('PUSH0', at, 'RETURN')).kind, 'return')
      assert.equal(evaluate(`PUSH0 ${at} KECCAK256`), bytesToBigint(keccak256(new Uint8Array(0))))
      assert.equal(evaluate(`PUSH0 ${at} LOG0 MSIZE`), 0n)
    }
  })
})

suite('loads and stores', () => {
  test('words round-trip at any offset', () => {
    const word = fc.bigInt({ min: 0n, max: WORD_MAX })
    fc.assert(
      fc.property(fc.nat(64), word, (offset, value) => {
        const memory = createMemory()
        growMemory(memory, 96)
        writeWord(memory.view, offset, value)
        assert.equal(readWord(memory.view, offset), value)
        assert.equal(bytesToBigint(memory.bytes.subarray(offset, offset + 32)), value)
      }),
    )
  })

  test('growth keeps the contents, and what is new reads as zero', () => {
    const program = 'PUSH0 NOT PUSH0 MSTORE PUSH3 0x020000 MLOAD'
    assert.equal(evaluate(program), 0n)
    assert.equal(evaluate(`${program} POP PUSH0 MLOAD`), WORD_MAX)
  })

  test('memory of a new frame is empty, also after another one that used it', () => {
    evaluate('PUSH0 NOT PUSH2 0x400 MSTORE PUSH0 NOT')
    assert.equal(evaluate('PUSH2 0x400 MLOAD'), 0n)
    assert.equal(evaluate('MSIZE'), 0n)
  })

  test('MSTORE8 keeps the lowest byte; MSIZE counts whole words', () => {
    assert.equal(evaluate('PUSH2 0x1234 PUSH1 31 MSTORE8 PUSH0 MLOAD'), 0x34n)
    assert.equal(evaluate('PUSH0 PUSH1 32 MSTORE8 MSIZE'), 64n)
  })
})

const DATA = Uint8Array.from({ length: 48 }, (_, i) => i + 1)
const ZEROS = new Uint8Array(64)

suite('copies', () => {
  test('KECCAK256 hashes memory for 6 gas a word', () => {
    assert.equal(
      evaluate('PUSH1 0x2a PUSH0 MSTORE PUSH1 32 PUSH0 KECCAK256'),
      bytesToBigint(keccak256(wordBytes(0x2an))),
    )
    assert.equal(gasOf('PUSH1 33 PUSH0 KECCAK256'), 3n + 2n + 30n + 12n + 6n)
  })

  test('CALLDATALOAD at the end writes nowhere where a division looks', () => {
    const divisor = 2n ** 63n + 5n
    const dividend = BigInt(`0x${'ab'.repeat(32)}`)
    // Two limbs, as a division might remember them: a divisor and something that is not its reciprocal.
    const input = new Uint8Array(16)
    new DataView(input.buffer).setBigUint64(0, divisor, true)
    new DataView(input.buffer).setBigUint64(8, 0x1234567n, true)
    const program = `PUSH0 CALLDATALOAD POP ${pushOf(divisor)} ${pushOf(dividend)} DIV`
    assert.equal(evaluate(program, { input }), dividend / divisor)
  })

  test('CALLDATALOAD and CALLDATACOPY read zeros behind the end', () => {
    assert.equal(evaluate('PUSH1 1 CALLDATALOAD', { input: DATA }), bytesToBigint(DATA.slice(1, 33)))
    const cutOff = concatBytes(DATA.slice(40), ZEROS.slice(0, 24))
    assert.equal(evaluate('PUSH1 40 CALLDATALOAD', { input: DATA }), bytesToBigint(cutOff))
    for (const offset of [48n, ...HUGE]) {
      assert.equal(evaluate(`${pushOf(offset)} CALLDATALOAD`, { input: DATA }), 0n)
      const dirty = `PUSH0 NOT PUSH0 MSTORE PUSH1 32 ${pushOf(offset)} PUSH0 CALLDATACOPY`
      assert.deepEqual(memoryAfter(dirty, 32, { input: DATA }), ZEROS.slice(0, 32))
    }
    const copied = memoryAfter('PUSH1 64 PUSH1 8 PUSH0 CALLDATACOPY', 64, { input: DATA })
    assert.deepEqual(copied, concatBytes(DATA.slice(8), ZEROS.slice(0, 24)))
  })

  test('CODECOPY reads the code, without the padding of its analysis', () => {
    const code = assemble('PUSH1 64 PUSH0 PUSH0 CODECOPY PUSH1 64 PUSH0 RETURN')
    const outcome = runCode(code)
    assert(outcome.kind === 'return')
    assert.deepEqual(outcome.output, concatBytes(code, ZEROS.slice(code.length)))
    assert.equal(
      evaluate('CODESIZE'),
      BigInt(assemble('CODESIZE', 'PUSH0 MSTORE PUSH1 32 PUSH0 RETURN').length),
    )
  })

  test('EXTCODECOPY pays for a cold account first', () => {
    const host = new FakeHost()
    host.accounts.set(OTHER, { code: DATA })
    const program = `PUSH1 8 PUSH1 4 PUSH0 PUSH20 ${OTHER} EXTCODECOPY`
    assert.equal(gasOf(program, { host }), 3n + 3n + 2n + 3n + 2600n + 3n + 3n)
    assert.equal(gasOf(program, { host }), 3n + 3n + 2n + 3n + 100n + 3n + 3n)
    assert.deepEqual(memoryAfter(program, 8, { host }), DATA.slice(4, 12))
  })

  test('MCOPY moves overlapping bytes as if by a buffer (EIP-5656)', () => {
    const load = 'PUSH1 48 PUSH0 PUSH0 CALLDATACOPY'
    const forward = memoryAfter(`${load} PUSH1 32 PUSH0 PUSH1 8 MCOPY`, 48, { input: DATA })
    assert.deepEqual(forward, concatBytes(DATA.slice(0, 8), DATA.slice(0, 32), DATA.slice(40)))
    const backward = memoryAfter(`${load} PUSH1 32 PUSH1 8 PUSH0 MCOPY`, 48, { input: DATA })
    assert.deepEqual(backward, concatBytes(DATA.slice(8, 40), DATA.slice(32)))
    assert.equal(evaluate('PUSH1 1 PUSH1 64 PUSH0 MCOPY MSIZE'), 96n)
  })

  test('RETURNDATACOPY beyond the end halts, even by nothing (EIP-211)', () => {
    const halted = { kind: 'halt', reason: 'returnDataOutOfBounds' }
    assert.deepEqual(runCode(assemble('PUSH1 1 PUSH0 PUSH0 RETURNDATACOPY')), halted)
    assert.deepEqual(runCode(assemble('PUSH0 PUSH1 1 PUSH0 RETURNDATACOPY')), halted)
    for (const offset of HUGE) {
      assert.deepEqual(runCode(assemble('PUSH0', pushOf(offset), 'PUSH0 RETURNDATACOPY')), halted)
    }
    assert.equal(runCode(assemble('PUSH0 PUSH0 PUSH0 RETURNDATACOPY')).kind, 'return')
  })

  test('RETURNDATACOPY reads what the last call returned', () => {
    const call = 'PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 GAS STATICCALL'
    const frame = startFrame(
      assemble('PUSH0', call, 'PUSH1 16 PUSH1 32 PUSH0 RETURNDATACOPY PUSH1 16 PUSH0 RETURN'),
    )
    assert.equal(frame.run().kind, 'call')
    const outcome = frame.resume({ kind: 'return', gasLeft: 0n, output: DATA })
    assert(outcome.kind === 'return')
    assert.deepEqual(outcome.output, DATA.slice(32))
  })
})

function wordBytes(word: bigint): Uint8Array {
  return Uint8Array.fromHex(word.toString(16).padStart(64, '0'))
}
