/** The engines that can be compared, by name; `switching` changes between the others at random. */
import { tier0 } from '../../../runtime/evm/engine.ts'
import { tier1 } from '../../../runtime/evm/tier1/engine.ts'
import { REGION_LIMITS } from '../../../runtime/evm/tier2/compile.ts'
import { createCompiledCode, createTier2, tier2 } from '../../../runtime/evm/tier2/engine.ts'
import { createTieredEngine } from '../../../runtime/evm/tiering/engine.ts'
import type { Engine } from '../../../runtime/host.ts'
import { forcedTiering } from '../../support/forced-tiering.ts'
import { Prng } from '../../support/prng.ts'
import { createInterruptedEngine } from './interrupted-engine.ts'
import { createSwitchingEngine, type Compiling, type Stint } from './switching-engine.ts'

/** Compiles whatever runs, initcode too. */
const EVERYTHING = { name: 'tier2-all', limits: REGION_LIMITS, compilesInitcode: true }
/** One block a region: control goes through linear memory all the time. */
const SMALL_REGIONS = { ...EVERYTHING, name: 'tier2-small', limits: { nodesMax: 1, operationsMax: 8 } }
/** Runs out of its budget in the middle of most contracts. */
const PARTIAL = { ...EVERYTHING, name: 'tier2-partial', limits: { ...REGION_LIMITS, bytesMax: 1000 } }
const compiling: Compiling = (imports) => createCompiledCode(imports, EVERYTHING)

const reseeded = reseededTiering()

export const TIERS: readonly Engine[] = [
  tier0,
  tier1,
  tier2,
  reseeded.engine,
  createTier2(EVERYTHING),
  createTier2(SMALL_REGIONS),
  createTier2(PARTIAL),
  createInterruptedEngine('tier1-interrupted', tier1, isEveryThird()),
  createInterruptedEngine('tier2-interrupted', createTier2(EVERYTHING), isEveryThird()),
]
export const SWITCHING = 'switching'

/** Switches as a seed has it; `reset` begins anew, and so does the tiered engine of {@link TIERS}. */
export function randomSwitching(): { readonly engine: Engine; readonly reset: (seed: string) => void } {
  let prng = new Prng('')
  const engine = createSwitchingEngine(() => randomStint(prng), compiling)
  return {
    engine,
    reset: (seed) => {
      prng = new Prng(`switches of ${seed}`)
      reseeded.reset(seed)
    },
  }
}

/** The tiered engine, made to switch; what it keeps of code stays when its choices begin anew. */
function reseededTiering(): { readonly engine: Engine; readonly reset: (seed: string) => void } {
  const first = forcedTiering('')
  let current = first
  const engine = createTieredEngine({
    ...first,
    remembersHashes: true,
    port: {
      request: (job, onDone) => current.port.request(job, onDone),
      poll: () => current.port.poll(),
    },
    switching: {
      turnJumps: () => current.switching?.turnJumps() ?? 1,
      enters: () => current.switching?.enters() ?? true,
    },
  })
  return {
    engine,
    reset: (seed) => {
      current = forcedTiering(seed)
    },
  }
}

/**
 * Switches once, or to and fro: `after(n)` has the next frames begin on tier 0 for n instructions, go on in linear
 * memory with one instruction here and as many as compiled code likes there, and end on tier 0.
 */
export function scheduledSwitching(): { readonly engine: Engine; readonly after: (steps: number) => void } {
  let first = 0
  let turn = 0
  const engine = createSwitchingEngine(() => {
    turn += 1
    const stints: readonly Stint[] = [
      { kind: 'oracle', steps: first },
      { kind: 'interpreter', steps: 1 },
      { kind: 'compiled' },
      { kind: 'interpreter', steps: first },
      { kind: 'leave' },
    ]
    return stints[(turn - 1) % stints.length] ?? { kind: 'leave' }
  }, compiling)
  return {
    engine,
    after: (steps) => {
      first = steps
      turn = 0
    },
  }
}

/** Mostly few instructions; a long stint lets a program get somewhere. */
function randomStint(prng: Prng): Stint {
  const steps = prng.below(1 << prng.between(1, 10))
  return prng.weighted<Stint>([
    [3, { kind: 'oracle', steps }],
    [6, { kind: 'interpreter', steps }],
    [3, { kind: 'turn', jumps: prng.between(1, 8) }],
    [9, { kind: 'compiled' }],
    [1, { kind: 'leave' }],
  ])
}

function isEveryThird(): () => boolean {
  let count = 0
  return () => count++ % 3 === 2
}
