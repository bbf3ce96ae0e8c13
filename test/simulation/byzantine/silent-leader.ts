/** Never proposes. */
import type { Behaviour } from './behaviours.ts'

export const silentLeader: Behaviour = {
  name: 'silent-leader',
  intercept: (_, __, message) => message.kind === 'propose',
}
