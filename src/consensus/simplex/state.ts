/**
 * Everything an instance of the core knows. It is mutable, and it belongs to the functions of this folder: callers pass
 * it around and look at nothing but what is marked as theirs.
 */
import type { Hash } from '../../primitives/bytes.ts'
import { LIMITS, type Config } from './config.ts'
import type { Effect, Peer, TimerName } from './events.ts'
import {
  GENESIS_VIEW,
  type Block,
  type Certificate,
  type Proposal,
  type SignedStatement,
  type Statement,
  type Tip,
  type View,
  type Vote,
  type VoteKind,
} from './types.ts'
import type { VerifyRequest } from './verification.ts'
import type { WalRecord } from './wal-records.ts'

/** Signs the bytes of a statement with this node's key. */
export type SignStatement = (statement: Statement) => Uint8Array

/** What this node said in a view. Each may be said once, and `nullify` and `finalize` exclude each other. */
export interface OwnStatements {
  propose: SignedStatement | undefined
  notarize: SignedStatement | undefined
  nullify: SignedStatement | undefined
  finalize: SignedStatement | undefined
}

/** The votes of one kind in one view. Their signatures are unchecked until there are enough of them. */
export interface VoteBox {
  /** The first vote of each member counts; a different one later is an offence. */
  readonly bySigner: Map<number, Vote>
  /** Votes by what they are for. */
  readonly counts: Map<Hash, number>
  /** What a verification is under way for. */
  readonly verifying: Set<Hash>
  /** Members whose vote had an invalid signature. */
  readonly refused: Set<number>
}

/** The leader's proposal. `isSigned` is undefined while the signature is being checked. */
export interface ProposalSlot {
  readonly statement: SignedStatement
  readonly block: Block
  isSigned: boolean | undefined
}

/** What happened in one view. */
export interface Round {
  readonly view: View
  readonly own: OwnStatements
  readonly votes: Readonly<Record<VoteKind, VoteBox>>
  /** The first one; a different one later is an offence. */
  proposal: ProposalSlot | undefined
  notarization: Certificate | undefined
  nullification: Certificate | undefined
  finalization: Certificate | undefined
  /** What the application was asked to build on, when this node leads. */
  buildingOn: Pick<Proposal, 'parentView' | 'parentHash' | 'height'> | undefined
  /** Whether the application heard of the notarization. */
  isAnnounced: boolean
  /** Members against whom this view gave evidence already. */
  readonly accused: Set<number>
}

/** `stored` until its parent is valid and it is wanted, then `executing` until the application has judged. */
export type BlockStatus = 'stored' | 'executing' | 'valid' | 'invalid'

export interface BlockEntry {
  readonly block: Block
  status: BlockStatus
  /** Whether it is in the log. */
  isPersisted: boolean
  /** Linked to a certificate, or proposed properly in the current view: worth executing and keeping. */
  isJustified: boolean
}

export type Job =
  | {
      readonly kind: 'votes'
      readonly view: View
      readonly vote: VoteKind
      readonly hash: Hash
      readonly votes: readonly Vote[]
    }
  | { readonly kind: 'certificate'; readonly key: string }
  | { readonly kind: 'proposal'; readonly view: View; readonly from: Peer }
  | { readonly kind: 'evidence'; readonly first: SignedStatement; readonly second: SignedStatement }

/** A certificate from outside with those who sent it, the first of which is being verified. */
export interface PendingCertificate {
  readonly candidates: CertificateCandidate[]
}

export interface CertificateCandidate {
  readonly from: Peer
  readonly certificate: Certificate
  /** The block that it makes final and ancestors of that, to be stored when it holds. */
  readonly blocks: readonly Block[]
}

/** A block that is certified and not here. */
export interface WantedBlock {
  readonly view: View
  /** Members who voted for it, and therefore had it. */
  readonly signers: readonly number[]
  attempts: number
}

export interface Core {
  readonly config: Config
  readonly sign: SignStatement
  /** For callers to read: the view this node is in. */
  view: View
  /** For callers to read: the last block given out as final. */
  tip: Tip
  /** For callers to read: the highest finalization known; its block may still be on its way. */
  finalization: Certificate | undefined
  /** The highest view that has a certificate. */
  certifiedView: View
  readonly rounds: Map<View, Round>
  /** Blocks above the tip, and the tip itself unless the epoch began with it. */
  readonly blocks: Map<Hash, BlockEntry>
  /** Finalizations above the tip, by view, whose chain down to it is not complete. */
  undelivered: Certificate[]
  /** No statement may be made up to this view: the log that would tell what was said is lost. */
  abstainThrough: View
  isPaused: boolean
  isHalted: boolean

