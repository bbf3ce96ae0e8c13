/** Proposes blocks that claim another result than executing them gives. */
import { bytesToHash } from '../../../src/primitives/bytes.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import type { Behaviour } from './behaviours.ts'

export const wrongRoot: Behaviour = {
  name: 'wrong-root',
  intercept(liar, to, message) {
    if (message.kind !== 'propose' || to !== undefined) return false
    const { proposal, body } = message.block
    const block = makeBlock({ ...proposal, payloadHash: bytesToHash(liar.stream.bytes(32)) }, body)
    const { view, hash } = block.proposal
    const { signature } = liar.sign({ kind: 'propose', view, hash })
    for (const receiver of liar.others()) {
      liar.send(receiver, { ...message, block, signature })
      for (const accomplice of liar.accomplices()) {
        liar.world.network.send(accomplice, receiver, liar.vote({ kind: 'notarize', view, hash }, accomplice))
      }
    }
    return true
  },
}
