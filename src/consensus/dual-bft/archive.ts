/**
 * Answers about epochs that are over: no instance runs for them any more, but a node that comes late has to go through
 * them, one after the other. Everything comes from the store and the ledger.
 */
import type { Hash } from '../../primitives/bytes.ts'
import type { Epoch, Layer } from '../simplex/types.ts'
import type { WireContext } from '../simplex/wire.ts'
import type { ConsensusStore } from './consensus-store.ts'

export interface ArchiveSources {
  readonly store: ConsensusStore
  /** `undefined` for an epoch that this node does not know, or that it has an instance for. */
  contextOf(layer: Layer, epoch: Epoch): WireContext | undefined
  /** The encoding of a block of the execution layer. */
  blockBody(hash: Hash): Uint8Array | undefined
}

/** @returns the encoded answer to an encoded question; `undefined` for what is none, or cannot be answered. */
export function answerFromArchive(_sources: ArchiveSources, _bytes: Uint8Array): Uint8Array | undefined {
  return undefined
}
