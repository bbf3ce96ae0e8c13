/** All the ways to break the rules, by name. */
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import { backwardsLeader } from './backwards-leader.ts'
import { crossEpochReplay } from './cross-epoch-replay.ts'
import { doubleVoter } from './double-voter.ts'
import { equivocatingLeader } from './equivocating-leader.ts'
import { falseAnswers } from './false-answers.ts'
import { farFuture } from './far-future.ts'
import { forgedCertificates } from './forged-certificates.ts'
import { forgedVotes } from './forged-votes.ts'
import { garbage } from './garbage.ts'
import { kindConfusion } from './kind-confusion.ts'
import { late } from './late.ts'
import type { Liar } from './liar.ts'
import { requestFlood } from './request-flood.ts'
import { selective } from './selective.ts'
import { silentLeader } from './silent-leader.ts'
import { subsetProposal } from './subset-proposal.ts'
import { withholding } from './withholding.ts'
import { wrongRoot } from './wrong-root.ts'

export interface Behaviour {
  readonly name: string
  /** Looks at a message that the node wants to send; true when it is dealt with. */
  intercept?(liar: Liar, to: number | undefined, message: Message): boolean
  /** A few times a second. */
  tick?(liar: Liar): void
}

export const BEHAVIOURS: readonly Behaviour[] = [
  equivocatingLeader,
  subsetProposal,
  silentLeader,
  late,
  selective,
  doubleVoter,
  farFuture,
  garbage,
  forgedCertificates,
  forgedVotes,
  crossEpochReplay,
  kindConfusion,
  withholding,
  wrongRoot,
  backwardsLeader,
  requestFlood,
  falseAnswers,
]
