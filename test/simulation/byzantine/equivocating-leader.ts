/** Proposes two blocks in one view, each to a part of the members, and lets all liars vote for the right one there. */
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { execute } from '../application.ts'
import type { Behaviour } from './behaviours.ts'

export const equivocatingLeader: Behaviour = {
  name: 'equivocating-leader',
  intercept(liar, to, message) {
    if (message.kind !== 'propose' || to !== undefined) return false
    const { proposal } = message.block
    const body = liar.stream.bytes(16)
    const parentPayload = liar.payloadOf(proposal.parentHash)
    if (parentPayload === undefined) return false
    const other = makeBlock({ ...proposal, payloadHash: execute(parentPayload, body) }, body)
    const { signature } = liar.sign({ kind: 'propose', view: proposal.view, hash: other.proposal.hash })
    for (const receiver of liar.others()) {
      const block = liar.stream.chance(0.5) ? message.block : other
      const isOther = block === other
      liar.send(receiver, { ...message, block, signature: isOther ? signature : message.signature })
      for (const accomplice of liar.accomplices()) {
        const { view, hash } = block.proposal
        const vote = liar.vote({ kind: 'notarize', view, hash }, accomplice)
        liar.world.network.send(accomplice, receiver, vote)
      }
    }
    return true
  },
}
