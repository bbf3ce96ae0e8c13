/**
 * Answers about epochs that are over: no instance runs for them any more, but a node that comes late has to go through
 * them, one after the other. Everything comes from the store and the ledger, within the limits of `simplex/serving.ts`.
 */
import { unreachable } from '../../primitives/assert.ts'
import { EMPTY_BYTES, type Hash } from '../../primitives/bytes.ts'
import { encodeBlock } from '../../chain/block-codec.ts'
import { domainOf, type Committee } from '../committees/committee.ts'
import type { Application } from '../plugin.ts'
import { WireError } from '../simplex/binary.ts'
import type { Message } from '../simplex/messages.ts'
import { EMPTY_BODY_HASH } from '../simplex/proposal.ts'
import { answerBlockRequest, answerSyncRequest, type Archive } from '../simplex/serving.ts'
import type { Epoch, Layer, Proposal } from '../simplex/types.ts'
import { addressOf, decodeMessage, encodeMessage, wireContext, type WireContext } from '../simplex/wire.ts'
import type { FinalProposals } from '../execution-layer/finality-store.ts'
import type { ConsensusStore } from './consensus-store.ts'
import type { DualBftOptions } from './dual-bft.ts'
import { storedCommittee } from './final-chain-view.ts'

export interface ArchiveSources {
  readonly store: Pick<ConsensusStore, 'execution' | 'witness'>
  /** `undefined` for an epoch that this node does not know. */
  contextOf(layer: Layer, epoch: Epoch): WireContext | undefined
  /** The encoding of a block of the execution layer, `undefined` for one that is not on the chain. */
  blockBody(hash: Hash): Uint8Array | undefined
}

/** What a node has of all epochs but those that run: their instances answer for themselves. */
export function archiveSources(
  application: Pick<Application, 'blockByHash'>,
  { store, chainId, genesis }: Pick<DualBftOptions, 'store' | 'chainId' | 'genesis'>,
  running: readonly Committee[],
): ArchiveSources {
  return {
    store,
    contextOf: (layer, epoch) => {
      if (running.some((committee) => committee.layer === layer && committee.epoch === epoch))
        return undefined
      const committee = storedCommittee({ store, genesis }, layer, epoch)
      return committee && wireContext(committee.shape, domainOf(chainId, committee))
    },
    blockBody: (hash) => {
      const block = application.blockByHash(hash)
      return block && encodeBlock(block)
    },
  }
}

/**
 * How often a peer may ask is for the caller to limit.
 *
 * @returns the encoded answer to an encoded question; `undefined` for what is none, or cannot be answered.
 */
export function answerFromArchive(sources: ArchiveSources, bytes: Uint8Array): Uint8Array | undefined {
  try {
    const { layer, epoch } = addressOf(bytes)
    const context = sources.contextOf(layer, epoch)
    if (context === undefined) return undefined
    const answer = answerTo(decodeMessage(context, bytes), archiveOf(sources, layer, epoch))
    return answer === undefined ? undefined : encodeMessage(context, answer)
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
}

function answerTo(message: Message, archive: ArchivedEpoch): Message | undefined {
  switch (message.kind) {
    case 'blockRequest':
      return answerBlockRequest(archive, message.hash, message.aboveHeight)
    case 'syncRequest':
      return answerSyncRequest(archive, message.fromHeight)
    case 'certificateRequest': {
      // That the epoch came to an end is all that still matters about any of its views.
      const height = archive.latest()?.height
      const last = height === undefined ? undefined : archive.finalizationAtOrBelow(height)
      return last === undefined ? undefined : { kind: 'certificates', certificates: [last.certificate] }
    }
    case 'propose':
    case 'vote':
    case 'certificates':
    case 'blocks':
      return undefined
    default:
      return unreachable(message)
  }
}

interface ArchivedEpoch extends Archive {
  latest(): Proposal | undefined
}

function archiveOf(sources: ArchiveSources, layer: Layer, epoch: Epoch): ArchivedEpoch {
  if (layer === 'execution') {
    return archived(sources.store.execution(epoch), ({ payloadHash }) => sources.blockBody(payloadHash))
  }
  const seals = sources.store.witness(epoch)
  return archived(seals, ({ hash }) => seals.body(hash))
}

function archived(
  store: FinalProposals,
  bodyOf: (proposal: Proposal) => Uint8Array | undefined,
): ArchivedEpoch {
  return {
    latest: () => store.latest(),
    block: (hash) => {
      const proposal = store.proposal(hash)
      if (proposal === undefined) return undefined
      const isRepeat = proposal.bodyHash === EMPTY_BODY_HASH
      const body = isRepeat ? EMPTY_BYTES : bodyOf(proposal)
      return body === undefined ? undefined : { proposal, body }
    },
    finalizationAtOrBelow: (height) => store.finalizationAtOrBelow(height),
    finalizationAtOrAbove: (height) => store.finalizationAtOrAbove(height),
  }
}
