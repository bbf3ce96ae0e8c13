/**
 * `npm run fuzz -- --minutes N --seed S --target NAME`: everything that comes from outside, damaged in a thousand ways.
 *
 * Without options it runs for a minute with a seed of its own. A failure prints its seed and case; with `--case` added
 * that one case runs again. Targets are named by `--target`, as often as wanted, or by the beginnings of their names.
 */
import { parseArgs } from 'node:util'
import { fuzzDecoders, selectTargets, type DecoderOutcome } from './decoders.ts'
import { TARGETS } from './targets/all.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now()) },
    target: { type: 'string', multiple: true, default: [] },
    case: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
})

const SLICE_MS = 500

if (values.list) {
  for (const { name } of TARGETS) console.log(name)
} else process.exitCode = (await run()) ? 0 : 1

async function run(): Promise<boolean> {
  const targets = selectTargets(TARGETS, values.target)
  if (targets.length === 0) {
    console.error(`no target is called ${values.target.join(' or ')}; --list names them`)
    return false
  }
  const isReplay = values.case !== undefined
  const durationMs = Number(values.minutes) * 60_000
  console.log(
    `seed ${values.seed}, ${targets.length} targets, ${isReplay ? `case ${values.case}` : `${values.minutes} minutes`}`,
  )
  const startMs = performance.now()
  let rounds = 0
  const outcome = await fuzzDecoders(
    TARGETS,
    {
      seed: values.seed,
      names: values.target,
      durationMs,
      sliceMs: isReplay ? Infinity : SLICE_MS,
      firstCase: Number(values.case ?? 0),
      casesMax: isReplay ? 1 : undefined,
    },
    ({ target }) => {
      if (target !== targets.at(-1)?.name) return
      rounds += 1
      const elapsed = ((performance.now() - startMs) / 1000).toFixed(0)
      console.log(`${elapsed} s: ${rounds} rounds`)
    },
  )
  print(outcome, performance.now() - startMs)
  return outcome.failures.length === 0
}

function print({ tallies, failures }: DecoderOutcome, elapsedMs: number): void {
  const perTargetMs = elapsedMs / Math.max(1, tallies.size)
  let total = 0
  console.log(
    `${'target'.padEnd(24)}${'cases'.padStart(12)}${'a second'.padStart(10)}${'taken'.padStart(8)}${'slowest'.padStart(12)}`,
  )
  for (const [name, { cases, accepted, slowestMs }] of tallies) {
    total += cases
    const rate = Math.round((1000 * cases) / perTargetMs)
    const share = `${((100 * accepted) / Math.max(1, cases)).toFixed(1)} %`
    const columns = [String(cases).padStart(12), String(rate).padStart(10), share.padStart(8)]
    console.log(`${name.padEnd(24)}${columns.join('')}${`${slowestMs.toFixed(1)} ms`.padStart(12)}`)
  }
  console.log(`${total} cases, ${failures.length} failures`)
  for (const { target, seed, caseNumber, problem, input } of failures) {
    console.log(`\nFAILED ${target}: ${problem}\ninput ${input}`)
    console.log(`again: npm run fuzz -- --seed ${seed} --target ${target} --case ${caseNumber}`)
  }
}
