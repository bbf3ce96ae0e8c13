/**
 * A member that lies on purpose, for networks that are there to be broken. Beside what its node says, it signs something
 * else about the same view with the same key:
 *
 * - as a leader another proposal; half of the others hear of it first, the other half last,
 * - as a voter another notarization, which half of the others hear.
 *
 * Whoever hears both has evidence and brings it onto the chain. The node itself knows nothing of it: its log and its
 * guard against signing twice stay those of an honest node, so that it can be healed again.
 */
import type { InstanceDescription, InstanceHost, InstancePorts } from '../../consensus/dual-bft/instances.ts'
import type { Committee } from '../../consensus/committees/committee.ts'
import type { Clock } from '../../consensus/plugin.ts'
import type { Signer } from '../../consensus/signature-scheme.ts'
import type { Message, ProposeMessage } from '../../consensus/simplex/messages.ts'
import { makeBlock } from '../../consensus/simplex/proposal.ts'
import { signedBytes } from '../../consensus/simplex/signing.ts'
import type { Statement, Vote } from '../../consensus/simplex/types.ts'
import { EMPTY_BYTES, hexToBytes, type Hash } from '../../primitives/bytes.ts'
import { keccak256Hash } from '../../primitives/keccak.ts'

/** Between two lies in one layer: each costs the honest a report of half a million gas. */
const LIE_PAUSE_MS = 2_000

export interface EquivocationSwitch {
  isOn: boolean
}

/** Opens instances as `host` does, and lies in them while the switch is on. */
export function equivocatingHost(
  host: InstanceHost,
  options: { readonly signer: Signer; readonly clock: Clock; readonly lying: EquivocationSwitch },
): InstanceHost {
  return {
    open: async (instance) => {
      const ports = await host.open(instance)
      const { self } = instance
      if (self === undefined) return ports
      const liar = new Liar(ports.transport, instance, self, options.signer)
      let liedMs = Number.NEGATIVE_INFINITY
      const broadcast: InstancePorts['transport']['broadcast'] = (message, reach) => {
        const nowMs = options.clock.nowMs()
        const lies = options.lying.isOn && nowMs - liedMs >= LIE_PAUSE_MS && liar.says(message)
        if (lies) liedMs = nowMs
        else ports.transport.broadcast(message, reach)
      }
      return { ...ports, transport: { send: (to, message) => ports.transport.send(to, message), broadcast } }
    },
    setCommittees: (committees: readonly Committee[]) => host.setCommittees(committees),
  }
}

class Liar {
  readonly #transport: InstancePorts['transport']
  readonly #instance: InstanceDescription
  readonly #self: number
  readonly #signer: Signer

  constructor(
    transport: InstancePorts['transport'],
    instance: InstanceDescription,
    self: number,
    signer: Signer,
  ) {
    this.#transport = transport
    this.#instance = instance
    this.#self = self
    this.#signer = signer
  }

  /** Sends the message and what contradicts it. False, with nothing sent, for one that nothing contradicts. */
  says(message: Message): boolean {
    if (message.kind === 'propose') {
      const other = this.#otherProposal(message)
      for (const peer of this.#half()) this.#transport.send(peer, other)
      this.#transport.broadcast(message)
      this.#transport.broadcast(other)
      return true
    }
    if (message.kind !== 'vote' || message.vote.kind !== 'notarize') return false
    this.#transport.broadcast(message)
    const other = this.#otherVote(message.vote)
    for (const peer of this.#half()) this.#transport.send(peer, other)
    return true
  }

  *#half(): Iterable<number> {
    const { length } = this.#instance.committee.members
    for (let step = 1; step < length; step += 2) yield (this.#self + step) % length
  }

  /** Of a payload that nobody has: whoever takes it for the leader's proposal finds it wrong, and gives the view up. */
  #otherProposal(message: ProposeMessage): ProposeMessage {
    const { proposal } = message.block
    const block = makeBlock({ ...proposal, payloadHash: contrary(proposal.payloadHash) }, EMPTY_BYTES)
    const { view, hash } = block.proposal
    return { ...message, block, signature: this.#sign({ kind: 'propose', view, hash }) }
  }

  #otherVote({ kind, view, hash, signer }: Vote): Message {
    const statement = { kind, view, hash: contrary(hash) }
    return { kind: 'vote', vote: { ...statement, signer, signature: this.#sign(statement) } }
  }

  #sign(statement: Statement): Uint8Array {
    return this.#signer.sign(signedBytes(this.#instance.domain, statement))
  }
}

function contrary(hash: Hash): Hash {
  return keccak256Hash(hexToBytes(hash))
}
