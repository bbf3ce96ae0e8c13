/** Keeps certificates and blocks to itself, and answers nobody. */
import type { Behaviour } from './behaviours.ts'

export const withholding: Behaviour = {
  name: 'withholding',
  intercept: (_, __, message) => message.kind === 'certificates' || message.kind === 'blocks',
}
