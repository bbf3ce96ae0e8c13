/**
 * Tiering that changes tiers all the time, at jumps that a seed chooses: everything is compiled when it is first seen, at
 * times in part or in small regions, and the module comes at once or behind some turn of a frame that runs.
 */
import { runCompileJob } from '../../runtime/evm/tiering/compile-job.ts'
import type { CompilePort } from '../../runtime/evm/tiering/compile-port.ts'
import type { TieringOptions } from '../../runtime/evm/tiering/engine.ts'
import { EAGER_LIMITS } from '../../runtime/evm/tiering/hot-code.ts'
import { REGION_LIMITS } from '../../runtime/evm/tier2/compile.ts'
import { Prng } from './prng.ts'

const SMALL_REGIONS = { nodesMax: 1, operationsMax: 8 }
const TURN_JUMPS_MAX = 40
/** Bodies of a few regions have so many bytes. */
const PART_BYTES_MAX = 8_000
/** Waiting modules: more are delivered. */
const LATE_MAX = 16

export function forcedTiering(seed: string): TieringOptions {
  const prng = new Prng(`tiering of ${seed}`)
  return {
    port: unsteadyPort(prng),
    limits: EAGER_LIMITS,
    switching: {
      turnJumps: () => prng.between(1, TURN_JUMPS_MAX),
      enters: () => prng.chance(2 / 3),
    },
  }
}

function unsteadyPort(prng: Prng): CompilePort {
  const late: (() => void)[] = []
  return {
    request: ({ code, fork, budget }, onDone) => {
      const bytesMax = prng.chance(1 / 4) ? prng.between(1, PART_BYTES_MAX) : budget.bytesMax
      const limits = prng.chance(1 / 4) ? SMALL_REGIONS : REGION_LIMITS
      const job = { code, fork, budget: { ...budget, bytesMax } }
      const deliver = (): void => onDone(runCompileJob(job, undefined, limits))
      if (prng.chance(2 / 3)) deliver()
      else late.push(deliver)
      if (late.length > LATE_MAX) late.shift()?.()
      return true
    },
    poll: () => {
      if (prng.chance(1 / 2)) late.shift()?.()
    },
  }
}
