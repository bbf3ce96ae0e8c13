/**
 * Runs simulated worlds, one a seed:
 *
 *     npm run simulate -- --seeds 1000 --nodes 4 --first 1 --faults all --profile us-eu [--json FILE]
 *     npm run simulate -- --replay SEED --nodes 4 …        tells what happens in one world
 *     npm run simulate -- --mutation NAME …                with a fault in the core, which must be found
 *     npm run simulate -- --nodes 21 --faults none …       measures what users wait
 *
 * Exits with 1 when a promise was broken, and says how to see it again.
 */
import { writeFileSync } from 'node:fs'
import { CommitteeSizeError } from '../../src/consensus/simplex/config.ts'
import { parseArguments, UsageError, USAGE, type Arguments } from './arguments.ts'
import { runAll } from './run-all.ts'
import { runSeed, type SeedOptions, type SeedResult } from './run-seed.ts'
import { Summary } from './summary.ts'

const PROGRESS_INTERVAL_MS = 2000
/** Violations that are told one by one; all are in the JSON. */
const TOLD_MAX = 20

async function main({ seeds, nodes, jobs, options, ...rest }: Arguments): Promise<void> {
  const summary = new Summary()
  const start = performance.now()
  let shownAt = start
  const all: SeedOptions[] = seeds.map((seed, index) => ({
    ...options,
    seed,
    nodes: nodes[index % nodes.length] ?? '4',
  }))
  const onResult = (result: SeedResult): void => {
    summary.add(result)
    if (result.violation !== undefined && summary.violations.length <= TOLD_MAX) tell(result, rest.repeat)
    if (performance.now() - shownAt < PROGRESS_INTERVAL_MS || !process.stderr.isTTY) return
    shownAt = performance.now()
    process.stderr.write(`\r${summary.worlds} of ${seeds.length} worlds`)
  }
  if (rest.isReplay) {
    for (const world of all) {
      const result = await runSeed(world, console.log)
      onResult(result)
      console.log(`hash ${result.hash}`)
    }
  } else await runAll(all, jobs, onResult)
  const seconds = (performance.now() - start) / 1000
  console.log(summary.describe(seconds))
  for (const line of summary.describeWaits()) console.log(line)
  if (rest.jsonPath !== undefined) {
    writeFileSync(rest.jsonPath, `${JSON.stringify(summary.toJson(seconds), null, 2)}\n`)
  }
  if (summary.violations.length > 0) process.exitCode = 1
}

function tell({ seed, nodes, violation }: SeedResult, repeat: string): void {
  console.log(`seed ${seed}, ${nodes} nodes: ${violation?.checker}: ${violation?.message}`)
  console.log(`  see it again: npm run simulate -- --replay ${seed} --nodes ${nodes} ${repeat}`)
}

try {
  const parsed = parseArguments()
  if (parsed === undefined) console.log(USAGE)
  else await main(parsed)
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof CommitteeSizeError)) throw error
  console.error(`${error.message}\n\n${USAGE}`)
  process.exitCode = 2
}
