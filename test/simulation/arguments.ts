/** What the command line asks of the simulator. */
import { parseArgs } from 'node:util'
import { PROFILES } from './latency.ts'
import { DUAL_MUTATIONS } from './dual/mutations.ts'
import { MUTATIONS } from './mutations.ts'
import { sizesOf, type SeedOptions } from './run-seed.ts'

export const USAGE = `npm run simulate -- [options]
  --seeds N         worlds to run (default 100)
  --nodes N[,N…]    members, in turn for each seed (default 4); 4+7: executors and witnesses, both layers
  --first SEED      the first seed (default 1)
  --faults MODE     all or none (default all)
  --profile NAME    ${PROFILES.join(', ')} (default us-eu)
  --jobs N          worlds at a time, each on a thread of its own (default 1); changes no result
  --json FILE       write the results there
  --replay SEED     run one world and tell what happens in it
  --mutation NAME   put a fault into the core: ${namesOf(MUTATIONS)};
                    or into the composition of both layers: ${namesOf(DUAL_MUTATIONS)}

Without faults, what users wait is measured:
  --blocks N        until so many blocks are final (default 100)
  --hop-ms MS       what a node takes to handle a message (default 5)
  --execution-ms MS what it takes to make or to execute a block, on average (default 5)`

function namesOf(mutations: readonly { readonly name: string }[]): string {
  return mutations.map(({ name }) => name).join(', ')
}

export class UsageError extends Error {}

export interface Arguments {
  readonly seeds: readonly number[]
  readonly nodes: readonly string[]
  readonly jobs: number
  readonly isReplay: boolean
  readonly options: Omit<SeedOptions, 'seed' | 'nodes'>
  readonly jsonPath: string | undefined
  /** The arguments again, without those that choose the seed. */
  readonly repeat: string
}

/** @returns `undefined` when help is wanted. @throws UsageError or CommitteeSizeError */
export function parseArguments(): Arguments | undefined {
  const values = readValues()
  if (values.help === true) return undefined
  const faults = (['all', 'none'] as const).find((mode) => mode === values.faults)
  const profile = PROFILES.find((name) => name === values.profile)
  if (faults === undefined || profile === undefined) throw new UsageError('unknown --faults or --profile')
  const nodes = values.nodes.split(',')
  for (const text of nodes) sizesOf(text)
  const { mutation } = values
  if (mutation !== undefined && ![...MUTATIONS, ...DUAL_MUTATIONS].some(({ name }) => name === mutation)) {
    throw new UsageError(`no mutation is called ${mutation}`)
  }
  const first = readNumber('--first', values.replay ?? values.first)
  const count = values.replay === undefined ? readNumber('--seeds', values.seeds) : 1
  const measured = {
    blocks: readNumber('--blocks', values.blocks),
    hopMs: readNumber('--hop-ms', values['hop-ms']),
    executionMs: readNumber('--execution-ms', values['execution-ms']),
  }
  const isMeasured = faults === 'none' && mutation === undefined
  const repeats = [`--faults ${faults} --profile ${profile}`]
  if (isMeasured) {
    const { blocks, hopMs, executionMs } = measured
    repeats.push(`--blocks ${blocks} --hop-ms ${hopMs} --execution-ms ${executionMs}`)
  }
  if (mutation !== undefined) repeats.push(`--mutation ${mutation}`)
  return {
    seeds: Array.from({ length: count }, (_, index) => first + index),
    nodes,
    jobs: Math.max(1, readNumber('--jobs', values.jobs)),
    isReplay: values.replay !== undefined,
    options: { faults, profile, mutation, measured: isMeasured ? measured : undefined },
    jsonPath: values.json,
    repeat: repeats.join(' '),
  }
}

function readValues() {
  const string = (otherwise: string) => ({ type: 'string', default: otherwise }) as const
  try {
    const { values } = parseArgs({
      options: {
        seeds: string('100'),
        nodes: string('4'),
        first: string('1'),
        faults: string('all'),
        profile: string('us-eu'),
        jobs: string('1'),
        json: { type: 'string' },
        replay: { type: 'string' },
        mutation: { type: 'string' },
        blocks: string('100'),
        'hop-ms': string('5'),
        'execution-ms': string('5'),
        help: { type: 'boolean', short: 'h' },
      },
    })
    return values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function readNumber(name: string, text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) throw new UsageError(`${name} takes a number, not ${text}`)
  return number
}
