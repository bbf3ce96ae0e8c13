/**
 * What a member that lies may send to a node: recorded traffic, damaged, changed field by field or as it was; statements
 * that its key really signed and no honest node makes; questions without end; views and epochs that are not yet, or long
 * over. Each case follows from its number and from what was recorded by then.
 */
import type { SignedStatement, Statement, View, VoteKind } from '../../../src/consensus/simplex/types.ts'
import { COUNT_MAX, NO_HASH } from '../../../src/consensus/simplex/types.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { signedBytes } from '../../../src/consensus/simplex/signing.ts'
import { decodeMessage, encodeMessage } from '../../../src/consensus/simplex/wire.ts'
import type { MessageClass } from '../../../src/network/message-classes.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import { Prng } from '../../support/prng.ts'
import { anyHash, anyMessage, repairMessage } from '../consensus-values.ts'
import { filler, inflate, mutateBytes } from '../mutate-bytes.ts'
import { mutateValue } from '../mutate-value.ts'
import type { Instance, LiveNetwork } from './live-network.ts'
import type { Recorded } from './tap-transport.ts'

/** Questions of one burst: several times what makes a flood. */
const BURST = 400
const VOTE_KINDS: readonly VoteKind[] = ['notarize', 'nullify', 'finalize']
const CLASSES: readonly MessageClass[] = ['votes', 'blocks', 'sync']

/** What the node hears in one case. */
export type Hostile = readonly Recorded[]

interface Situation {
  readonly network: LiveNetwork
  readonly prng: Prng
  readonly instance: Instance
  /** The attacked node's view of this layer. */
  readonly view: number
}

type Attack = (situation: Situation) => Hostile

const ATTACKS: readonly (readonly [weight: number, name: string, attack: Attack])[] = [
  [4, 'replay', replay],
  [6, 'damaged bytes', damaged],
  [6, 'changed fields', changed],
  [4, 'fields at random', atRandom],
  [6, 'signed votes', signedVotes],
  [3, 'signed proposals', signedProposals],
  [2, 'other epochs and layers', elsewhere],
  [1, 'bursts of questions', questions],
  [1, 'wrong classes', wrongClass],
  [1, 'garbage', garbage],
]

export class HandlerAttack {
  readonly counts = new Map<string, number>()
  readonly #network: LiveNetwork
  readonly #seed: string

  constructor(network: LiveNetwork, seed: string) {
    this.#network = network
    this.#seed = seed
  }

