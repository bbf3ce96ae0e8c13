/**
 * Faults that are put into the composition of both layers, each of which a checker must find. As with those of the core
 * (`../mutations.ts`), a mutation replaces source text that must occur exactly once.
 */
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

const NEVER = Infinity
/** Nothing goes wrong but what is asked for, and not for long. */
export const CALM = {
  healAtMs: 4000,
  lossShare: 0,
  duplicateShare: 0,
  jitterShare: 0.1,
  partitionEveryMs: NEVER,
  clogEveryMs: NEVER,
  slowShare: 0,
  crashEveryMs: NEVER,
  massRestartEveryMs: NEVER,
  crashAtWriteShare: 0,
  damageShare: 0,
  syncDelayMs: 1,
  commitMs: 1,
  executionMs: 2,
  verificationMs: 1,
  isOnWire: false,
  outageAtMs: NEVER,
  resetSeconds: NEVER,
  isCollusion: false,
  joinAtMs: 2000,
} as const

const SEALING: readonly DualMutation[] = [
  {
    name: 'sealed-unexecuted',
    fault: 'seals what Committers say without looking at its own chain',
    firstSeed: 5,
    edits: [
      {
        file: 'witness-layer/judgements.ts',
        find: 'if (epoch > seal.executionEpoch || this.conflictWith(seal)) return false',
        replace: 'if (epoch > seal.executionEpoch) return false',
      },
    ],
    options: { behaviours: ['wrong-range'], plan: { ...CALM, lossShare: 0.1 } },
  },
  {
    name: 'finality-unproven',
    fault: 'does not verify that a quorum of executors made the blocks of a seal final',
    edits: [
      {
        file: 'witness-layer/judgements.ts',
        find: "judgement.finality = isValid ? 'valid' : 'invalid'",
        replace: "judgement.finality = isValid || !isValid ? 'valid' : 'invalid'",
      },
    ],
    options: { behaviours: ['forged-finality'], plan: CALM },
  },
  {
    name: 'reveal-unverified',
    fault: 'takes any bytes for a reveal',
    edits: [
      {
        file: 'witness-layer/judgements.ts',
        find: 'if (!judgement.isRevealValid) return false',
        replace: '',
      },
    ],
    options: { behaviours: ['false-reveal'], plan: CALM },
  },
  {
    name: 'handover-unchecked',
    fault: 'lets a Committer name the next committees',
    edits: [
      {
        file: 'witness-layer/judgements.ts',
        find: 'return own === undefined ? undefined : isSameSeats(own, handover)',
        replace: 'return own === undefined || isSameSeats(own, handover) || true',
      },
    ],
    options: {
      behaviours: ['false-handover'],
      plan: CALM,
      parameters: { cycleBlocks: 6, windowBlocks: 4 },
    },
  },
  {
    name: 'seals-across-boundary',
    fault: 'seals blocks of the next cycle, too',
    edits: [
      {
        file: 'witness-layer/witness-blocks.ts',
        find: 'const goal = smaller(chain.finalNumber(), lastNumber)',
        replace: 'const goal = smaller(chain.finalNumber(), lastNumber + 1n)',
      },
      {
        file: 'witness-layer/seal-rules.ts',
        find: 'if (seal.blocks.length > rangeBlocks || last > lastNumber)',
        replace: 'if (seal.blocks.length > rangeBlocks)',
      },
      {
        file: 'witness-layer/seal-rules.ts',
        find: "if (cycleOfEpoch(seal.executionEpoch) !== cycle) return 'epoch'",
        replace: 'void cycleOfEpoch, void cycle',
      },
      {
        file: 'witness-layer/seal-rules.ts',
        find: "if ((seal.handover !== undefined) !== (last === lastNumber)) return 'handover'",
        replace: 'void lastNumber',
      },
    ],
    options: { plan: CALM },
  },
  {
    name: 'sealed-before-final',
    fault: 'seals before its own chain has the blocks',
    edits: [
      {
        file: 'witness-layer/witness-blocks.ts',
        find: 'return epoch !== undefined && epoch >= seal.executionEpoch',
        replace: 'return true',
      },
    ],
    options: { plan: { ...CALM, crashEveryMs: 300 } },
  },
]

