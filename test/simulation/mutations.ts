/** Faults that are put into the core, each of which a checker must find. */
import { loadMutated, type Edit } from './subject.ts'
import type { WorldOptions } from './world.ts'

export interface Mutation {
  readonly name: string
  readonly edits: readonly Edit[]
  /** What a world needs for the fault to show soon. */
  readonly options?: Partial<WorldOptions>
}

export const MUTATIONS: readonly Mutation[] = []

/** What a world is made with to run with a mutation. */
export async function subjectOf(name: string): Promise<Partial<WorldOptions>> {
  const mutation = MUTATIONS.find((mutation) => mutation.name === name)
  if (mutation === undefined) return {}
  return { ...mutation.options, subject: await loadMutated(name, mutation.edits) }
}
