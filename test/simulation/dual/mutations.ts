/** Faults that are put into the composition of both layers, each of which a checker must find. */
import type { Edit } from '../subject.ts'
import type { DualWorldOptions } from './world.ts'

export interface DualMutation {
  readonly name: string
  /** What a node with it does wrong. */
  readonly fault: string
  readonly edits: readonly Edit[]
  /** A seed that finds it or nearly does, where the first ones do not. */
  readonly firstSeed?: number
  /** What a world needs for the fault to show soon. */
  readonly options?: Partial<Omit<DualWorldOptions, 'seed' | 'subject'>>
}

export const DUAL_MUTATIONS: readonly DualMutation[] = []
