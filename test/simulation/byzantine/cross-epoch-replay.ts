/**
 * Replays what honest members signed in an earlier epoch: there they gave up the very views that are being decided now.
 * The signatures are genuine, so that only the signed bytes can tell the epochs apart.
 */
import { NO_HASH, viewAfter, type Statement, type View } from '../../../src/consensus/simplex/types.ts'
import { makeCertificate } from '../../../src/consensus/simplex/certificate.ts'
import { domainOfEpoch } from '../application.ts'
import { stubScheme, stubSigner } from '../stub-scheme.ts'
import type { Behaviour } from './behaviours.ts'

export const crossEpochReplay: Behaviour = {
  name: 'cross-epoch-replay',
  tick(liar) {
    const { committee, subject } = liar.world
    const current = liar.node.core?.view ?? (1 as View)
    const view = viewAfter(current, liar.stream.below(3))
    const statement = { kind: 'nullify', view, hash: NO_HASH } as const satisfies Statement
    const message = subject.signedBytes(domainOfEpoch(0), statement)
    const signers = Array.from({ length: committee.quorum }, (_, index) => index)
    const signature = stubScheme.aggregate(signers.map((index) => stubSigner(index).sign(message)))
    if (signature === undefined) return
    const certificate = makeCertificate(statement, signers, signature, committee)
    for (const receiver of liar.stream.some(liar.others(), 0.5)) {
      liar.send(receiver, { kind: 'certificates', certificates: [certificate] })
    }
  },
}
