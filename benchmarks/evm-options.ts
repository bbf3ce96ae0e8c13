/** The command line of the `evm` suite, checked before anything is started. */
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { DEFAULT_ENGINE, OWN_ENGINES } from './evm-engines.ts'
import type { Program } from './evm-program-files.ts'
import { findPrograms } from './evm-programs.ts'
import { oneOf, parseOptions, someOf, UsageError, wholeNumber } from './options.ts'

const ROUNDS_DEFAULT = 7
/** Above what any known program uses. */
const GAS_DEFAULT = 4_000_000_000
const NODES = ['anvil', 'Hardhat']
const NO_NODES = 'none'

export interface EvmOptions {
  readonly programs: readonly Program[]
  /** The engine that others are compared with. */
  readonly engine: string
  readonly rounds: number
  /** Names of nodes to measure beside ours. */
  readonly nodes: readonly string[]
  /** At most, for a call. */
  readonly gasMax: number
  /** The folder that Markdown and plot are written to. */
  readonly report: string | undefined
  readonly installPeers: boolean
  readonly withEthereumJs: boolean
}

/** @throws UsageError, ProgramsAbsentError, MalformedProgramError */
export function evmOptionsOf(args: readonly string[]): EvmOptions {
  const { values, positionals } = parseOptions({
    args: [...args],
    allowPositionals: true,
    options: {
      programs: { type: 'string' },
      engine: { type: 'string', default: DEFAULT_ENGINE },
      rounds: { type: 'string', default: `${ROUNDS_DEFAULT}` },
      nodes: { type: 'string', default: NODES.join(',') },
      gas: { type: 'string', default: `${GAS_DEFAULT}` },
      report: { type: 'string' },
      'install-peers': { type: 'boolean', default: false },
      'without-ethereumjs': { type: 'boolean', default: false },
    },
  })
  const { report } = values
  const gasMax = wholeNumber('--gas', values.gas, { min: 1 })
  const [folders, names] = [positionals.filter(isFolder), positionals.filter((text) => !isFolder(text))]
  const given = values.programs === undefined ? folders : [values.programs, ...folders]
  if (given.length > 1) throw new UsageError(`one folder of programs at a time, not ${given.join(', ')}`)
  const options: EvmOptions = {
    engine: oneOf('--engine', values.engine, OWN_ENGINES),
    rounds: wholeNumber('--rounds', values.rounds, { min: 1, max: 1000 }),
    nodes: values.nodes === NO_NODES ? [] : someOf('--nodes', values.nodes, [...NODES, NO_NODES]),
    gasMax,
    report,
    installPeers: values['install-peers'],
    withEthereumJs: !values['without-ethereumjs'],
    programs: findPrograms(given[0], names).map((program) => ({
      ...program,
      gas: Math.min(program.gas, gasMax),
    })),
  }
  // Now rather than after minutes of measuring.
  if (report !== undefined) makeFolder(report)
  return options
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory()
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (error) {
    throw new UsageError(`--report takes a folder, and ${path} cannot be made one`, { cause: error })
  }
}
