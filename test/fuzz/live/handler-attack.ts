/**
 * What a member that lies may send to a node: recorded traffic, damaged, changed field by field or as it was; statements
 * that its key really signed and no honest node makes; questions without end; views and epochs that are not yet, or long
 * over. Each case follows from its number and from what was recorded by then.
 */
import type { NodeId } from '../../../src/consensus/election/election.ts'
import type {
  Block,
  SignedStatement,
  Statement,
  View,
  VoteKind,
} from '../../../src/consensus/simplex/types.ts'
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

/** What the node hears in one case, and from whom. */
export interface Hostile {
  readonly from: NodeId
  readonly messages: readonly Recorded[]
}

interface Situation {
  readonly network: LiveNetwork
  readonly prng: Prng
  readonly instance: Instance
  /** The attacked node's view of this layer. */
  readonly view: number
}

type Attack = (situation: Situation) => readonly Recorded[]

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
    const instance = prng.pick(instances)
    // A member of the one committee is a stranger to the other, and may speak to both.
    const layer = prng.chance(0.9) ? instance.committee.layer : prng.pick(['execution', 'witness'] as const)
    const { id: from } = this.#network.played[layer]
    const status = this.#network.nodes[0]?.consensus.status()
    const view = status?.[instance.committee.layer].view ?? 1
    const name = prng.weighted(ATTACKS.map(([weight, name]) => [weight, name] as const))
    const attack = ATTACKS.find(([, other]) => other === name)?.[2] ?? garbage
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
    return { from, messages: attack({ network: this.#network, prng, instance, view }) }
  }
}

function recordedIn({ network, prng }: Situation): Recorded {
  const { recorded } = network.tap
  return recorded.length === 0 ? { messageClass: 'votes', bytes: filler(prng) } : prng.pick(recorded)
}

function replay(situation: Situation): Recorded[] {
  return situation.prng.times(situation.prng.pick([1, 1, 5]), () => recordedIn(situation))
}

function damaged(situation: Situation): Recorded[] {
  const { messageClass, bytes } = recordedIn(situation)
  const { prng } = situation
  const result = mutateBytes(prng, bytes, recordedIn(situation).bytes)
  return [{ messageClass, bytes: prng.chance(1 / 100) ? inflate(prng, result) : result }]
}

/** A message of the network that this node would take, with other fields. */
function changed(situation: Situation): Recorded[] {
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

function atRandom({ prng, instance }: Situation): Recorded[] {
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
  const { id, signer: key } = network.played[instance.committee.layer]
  const signer = seatOf(instance, id)
  const { domain } = instance.context
  return { ...statement, signer, signature: key.sign(signedBytes(domain, statement)) }
}

/** Several of one view, so that some contradict each other. */
function signedVotes(situation: Situation): Recorded[] {
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

function seatOf({ committee }: Instance, id: NodeId): number {
  return Math.max(0, committee.members.indexOf(id))
}

/** In views that the member leads, two at times: on the latest block or another, with a damaged body or a made-up one. */
function signedProposals(situation: Situation): Recorded[] {
  const { prng, instance, network, view } = situation
  const { committee, context } = instance
  const seat = seatOf(instance, network.played[committee.layer].id)
  const own = Math.max(1, view + ((seat - (view % context.size) + context.size) % context.size)) as View
  const seen = proposalsIn(situation).filter(({ proposal }) => proposal.view < own)
  const latest = seen.toSorted((a, b) => b.proposal.view - a.proposal.view)[0]
  const parent = prng.chance(0.7) || seen.length === 0 ? latest : prng.pick(seen)
  return prng.times(prng.pick([1, 1, 2]), () => {
    const block = makeBlock(
      {
        view: own,
        parentView: parent?.proposal.view ?? (0 as View),
        height: (parent?.proposal.height ?? 0) + (prng.chance(0.9) ? 1 : prng.below(5)),
        parentHash: parent?.proposal.hash ?? anyHash(prng),
        payloadHash: (prng.chance(0.5) ? latest?.proposal.payloadHash : undefined) ?? anyHash(prng),
      },
      bodyLike(prng, seen),
    )
    const { signature } = signed(situation, { kind: 'propose', view: own, hash: block.proposal.hash })
    return encoded(instance, { kind: 'propose', block, signature, certificates: [] })
  })
}

/** Blocks of this layer that were proposed lately. */
function proposalsIn({ network, instance }: Situation): Block[] {
  const proposed = network.tap.recorded.filter(({ messageClass }) => messageClass === 'blocks')
  return proposed.flatMap(({ bytes }) => {
    try {
      const message = decodeMessage(instance.context, bytes)
      return message.kind === 'propose' ? [message.block] : []
    } catch {
      return []
    }
  })
}

/** Nothing, noise, a lot of it, or what an honest leader proposed, damaged or not. */
function bodyLike(prng: Prng, seen: readonly Block[]): Uint8Array {
  const bodies = seen.map(({ body }) => body)
  if (bodies.length === 0 || prng.chance(0.2)) {
    return new Uint8Array(prng.pick([0, 100, 5000, prng.chance(0.05) ? 4 << 20 : 300])).fill(prng.below(256))
  }
  const body = prng.pick(bodies)
  return prng.chance(0.8) ? mutateBytes(prng, body, prng.pick(bodies)) : body
}

function elsewhere(situation: Situation): Recorded[] {
  const { prng } = situation
  const { messageClass, bytes } = recordedIn(situation)
  const moved = bytes.slice()
  // Version, layer, epoch and committee stand in front.
  moved[prng.pick([0, 1, 8, 9, 9, 9, 10])] = prng.below(256)
  return [{ messageClass, bytes: moved }]
}

function questions(situation: Situation): Recorded[] {
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

function wrongClass(situation: Situation): Recorded[] {
  return [{ ...recordedIn(situation), messageClass: situation.prng.pick(CLASSES) }]
}

function garbage({ prng }: Situation): Recorded[] {
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
