/** Pushes, jumps, the ends of a frame, and logs. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { hexToBytes, toHash, wordToHash } from '../../../src/primitives/bytes.ts'
import { analyze, analysisOf, createAnalysisCache } from '../../../runtime/evm/analysis.ts'
import { assemble } from '../../support/assembler.ts'
import { evaluate, FakeHost, runCode, SELF } from '../../support/fake-host.ts'

const INVALID_JUMP = { kind: 'halt', reason: 'invalidJump' }

suite('the stack', () => {
  test('PUSH1 … PUSH32 push their bytes, big-endian', () => {
    const bytes = Array.from({ length: 32 }, (_, i) => (0x11 * (i + 1)) & 0xff)
    for (let size = 1; size <= 32; size++) {
      const immediate = `0x${Uint8Array.from(bytes.slice(0, size)).toHex()}`
      assert.equal(evaluate(`PUSH${size} ${immediate}`), BigInt(immediate))
    }
  })

  test('an immediate cut off by the end of the code reads zeros, and the frame stops', () => {
    const outcome = runCode(hexToBytes('0x7f01'))
    assert.equal(outcome.kind, 'return')
  })

  test('DUP and SWAP reach as deep as their names say', () => {
    const pushes = Array.from({ length: 17 }, (_, i) => `PUSH1 ${i + 1}`).join(' ')
    for (let depth = 1; depth <= 16; depth++) {
      assert.equal(evaluate(`${pushes} DUP${depth}`), BigInt(18 - depth))
      assert.equal(evaluate(`${pushes} SWAP${depth}`), BigInt(17 - depth))
      assert.equal(evaluate(`${pushes} SWAP${depth} ${'POP '.repeat(depth)}`), 17n)
    }
  })
})

suite('jumps', () => {
  test('JUMP and JUMPI land on a JUMPDEST', () => {
    assert.equal(evaluate('PUSH1 7 PUSH2 @over JUMP INVALID @over'), 7n)
    assert.equal(evaluate('PUSH1 7 PUSH1 1 PUSH2 @over JUMPI INVALID @over'), 7n)
    assert.equal(evaluate('PUSH1 7 PUSH0 PUSH1 0xff JUMPI'), 7n)
  })

  test('nowhere else: other instructions, immediates, and far behind the end', () => {
    // Offset 4 is the immediate of the last PUSH1.
    for (const target of ['PUSH1 0', 'PUSH1 4', 'PUSH1 0xff']) {
      assert.deepEqual(runCode(assemble(target, 'JUMP PUSH1 0x5b')), INVALID_JUMP, target)
    }
    // Cut off to 32 bits, each would be the offset of the JUMPDEST.
    for (const size of [5, 8, 32]) {
      const target = `PUSH${size} 0x1${'0'.repeat(2 * size - 3)}${(size + 4).toString(16).padStart(2, '0')}`
      const code = assemble('PUSH1 1', target, 'JUMPI JUMPDEST')
      assert.equal(code[size + 4], 0x5b)
      assert.deepEqual(runCode(code), INVALID_JUMP, target)
    }
  })

  test('PC is the offset of the instruction itself, GAS what is left behind it', () => {
    assert.equal(evaluate('PUSH1 0 POP PC'), 3n)
    assert.equal(evaluate('GAS', { gas: 1000n }), 998n)
  })

  test('an analysis marks exactly the JUMPDESTs that are instructions', () => {
    const code = hexToBytes('0x5b605b5b7f5b' + '5b'.repeat(31) + '5b61')
    const marked = [...analyze(code).jumpdests.entries()].flatMap(([offset, mark]) =>
      mark === 1 ? [offset] : [],
    )
    assert.deepEqual(marked, [0, 3, 37])
  })
})

suite('the cache of analyses', () => {
  test('keeps one analysis for a hash, none without', () => {
    const cache = createAnalysisCache()
    const code = assemble('JUMPDEST')
    const first = analysisOf(cache, code, wordToHash(1n))
    assert.equal(analysisOf(cache, code, wordToHash(1n)), first)
    assert.notEqual(analysisOf(cache, code, undefined), first)
    assert.equal(cache.entries.size, 1)
  })

  test('drops what was used longest ago, and counts the bytes it holds', () => {
    const cache = createAnalysisCache()
    const code = new Uint8Array(1024 * 1024)
    const first = analysisOf(cache, code, wordToHash(0n))
    for (let i = 1n; i < 10n; i++) {
      analysisOf(cache, code, wordToHash(i))
      assert.equal(analysisOf(cache, code, wordToHash(0n)), first)
    }
    assert.deepEqual([...cache.entries.keys()], [7n, 8n, 9n, 0n].map(wordToHash))
    assert.equal(cache.byteCount, 4 * code.length)
  })

  test('does not keep code that alone exceeds it', () => {
    const cache = createAnalysisCache()
    analysisOf(cache, new Uint8Array(5 * 1024 * 1024), wordToHash(1n))
    assert.equal(cache.entries.size, 0)
    assert.equal(cache.byteCount, 0)
  })
})

suite('the end of a frame', () => {
  test('STOP, RETURN and REVERT give the remaining gas back', () => {
    const empty = new Uint8Array(0)
    assert.deepEqual(runCode(assemble('STOP'), { gas: 10n }), { kind: 'return', gasLeft: 10n, output: empty })
    const output = Uint8Array.of(0, 0)
    const gasLeft = 100n - 3n - 2n - 3n
    assert.deepEqual(runCode(assemble('PUSH1 2 PUSH0 RETURN'), { gas: 100n }), {
      kind: 'return',
      gasLeft,
      output,
    })
    assert.deepEqual(runCode(assemble('PUSH1 2 PUSH0 REVERT'), { gas: 100n }), {
      kind: 'revert',
      gasLeft,
      output,
    })
  })

  test('its output outlives the memory it came from', () => {
    const outcome = runCode(assemble('PUSH1 7 PUSH0 MSTORE PUSH1 32 PUSH0 RETURN'))
    evaluate('PUSH1 9')
    assert(outcome.kind === 'return')
    assert.equal(outcome.output[31], 7)
  })
})

suite('LOG', () => {
  test('takes its topics from the top, and pays 375 for each and 8 for a byte', () => {
    const topics = ['PUSH1 4', 'PUSH1 3', 'PUSH1 2', 'PUSH1 1']
    for (let count = 0; count <= 4; count++) {
      const host = new FakeHost()
      const code = assemble(
        'PUSH1 7 PUSH0 MSTORE',
        ...topics.slice(4 - count),
        `PUSH1 2 PUSH1 30 LOG${count}`,
      )
      const outcome = runCode(code, { host })
      assert(outcome.kind === 'return')
      assert.equal(1_000_000n - outcome.gasLeft, BigInt(11 + 3 * count + 6 + 375 * (1 + count) + 16))
      const expected = [1n, 2n, 3n, 4n].slice(0, count).map(wordToHash)
      assert.deepEqual(host.logs, [{ address: SELF, topics: expected, data: Uint8Array.of(0, 7) }])
    }
  })

  test('keeps topics of any value as 32 bytes', () => {
    const host = new FakeHost()
    runCode(assemble('PUSH0 NOT PUSH0 PUSH0 PUSH0 LOG2'), { host })
    assert.deepEqual(host.logs[0]?.topics, [wordToHash(0n), toHash(`0x${'ff'.repeat(32)}`)])
  })

  test('is refused in a static frame', () => {
    const outcome = runCode(assemble('PUSH0 PUSH0 LOG0'), { isStatic: true })
    assert.deepEqual(outcome, { kind: 'halt', reason: 'staticViolation' })
  })
})
