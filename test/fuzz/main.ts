/**
 * `npm run fuzz -- --minutes N --seed S --target NAME`: everything that comes from outside, damaged in a thousand ways,
 * at every decoder; and, as the target `node`, a member that lies and strangers at a node of a running network.
 *
 * Without options all of it runs for a minute with a seed of its own. A failure prints its seed and case; with `--case`
 * added that one case of a decoder runs again. Targets are named as often as wanted, by the beginnings of their names.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
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
    // Within this process, as it is when one case runs again.
    here: { type: 'boolean', default: false },
  },
})

const SLICE_MS = 500
const PROGRESS_MS = 20_000
const NODE = 'node'

if (values.list) {
  for (const { name } of TARGETS) console.log(name)
  console.log(NODE)
} else process.exitCode = (await run()) ? 0 : 1

async function run(): Promise<boolean> {
  const names = values.target.filter((name) => name !== NODE)
  const hasNode = values.case === undefined && (values.target.length === 0 || values.target.includes(NODE))
  const hasDecoders = !hasNode || values.target.length === 0 || names.length > 0
  const targets = hasDecoders ? selectTargets(TARGETS, names) : []
  if (targets.length === 0 && !hasNode) {
    console.error(`no target is called ${values.target.join(' or ')}; --list names them`)
    return false
  }
  console.log(`seed ${values.seed}, ${targets.length} decoders${hasNode ? ' and a live node' : ''}`)
  const results = await Promise.all([
    hasNode ? attackNode() : true,
    targets.length === 0 ||
      (values.here || values.case !== undefined ? decode(names) : decodeElsewhere(names)),
  ])
  return results.every((isGood) => isGood)
}

/** In a process of its own, whose memory and threads are nobody else's. Prints what it finds itself. */
async function attackNode(): Promise<boolean> {
  const seconds = String(Math.round(Number(values.minutes) * 60))
  const file = new URL('./live/node-process.ts', import.meta.url)
  const child = fork(file, ['--seconds', seconds, '--seed', values.seed])
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0)
    console.log(`FAILED node: exit code ${code}; again: npm run fuzz -- --seed ${values.seed} --target node`)
  return code === 0
}

/**
 * In a process of its own as well: a crash of the engine below us (V8 has had some when it optimises code like ours) must
 * not end the run. It is told, and what is left of the time goes on with another seed; a second one is a failure.
 */
async function decodeElsewhere(names: readonly string[]): Promise<boolean> {
  const endMs = performance.now() + Number(values.minutes) * 60_000
  for (let attempt = 0; ; attempt++) {
    const minutes = String(Math.max(0, (endMs - performance.now()) / 60_000))
    const seed = attempt === 0 ? values.seed : `${values.seed}-${attempt}`
    const targets = (names.length > 0 ? names : TARGETS.map(({ name }) => name)).flatMap((name) => [
      '--target',
      name,
    ])
    const file = fileURLToPath(import.meta.url)
    const child = fork(file, ['--here', '--seed', seed, '--minutes', minutes, ...targets])
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    if (signal === null) return code === 0
    console.log(`the process of the decoders ended by ${signal}: the engine below it crashed`)
    if (attempt > 0) return false
  }
}

async function decode(names: readonly string[]): Promise<boolean> {
  const isReplay = values.case !== undefined
  const startMs = performance.now()
  let [printedMs, cases] = [startMs, 0]
  const outcome = await fuzzDecoders(
    TARGETS,
    {
      seed: values.seed,
      names,
      durationMs: Number(values.minutes) * 60_000,
      sliceMs: isReplay ? Infinity : SLICE_MS,
      firstCase: Number(values.case ?? 0),
      casesMax: isReplay ? 1 : undefined,
    },
    (slice) => {
      cases += slice.cases
      const nowMs = performance.now()
      if (nowMs - printedMs < PROGRESS_MS) return
      printedMs = nowMs
      console.log(`${((nowMs - startMs) / 1000).toFixed(0)} s: ${cases} cases of decoders`)
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
