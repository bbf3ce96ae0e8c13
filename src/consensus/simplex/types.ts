/** The nouns of the Simplex core. What each is for stands in `machine.ts`, where the protocol is told. */
import { ZERO_HASH, type Hash } from '../../primitives/bytes.ts'

/** A step of the protocol, counted from 1 in every epoch; 0 stands for the block that the epoch starts from. */
export type View = number & { readonly brand: 'View' }
/** The reign of one committee, counted from 0. */
export type Epoch = number & { readonly brand: 'Epoch' }
/** Which of the two instances of the core: one orders and executes, the other verifies again and seals. */
export type Layer = 'execution' | 'witness'

/** Largest view, epoch and height: exact as a number, and out of reach at a thousand a second for 8,000 years. */
export const COUNT_MAX = 2 ** 48 - 1
export const GENESIS_VIEW = 0 as View

/** What a member votes for; a quorum of votes of one kind is a certificate. */
export type VoteKind = 'notarize' | 'nullify' | 'finalize'
/** What a member signs: the leader also signs what it proposes. */
export type StatementKind = 'propose' | VoteKind

/** What is said, apart from who says it. */
export interface Statement {
  readonly kind: StatementKind
  readonly view: View
  /** The proposal's hash; {@link NO_HASH} for `nullify`, which is about the view itself. */
  readonly hash: Hash
}

export interface SignedStatement extends Statement {
  /** Index in the committee. */
  readonly signer: number
  readonly signature: Uint8Array
}

export interface Vote extends SignedStatement {
  readonly kind: VoteKind
}

/** Votes of a quorum in one: who voted, and the sum of their signatures. */
export interface Certificate extends Statement {
  readonly kind: VoteKind
  /** One bit a member, lowest bit of the first byte first; unused bits are zero. */
  readonly bitmap: Uint8Array
  readonly signature: Uint8Array
}

export const NO_HASH: Hash = ZERO_HASH

/** The part of a block that the core understands and that statements are about. Links blocks into a tree. */
export interface Proposal {
  readonly view: View
  readonly parentView: View
  /** Blocks between this one and the chain's first, across epochs. */
  readonly height: number
  readonly parentHash: Hash
  /** What the application calls the payload, such as the hash of an execution block. Opaque to the core. */
  readonly payloadHash: Hash
  /** keccak-256 of the body's bytes, so that anybody can tell the right bytes without understanding them. */
  readonly bodyHash: Hash
  /** keccak-256 of all of the above (`wire.ts`), computed by whoever made or decoded the proposal. */
  readonly hash: Hash
}

/** A proposal with its payload. That the body fits {@link Proposal.bodyHash} was checked where it came in. */
export interface Block {
  readonly proposal: Proposal
  readonly body: Uint8Array
}

/** A final block that others build on, without its body. */
export interface Tip {
  readonly view: View
  readonly height: number
  readonly hash: Hash
  readonly payloadHash: Hash
}

export function tipOf({ view, height, hash, payloadHash }: Proposal): Tip {
  return { view, height, hash, payloadHash }
}

export function viewAfter(view: View, distance = 1): View {
  return (view + distance) as View
}
