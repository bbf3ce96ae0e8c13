/** The report of the EVM benchmark: its numbers, its targets, and losses that a reader cannot miss. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { barsOf, markdownOf, plotOf, type ProgramRow } from '../../benchmarks/evm-report.ts'
import { checksOf, summaryOf } from '../../benchmarks/evm-summary.ts'
import { reportOf } from '../../benchmarks/report.ts'
import { spreadOf, type Spread } from '../../benchmarks/suite.ts'

const PEER = 'anvil'

/** @param steady anvil's time over ours, as is `first`. */
function row(name: string, steady: number, first: number): ProgramRow {
  const times = (ratio: number): Map<string, Spread> =>
    new Map([
      ['aevir', spreadOf([2])],
      [PEER, spreadOf([2 * ratio])],
    ])
  const ratios = (ratio: number): Map<string, Spread> => new Map([[PEER, spreadOf([ratio, ratio])]])
  return {
    name,
    codeSize: 1_500,
    gasUsed: 1_234_567,
    count: 3,
    steady: times(steady),
    steadyWall: times(steady),
    steadyRatios: ratios(steady).set('other', spreadOf([7])),
    variantRatios: new Map([['aevir with memo', spreadOf([2 * steady])]]),
    first: times(first),
    firstRatios: ratios(first),
    newProcessMs: 31.4,
    compiled: { emitMs: 10, moduleMs: 2.5, byteCount: 99_000, regionCount: 5 },
  }
}

const ROWS = [row('fast', 16, 2), row('even', 1, 1), row('slow', 0.5, 0.25), row('own_thing', 0.01, 0.01)]

function close(actual: number | undefined, expected: number): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) < 1e-9, `${actual}, expected ${expected}`)
}

describe('the summary', () => {
  test('compares with anvil on the programs of others', () => {
    const summary = summaryOf(ROWS)
    close(summary['steadyGeomeanVsAnvil'], 2)
    close(summary['worstSteadyVsAnvil'], 0.5)
    close(summary['worstFirstRunVsAnvil'], 0.25)
    close(summary['steadyMedianVsAnvil'], 1)
    close(summary['firstRunGeomeanVsAnvil'], 0.5 ** (1 / 3))
  })

  test('is of our own programs where there are no others, and empty without anvil', () => {
    close(summaryOf(ROWS.slice(3))['worstSteadyVsAnvil'], 0.01)
    assert.deepEqual(summaryOf([{ ...row('alone', 1, 1), steadyRatios: new Map() }]), {})
    assert.deepEqual(summaryOf([]), {})
  })
})

describe('targets', () => {
  const outcomes = (rows: readonly ProgramRow[], failures: readonly string[] = []): Record<string, boolean> =>
    Object.fromEntries(checksOf(rows, failures).map(({ claim, passed }) => [claim, passed]))

  test('are missed by the mean, by the worst program and by the worst first run', () => {
    assert.deepEqual(outcomes(ROWS.slice(0, 3)), {
      'steady, geometric mean beside anvil': false,
      'steady, worst program beside anvil': false,
      'first run, worst program beside anvil': false,
      'every program was measured': true,
    })
  })

  test('are met at their limits', () => {
    assert.deepEqual(outcomes([row('a', 10, 1 / 3), row('b', 0.9, 1)]), {
      'steady, geometric mean beside anvil': true,
      'steady, worst program beside anvil': true,
      'first run, worst program beside anvil': true,
      'every program was measured': true,
    })
  })

  test('of some programs are their own', () => {
    const found = outcomes([
      row('snailtracer', 2.99, 1),
      row('sha1_shifts', 10, 1),
      row('erc20_transfer', 1.2, 1),
    ])
    assert.equal(found['steady, snailtracer beside anvil'], false)
    assert.equal(found['steady, sha1_shifts beside anvil'], true)
    assert.equal(found['steady, erc20_transfer beside anvil'], false)
  })

  test('hold for our own programs one by one, and are missed when something was not measured', () => {
    const found = outcomes(ROWS, ['slow was not measured: it fails'])
    assert.equal(found['steady, own_thing beside anvil'], false)
    assert.equal(found['every program was measured'], false)
  })
})

describe('bars for a terminal', () => {
  test('go to the left for what is slower', () => {
    const [text = ''] = barsOf(ROWS.slice(0, 3), PEER)
    const [, fast = '', even = '', slow = ''] = text.split('\n')
    assert.match(fast, /^fast +16\.0× first +2\.00× +\|▸{19}$/)
    assert.match(even, /^even +1\.00× first +1\.00× +\|$/)
    assert.match(slow, /^slow +0\.500× first +0\.250× +◂{5}\|$/)
  })

  test('are none without the peer', () => {
    assert.deepEqual(barsOf(ROWS, 'nobody'), [])
  })
})

