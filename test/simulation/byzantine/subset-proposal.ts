/** Sends its proposals to some members only. */
import type { Behaviour } from './behaviours.ts'

export const subsetProposal: Behaviour = {
  name: 'subset-proposal',
  intercept(liar, to, message) {
    if (message.kind !== 'propose' || to !== undefined) return false
    for (const receiver of liar.stream.some(liar.others(), 0.5)) liar.send(receiver, message)
    return true
  },
}
