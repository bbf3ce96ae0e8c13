/** Votes with signatures that are none, and votes in the name of others. */
import type { Behaviour } from './behaviours.ts'

export const forgedVotes: Behaviour = {
  name: 'forged-votes',
  intercept(liar, to, message) {
    if (message.kind !== 'vote') return false
    for (const receiver of liar.receivers(to)) {
      const { vote } = message
      const signature = liar.stream.bytes(96)
      if (liar.stream.chance(0.5)) liar.send(receiver, { kind: 'vote', vote: { ...vote, signature } })
      else liar.send(receiver, { kind: 'vote', vote: { ...vote, signer: liar.stream.pick(liar.others()) } })
    }
    return true
  },
}