  /** Views that came to nothing, or too late for this node to make them final, since the last finalization. */
  nullifiedInARow: number
  /** By member: the latest view it voted in. */
  readonly lastActive: number[]
  readonly timers: Record<TimerName, number>

  nextJob: number
  readonly jobs: Map<number, Job>
  /** By kind, view and hash. */
  readonly pendingCertificates: Map<string, PendingCertificate>
  /** By peer: its certificates in {@link pendingCertificates}. */
  readonly pendingOf: Map<Peer, number>

  readonly wanted: Map<Hash, WantedBlock>
  /** A view whose end must be known before the current one can go on. */
  missingView: View | undefined
  /** The view in which certificates were asked for without waiting for a tick. */
  viewOfRequest: View
  /** A peer that seems to be far ahead. */
  aheadPeer: Peer | undefined
  /** Whether the chain is so far away that blocks are asked for by height. */
  isSyncing: boolean
  /** Who was asked for them, and has not answered. */
  readonly syncPeers: Set<Peer>
  /** Ticks for which final blocks are asked for by height though none is known to be missing. */
  catchUpTicks: number
  /** Turns to the next peer with every request that has no better address. */
  nextPeer: number
  /** By peer: requests received from it, and sent to it, since the last tick. */
  readonly served: Map<Peer, number>
  readonly asked: Map<Peer, number>
  viewAtTick: View
  /** The last block that the application has made durable, and the final ones that it has not. */
  appliedTip: Tip
  unapplied: Block[]
  heightAtCompaction: number

  /** Whether a rule of `machine.ts` may have become applicable. */
  isDirty: boolean
  /** What the step in progress will return. */
  effects: Effect[]
  records: WalRecord[]
}

/** @param root the block that the epoch starts from: final, and known to all. */
export function createState(
  config: Config,
  sign: SignStatement,
  root: Omit<Tip, 'view'>,
  abstainThrough: View,
): Core {
  return {
    config,
    sign,
    view: GENESIS_VIEW,
    tip: { ...root, view: GENESIS_VIEW },
    finalization: undefined,
    certifiedView: GENESIS_VIEW,
    rounds: new Map(),
    blocks: new Map(),
    undelivered: [],
    abstainThrough,
    isPaused: false,
    isHalted: false,
    nullifiedInARow: 0,
    lastActive: Array.from({ length: config.size }, () => 0),
    timers: { leader: 0, advance: 0, resend: 0 },
    nextJob: 0,
    jobs: new Map(),
    pendingCertificates: new Map(),
    pendingOf: new Map(),
    wanted: new Map(),
    missingView: undefined,
    viewOfRequest: GENESIS_VIEW,
    aheadPeer: undefined,
    isSyncing: false,
    syncPeers: new Set(),
    catchUpTicks: 0,
    nextPeer: config.self ?? 0,
    served: new Map(),
    asked: new Map(),
    viewAtTick: GENESIS_VIEW,
    appliedTip: { ...root, view: GENESIS_VIEW },
    unapplied: [],
    heightAtCompaction: root.height,
    isDirty: true,
    effects: [],
    records: [],
  }
}

/** The round of a view, made when it is first needed. Callers bound the view. */
export function roundAt(core: Core, view: View): Round {
  const existing = core.rounds.get(view)
  if (existing !== undefined) return existing
  const round: Round = {
    view,
    own: { propose: undefined, notarize: undefined, nullify: undefined, finalize: undefined },
    votes: { notarize: emptyBox(), nullify: emptyBox(), finalize: emptyBox() },
    proposal: undefined,
    notarization: undefined,
    nullification: undefined,
    finalization: undefined,
    buildingOn: undefined,
    isAnnounced: false,
    accused: new Set(),
  }
  core.rounds.set(view, round)
  return round
}

function emptyBox(): VoteBox {
  return { bySigner: new Map(), counts: new Map(), verifying: new Set(), refused: new Set() }
}

/** The hash that a quorum notarized, or made final, in a view. */
export function certifiedHash(core: Core, view: View): Hash | undefined {
  if (view === core.tip.view) return core.tip.hash
  const round = core.rounds.get(view)
  return round?.notarization?.hash ?? round?.finalization?.hash
}

/** Whether the application lags so far behind that this node takes on nothing new. */
export function isBacklogged(core: Core): boolean {
  return core.unapplied.length >= LIMITS.unappliedBlocks
}

export function finalizedView(core: Core): View {
  return core.finalization?.view ?? GENESIS_VIEW
}

export function leaderOf(config: Pick<Config, 'size'>, view: View): number {
  return view % config.size
}

export function requestVerification(core: Core, job: Job, request: VerifyRequest): void {
  const number = core.nextJob++
  core.jobs.set(number, job)
  core.effects.push({ kind: 'verify', job: number, request })
}
