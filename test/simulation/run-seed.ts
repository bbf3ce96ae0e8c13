/** One world from a description that can be sent to another thread. */
import { committeeShape } from '../../src/consensus/simplex/config.ts'
import { DUAL_MUTATIONS } from './dual/mutations.ts'
import { DualWorld, type DualWorldOptions } from './dual/world.ts'
import type { Profile } from './latency.ts'
import { MUTATIONS } from './mutations.ts'
import type { FaultMode } from './plan.ts'
import { loadMutated, type Edit, type Subject } from './subject.ts'
import { World, type WorldOptions, type WorldResult } from './world.ts'

/** What makes a world in which users wait, and are measured. */
export interface Measured {
  readonly blocks: number
  readonly hopMs: number
  readonly executionMs: number
}

export interface SeedOptions {
  readonly seed: number
  /** How many members: `7` of one layer, `4+7` executors and witnesses of both. */
  readonly nodes: string
  readonly faults: FaultMode
  readonly profile: Profile
  readonly mutation: string | undefined
  readonly measured: Measured | undefined
}

export interface SeedResult extends WorldResult {
  readonly nodes: string
}

export async function runSeed(options: SeedOptions, onTrace?: (line: string) => void): Promise<SeedResult> {
  const { seed, nodes, faults, profile } = options
  const common = { seed, faults, profile, ...(onTrace === undefined ? {} : { onTrace }) }
  const [members, witnesses] = sizesOf(nodes)
  if (witnesses === undefined) {
    const world = new World({ ...common, nodes: members, ...(await changesOf(options)) })
    return { ...world.run(), nodes }
  }
  const changes = await dualChangesOf(options)
  const world = new DualWorld({ ...common, executors: members, witnesses, ...changes })
  return { ...(await world.run()), nodes }
}

/** @throws CommitteeSizeError for sizes that nobody has written a quorum down for. */
export function sizesOf(nodes: string): [members: number, witnesses: number | undefined] {
  const [members = 0, witnesses] = nodes.split('+').map(Number)
  committeeShape(members)
  if (witnesses !== undefined) committeeShape(witnesses)
  return [members, witnesses]
}

async function changesOf({ mutation: name, measured }: SeedOptions): Promise<Partial<WorldOptions>> {
  const mutation = MUTATIONS.find((known) => known.name === name)
  if (mutation !== undefined) return { ...mutation.options, subject: await subjectOf(mutation) }
  if (measured === undefined) return {}
  const { blocks, hopMs, executionMs } = measured
  return { blocks, hasTraffic: true, plan: { hopMs, executionMs } }
}

async function dualChangesOf({ mutation: name, measured }: SeedOptions): Promise<Partial<DualWorldOptions>> {
  const mutation = DUAL_MUTATIONS.find((known) => known.name === name)
  if (mutation !== undefined) return { ...mutation.options, subject: await subjectOf(mutation) }
  if (measured === undefined) return {}
  const { blocks, hopMs, executionMs } = measured
  return { blocks, plan: { hopMs, executionMs } }
}

const loaded = new Map<string, Promise<Subject>>()

async function subjectOf({
  name,
  edits,
}: {
  readonly name: string
  readonly edits: readonly Edit[]
}): Promise<Subject> {
  const subject = loaded.get(name) ?? loadMutated(name, edits)
  loaded.set(name, subject)
  return await subject
}
