/** Says everything, but much later. */
import type { Behaviour } from './behaviours.ts'

const DELAY_MAX_MS = 3000

export const late: Behaviour = {
  name: 'late',
  intercept(liar, to, message) {
    const delayMs = liar.stream.between(0, DELAY_MAX_MS)
    for (const receiver of liar.receivers(to)) liar.send(receiver, message, delayMs)
    return true
  },
}
