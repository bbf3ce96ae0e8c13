/** Builds on an old block, as if the views since had been given up, to undo what was decided there. */
import type { Proposal } from '../../../src/consensus/simplex/types.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { execute, ROOT } from '../application.ts'
import type { Behaviour } from './behaviours.ts'
import type { Liar } from './liar.ts'

export const backwardsLeader: Behaviour = {
  name: 'backwards-leader',
  intercept(liar, to, message) {
    if (message.kind !== 'propose' || to !== undefined) return false
    const parent = grandparentOf(liar, message.block.proposal)
    if (parent === undefined) return false
    const body = liar.stream.bytes(16)
    const payload = liar.payloadOf(parent.hash)
    if (payload === undefined) return false
    const { view } = message.block.proposal
    const payloadHash = execute(payload, body)
    const fields = {
      view,
      parentView: parent.view,
      height: parent.height + 1,
      parentHash: parent.hash,
      payloadHash,
    }
    const block = makeBlock(fields, body)
    const { hash } = block.proposal
    const { signature } = liar.sign({ kind: 'propose', view, hash })
    // What proves the parent's certificate, and nothing about the views between.
    const certificates = [liar.node.core?.rounds.get(parent.view)].flatMap(
      (round) => round?.notarization ?? round?.finalization ?? [],
    )
    for (const receiver of liar.others()) {
      liar.send(receiver, { kind: 'propose', block, signature, certificates })
      for (const accomplice of liar.accomplices()) {
        liar.world.network.send(accomplice, receiver, liar.vote({ kind: 'notarize', view, hash }, accomplice))
      }
    }
    return true
  },
}

function grandparentOf(
  liar: Liar,
  proposal: Proposal,
): Pick<Proposal, 'view' | 'height' | 'hash'> | undefined {
  const { core, chain } = liar.node
  const parent = core?.blocks.get(proposal.parentHash)?.block ?? chain.block(proposal.parentHash)
  if (parent === undefined) return undefined
  const { parentView, parentHash, height } = parent.proposal
  const isRoot = parentHash === ROOT.hash
  return { view: parentView, hash: parentHash, height: isRoot ? 0 : height - 1 }
}