describe('Markdown', () => {
  const report = reportOf('evm', {
    input: 'input',
    warmUp: 'warm-up',
    baseline: 'baseline',
    sample: 'sample',
    peers: {},
    figures: [],
    checks: checksOf(ROWS, []),
    notes: ['a note', 'bars\nof text'],
    summary: summaryOf(ROWS),
  })
  const text = markdownOf(report, ROWS, PEER)
  const table = text.split('\n').filter((line) => line.startsWith('| '))

  test('has a table with as many cells in each line', () => {
    assert.equal(table.length, 2 + ROWS.length)
    const cells = table.map((line) => line.split('|').length)
    assert.equal(new Set(cells).size, 1)
  })

  test('gives a program with all that is known of it', () => {
    assert.equal(
      table.find((line) => line.startsWith('| slow')),
      '| slow | 1,234,567 | 2.00 | 1.00 | **0.500** (0.500–0.500) | 1.00 | 7.00 | 2.00 | 0.500 | 0.250 | 31.4 | 12.5 | 1.50 → 99.0 |',
    )
  })

  test('tells what an option of our engine is worth beside the peer', () => {
    const column = table[0]?.split('|').indexOf(' anvil ÷ aevir with memo ') ?? -1
    assert.ok(column > 0)
    assert.deepEqual(
      table.slice(2).map((line) => line.split('|')[column]?.trim()),
      ['32.0', '2.00', '1.00', '0.0200'],
    )
  })

  test('leaves empty what nobody measured', () => {
    const bare = {
      ...row('bare', 1, 1),
      steadyRatios: new Map(),
      variantRatios: new Map(),
      firstRatios: new Map(),
      compiled: undefined,
    }
    const line = markdownOf(report, [bare], PEER)
      .split('\n')
      .find((found) => found.startsWith('| bare'))
    assert.equal(line, '| bare | 1,234,567 | 2.00 | 2.00 |  | 2.00 | 2.00 |  | 31.4 |  | 1.50 |')
  })

  test('states targets that were missed, the summary and notes, and shows the plot', () => {
    assert.match(text, /- \*\*missed\*\*: steady, worst program beside anvil: 0\.50×, at least 0\.90×/)
    assert.match(text, /- worstFirstRunVsAnvil: 0\.250/)
    assert.match(text, /- a note/)
    assert.match(text, /!\[ratios\]\(evm\.svg\)/)
    assert.doesNotMatch(text, /of text/)
  })
})

describe('the plot', () => {
  const plot = plotOf([...ROWS, row('<&>', 3, 0.9)], PEER)
  const numbers = (pattern: RegExp): number[] => [...plot.matchAll(pattern)].map(([, value]) => Number(value))

  test('is well-formed, whatever programs are called', () => {
    const open: string[] = []
    for (const [, slash, name = '', attributes = '', empty] of plot.matchAll(
      /<(\/?)(\w+)((?: [\w-]+="[^"<]*")*)\s*(\/?)>/g,
    )) {
      if (slash === '/') assert.equal(open.pop(), name)
      else if (empty !== '/') open.push(name)
      assert.doesNotMatch(attributes, /NaN|Infinity|undefined/)
    }
    assert.deepEqual(open, [])
    assert.ok(plot.includes('&lt;&amp;&gt;'))
    assert.equal(plot.replaceAll(/<\/?\w+(?: [\w-]+="[^"<]*")*\s*\/?>/g, '').includes('<'), false)
  })

  test('has a logarithmic axis: powers of ten are equally far from each other', () => {
    const lines = numbers(/<line x1="([\d.]+)"/g)
    const steps = lines.slice(1).map((at, index) => at - (lines[index] ?? 0))
    assert.ok(lines.length >= 4 && steps.every((step) => step > 50 && Math.abs(step - (steps[0] ?? 0)) < 0.2))
    for (const label of ['0.01×', '0.1×', '1×', '10×', '100×'])
      assert.ok(plot.includes(`>${label}</text>`), label)
  })

  test('draws bars to the left of 1 for what is slower, with the figure in red', () => {
    const one = Number(/<line x1="([\d.]+)"[^>]*stroke="#111"/.exec(plot)?.[1])
    const bars = [...plot.matchAll(/<rect x="([\d.]+)" y="\d+" width="([\d.]+)" height="8"/g)].map(
      ([, x, width]) => [Number(x), Number(width)] as const,
    )
    assert.equal(bars.length, 10)
    // Two each, best program first: fast, <&>, even, slow, own_thing.
    const [fast, even, slow] = [bars[0], bars[4], bars[6]]
    assert.ok(fast !== undefined && Math.abs(fast[0] - one) < 0.2 && fast[1] > 50)
    assert.ok(even !== undefined && even[1] === 1)
    assert.ok(slow !== undefined && slow[0] < one && Math.abs(slow[0] + slow[1] - one) < 0.2)
    assert.match(plot, /fill="#b91c1c" font-weight="bold">0\.500</)
    assert.doesNotMatch(plot, /fill="#b91c1c" font-weight="bold">16\.0</)
  })

  test('keeps all figures within its bounds', () => {
    const [width = 0] = numbers(/viewBox="0 0 (\d+) /g)
    for (const x of numbers(/ x="([\d.]+)"/g)) assert.ok(x >= 0 && x < width - 30, `${x}`)
  })
})
