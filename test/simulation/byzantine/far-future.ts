/** Floods everybody with votes and proposals for views that are far away. */
import { bytesToHash } from '../../../src/primitives/bytes.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { NO_HASH, viewAfter, type View } from '../../../src/consensus/simplex/types.ts'
import { ROOT } from '../application.ts'
import type { Behaviour } from './behaviours.ts'
import type { Liar } from './liar.ts'

const VOTES_PER_TICK = 30

export const farFuture: Behaviour = {
  name: 'far-future',
  tick(liar) {
    const current = liar.node.core?.view ?? (1 as View)
    for (const receiver of liar.stream.some(liar.others(), 0.5)) {
      for (let i = 0; i < VOTES_PER_TICK; i++) {
        const view = viewAfter(current, 1 + liar.stream.below(liar.stream.pick([40, 100_000])))
        const hash = bytesToHash(liar.stream.bytes(32))
        const kind = liar.stream.pick(['notarize', 'nullify', 'finalize'] as const)
        liar.send(receiver, liar.vote({ kind, view, hash: kind === 'nullify' ? NO_HASH : hash }))
      }
      proposeFarAhead(liar, receiver, current)
    }
  },
}

function proposeFarAhead(liar: Liar, receiver: number, current: View): void {
  const { size } = liar.world.committee
  const ahead = size * (1 + liar.stream.below(1000))
  const view = (current - (current % size) + liar.node.index + ahead) as View
  const body = liar.stream.bytes(64)
  const parentHash = bytesToHash(liar.stream.bytes(32))
  const block = makeBlock({ view, parentView: current, height: 7, parentHash, payloadHash: ROOT.hash }, body)
  const { signature } = liar.sign({ kind: 'propose', view, hash: block.proposal.hash })
  liar.send(receiver, { kind: 'propose', block, signature, certificates: [] })
}
