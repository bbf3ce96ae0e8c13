/** Answers requests with other blocks than were asked for, with bodies that do not belong to them, and with finalizations that do not hold. */
import type { Behaviour } from './behaviours.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'

export const falseAnswers: Behaviour = {
  name: 'false-answers',
  intercept(liar, to, message) {
    if (message.kind !== 'blocks' || to === undefined) return false
    const [first] = message.blocks
    if (first === undefined) return false
    const body = liar.stream.bytes(16)
    const { proposal } = first
    const block = liar.stream.chance(0.5) ? makeBlock(proposal, body) : { proposal, body }
    const { finalization } = message
    liar.send(to, {
      kind: 'blocks',
      blocks: [block],
      finalization: finalization === undefined ? undefined : { ...finalization, hash: block.proposal.hash },
    })
    return true
  },
}
