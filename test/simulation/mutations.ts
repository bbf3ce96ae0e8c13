/**
 * Faults that are put into the core, each of which a checker must find: the proof that the checkers bite. A mutation is
 * a replacement of source text that must occur exactly once, so that the list cannot fall behind the code unnoticed.
 */
import { loadMutated, type Edit } from './subject.ts'
import type { WorldOptions } from './world.ts'

export interface Mutation {
  readonly name: string
  /** What a node with it does wrong. */
  readonly fault: string
  readonly edits: readonly Edit[]
  /** A seed that finds it or nearly does, where the first ones do not. */
  readonly firstSeed?: number
  /** What a world needs for the fault to show soon. */
  readonly options?: Partial<Omit<WorldOptions, 'seed' | 'subject'>>
}

const crashing = { crashAtWriteShare: 0.03, syncDelayMs: 5 } as const
const lossy = { lossShare: 0.1, jitterShare: 1 } as const
/** Hundreds of blocks a second. */
const fast = { syncDelayMs: 0, executionMs: 0, verificationMs: 0, jitterShare: 0.1 } as const
const restarting = { massRestartEveryMs: 1500, crashEveryMs: 700 } as const

const VOTING: readonly Mutation[] = [
  {
    name: 'finalize-after-nullify',
    fault: 'votes for finality in a view that it gave up',
    edits: [
      {
        file: 'finality.ts',
        find: 'if (own.finalize !== undefined || own.nullify !== undefined) return',
        replace: 'if (own.finalize !== undefined) return',
      },
    ],
    options: { plan: lossy },
  },
  {
    name: 'skip-without-nullifications',
    fault: 'votes for a proposal that skips views without proof',
    edits: [
      {
        file: 'proposals.ts',
        find: 'if (core.rounds.get(between as View)?.nullification !== undefined) continue',
        replace: 'if (between > 0) continue',
      },
    ],
    options: { behaviours: ['backwards-leader'], nodes: 4 },
  },
  {
    name: 'second-proposal',
    fault: 'takes up a second proposal of the same leader, and votes again',
    edits: [
      {
        file: 'proposals.ts',
        find: 'if (earlier !== undefined) accuse(core, earlier.statement, statement)\n  else if',
        replace: 'if',
      },
      {
        file: 'proposals.ts',
        find: 'if (slot === undefined || own.notarize !== undefined || own.nullify !== undefined) return',
        replace: 'if (slot === undefined || own.notarize?.hash === slot.statement.hash) return',
      },
      {
        file: 'votes.ts',
        find: "assert(own[kind] === undefined, 'a vote of each kind is cast once a view')",
        replace: 'void assert',
      },
    ],
    options: { behaviours: ['equivocating-leader'], plan: { duplicateShare: 0.3 } },
  },
  {
    name: 'unexecuted',
    fault: 'finds every block valid without executing it',
    edits: [
      {
        file: 'blocks.ts',
        find: "entry.status = 'executing'",
        replace: "entry.status = 'valid'\n      continue",
      },
    ],
    options: { behaviours: ['wrong-root'] },
  },
  {
    name: 'builds-twice',
    fault: 'proposes anew after a restart',
    edits: [
      {
        file: 'proposals.ts',
        find: 'if (round.buildingOn !== undefined || own.propose !== undefined || own.nullify !== undefined) return',
        replace: 'if (round.buildingOn !== undefined) return',
      },
      {
        file: 'proposals.ts',
        find: 'if (round.own.propose !== undefined || round.own.nullify !== undefined) return',
        replace: '',
      },
      {
        file: 'votes.ts',
        find: "assert(own[kind] === undefined, 'a vote of each kind is cast once a view')",
        replace: 'void assert',
      },
    ],
    options: { plan: crashing },
  },
]

