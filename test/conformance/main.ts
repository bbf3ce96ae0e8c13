/**
 * Runs public test suites against this node:
 *
 *     npm run conformance -- --fixtures DIR [--suite NAME] [--engine NAME] [--filter SUBSTRING] [--json FILE]
 *
 * DIR is a folder or a single file: official JSON trees, archives of them, or packed files with a case a line. The
 * last line says `N passed, N failed, N skipped`; the exit status is not 0 when a case failed or none was found.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ENGINE_NAMES } from '../../src/execution/engines.ts'
import { discover } from './discover.ts'
import { listFixtureFiles } from './fixture-files.ts'
import { createReport } from './report.ts'
import { SUITE_NAMES, type SuiteName } from './suite.ts'
import { runJobs } from './worker-pool.ts'

const USAGE = `npm run conformance -- --fixtures DIR [options]
  --fixtures DIR   folder or file with fixtures, for example ../shared/vectors
  --suite NAME     only this suite, may be repeated: ${SUITE_NAMES.join(', ')}
  --engine NAME    execution engine: tiered (default, what nodes run), tier0, tier1, tier2 or reference
  --filter TEXT    only cases whose name contains the text
  --json FILE      write figures and all failures to a file
  --threads N      worker threads (default: one a core)`

interface Arguments {
  readonly fixtures: string
  readonly suites: ReadonlySet<SuiteName>
  readonly engine: string
  readonly filter: string
  readonly jsonFile: string | undefined
  readonly threadCount: number
}

class UsageError extends Error {}

function parseArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      fixtures: { type: 'string' },
      suite: { type: 'string', multiple: true, default: [...SUITE_NAMES] },
      engine: { type: 'string', default: 'tiered' },
      filter: { type: 'string', default: '' },
      json: { type: 'string' },
      threads: { type: 'string', default: String(availableParallelism()) },
    },
  })
  if (values.fixtures === undefined) throw new UsageError('--fixtures DIR is missing')
  const fixtures = resolve(values.fixtures)
  if (!existsSync(fixtures)) throw new UsageError(`there is nothing at ${fixtures}`)
  const unknown = values.suite.filter((name) => !isSuiteName(name))
  if (unknown.length > 0) throw new UsageError(`unknown suite: ${unknown.join(', ')}`)
  if (!ENGINE_NAMES.some((name) => name === values.engine)) {
    throw new UsageError(`unknown engine: ${values.engine}, known are ${ENGINE_NAMES.join(', ')}`)
  }
  const threadCount = Number(values.threads)
  if (!Number.isInteger(threadCount) || threadCount < 1)
    throw new UsageError('--threads takes a number from 1')
  return {
    fixtures,
    suites: new Set(values.suite.filter(isSuiteName)),
    engine: values.engine,
    filter: values.filter,
    jsonFile: values.json,
    threadCount,
  }
}

function isSuiteName(name: string): name is SuiteName {
  return SUITE_NAMES.some((known) => known === name)
}

async function run({ fixtures, suites, engine, filter, jsonFile, threadCount }: Arguments): Promise<boolean> {
  const { jobs, ignored } = discover(listFixtureFiles(fixtures), suites)
  if (ignored.length > 0)
    console.log(`${ignored.length} files belong to no suite, the first: ${ignored[0]?.label}`)
  const report = createReport((text) => process.stdout.write(text), process.stdout.isTTY)
  await runJobs(jobs, threadCount, { engine, filter }, (results) => report.add(results))
  const summary = report.finish()
  if (jsonFile !== undefined) writeFileSync(jsonFile, `${JSON.stringify(summary, null, 2)}\n`)
  const { passed, failed, skipped } = summary.total
  const isEmpty = passed + failed + skipped === 0
  if (isEmpty) console.error(`no case was found: is ${fixtures} the right folder?`)
  return failed === 0 && !isEmpty
}

try {
  process.exitCode = (await run(parseArguments())) ? 0 : 1
} catch (error) {
  const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error)
  if (!isUsage) throw error
  console.error(`${error.message}\n\n${USAGE}`)
  process.exitCode = 2
}
