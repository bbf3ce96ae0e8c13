/** The engines that can be compared, by name; `switching` changes between the others at random. */
import { tier0 } from '../../../runtime/evm/engine.ts'
import { tier1 } from '../../../runtime/evm/tier1/engine.ts'
import { REGION_LIMITS } from '../../../runtime/evm/tier2/compile.ts'
import { createCompiledCode, createTier2, tier2 } from '../../../runtime/evm/tier2/engine.ts'
import type { Engine } from '../../../runtime/host.ts'
import { Prng } from '../../support/prng.ts'
import { createSwitchingEngine, type Compiling, type Stint } from './switching-engine.ts'

/** Compiles whatever runs, initcode too. */
const EVERYTHING = { name: 'tier2-all', limits: REGION_LIMITS, compilesInitcode: true }
/** One block a region: control goes through linear memory all the time. */
const SMALL_REGIONS = { ...EVERYTHING, name: 'tier2-small', limits: { nodesMax: 1, operationsMax: 8 } }

const compiling: Compiling = (imports) => createCompiledCode(imports, EVERYTHING)

export const TIERS: readonly Engine[] = [
  tier0,
  tier1,
  tier2,
  createTier2(EVERYTHING),
  createTier2(SMALL_REGIONS),
]
export const SWITCHING = 'switching'

/** Switches as a seed has it; `reset` begins anew. */
export function randomSwitching(): { readonly engine: Engine; readonly reset: (seed: string) => void } {
  let prng = new Prng('')
  const engine = createSwitchingEngine(() => randomStint(prng), compiling)
  return {
    engine,
    reset: (seed) => {
      prng = new Prng(`switches of ${seed}`)
    },
  }
}

/** Mostly few instructions; a long stint lets a program get somewhere. */
function randomStint(prng: Prng): Stint {
  const steps = prng.below(1 << prng.between(1, 10))
  return prng.weighted<Stint>([
    [3, { kind: 'oracle', steps }],
    [8, { kind: 'interpreter', steps }],
    [8, { kind: 'compiled' }],
    [1, { kind: 'leave' }],
  ])
}
