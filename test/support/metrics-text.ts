/** Reads the Prometheus text format strictly (version 0.0.4): whatever a scraper would refuse fails the test. */
import assert from 'node:assert/strict'

const TYPES: ReadonlySet<string> = new Set(['counter', 'gauge', 'histogram', 'summary'])
const SAMPLE = /^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/
const LABEL = /^(?<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?<value>(?:[^"\\\n]|\\["\\n])*)"(?:,|$)/

export interface ScrapedMetrics {
  /** The type by the name of each metric. */
  readonly types: ReadonlyMap<string, string>
  /** Values by `name{label="value",…}`, labels in alphabetical order. */
  readonly samples: ReadonlyMap<string, number>
}

export function parseMetrics(text: string): ScrapedMetrics {
  assert.ok(text.endsWith('\n'))
  const types = new Map<string, string>()
  const helped = new Set<string>()
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (line === '') continue
    if (line.startsWith('# ')) {
      const [, keyword, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
      assert.ok(name !== undefined && rest !== undefined, line)
      if (keyword === 'HELP') helped.add(name)
      else {
        assert.ok(TYPES.has(rest) && !types.has(name), line)
        types.set(name, rest)
      }
      continue
    }
    const [key, value] = parseSample(line, types)
    assert.ok(!samples.has(key), `${key} is there twice`)
    samples.set(key, value)
  }
  for (const name of types.keys()) assert.ok(helped.has(name), `${name} has a help text`)
  return { types, samples }
}

function parseSample(line: string, types: ReadonlyMap<string, string>): [key: string, value: number] {
  const { labels = '', name = '', value = '' } = SAMPLE.exec(line)?.groups ?? {}
  const base = name.replace(/_(?:bucket|sum|count)$/, '')
  assert.ok(types.has(name) || types.get(base) === 'histogram' || types.get(base) === 'summary', line)
  const number = value === '+Inf' ? Infinity : Number(value)
  assert.ok(value === 'Nan' || value === 'NaN' || !Number.isNaN(number), line)
  const pairs: string[] = []
  for (let rest = labels; rest !== '';) {
    const label = LABEL.exec(rest)
    assert.ok(label?.groups !== undefined, line)
    pairs.push(`${label.groups['name']}="${label.groups['value']}"`)
    rest = rest.slice(label[0].length)
  }
  return [pairs.length === 0 ? name : `${name}{${pairs.toSorted().join(',')}}`, number]
}
