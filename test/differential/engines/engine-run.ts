/**
 * `npm run differential -- --engines tier0,tier1,… [--steps N] [--seed TEXT] [--fork NAME] [--case INDEX]`: random
 * programs on several of our engines, until so many instructions have run on the first of them.
 */
import type { ForkName } from '../../../src/chain/forks.ts'
import { AevirError } from '../../../src/primitives/errors.ts'
import type { Engine } from '../../../runtime/host.ts'
import { realize, type Blueprint } from '../blueprint.ts'
import { listingOf, tellDifference } from '../report.ts'
import { shrink } from '../shrink.ts'
import { compareEngines, type EngineDifference } from './compare-engines.ts'
import { Coverage } from './coverage.ts'
import { engineCase } from './engine-case.ts'
import { sweepCase } from './gas-sweep.ts'
import { randomSwitching, SWITCHING, TIERS } from './tiers.ts'

export interface EngineRunOptions {
  /** The first one is the measure. */
  readonly engines: readonly string[]
  readonly steps: number
  readonly seed: string
  readonly fork: ForkName | undefined
  readonly onlyCase: number | undefined
}

/** Instructions, or cases that differ. */
export interface EngineScore {
  readonly passed: number
  readonly failed: number
}

export class UnknownTierError extends AevirError {
  override readonly code = 'UNKNOWN_TIER'
}

/** Differences that are made small and printed; more end the run. */
const FAILURES_MAX = 5
/** One case in so many also runs at every amount of gas at which something changes. */
const SWEEP_INTERVAL = 16
const PROGRESS_INTERVAL_MS = 10_000

/** Engines by name, and what puts those that choose at random back to where a case begins. */
export interface Contest {
  readonly engines: readonly Engine[]
  reset(seed: string): void
}

/** @throws UnknownTierError */
export function contestOf(names: readonly string[]): Contest {
  const switching = randomSwitching()
  const engines = names.map((name) => {
    if (name === SWITCHING) return switching.engine
    const found = TIERS.find((engine) => engine.name === name)
    const known = [...TIERS.map((engine) => engine.name), SWITCHING].join(', ')
    if (found === undefined) throw new UnknownTierError(`unknown engine ${name}; known: ${known}`)
    return found
  })
  return { engines, reset: (seed) => switching.reset(seed) }
}

export async function runEngines(options: EngineRunOptions): Promise<EngineScore> {
  const contest = contestOf(options.engines)
  const coverage = new Coverage()
  const startMs = performance.now()
  let [failed, sweeps, cases, drawnMs] = [0, 0, 0, startMs]
  for (let index = options.onlyCase ?? 0; coverage.steps < options.steps; index++) {
    const caseSeed = `${options.seed}/${index}`
    const blueprint = engineCase(caseSeed, options.fork)
    const one = realize(blueprint)
    contest.reset(caseSeed)
    let found = compareEngines(one, contest.engines, coverage)
    cases += 1
    if (found === undefined && (index % SWEEP_INTERVAL === 0 || options.onlyCase !== undefined)) {
      const swept = sweepCase(one, contest.engines)
      sweeps += swept.runs
      if (swept.difference !== undefined) found = { transaction: 0, ...swept.difference }
    }
    if (found !== undefined) {
      failed += 1
      await report(blueprint, found, contest, caseSeed, index, options)
    }
    if (options.onlyCase !== undefined || failed >= FAILURES_MAX) break
    if (performance.now() - drawnMs < PROGRESS_INTERVAL_MS) continue
    drawnMs = performance.now()
    console.log(`${coverage.steps} steps in ${cases} programs, ${failed} differ`)
  }
  const seconds = (performance.now() - startMs) / 1000
  console.log(
    `${options.engines.join(', ')}: ${coverage.steps} steps in ${cases} programs, ` +
      `${(coverage.steps / 1e6 / seconds).toFixed(2)} million a second; ${sweeps} runs with other gas`,
  )
  console.log(String(coverage))
  return { passed: coverage.steps, failed }
}

async function report(
  blueprint: Blueprint,
  difference: EngineDifference,
  contest: Contest,
  caseSeed: string,
  index: number,
  { seed, fork, engines }: EngineRunOptions,
): Promise<void> {
  // The measure, and the engine that differs: the others only cost time.
  const pair = contest.engines.filter(
    (engine, position) => position === 0 || engine.name === difference.engine,
  )
  const compare = (candidate: Blueprint): EngineDifference | undefined => {
    contest.reset(caseSeed)
    const one = realize(candidate)
    const found = compareEngines(one, pair)
    if (found !== undefined || !difference.what.startsWith('gas limit')) return found
    const swept = sweepCase(one, pair).difference
    return swept === undefined ? undefined : { transaction: 0, ...swept }
  }
  const small = await shrink(blueprint, async (candidate) => compare(candidate) !== undefined)
  const found = compare(small) ?? difference
  const options = [
    `--engines ${engines[0]},${difference.engine}`,
    `--seed ${seed} --case ${index}`,
    fork === undefined ? '' : `--fork ${fork}`,
  ]
  const one = realize(small)
  console.log(`\n${difference.engine} DIFFERS in case ${index} of seed ${seed}; again with`)
  console.log(`  npm run differential -- ${options.filter(Boolean).join(' ')}`)
  console.log(tellDifference(one, found))
  console.log(listingOf(one))
}
