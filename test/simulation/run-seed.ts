/** One world from a description that can be sent to another thread. */
import type { Profile } from './latency.ts'
import { MUTATIONS, mutatedOptions } from './mutations.ts'
import type { FaultMode } from './plan.ts'
import { World, type WorldOptions, type WorldResult } from './world.ts'

/** What makes a world in which users wait, and are measured. */
export interface Measured {
  readonly blocks: number
  readonly hopMs: number
  readonly executionMs: number
}

export interface SeedOptions {
  readonly seed: number
  readonly nodes: number
  readonly faults: FaultMode
  readonly profile: Profile
  readonly mutation: string | undefined
  readonly measured: Measured | undefined
}

export interface SeedResult extends WorldResult {
  readonly nodes: number
}

export async function runSeed(options: SeedOptions, onTrace?: (line: string) => void): Promise<SeedResult> {
  const { seed, nodes, faults, profile, measured } = options
  const world = new World({
    seed,
    nodes,
    faults,
    profile,
    ...(onTrace === undefined ? {} : { onTrace }),
    ...(measured === undefined ? {} : measuredOptions(measured)),
    ...(await changesOf(options.mutation)),
  })
  return { ...world.run(), nodes }
}

function measuredOptions({ blocks, hopMs, executionMs }: Measured): Partial<WorldOptions> {
  return { blocks, hasTraffic: true, plan: { hopMs, executionMs } }
}

const loaded = new Map<string, Promise<Partial<WorldOptions>>>()

async function changesOf(name: string | undefined): Promise<Partial<WorldOptions>> {
  const mutation = MUTATIONS.find((known) => known.name === name)
  if (mutation === undefined) return {}
  let changes = loaded.get(mutation.name)
  if (changes === undefined) {
    changes = mutatedOptions(mutation)
    loaded.set(mutation.name, changes)
  }
  return await changes
}
