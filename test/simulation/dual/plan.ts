/** What goes wrong in a world of both layers, drawn from its seed. */
import type { CommitteeShape } from '../../../src/consensus/simplex/config.ts'
import type { LinkPlan } from '../links.ts'
import type { FaultMode } from '../plan.ts'
import { toleranceOf } from '../shape.ts'
import type { Stream } from '../stream.ts'
import { DUAL_BEHAVIOURS, type DualBehaviour } from './behaviours.ts'

/** Milliseconds and shares. */
export interface DualPlan extends LinkPlan {
  /** From here on the network and the honest nodes behave. */
  readonly healAtMs: number
  readonly partitionEveryMs: number
  readonly clogEveryMs: number
  readonly slowShare: number
  readonly crashEveryMs: number
  readonly massRestartEveryMs: number
  /** Chance that a write, to a log or to the ledger, ends in a crash. */
  readonly crashAtWriteShare: number
  /** Of restarts: the share of those that begin with a proper stop. */
  readonly stopShare: number
  readonly damageShare: number
  /** Clocks differ by up to this much. */
  readonly clockSkewMs: number
  readonly syncDelayMs: number
  readonly commitMs: number
  readonly executionMs: number
  readonly verificationMs: number
  readonly isOnWire: boolean
  /** When so many witnesses fail that the others are no quorum, and for how long; Infinity for never. */
  readonly outageAtMs: number
  readonly outageMs: number
  /** Without a seal for so long the witnesses are drawn anew. In seconds; Infinity for never. */
  readonly resetSeconds: number
  /** When nodes join that have nothing. */
  readonly joinAtMs: number
  /**
   * A quorum of executors has a broken engine; then nobody lies, and witnesses are never silent for so long that they are
   * drawn anew: those executors would do so on their own chain, and hear no reject any more.
   */
  readonly isCollusion: boolean
  /** By node. */
  readonly byzantine: ReadonlyMap<number, readonly DualBehaviour[]>
}

export interface DualPlanOptions {
  readonly executors: CommitteeShape
  readonly witnesses: CommitteeShape
  /** Nodes with a key. */
  readonly nodes: number
  readonly faults: FaultMode
  /** Behaviours that every liar has, instead of drawn ones. */
  readonly behaviours?: readonly string[]
}

const NEVER = Infinity
/** Nodes with stake and points, from the last of the first executors on (`world.ts`). */
export const NODES_OF_BOTH = 3

export function drawDualPlan(stream: Stream, options: DualPlanOptions): DualPlan {
  const quiet: DualPlan = {
    healAtMs: 0,
    lossShare: 0,
    duplicateShare: 0,
    jitterShare: 0.1,
    isAsymmetric: false,
    bandwidth: Infinity,
    hopMs: 0,
    partitionEveryMs: NEVER,
    clogEveryMs: NEVER,
    slowShare: 0,
    crashEveryMs: NEVER,
    massRestartEveryMs: NEVER,
    crashAtWriteShare: 0,
    stopShare: 0,
    damageShare: 0,
    clockSkewMs: 0,
    syncDelayMs: 1,
    commitMs: 1,
    executionMs: 2,
    verificationMs: 1,
    isOnWire: false,
    outageAtMs: NEVER,
    outageMs: 0,
    resetSeconds: NEVER,
    joinAtMs: 0,
    isCollusion: false,
    byzantine: new Map(),
  }
  return options.faults === 'none' ? quiet : { ...quiet, ...drawFaults(stream, options) }
}

function drawFaults(stream: Stream, options: DualPlanOptions): Partial<DualPlan> {
  const sometimes = <T>(share: number, draw: () => T, otherwise: T): T => {
    // Always drawn, so that one fault more or less leaves the others as they are.
    const drawn = draw()
    return stream.chance(share) ? drawn : otherwise
  }
  const isLarge = options.nodes > 30
  const healAtMs = isLarge ? 3500 : 14_000
  return {
    healAtMs,
    lossShare: sometimes(0.5, () => stream.pick([0.01, 0.05, 0.15]), 0),
    duplicateShare: sometimes(0.3, () => stream.pick([0.02, 0.2]), 0),
    jitterShare: stream.pick([0.05, 0.5, 2]),
    isAsymmetric: stream.chance(0.4),
    partitionEveryMs: sometimes(0.5, () => stream.between(1500, 6000), NEVER),
    clogEveryMs: sometimes(0.2, () => stream.between(500, 3000), NEVER),
    slowShare: sometimes(0.2, () => 0.15, 0),
    crashEveryMs: sometimes(0.6, () => stream.between(500, 4000) / (isLarge ? 3 : 1), NEVER),
    massRestartEveryMs: sometimes(0.15, () => stream.between(3000, 8000), NEVER),
    crashAtWriteShare: sometimes(0.4, () => stream.pick([0.001, 0.01]), 0),
    stopShare: stream.pick([0, 0.5]),
    damageShare: sometimes(0.15, () => 0.3, 0),
    clockSkewMs: stream.pick([0, 100, 1500]),
    syncDelayMs: stream.pick([0, 0.5, 5, 30]),
    commitMs: stream.pick([0, 1, 20]),
    executionMs: stream.pick([0, 2, 20]),
    verificationMs: stream.pick([0, 0.5, 4]),
    isOnWire: stream.chance(0.1),
    outageAtMs: sometimes(0.3, () => stream.between(1000, healAtMs / 2), NEVER),
    outageMs: stream.between(1000, healAtMs / 2),
    resetSeconds: sometimes(0.3, () => stream.pick([2, 4]), NEVER),
    joinAtMs: stream.between(2000, healAtMs * 1.5),
    ...drawLiars(stream, options),
  }
}

function drawLiars(stream: Stream, options: DualPlanOptions): Partial<DualPlan> {
  const byzantine = drawByzantine(stream, options)
  const isCollusion = options.behaviours === undefined && stream.chance(0.1)
  return isCollusion ? { isCollusion, byzantine: new Map(), resetSeconds: NEVER } : { isCollusion, byzantine }
}

function drawByzantine(
  stream: Stream,
  { executors, witnesses, nodes, behaviours }: DualPlanOptions,
): ReadonlyMap<number, readonly DualBehaviour[]> {
  // Any of them may serve in any committee.
  const most = Math.min(toleranceOf(executors), toleranceOf(witnesses))
  const count = behaviours === undefined ? stream.below(most + 1) : most
  const byzantine = new Map<number, readonly DualBehaviour[]>()
  // To show one behaviour, a node that may serve in both layers; else any.
  const isShown = behaviours !== undefined && most <= NODES_OF_BOTH
  const first = isShown ? executors.size - 1 : 0
  while (byzantine.size < count) {
    const drawn =
      behaviours === undefined
        ? stream.some(DUAL_BEHAVIOURS, 0.2)
        : DUAL_BEHAVIOURS.filter(({ name }) => behaviours.includes(name))
    byzantine.set(first + stream.below(isShown ? NODES_OF_BOTH : nodes), drawn)
  }
  return byzantine
}
