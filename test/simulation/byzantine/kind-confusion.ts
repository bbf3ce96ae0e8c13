/** Takes a genuine certificate for one thing and calls it one for another. */
import { viewAfter, type View } from '../../../src/consensus/simplex/types.ts'
import type { Behaviour } from './behaviours.ts'

export const kindConfusion: Behaviour = {
  name: 'kind-confusion',
  tick(liar) {
    const { core } = liar.node
    const view = Math.max(1, (core?.view ?? 1) - 1) as View
    const round = core?.rounds.get(view)
    const receivers = liar.stream.some(liar.others(), 0.5)
    if (round?.notarization !== undefined) {
      const certificate = { ...round.notarization, kind: 'finalize' } as const
      for (const to of receivers) liar.send(to, { kind: 'certificates', certificates: [certificate] })
    }
    if (round?.nullification !== undefined) {
      const certificate = { ...round.nullification, view: viewAfter(view) }
      for (const to of receivers) liar.send(to, { kind: 'certificates', certificates: [certificate] })
    }
  },
}
