/**
 * The border of the core: what happens to it, and what it wants done. A step takes one event and returns effects, in
 * order; whoever drives the core carries them out and turns their answers into events.
 *
 * One rule binds the driver: messages, and news of notarized and final blocks, wait until the records of every `persist`
 * before them are durable. A node that forgets what it said may contradict itself, or what it told its user.
 */
import type { Hash } from '../../primitives/bytes.ts'
import type { Evidence } from './evidence.ts'
import type { Message } from './messages.ts'
import type { Block, Certificate, Proposal, View } from './types.ts'
import type { VerifyRequest, VerifyResult } from './verification.ts'
import type { WalRecord } from './wal-records.ts'

/** `leader` and `advance` end a view, `resend` repeats. Setting one again replaces it. */
export type TimerName = 'leader' | 'advance' | 'resend'

/** Somebody at the other end of an authenticated connection: a member's index, or from the committee's size on a guest. */
export type Peer = number

export type Event =
  /** Comes first, once, after creation or restoration. */
  | { readonly kind: 'start' }
  | { readonly kind: 'message'; readonly from: Peer; readonly message: Message }
  /** `generation` is that of the `setTimer` which ran out. */
  | { readonly kind: 'timer'; readonly timer: TimerName; readonly generation: number }
  | { readonly kind: 'verified'; readonly job: number; readonly result: VerifyResult }
  /** Answers `build`; may never come. */
  | { readonly kind: 'built'; readonly view: View; readonly payloadHash: Hash; readonly body: Uint8Array }
  /** Answers `verifyBlock`. While data is missing there is no answer: "invalid" is a verdict. */
  | { readonly kind: 'blockVerified'; readonly hash: Hash; readonly isValid: boolean }
  /** The application has made all final blocks up to this height durable. */
  | { readonly kind: 'applied'; readonly height: number }
  /**
   * A certificate that holds, with the block that it makes final and ancestors of that, as far as they are here. Bodies may
   * be missing where the application needs none to judge: such blocks are told to nobody.
   */
  | { readonly kind: 'proven'; readonly finalization: Certificate; readonly blocks: readonly Block[] }
  /** Stops and restarts proposing and the timers of views, such as while the next layer lags behind. */
  | { readonly kind: 'pause'; readonly isPaused: boolean }
  /** There may be final blocks that nobody speaks of any more: ask for them. */
  | { readonly kind: 'catchUp' }

/** Of what is sent to many. */
export type Reach = 'all' | 'announced'

export type Blame =
  | 'invalidSignature'
  | 'invalidCertificate'
  | 'notLeader'
  | 'notSigner'
  | 'tooManyRequests'
  | 'tooManyCertificates'

export type Effect =
  /** Make durable, then go on. */
  | { readonly kind: 'persist'; readonly records: readonly WalRecord[] }
  /** Replace the whole log by these records, atomically and durably. Those of later steps come after them. */
  | { readonly kind: 'compact'; readonly records: readonly WalRecord[] }
  | { readonly kind: 'send'; readonly to: Peer; readonly message: Message }
  /** To all other members; a certificate that they all can make may reach only those that `announces` names. */
  | { readonly kind: 'broadcast'; readonly message: Message; readonly reach?: Reach }
  | {
      readonly kind: 'setTimer'
      readonly timer: TimerName
      readonly delayMs: number
      readonly generation: number
    }
  /** Run `verifyRequest` and answer with `verified`. */
  | { readonly kind: 'verify'; readonly job: number; readonly request: VerifyRequest }
  /** Make a payload on the parent and answer with `built`. */
  | { readonly kind: 'build'; readonly view: View; readonly height: number; readonly parentPayload: Hash }
  /** Execute a block whose parent was valid, or final, and answer with `blockVerified`. */
  | { readonly kind: 'verifyBlock'; readonly block: Block; readonly parentPayload: Hash }
  /** A valid block has a notarization: the earliest moment to tell a user. It can still be left behind. */
  | { readonly kind: 'notarized'; readonly block: Block; readonly certificate: Certificate }
  /**
   * The next block of the chain, in order of height, with its own certificate unless a descendant's made it final. After
   * a restart blocks may come again: the application ignores heights it has.
   */
  | { readonly kind: 'finalized'; readonly block: Block; readonly certificate: Certificate | undefined }
  /** Answer a peer's request from what is stored: `serving.ts`. */
  | { readonly kind: 'serveBlocks'; readonly to: Peer; readonly hash: Hash; readonly aboveHeight: number }
  | { readonly kind: 'serveSync'; readonly to: Peer; readonly fromHeight: number }
  /** Proof that a member broke the rules. */
  | { readonly kind: 'evidence'; readonly evidence: Evidence }
  /** A peer sent what no honest node sends. */
  | { readonly kind: 'blame'; readonly peer: Peer; readonly reason: Blame }
  /** More members lie than the protocol can bear, or this node is broken. The core does nothing any more. */
  | { readonly kind: 'halt'; readonly reason: HaltReason }

export type HaltReason =
  | {
      readonly kind: 'conflictingCertificates'
      readonly first: Certificate
      readonly second: Certificate
    }
  | InvalidFinality
  /** A final block does not descend from one that was final before. */
  | { readonly kind: 'finalFork'; readonly proposal: Proposal; readonly finalHash: Hash }

/** A quorum made a block final that this node found invalid; all blocks below it are final and applied. */
export interface InvalidFinality {
  readonly kind: 'invalidBlockIsFinal'
  readonly proposal: Proposal
  /** Shows it to others: from the one that {@link finalization} is of down to the invalid one, each the parent of the one before. */
  readonly proposals: readonly Proposal[]
  readonly finalization: Certificate
}
