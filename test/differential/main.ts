/**
 * Runs random transactions on our execution and on the reference (@ethereumjs/vm) and compares everything:
 *
 *     npm run differential -- [--count N] [--seed TEXT] [--fork NAME] [--engine NAME] [--case INDEX] [--replay FILE]
 *
 * With `--engines` it compares our engines with each other instead: see `engines/engine-run.ts`.
 *
 * The same seed makes the same transactions. A difference is made small and printed with the command that shows it
 * again. The last line says `N passed, N failed, 0 skipped`, counted in transactions.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { FORK_NAMES, type ForkName } from '../../src/chain/forks.ts'
import { realize, type Blueprint } from './blueprint.ts'
import { caseFromJson, type Case } from './case.ts'
import { compareCase, type Comparison } from './compare.ts'
import { runEngines, UnknownTierError } from './engines/engine-run.ts'
import { generateCase } from './generate-case.ts'
import { listingOf, tellDifference } from './report.ts'
import { shrink } from './shrink.ts'
import { Statistics } from './statistics.ts'

const USAGE = `npm run differential -- [options]
  --count N      transactions to run (default 1000)
  --seed TEXT    where the randomness comes from (default 1)
  --fork NAME    only this fork: ${FORK_NAMES.join(', ')}
  --engine NAME  our engine (default tier0)
  --case INDEX   only this case of the seed
  --replay FILE  run a case from a file instead of random ones

npm run differential -- --engines tier0,tier1,tier2,switching [options]
  --steps N      instructions to run on the first of the engines (default 1000000)
  --seed, --fork, --case as above`

/** Differences that are made small and printed; further ones are counted. */
const SHRUNK_MAX = 3
const PROGRESS_INTERVAL_MS = 500

interface Arguments {
  readonly count: number
  readonly seed: string
  readonly fork: ForkName | undefined
  readonly engine: string
  readonly onlyCase: number | undefined
  readonly replay: string | undefined
  /** Instead of the reference. */
  readonly engines: readonly string[] | undefined
  readonly steps: number
}

class UsageError extends Error {}

function parseArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      fork: { type: 'string' },
      engine: { type: 'string', default: 'tier0' },
      case: { type: 'string' },
      replay: { type: 'string' },
      engines: { type: 'string' },
      steps: { type: 'string', default: '1000000' },
    },
  })
  const fork = FORK_NAMES.find((name) => name === values.fork)
  if (values.fork !== undefined && fork === undefined) throw new UsageError(`unknown fork ${values.fork}`)
  const count = Number(values.count)
  if (!Number.isInteger(count) || count < 1) throw new UsageError('--count takes a number from 1')
  const onlyCase = values.case === undefined ? undefined : Number(values.case)
  if (onlyCase !== undefined && !Number.isInteger(onlyCase)) throw new UsageError('--case takes a number')
  const steps = Number(values.steps)
  if (!Number.isInteger(steps) || steps < 1) throw new UsageError('--steps takes a number from 1')
  const { seed, engine, replay } = values
  return { count, seed, fork, engine, onlyCase, replay, engines: values.engines?.split(','), steps }
}

/** Counts in transactions: those of a case behind a difference did not run. */
interface Score {
  passed: number
  failed: number
}

async function runWhatIsAsked(options: Arguments): Promise<Score> {
  const { engines, replay } = options
  if (engines !== undefined) return runEngines({ ...options, engines })
  return replay === undefined ? runRandom(options) : runReplay(replay, options.engine)
}

async function runReplay(path: string, engine: string): Promise<Score> {
  const one = caseFromJson(readFileSync(path, 'utf8'))
  const comparison = await compareCase(one, engine)
  if (comparison.difference !== undefined) console.log(tellDifference(one, comparison.difference))
  return scoreOf(comparison)
}

async function runRandom({ count, seed, fork, engine, onlyCase }: Arguments): Promise<Score> {
  const statistics = new Statistics()
  const score: Score = { passed: 0, failed: 0 }
  let drawnMs = 0
  for (let index = onlyCase ?? 0; score.passed + score.failed < count; index++) {
    const blueprint = generateCase(`${seed}/${index}`, fork)
    const one = limited(realize(blueprint), count - score.passed - score.failed)
    const comparison = await compareCase(one, engine)
    const { passed, failed } = scoreOf(comparison)
    score.passed += passed
    score.failed += failed
    if (failed === 0) statistics.add(one, comparison)
    else if (score.failed <= SHRUNK_MAX) await report(blueprint, comparison, { seed, index, fork, engine })
    if (onlyCase !== undefined) break
    if (!process.stdout.isTTY || performance.now() - drawnMs < PROGRESS_INTERVAL_MS) continue
    drawnMs = performance.now()
    process.stdout.write(`\r${totals(score)}\u001B[K`)
  }
  if (process.stdout.isTTY) process.stdout.write('\r\u001B[K')
  console.log(String(statistics))
  return score
}

function limited(one: Case, transactions: number): Case {
  return { ...one, transactions: one.transactions.slice(0, transactions) }
}

function scoreOf({ attempts, difference }: Comparison): Score {
  const failed = difference === undefined ? 0 : 1
  return { passed: attempts.length - failed, failed }
}

async function report(
  blueprint: Blueprint,
  { difference }: Comparison,
  { seed, index, fork, engine }: { seed: string; index: number; fork: ForkName | undefined; engine: string },
): Promise<void> {
  const small = await shrink(blueprint, async (candidate) => {
    const found = (await compareCase(realize(candidate), engine)).difference
    return found !== undefined && kindOf(found.what) === kindOf(difference?.what)
  })
  const one = realize(small)
  const found = (await compareCase(one, engine)).difference ?? difference
  const options = [
    `--seed ${seed} --case ${index}`,
    fork === undefined ? '' : `--fork ${fork}`,
    `--engine ${engine}`,
  ]
  console.log(`\nDIFFERENCE in case ${index} of seed ${seed}; again with`)
  console.log(`  npm run differential -- ${options.filter(Boolean).join(' ')}`)
  if (found !== undefined) console.log(tellDifference(one, found))
  console.log(listingOf(one))
}

/** "account 0x…" is a kind, whatever the account. */
function kindOf(what: string | undefined): string | undefined {
  return what?.split(' ')[0]
}

function totals({ passed, failed }: Score): string {
  return `${passed} passed, ${failed} failed, 0 skipped`
}

try {
  const options = parseArguments()
  const startMs = performance.now()
  const score = await runWhatIsAsked(options)
  console.log(`\n${((performance.now() - startMs) / 1000).toFixed(1)} s\n${totals(score)}`)
  process.exitCode = score.failed === 0 ? 0 : 1
} catch (error) {
  const isUsage =
    error instanceof UsageError ||
    error instanceof UnknownTierError ||
    (error instanceof TypeError && 'code' in error)
  if (!isUsage) throw error
  console.error(`${error.message}\n\n${USAGE}`)
  process.exitCode = 2
}