const ORDERING: readonly DualMutation[] = [
  {
    name: 'window-ignored',
    fault: 'neither stops at the end of the window, nor minds others that do not',
    edits: [
      {
        file: 'execution-layer/seal-rules.ts',
        find: "return excess > BigInt(room) ? 'invalid' : 'valid'",
        replace: "return excess > BigInt(room) + 1000n ? 'invalid' : 'valid'",
      },
      {
        file: 'execution-layer/execution-layer.ts',
        find: 'const end = this.sealed + BigInt(windowBlocks)',
        replace: 'const end = this.sealed + 100n * BigInt(windowBlocks)',
      },
    ],
    options: { plan: { ...CALM, outageAtMs: 500, outageMs: 3000 } },
  },
  {
    name: 'randomness-unchecked',
    fault: 'lets leaders make up the randomness of their blocks',
    edits: [
      {
        file: 'execution-layer/seal-rules.ts',
        find: "if (prevRandao !== randomness) return this.isBound(parent, sealed, ancestorOf) ? 'wait' : 'invalid'",
        replace: '',
      },
    ],
    options: { behaviours: ['wrong-randomness'], plan: CALM },
  },
  {
    name: 'boundary-crossed',
    fault: 'makes one block more than its cycle has',
    edits: [
      {
        file: 'dual-bft/execution-epochs.ts',
        find: 'lastNumber: boundaryOf(cycleOfEpoch(start.epoch), parameters),',
        replace: 'lastNumber: boundaryOf(cycleOfEpoch(start.epoch), parameters) + 1n,',
      },
    ],
    options: { plan: CALM },
  },
  {
    name: 'elects-by-the-latest',
    fault: 'elects by what is sealed when it happens to look',
    edits: [
      {
        file: 'dual-bft/elections.ts',
        find: 'const seats = electSeats(this.registry.at(snapshot), this.parameters, cycle, link)',
        replace:
          'const seats = electSeats(this.registry.at(snapshot), this.parameters, cycle, this.sealed.randomnessAt(snapshot + 4n) ?? link)',
      },
    ],
    options: { plan: CALM },
  },
]

const LASTING: readonly DualMutation[] = [
  {
    name: 'final-taken-back',
    fault: 'takes a final block back that the store has not heard of',
    edits: [
      {
        file: 'execution-layer/block-application.ts',
        find: "if (number < this.application.committed('final')) return false",
        replace: '',
      },
      {
        file: 'execution-layer/block-application.ts',
        find: "if (isOnChain && header.number <= this.application.committed('final')) return true",
        replace: 'void isOnChain',
      },
    ],
    options: { plan: { ...CALM, crashAtWriteShare: 0.05 } },
  },
  {
    name: 'archive-closed',
    fault: 'answers no question about epochs that are over',
    edits: [
      {
        file: 'dual-bft/archive.ts',
        find: 'if (context === undefined) return undefined',
        replace: 'return undefined',
      },
    ],
    options: { plan: { ...CALM, joinAtMs: 9000 } },
  },
  {
    name: 'waits-for-ever',
    fault: 'waits for a block that nobody keeps, when it comes to an epoch that is over',
    firstSeed: 15,
    edits: [
      {
        file: 'simplex/catch-up.ts',
        find: 'core.catchUpTicks > 0 && !isBacklogged',
        replace: 'core.catchUpTicks > 0 && core.undelivered.length === 0 && !isBacklogged',
      },
    ],
  },
  {
    name: 'repeat-of-nothing',
    fault: 'stops over a repeat of a seal that waits for its chain',
    firstSeed: 7,
    edits: [
      {
        file: 'witness-layer/witness-blocks.ts',
        find: 'this.options.chain.numberOf(payloadHash) ?? this.deliveredNumber',
        replace: "present(this.options.chain.numberOf(payloadHash), 'a number')",
      },
    ],
    options: { plan: { ...CALM, lossShare: 0.15, joinAtMs: 5000 } },
  },
  {
    name: 'end-unproven',
    fault: 'goes on to the next cycle without what proves the last block of this one',
    edits: [
      {
        file: 'execution-layer/block-application.ts',
        find: 'this.options.store.finalizationAtOrAbove(this.lastHeight) !== undefined',
        replace: 'this.options.store.latest() !== undefined',
      },
    ],
    options: { parameters: { cycleBlocks: 6, windowBlocks: 4 }, plan: { ...CALM, lossShare: 0.15 } },
  },
]

export const DUAL_MUTATIONS: readonly DualMutation[] = [...SEALING, ...ORDERING, ...LASTING]
