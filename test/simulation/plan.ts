/**
 * What goes wrong in a world, drawn from its seed. Every world draws some faults and not others: a world in which
 * everything goes wrong at once finds less than many in which a few things go thoroughly wrong.
 */
import { BEHAVIOURS, type Behaviour } from './byzantine/behaviours.ts'
import { toleranceOf } from './shape.ts'
import type { CommitteeShape } from '../../src/consensus/simplex/config.ts'
import type { Stream } from './stream.ts'

export type FaultMode = 'all' | 'none'

/** Chances and sizes of everything that may go wrong until the world heals. Milliseconds and shares. */
export interface Plan {
  /** From here on the network and the honest nodes behave. */
  readonly healAtMs: number
  readonly lossShare: number
  readonly duplicateShare: number
  /** Jitter as a share of a link's latency. */
  readonly jitterShare: number
  readonly partitionEveryMs: number
  readonly isAsymmetric: boolean
  readonly clogEveryMs: number
  /** Bytes a millisecond and link; Infinity for no cap. */
  readonly bandwidth: number
  readonly slowNodes: readonly number[]
  readonly crashEveryMs: number
  /** Chance that a write to the log ends in a crash, at one of the moments around it. */
  readonly crashAtWriteShare: number
  readonly massRestartEveryMs: number
  readonly clockJumpEveryMs: number
  readonly pauseEveryMs: number
  readonly syncDelayMs: number
  readonly flushFailureShare: number
  readonly damageShare: number
  readonly executionMs: number
  readonly verificationMs: number
  /** What a node takes to handle a message that came over the network. */
  readonly hopMs: number
  /** Whether all messages travel as bytes. */
  readonly isOnWire: boolean
  /** By member index. */
  readonly byzantine: ReadonlyMap<number, readonly Behaviour[]>
  /** Byzantine members that run twice with the same key. */
  readonly twins: readonly number[]
}

export interface PlanOptions {
  readonly committee: CommitteeShape
  readonly faults: FaultMode
  /** Behaviours that every liar has, instead of drawn ones. */
  readonly behaviours?: readonly string[]
  readonly chaosMs: number
}

const NEVER = Infinity

export function drawPlan(stream: Stream, options: PlanOptions): Plan {
  const quiet: Plan = {
    healAtMs: 0,
    lossShare: 0,
    duplicateShare: 0,
    jitterShare: 0.1,
    partitionEveryMs: NEVER,
    isAsymmetric: false,
    clogEveryMs: NEVER,
    bandwidth: Infinity,
    slowNodes: [],
    crashEveryMs: NEVER,
    crashAtWriteShare: 0,
    massRestartEveryMs: NEVER,
    clockJumpEveryMs: NEVER,
    pauseEveryMs: NEVER,
    syncDelayMs: 1,
    flushFailureShare: 0,
    damageShare: 0,
    executionMs: 2,
    verificationMs: 1,
    hopMs: 0,
    isOnWire: false,
    byzantine: new Map(),
    twins: [],
  }
  return options.faults === 'none' ? quiet : drawFaults(stream, options)
}

function drawFaults(stream: Stream, options: PlanOptions): Plan {
  const { size } = options.committee
  const sometimes = <T>(share: number, draw: () => T, otherwise: T): T => {
    // Always drawn, so that one fault more or less leaves the others as they are.
    const drawn = draw()
    return stream.chance(share) ? drawn : otherwise
  }
  const byzantine = drawByzantine(stream, options)
  const members = Array.from({ length: size }, (_, index) => index)
  return {
    healAtMs: options.chaosMs,
    lossShare: sometimes(0.5, () => stream.pick([0.01, 0.05, 0.2]), 0),
    duplicateShare: sometimes(0.4, () => stream.pick([0.02, 0.2]), 0),
    jitterShare: stream.pick([0.05, 0.5, 3]),
    partitionEveryMs: sometimes(0.5, () => stream.between(1000, 5000), NEVER),
    isAsymmetric: stream.chance(0.4),
    clogEveryMs: sometimes(0.3, () => stream.between(500, 3000), NEVER),
    bandwidth: sometimes(0.15, () => stream.pick([2, 20]), Infinity),
    slowNodes: sometimes(0.2, () => stream.some(members, 0.2), []),
    crashEveryMs: sometimes(0.6, () => stream.between(400, 4000), NEVER),
    crashAtWriteShare: sometimes(0.4, () => stream.pick([0.002, 0.02]), 0),
    massRestartEveryMs: sometimes(0.15, () => stream.between(2000, 6000), NEVER),
    clockJumpEveryMs: sometimes(0.2, () => stream.between(500, 3000), NEVER),
    pauseEveryMs: sometimes(0.15, () => stream.between(800, 4000), NEVER),
    syncDelayMs: stream.pick([0, 0.5, 5, 40]),
    flushFailureShare: sometimes(0.1, () => 0.001, 0),
    damageShare: sometimes(0.15, () => 0.3, 0),
    executionMs: stream.pick([0, 2, 20]),
    verificationMs: stream.pick([0, 0.5, 4]),
    hopMs: 0,
    isOnWire: stream.chance(0.1),
    byzantine,
    twins: [...byzantine.keys()].filter(() => stream.chance(0.15)),
  }
}

function drawByzantine(
  stream: Stream,
  { committee, behaviours }: PlanOptions,
): ReadonlyMap<number, readonly Behaviour[]> {
  const count = behaviours === undefined ? stream.below(toleranceOf(committee) + 1) : toleranceOf(committee)
  const byzantine = new Map<number, readonly Behaviour[]>()
  while (byzantine.size < count) {
    const member = stream.below(committee.size)
    const drawn =
      behaviours === undefined
        ? stream.some(BEHAVIOURS, 0.15)
        : BEHAVIOURS.filter(({ name }) => behaviours.includes(name))
    byzantine.set(member, drawn)
  }
  return byzantine
}
