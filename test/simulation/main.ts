/**
 * Runs simulated worlds, one a seed:
 *
 *     npm run simulate -- --seeds 1000 --nodes 4 --first 1 --faults all --profile us-eu [--json FILE]
 *     npm run simulate -- --replay SEED --nodes 4 …        tells what happens in one world
 *     npm run simulate -- --mutation NAME …                with a fault in the core, which must be found
 *
 * Exits with 1 when a promise was broken, and says how to see it again.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { committeeShape, CommitteeSizeError } from '../../src/consensus/simplex/config.ts'
import { PROFILES } from './latency.ts'
import { MUTATIONS, mutatedOptions } from './mutations.ts'
import { World, type WorldOptions, type WorldResult } from './world.ts'

const USAGE = `npm run simulate -- [options]
  --seeds N        worlds to run (default 100)
  --nodes N[,N…]   members, in turn for each seed (default 4)
  --first SEED     the first seed (default 1)
  --faults MODE    all or none (default all)
  --profile NAME   ${PROFILES.join(', ')} (default us-eu)
  --json FILE      write the results there
  --replay SEED    run one world and tell what happens in it
  --mutation NAME  put a fault into the core: ${MUTATIONS.map(({ name }) => name).join(', ')}`

const PROGRESS_INTERVAL_MS = 2000

class UsageError extends Error {}

interface Arguments {
  readonly seeds: readonly number[]
  readonly nodes: readonly number[]
  readonly isReplay: boolean
  readonly options: Omit<WorldOptions, 'seed' | 'nodes'>
  readonly jsonPath: string | undefined
  /** The arguments again, without those that choose the seed. */
  readonly repeat: string
}

async function parseArguments(): Promise<Arguments> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '100' },
      nodes: { type: 'string', default: '4' },
      first: { type: 'string', default: '1' },
      faults: { type: 'string', default: 'all' },
      profile: { type: 'string', default: 'us-eu' },
      json: { type: 'string' },
      replay: { type: 'string' },
      mutation: { type: 'string' },
    },
  })
  const faults = (['all', 'none'] as const).find((mode) => mode === values.faults)
  const profile = PROFILES.find((name) => name === values.profile)
  if (faults === undefined || profile === undefined) throw new UsageError('unknown --faults or --profile')
  const nodes = values.nodes.split(',').map((text) => readNumber('--nodes', text))
  for (const size of nodes) committeeShape(size)
  const first = readNumber('--first', values.replay ?? values.first)
  const count = values.replay === undefined ? readNumber('--seeds', values.seeds) : 1
  const changes = await readMutation(values.mutation)
  const mutation = values.mutation === undefined ? '' : ` --mutation ${values.mutation}`
  return {
    seeds: Array.from({ length: count }, (_, index) => first + index),
    nodes,
    isReplay: values.replay !== undefined,
    options: { faults, profile, ...changes },
    jsonPath: values.json,
    repeat: `--faults ${faults} --profile ${profile}${mutation}`,
  }
}

async function readMutation(name: string | undefined): Promise<Partial<WorldOptions>> {
  if (name === undefined) return {}
  const mutation = MUTATIONS.find((mutation) => mutation.name === name)
  if (mutation === undefined) throw new UsageError(`no mutation is called ${name}`)
  return mutatedOptions(mutation)
}

function readNumber(name: string, text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) throw new UsageError(`${name} takes a number, not ${text}`)
  return number
}

interface Summary {
  worlds: number
  events: number
  blocks: number
  readonly violations: (WorldResult & { readonly nodes: number })[]
}

function runAll({ seeds, nodes, options, repeat, isReplay }: Arguments): Summary {
  const summary: Summary = { worlds: 0, events: 0, blocks: 0, violations: [] }
  let shownAt = performance.now()
  for (const [index, seed] of seeds.entries()) {
    const size = nodes[index % nodes.length] ?? 4
    const world = new World({ ...options, seed, nodes: size, ...(isReplay ? { onTrace: console.log } : {}) })
    const result = world.run()
    summary.worlds += 1
    summary.events += result.events
    summary.blocks += result.height
    if (result.violation !== undefined) {
      summary.violations.push({ ...result, nodes: size })
      console.log(`seed ${seed}, ${size} nodes: ${result.violation.checker}: ${result.violation.message}`)
      console.log(`  see it again: npm run simulate -- --replay ${seed} --nodes ${size} ${repeat}`)
    }
    if (isReplay) console.log(`hash ${result.hash}`)
    if (performance.now() - shownAt > PROGRESS_INTERVAL_MS && process.stderr.isTTY) {
      shownAt = performance.now()
      process.stderr.write(`\r${summary.worlds} of ${seeds.length} worlds`)
    }
  }
  return summary
}

function report(summary: Summary, seconds: number): void {
  const { worlds, events, blocks, violations } = summary
  const worldRate = (worlds / seconds).toFixed(1)
  const eventRate = Math.round(events / seconds / 1000)
  console.log(
    `${worlds} worlds, ${events} events, ${blocks} final blocks in ${seconds.toFixed(1)} s ` +
      `(${worldRate} worlds/s, ${eventRate}k events/s): ${violations.length} violations`,
  )
}

try {
  const parsed = await parseArguments()
  const start = performance.now()
  const summary = runAll(parsed)
  report(summary, (performance.now() - start) / 1000)
  if (parsed.jsonPath !== undefined) writeFileSync(parsed.jsonPath, `${JSON.stringify(summary, null, 2)}\n`)
  if (summary.violations.length > 0) process.exitCode = 1
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof CommitteeSizeError)) throw error
  console.error(`${error.message}\n\n${USAGE}`)
  process.exitCode = 2
}
