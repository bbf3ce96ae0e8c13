/**
 * What members tell each other. Their bytes are in `wire.ts`. Who sent a message is not part of it: the transport knows,
 * and votes count only when their signer sent them.
 */
import type { Block, Certificate, View, Vote } from './types.ts'

/** The leader's block for a view, with what proves that its parent may be built upon. */
export interface ProposeMessage {
  readonly kind: 'propose'
  readonly block: Block
  /** The leader's, of the statement `propose`. */
  readonly signature: Uint8Array
  /** The parent's certificate and the nullifications of the views between. */
  readonly certificates: readonly Certificate[]
}

export interface VoteMessage {
  readonly kind: 'vote'
  readonly vote: Vote
}

/** Certificates, asked for or not. */
export interface CertificatesMessage {
  readonly kind: 'certificates'
  readonly certificates: readonly Certificate[]
}

/** Asks for what proves how the views from `fromView` to `toView` ended, and for the highest finalization. */
export interface CertificateRequest {
  readonly kind: 'certificateRequest'
  readonly fromView: View
  readonly toView: View
}

/** Asks for a block and its ancestors above a height that the asker has. */
export interface BlockRequest {
  readonly kind: 'blockRequest'
  readonly hash: Block['proposal']['hash']
  readonly aboveHeight: number
}

/** Asks, from far behind, for the final blocks from a height on and a certificate of their finality. */
export interface SyncRequest {
  readonly kind: 'syncRequest'
  readonly fromHeight: number
}

/** Blocks, each the parent of the one before it. */
export interface BlocksMessage {
  readonly kind: 'blocks'
  readonly blocks: readonly Block[]
  /** Of the first block, when it answers a {@link SyncRequest}. */
  readonly finalization: Certificate | undefined
}

export type Message =
  | ProposeMessage
  | VoteMessage
  | CertificatesMessage
  | CertificateRequest
  | BlockRequest
  | SyncRequest
  | BlocksMessage
