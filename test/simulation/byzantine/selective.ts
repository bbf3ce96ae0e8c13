/** Sends votes and certificates to some members, others to others. */
import type { Behaviour } from './behaviours.ts'

export const selective: Behaviour = {
  name: 'selective',
  intercept(liar, to, message) {
    if (message.kind !== 'vote' && message.kind !== 'certificates') return false
    for (const receiver of liar.stream.some(liar.receivers(to), 0.5)) liar.send(receiver, message)
    return true
  },
}
