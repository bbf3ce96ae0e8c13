/** Where epochs begin, and how they are numbered. */
import { present } from '../../primitives/assert.ts'
import { cycleOfEpoch, epochAfterCycle, epochOf, type Committee } from '../committees/committee.ts'
import type { Epoch, Layer } from '../simplex/types.ts'
import type { EpochStart } from './consensus-store.ts'
import type { DualBftOptions } from './dual-bft.ts'
import type { Elections } from './elections.ts'

/** The epoch that a layer is in; a node that is new begins with the first. */
export async function latestEpoch(
  layer: Layer,
  { store, genesis }: Pick<DualBftOptions, 'store' | 'genesis'>,
  elections: Elections,
): Promise<EpochStart> {
  const latest = store.epochs(layer).at(-1)
  if (latest !== undefined) return latest
  const { executors, witnesses } = present(elections.seatsOf(0), 'genesis is sealed')
  const root = { height: 0, hash: genesis.hash, payloadHash: genesis.hash }
  const members = layer === 'execution' ? executors : witnesses
  const start: EpochStart = { layer, epoch: epochOf(0), members, root }
  await store.addEpoch(start)
  return start
}

/** The first epoch of the cycle after that of a committee, which is the last of its own. */
export function epochAfter({ store }: Pick<DualBftOptions, 'store'>, { layer, epoch }: Committee): Epoch {
  const cycle = cycleOfEpoch(epoch)
  const first = store.epochs(layer).find((start) => cycleOfEpoch(start.epoch) === cycle)
  return epochAfterCycle(present(first, 'the epoch has begun').epoch, epoch)
}
