/** Votes for everything in every view: gives it up and finalizes it, to different members or to the same. */
import { NO_HASH } from '../../../src/consensus/simplex/types.ts'
import type { Behaviour } from './behaviours.ts'

export const doubleVoter: Behaviour = {
  name: 'double-voter',
  intercept(liar, to, message) {
    if (message.kind !== 'vote') return false
    const { view, hash } = message.vote
    for (const receiver of liar.receivers(to)) {
      if (liar.stream.chance(0.7)) liar.send(receiver, message)
      if (liar.stream.chance(0.7)) liar.send(receiver, liar.vote({ kind: 'nullify', view, hash: NO_HASH }))
      if (hash === NO_HASH) continue
      if (liar.stream.chance(0.5)) liar.send(receiver, liar.vote({ kind: 'finalize', view, hash }))
      if (liar.stream.chance(0.5)) liar.send(receiver, liar.vote({ kind: 'notarize', view, hash }))
      if (liar.stream.chance(0.2)) liar.send(receiver, message)
    }
    return true
  },
}