  /** The messages of a case. */
  make(caseNumber: number): Hostile {
    const prng = new Prng(`${this.#seed} node ${caseNumber}`)
    const instances = [...this.#network.instances.values()]
    if (instances.length === 0) return []
    const instance = prng.pick(instances)
    const status = this.#network.nodes[0]?.consensus.status()
    const view = status?.[instance.committee.layer].view ?? 1
    const name = prng.weighted(ATTACKS.map(([weight, name]) => [weight, name] as const))
    const attack = ATTACKS.find(([, other]) => other === name)?.[2] ?? garbage
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
    return attack({ network: this.#network, prng, instance, view })
  }
}

function recordedIn({ network, prng }: Situation): Recorded {
  const { recorded } = network.tap
  return recorded.length === 0 ? { messageClass: 'votes', bytes: filler(prng) } : prng.pick(recorded)
}

function replay(situation: Situation): Hostile {
  return situation.prng.times(situation.prng.pick([1, 1, 5]), () => recordedIn(situation))
}

function damaged(situation: Situation): Hostile {
  const { messageClass, bytes } = recordedIn(situation)
  const { prng } = situation
  const result = mutateBytes(prng, bytes, recordedIn(situation).bytes)
  return [{ messageClass, bytes: prng.chance(1 / 100) ? inflate(prng, result) : result }]
}

/** A message of the network that this node would take, with other fields. */
function changed(situation: Situation): Hostile {
  const { prng, instance } = situation
  const { messageClass, bytes } = recordedIn(situation)
  try {
    const message = mutateValue(prng, decodeMessage(instance.context, bytes), false)
    const repaired = prng.chance(0.7) ? repairMessage(message, instance.context) : message
    return [{ messageClass, bytes: encodeMessage(instance.context, repaired) }]
  } catch {
    // Of another layer or epoch, or with fields that cannot be written.
    return damaged(situation)
  }
}

function atRandom({ prng, instance }: Situation): Hostile {
  const message = anyMessage(prng, instance.context)
  return [encoded(instance, message)]
}

/** Views around that of the node, and far from it. */
function anyView({ prng, view }: Situation): View {
  const far = [1, COUNT_MAX, view + 1000, Math.max(1, view - 1000)]
  return (prng.chance(0.1) ? prng.pick(far) : Math.max(1, view + prng.between(-6, 40))) as View
}

/** Blocks that were proposed lately, and some that never were. */
function anyTarget(situation: Situation): Hash {
  const { prng, instance } = situation
  const { bytes } = recordedIn(situation)
  try {
    const message = decodeMessage(instance.context, bytes)
    if (message.kind === 'propose') return message.block.proposal.hash
    if (message.kind === 'vote') return message.vote.hash
  } catch {
    // Not of this instance.
  }
  return anyHash(prng)
}

function signed({ network, instance }: Situation, statement: Statement): SignedStatement {
  const signer = Math.max(0, instance.committee.members.indexOf(network.played.id))
  const { domain } = instance.context
  return { ...statement, signer, signature: network.played.signer.sign(signedBytes(domain, statement)) }
}

/** Several of one view, so that some contradict each other. */
function signedVotes(situation: Situation): Hostile {
  const { prng, instance } = situation
  const view = anyView(situation)
  return prng.times(prng.between(1, 3), () => {
    const kind = prng.pick(VOTE_KINDS)
    const hash = kind === 'nullify' ? NO_HASH : anyTarget(situation)
    const vote = {
      ...signed(situation, {
        kind,
        view,
        hash: hash === NO_HASH && kind !== 'nullify' ? anyHash(prng) : hash,
      }),
      kind,
    }
    return encoded(instance, { kind: 'vote', vote })
  })
}

/** In views that the member leads, two at times; bodies that are no blocks. */
function signedProposals(situation: Situation): Hostile {
  const { prng, instance, network, view } = situation
  const seat = Math.max(0, instance.committee.members.indexOf(network.played.id))
  const { size } = instance.context
  const own = Math.max(1, view + ((seat - (view % size) + size) % size)) as View
  return prng.times(prng.pick([1, 1, 2]), () => {
    const parentView = Math.max(0, own - prng.between(1, 3)) as View
    const fields = {
      view: own,
      parentView,
      height: Math.max(1, view - prng.below(3)),
      parentHash: anyTarget(situation),
    }
    const size = prng.pick([0, 100, 5000, prng.chance(0.02) ? 4 << 20 : 300])
    const block = makeBlock(
      { ...fields, payloadHash: anyHash(prng) },
      new Uint8Array(size).fill(prng.below(256)),
    )
    const { signature } = signed(situation, { kind: 'propose', view: own, hash: block.proposal.hash })
    return encoded(instance, { kind: 'propose', block, signature, certificates: [] })
  })
}

function elsewhere(situation: Situation): Hostile {
  const { prng } = situation
  const { messageClass, bytes } = recordedIn(situation)
  const moved = bytes.slice()
  // Version, layer, epoch and committee stand in front.
  moved[prng.pick([0, 1, 8, 9, 9, 9, 10])] = prng.below(256)
  return [{ messageClass, bytes: moved }]
}

function questions(situation: Situation): Hostile {
  const { prng, instance, view } = situation
  return prng.times(prng.between(1, BURST), () => {
    const fromView = Math.max(0, view - prng.below(200)) as View
    const question = prng.pick<Message>([
      { kind: 'syncRequest', fromHeight: prng.below(200) },
      { kind: 'blockRequest', hash: anyTarget(situation), aboveHeight: prng.below(200) },
      { kind: 'certificateRequest', fromView, toView: (fromView + prng.below(64)) as View },
    ])
    return encoded(instance, question)
  })
}

function wrongClass(situation: Situation): Hostile {
  return [{ ...recordedIn(situation), messageClass: situation.prng.pick(CLASSES) }]
}

function garbage({ prng }: Situation): Hostile {
  return [{ messageClass: prng.pick(CLASSES), bytes: filler(prng) }]
}

const CLASS_OF: Readonly<Record<Message['kind'], MessageClass>> = {
  vote: 'votes',
  certificates: 'votes',
  certificateRequest: 'votes',
  propose: 'blocks',
  blockRequest: 'sync',
  syncRequest: 'sync',
  blocks: 'sync',
}

function encoded({ context }: Instance, message: Message): Recorded {
  return { messageClass: CLASS_OF[message.kind], bytes: encodeMessage(context, message) }
}