const COUNTING: readonly Mutation[] = [
  {
    name: 'votes-not-keyed',
    fault: 'counts votes for different blocks together',
    edits: [
      {
        file: 'votes.ts',
        find: 'if ((box.counts.get(hash) ?? 0) < core.config.quorum) return',
        replace: 'if (box.bySigner.size < core.config.quorum) return',
      },
      {
        file: 'votes.ts',
        find: 'return [...box.bySigner.values()].filter((vote) => vote.hash === hash)',
        replace: 'return [...box.bySigner.values()].filter(() => hash.length > 0)',
      },
    ],
    options: { behaviours: ['equivocating-leader'] },
  },
  {
    name: 'signers-not-deduplicated',
    fault: 'counts a vote as often as it comes',
    edits: [
      {
        file: 'votes.ts',
        find: 'accuse(core, earlier, vote)\n    return',
        replace: 'accuse(core, earlier, vote)',
      },
      {
        file: 'votes.ts',
        find: 'if (signers.length < core.config.quorum || aggregate === undefined) {',
        replace: 'if (aggregate === undefined) {',
      },
    ],
    options: { plan: { duplicateShare: 0.3 } },
  },
  {
    name: 'quorum-off-by-one',
    fault: 'is content with one vote less',
    edits: [
      {
        file: 'machine.ts',
        find: 'createState(config, sign',
        replace: 'createState({ ...config, quorum: config.quorum - 1 }, sign',
      },
      {
        file: 'certificate.ts',
        find: 'signers.length >= committee.quorum',
        replace: 'signers.length >= committee.quorum - 1',
      },
    ],
    options: { nodes: 4, behaviours: ['equivocating-leader'] },
  },
  {
    name: 'quorum-too-small',
    fault: 'is configured with a quorum of 4 of 7: two halves and two liars make two',
    edits: [],
    options: { nodes: 7, quorum: 4, behaviours: ['equivocating-leader'] },
  },
  {
    name: 'certificates-unverified',
    fault: 'believes certificates without verifying them',
    edits: [{ file: 'certificates.ts', find: '  if (isValid) {', replace: '  if (isValid || !isValid) {' }],
    options: { behaviours: ['forged-certificates'] },
  },
  {
    name: 'bitmap-not-counted',
    fault: 'takes certificates of less than a quorum',
    edits: [
      {
        file: 'certificate.ts',
        find: 'signers.length >= committee.quorum && signers.every',
        replace: 'signers.every',
      },
    ],
    options: { behaviours: ['forged-certificates'] },
  },
  {
    name: 'invalid-votes-kept',
    fault: 'does not find the invalid votes among others',
    edits: [
      {
        file: 'votes.ts',
        find: 'for (const signer of invalidSigners) refuse(core, box, signer)',
        replace: 'void refuse',
      },
    ],
    options: { nodes: 4, behaviours: ['forged-votes'] },
  },
]

const SIGNING: readonly Mutation[] = [
  {
    name: 'epoch-not-signed',
    fault: 'leaves the epoch out of what is signed',
    edits: [{ file: 'signing.ts', find: 'writer.count(domain.epoch)', replace: 'writer.count(0)' }],
    options: { behaviours: ['cross-epoch-replay'] },
  },
  {
    name: 'kind-not-signed',
    fault: 'leaves the kind of statement out of what is signed',
    edits: [{ file: 'signing.ts', find: 'KIND_CODES[statement.kind]', replace: 'KIND_CODES.notarize' }],
    options: { behaviours: ['kind-confusion'], plan: { ...lossy, isOnWire: false } },
  },
  {
    name: 'view-not-signed',
    fault: 'leaves the view out of what is signed',
    edits: [{ file: 'signing.ts', find: 'writer.count(statement.view)', replace: 'writer.count(0)' }],
    options: { behaviours: ['kind-confusion', 'silent-leader'] },
  },
  {
    name: 'body-not-checked',
    fault: 'takes any bytes for the body of a block',
    edits: [
      {
        file: 'proposal.ts',
        find: 'if (keccak256Hash(body) !== proposal.bodyHash)',
        replace: 'if (body.length > LIMITS.bodySize)',
      },
    ],
    options: { behaviours: ['false-answers'], plan: lossy },
  },
]

