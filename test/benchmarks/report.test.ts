/** What a suite measured, for a terminal and as JSON: every figure with its spread, peers in proportion, misses named. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { linesOf, reportOf } from '../../benchmarks/report.ts'
import { atMost, spreadOf, type Figure, type Measurements } from '../../benchmarks/suite.ts'

function figure(subject: string, samples: readonly number[]): Figure {
  return { task: 'work', subject, quantity: 'time', unit: 'ms', spread: spreadOf(samples) }
}

const MEASUREMENTS: Measurements = {
  input: 'an input',
  warmUp: 'a warm-up',
  baseline: 'a baseline',
  sample: 'a sample',
  peers: { peer: '1.2.3' },
  figures: [figure('aevir', [1, 2, 3]), figure('peer', [5])],
  checks: [
    { claim: 'is fast', measured: '2 ms', passed: true },
    { claim: 'is faster', measured: '2 ms, limit 1', passed: false },
  ],
  notes: ['a note'],
  summary: { ratio: 0.123456, rate: 41_234.5 },
}

describe('a spread', () => {
  test('consists of samples that were taken, whatever their order', () => {
    const samples = Array.from({ length: 11 }, (_, index) => (index * 7) % 11)
    assert.deepEqual(spreadOf(samples), { count: 11, min: 0, p10: 1, median: 5, p90: 9, max: 10 })
    assert.deepEqual(spreadOf([4]), { count: 1, min: 4, p10: 4, median: 4, p90: 4, max: 4 })
  })

  test('of nothing is refused', () => {
    assert.throws(() => spreadOf([]), RangeError)
  })
})

test('a limit is met by a median that is at it, and missed by one above', () => {
  assert.equal(atMost('claim', figure('aevir', [2]), 2).passed, true)
  assert.equal(atMost('claim', figure('aevir', [2.1]), 2).passed, false)
})

describe('a report', () => {
  const report = reportOf('suite', MEASUREMENTS)
  const lines = linesOf(report)

  test('says on what it was taken, and how', () => {
    const text = lines.join('\n')
    for (const part of ['an input', 'a warm-up', 'a baseline', 'a sample', 'peer 1.2.3', '* a note']) {
      assert.ok(text.includes(part), part)
    }
    assert.ok(text.includes(`node ${process.versions.node}`))
  })

  test('has a line for each figure, with a peer in proportion to ours', () => {
    const table = lines.filter((line) => line.startsWith('work'))
    assert.match(table[0] ?? '', /^work +aevir +time +2 +ms +1 – 3 +1 – 3 +3$/)
    assert.match(table[1] ?? '', /^work +peer +time +5 +ms +1 +2\.50×$/)
  })

  test('tells what was met and what was missed', () => {
    assert.ok(lines.includes('  ok   is fast: 2 ms'))
    assert.ok(lines.includes(' MISS  is faster: 2 ms, limit 1'))
  })

  test('ends in the numbers that others follow', () => {
    assert.ok(lines.includes('ratio: 0.1235'))
    assert.ok(lines.includes('rate: 41,235'))
  })

  test('is the same as JSON, with its version and its machine', () => {
    const read = JSON.parse(JSON.stringify(report)) as typeof report
    assert.deepEqual(read, report)
    assert.equal(read.format, 1)
    assert.equal(read.suite, 'suite')
    assert.ok(!Number.isNaN(Date.parse(read.takenAt)))
    assert.ok(read.machine.cores > 0)
    assert.deepEqual(read.figures[1]?.spread, spreadOf([5]))
  })
})
