/** A short run of the fuzzer on every decoder, always the same one; and what it notices when a decoder is broken. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RlpError } from '../../src/primitives/rlp.ts'
import { concatBytes } from '../../src/primitives/bytes.ts'
import { fuzzDecoders } from './decoders.ts'
import { runSlice, type Slice } from './engine.ts'
import { target, type Target } from './target.ts'
import { TARGETS } from './targets/all.ts'

const SEED = 'short run'
const CASES = 150
/** Of targets that work on files, each case of which flushes a disk. */
const FILE_CASES = 40
const ON_FILES = /-file$/

async function runCases(target: Target, casesMax: number): Promise<Slice> {
  const limits = { firstCase: 0, casesMax, durationMs: Infinity }
  return runSlice(target, SEED, target.inputs(SEED), limits, { onCase: () => {} })
}

describe('bytes from outside', () => {
  for (const target of TARGETS) {
    test(`never surprise: ${target.name}`, async () => {
      const { accepted, cases, failures } = await runCases(
        target,
        ON_FILES.test(target.name) ? FILE_CASES : CASES,
      )
      await target.close()
      assert.deepEqual(failures, [])
      assert.ok(accepted > 0, `none of ${cases} was taken: the inputs are not what they should be`)
    })
  }
})

describe('the fuzzer', () => {
  const description = {
    name: 'a list of bytes',
    values: () => [Uint8Array.of(1, 2, 3, 4), new Uint8Array(40)],
    encode: (bytes: Uint8Array) => bytes,
    decode: (bytes: Uint8Array) => bytes,
    errors: ['INVALID_RLP'],
  }
  const broken: readonly (readonly [string, Target, RegExp])[] = [
    [
      'an error that is not declared',
      target({ ...description, decode: (bytes) => new Uint8Array((bytes[0] ?? 0) < 3 ? 4 : -1) }),
      /does not declare[^]*RangeError/,
    ],
    [
      'a rejection that is not declared',
      target({ ...description, decode: () => Promise.reject(new TypeError('of undefined')) }),
      /does not declare[^]*TypeError/,
    ],
    [
      'a second encoding of a value',
      target({ ...description, reencode: (bytes) => bytes.subarray(0, 3) }),
      /encodes to other bytes/,
    ],
    [
      'a decoder that writes into its input',
      target({ ...description, decode: (bytes) => bytes.fill(0) }),
      /changed its input/,
    ],
    [
      'memory that a length asks for',
      target({ ...description, decode: (bytes) => new Uint8Array((bytes[0] ?? 0) > 0x7e ? 100 << 20 : 1) }),
      /bytes of memory/,
    ],
    [
      'time that does not come from the length',
      target({ ...description, timeMsMax: 1, decode: (bytes) => spin(bytes[0] === 0xff ? 20 : 0) }),
      /took \d+ ms/,
    ],
  ]
  for (const [name, subject, problem] of broken) {
    test(`notices ${name}`, async () => {
      const { failures } = await runCases(subject, 3000)
      assert.match(failures[0]?.problem ?? 'nothing', problem)
    })
  }

  test('takes errors that are declared for what they are', async () => {
    const refusing = target({
      ...description,
      decode: () => {
        throw new RlpError('never')
      },
    })
    const { accepted, cases, failures } = await runCases(refusing, 100)
    assert.deepEqual({ accepted, cases, failures }, { accepted: 0, cases: 100, failures: [] })
  })

  test('makes the input of a case again from the seed and its number', () => {
    for (const { inputs, name } of TARGETS.slice(0, 12)) {
      const [first, second] = [inputs(SEED), inputs(SEED)]
      // Not in the same order: no case depends on those before it.
      const before = [5, 6, 7].map((number) => first(number))
      const after = [7, 6, 5].map((number) => second(number)).toReversed()
      assert.deepEqual(concatBytes(...before), concatBytes(...after), name)
    }
  })

  test('runs on a thread of its own and counts', async () => {
    const slices: string[] = []
    const task = { seed: SEED, names: ['rlp'], durationMs: 0, sliceMs: 60_000, firstCase: 0, casesMax: 20 }
    const { failures, tallies } = await fuzzDecoders(TARGETS, task, ({ target }) => slices.push(target))
    assert.deepEqual(slices, ['rlp', 'rlp-size'])
    assert.deepEqual(failures, [])
    assert.equal(tallies.get('rlp')?.cases, 20)
  })
})

function spin(durationMs: number): Uint8Array {
  const endMs = performance.now() + durationMs
  while (performance.now() < endMs);
  return new Uint8Array(0)
}