const REMEMBERING: readonly Mutation[] = [
  {
    name: 'votes-not-logged',
    fault: 'does not write its votes down',
    edits: [
      {
        file: 'votes.ts',
        find: "core.records.push({ kind: 'statement', statement: vote })",
        replace: '',
      },
    ],
    options: { plan: crashing },
  },
  {
    name: 'sent-before-durable',
    fault: 'sends before what it wrote is durable',
    edits: [
      {
        file: 'driver.ts',
        find: 'if (this.queue.length === 0) this.release(effect)',
        replace: "if (this.queue.length === 0 || 'message' in effect) this.release(effect)",
      },
    ],
    options: { plan: { ...crashing, syncDelayMs: 40 } },
  },
  {
    name: 'final-before-durable',
    fault: 'calls blocks final before its own vote for them is durable',
    edits: [
      {
        file: 'driver.ts',
        find: 'if (this.queue.length === 0) this.release(effect)',
        replace: "if (this.queue.length === 0 || 'certificate' in effect) this.release(effect)",
      },
    ],
    options: { nodes: 1, plan: { ...crashing, syncDelayMs: 40 } },
  },
  {
    name: 'blocks-not-logged',
    fault: 'does not write down the blocks that it votes for',
    edits: [
      {
        file: 'blocks.ts',
        find: "core.records.push({ kind: 'block', block: entry.block })",
        replace: '',
      },
    ],
    options: { plan: restarting },
  },
  {
    name: 'certificates-not-logged',
    fault: 'does not write certificates down',
    edits: [
      {
        file: 'certificates.ts',
        find: "core.records.push({ kind: 'certificate', certificate })",
        replace: '',
      },
    ],
    options: { plan: { ...restarting, ...lossy } },
  },
  {
    name: 'compaction-forgets',
    fault: 'leaves its own statements out when it compacts the log',
    edits: [
      {
        file: 'recovery.ts',
        find: 'for (const statement of [propose, notarize, nullify, finalize]) {',
        replace: 'for (const statement of [propose, notarize, nullify, finalize].slice(4)) {',
      },
      // The guard would notice, and the node keep silent.
      {
        file: 'double-sign-guard.ts',
        find: 'return isComplete ? GENESIS_VIEW : guard.view',
        replace: 'return isComplete ? GENESIS_VIEW : GENESIS_VIEW',
      },
    ],
    options: { profile: 'lan', behaviours: ['equivocating-leader'], plan: crashing },
  },
  {
    name: 'guard-ignored',
    fault: 'votes again after its log was damaged',
    edits: [
      {
        file: 'double-sign-guard.ts',
        find: 'return isComplete ? GENESIS_VIEW : guard.view',
        replace: 'return isComplete ? GENESIS_VIEW : GENESIS_VIEW',
      },
    ],
    options: { plan: { ...crashing, damageShare: 1, byzantine: new Map(), twins: [] } },
  },
  {
    name: 'view-not-restored',
    fault: 'starts at the first view again after a restart',
    edits: [
      {
        file: 'machine.ts',
        find: 'replay(core, origin.records)',
        replace: 'replay(core, origin.records)\n  core.certifiedView = GENESIS_VIEW',
      },
    ],
    options: { plan: restarting },
  },
  {
    name: 'timers-not-armed',
    fault: 'does not start its resend timer',
    edits: [
      {
        file: 'machine.ts',
        find: "recountOwnVotes(core)\n      arm(core, 'resend', core.config.timing.resendMs)",
        replace: 'recountOwnVotes(core)',
      },
    ],
    options: { plan: { ...restarting, ...lossy } },
  },
  {
    name: 'own-votes-not-recounted',
    fault: 'does not count its own votes again after a restart',
    edits: [
      { file: 'machine.ts', find: '      recountOwnVotes(core)\n', replace: '      void recountOwnVotes\n' },
    ],
    options: { plan: restarting },
  },
]

const BOUNDS: readonly Mutation[] = [
  {
    name: 'request-storm',
    fault: 'asks again whenever it looks',
    edits: [
      { file: 'blocks.ts', find: ' || core.wanted.has(hash)) return', replace: ') return' },
      { file: 'catch-up.ts', find: '  if (core.isSyncing) return\n', replace: '' },
      { file: 'asking.ts', find: '< LIMITS.askedPerTick', replace: '< 1e9 * LIMITS.askedPerTick' },
      { file: 'catch-up.ts', find: ' || core.viewOfRequest === core.view) return', replace: ') return' },
    ],
    options: { profile: 'lan', plan: { ...fast, lossShare: 0.02, partitionEveryMs: 3000 } },
  },
  {
    name: 'future-unbounded',
    fault: 'keeps votes for any view, however far',
    edits: [
      {
        file: 'votes.ts',
        find: 'if (vote.view > core.view + LIMITS.futureViews) {',
        replace: 'if (vote.view > core.view + 1e9 * LIMITS.futureViews) {',
      },
    ],
    options: { behaviours: ['far-future'] },
  },
  {
    name: 'rounds-not-pruned',
    fault: 'never forgets a view',
    edits: [
      {
        file: 'certificates.ts',
        find: 'if (view < floor) core.rounds.delete(view)',
        replace: 'if (view < floor - 1e9) core.rounds.delete(view)',
      },
    ],
    options: { profile: 'lan', faults: 'none', blocks: 200 },
  },
  {
    name: 'signer-not-checked',
    fault: 'takes votes that somebody else sends in the name of a member',
    edits: [
      { file: 'votes.ts', find: 'if (vote.signer !== from) {', replace: 'if (vote.signer > from + 1e9) {' },
    ],
    options: { behaviours: ['forged-votes'] },
  },
  {
    name: 'backoff-unbounded',
    fault: 'waits ever longer',
    edits: [
      {
        file: 'views.ts',
        find: 'Math.min(BACKOFF_MAX, BACKOFF_FACTOR ** core.nullifiedInARow)',
        replace: '(BACKOFF_MAX * BACKOFF_FACTOR) ** core.nullifiedInARow',
      },
    ],
    options: { behaviours: ['silent-leader'], plan: { lossShare: 0.5, partitionEveryMs: 400 } },
  },
]

export const MUTATIONS: readonly Mutation[] = [...VOTING, ...COUNTING, ...SIGNING, ...REMEMBERING, ...BOUNDS]

/** What a world is made with to run with a mutation. */
export async function mutatedOptions(mutation: Mutation): Promise<Partial<WorldOptions>> {
  return { ...mutation.options, subject: await loadMutated(mutation.name, mutation.edits) }
}
