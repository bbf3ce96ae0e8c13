/** Sends certificates that nobody signed, or too few, or others than those in the bitmap. */
import { bytesToHash } from '../../../src/primitives/bytes.ts'
import { bitmapOf } from '../../../src/consensus/simplex/certificate.ts'
import { NO_HASH, viewAfter, type Certificate, type View } from '../../../src/consensus/simplex/types.ts'
import { stubScheme } from '../stub-scheme.ts'
import type { Behaviour } from './behaviours.ts'
import type { Liar } from './liar.ts'

export const forgedCertificates: Behaviour = {
  name: 'forged-certificates',
  tick(liar) {
    for (const receiver of liar.stream.some(liar.others(), 0.5)) {
      liar.send(receiver, { kind: 'certificates', certificates: [forge(liar), forge(liar)] })
    }
  },
}

function forge(liar: Liar): Certificate {
  const { stream, world, node } = liar
  const { size, quorum } = world.committee
  const kind = stream.pick(['notarize', 'nullify', 'finalize'] as const)
  const current = node.core?.view ?? (1 as View)
  const view = stream.chance(0.8) ? current : viewAfter(current, stream.below(1000))
  const hash = kind === 'nullify' ? NO_HASH : bytesToHash(stream.bytes(32))
  const signatures = liar
    .accomplices()
    .map((accomplice) => liar.sign({ kind, view, hash }, accomplice).signature)
  const signature = stubScheme.aggregate(signatures) ?? stream.bytes(96)
  // Those who did sign, or a quorum of which most did not, in a bitmap of the right length.
  const liars = liar.accomplices().map(({ index }) => index)
  const named = stream.chance(0.5) ? liars : [...liars, ...liar.others()].slice(0, quorum)
  return { kind, view, hash, bitmap: bitmapOf(named, size), signature }
}
