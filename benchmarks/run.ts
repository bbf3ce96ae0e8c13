/**
 * `npm run bench -- SUITE [arguments] [--json FILE]`: runs one suite, prints its report and, when asked, writes it as
 * JSON. The exit code is 1 when a target was missed, 2 when the command line makes no sense.
 */
import { statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { AevirError } from '../src/primitives/errors.ts'
import { UsageError } from './options.ts'
import { linesOf, reportOf } from './report.ts'
import type { Suite } from './suite.ts'

interface Entry {
  readonly purpose: string
  readonly load: () => Promise<{ readonly suite: Suite }>
}

/** Every suite, by the name it is called by. */
const SUITES: Readonly<Record<string, Entry>> = {
  startup: {
    purpose: 'process start to first RPC answer, and resident memory, beside anvil and Hardhat',
    load: () => import('./startup.bench.ts'),
  },
  throughput: {
    purpose: 'transactions taken and executed a second, beside anvil and Hardhat',
    load: () => import('./throughput.bench.ts'),
  },
  tps: {
    purpose:
      "transactions executed a second in process, a node's share of small blocks, and over HTTP beside anvil",
    load: () => import('./tps.bench.ts'),
  },
  soak: {
    purpose: 'a node under load for a long time: throughput, memory over time, database growth',
    load: () => import('./soak.bench.ts'),
  },
  evm: {
    purpose:
      'programs on each of our engines beside anvil, Hardhat and @ethereumjs/evm: steady state and first run',
    load: () => import('./evm.bench.ts'),
  },
  hostile: {
    purpose: 'code made to be slow, to stall compilers or to fill memory, on each of our engines',
    load: () => import('./hostile.bench.ts'),
  },
  calls: {
    purpose: 'what a nested call costs beyond its gas, and recursion 1,024 deep, on each of our engines',
    load: () => import('./calls.bench.ts'),
  },
  precompiles: {
    purpose: 'time per gas of every precompile at inputs chosen to be slow',
    load: () => import('./precompiles.bench.ts'),
  },
  trie: {
    purpose: 'commits to a trie of accounts beside @ethereumjs/mpt',
    load: () => import('./trie.bench.ts'),
  },
  keccak: {
    purpose: 'keccak256 beside @noble/hashes over the sizes that a node hashes',
    load: () => import('./keccak.bench.ts'),
  },
  finality: {
    purpose: 'pre-confirmation and seal of a network of processes under load, as its users see them',
    load: () => import('./finality.bench.ts'),
  },
  network: {
    purpose: 'votes and blocks between 11 and 21 nodes in one process, over libp2p on loopback and in memory',
    load: () => import('./network.bench.ts'),
  },
}

async function main(argv: readonly string[]): Promise<void> {
  const { name, rest, jsonFile } = parse(argv)
  if (name === undefined) {
    console.log(usage())
    return
  }
  const entry = SUITES[name]
  if (entry === undefined) throw new UsageError(`there is no suite "${name}"\n\n${usage()}`)
  // Now rather than after minutes of measuring.
  if (jsonFile !== undefined) checkFile(jsonFile)
  const { suite } = await entry.load()
  const report = reportOf(name, await suite.run(rest, (line) => console.error(line)))
  for (const line of linesOf(report)) console.log(line)
  if (jsonFile !== undefined) writeFileSync(jsonFile, `${JSON.stringify(report, null, 2)}\n`)
  if (report.checks.some(({ passed }) => !passed)) process.exitCode = 1
}

function parse(argv: readonly string[]): {
  readonly name: string | undefined
  readonly rest: readonly string[]
  readonly jsonFile: string | undefined
} {
  const words = [...argv]
  const at = words.indexOf('--json')
  const [, jsonFile] = at < 0 ? [] : words.splice(at, 2)
  if (at >= 0 && (jsonFile === undefined || jsonFile.startsWith('-'))) {
    throw new UsageError('--json needs the name of a file to write')
  }
  const [name, ...rest] = words
  return { name, rest, jsonFile }
}

/** @throws UsageError when a file cannot be made there */
function checkFile(path: string): void {
  const folder = dirname(path)
  if (!isFolder(folder)) throw new UsageError(`--json: there is no folder ${folder}`)
  if (isFolder(path)) throw new UsageError(`--json: ${path} is a folder; give it the name of a file`)
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function usage(): string {
  const lines = Object.entries(SUITES).map(([name, { purpose }]) => `  ${name.padEnd(12)} ${purpose}`)
  return ['npm run bench -- SUITE [arguments] [--json FILE]', '', ...lines].join('\n')
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  // Whatever else it is, is a mistake of ours: with its stack.
  if (!(error instanceof AevirError)) throw error
  console.error(error.message)
  process.exitCode = 2
}
