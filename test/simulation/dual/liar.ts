/** A node that breaks the rules: an ordinary one whose messages pass through its behaviours on their way out. */
import type { Message, ProposeMessage } from '../../../src/consensus/simplex/messages.ts'
import type { Block, Layer, Statement } from '../../../src/consensus/simplex/types.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import { Stream } from '../stream.ts'
import { stubSigner } from '../stub-scheme.ts'
import type { DualBehaviour } from './behaviours.ts'
import type { DualNode, OpenInstance } from './node.ts'
import type { DualWorld } from './world.ts'

/** Proposals that a liar remembers the payload of. */
const PAYLOADS_MAX = 1000

export class DualLiar {
  readonly world: DualWorld
  readonly node: DualNode
  readonly stream: Stream
  /** The layer that it does the worst to. */
  readonly favourite: Layer
  private readonly behaviours: readonly DualBehaviour[]
  private readonly payloads = new Map<Hash, Hash>()

  constructor(world: DualWorld, node: DualNode, behaviours: readonly DualBehaviour[]) {
    this.world = world
    this.node = node
    this.behaviours = behaviours
    this.stream = new Stream(world.options.seed, `liar ${node.id}`)
    this.favourite = this.stream.pick(['execution', 'witness'])
  }

  /** Whether a behaviour took the message upon itself. */
  intercepts(instance: OpenInstance, to: number | undefined, message: Message): boolean {
    this.note(message)
    return this.behaviours.some((behaviour) => behaviour.intercept(this, instance, to, message))
  }

  /** What anybody proposed is remembered: later proposals build on it. */
  note(message: Message): void {
    if (message.kind !== 'propose') return
    const { hash, payloadHash } = message.block.proposal
    this.payloads.set(hash, payloadHash)
    const [oldest] = this.payloads.keys()
    if (this.payloads.size > PAYLOADS_MAX && oldest !== undefined) this.payloads.delete(oldest)
  }

  payloadOf(proposal: Hash): Hash | undefined {
    return this.payloads.get(proposal)
  }

  /** Nodes that a message to all goes to. */
  receivers(instance: OpenInstance, message: Message): number[] {
    return this.world.receiversOf(this.node, instance.committee, message)
  }

  /** @param to a node, or `undefined` for all that it concerns. */
  send(instance: OpenInstance, to: number | undefined, message: Message, delayMs = 0): void {
    const receivers = to === undefined ? this.receivers(instance, message) : [to]
    for (const receiver of receivers) this.world.post(this.node, receiver, instance, message, delayMs)
  }

  /** The same message about another block. */
  proposal(instance: OpenInstance, message: ProposeMessage, block: Block): ProposeMessage {
    const { view, hash } = block.proposal
    return { ...message, block, signature: this.sign(instance, { kind: 'propose', view, hash }) }
  }

  voteFor(instance: OpenInstance, to: number, { proposal: { view, hash } }: Block): void {
    const statement = { kind: 'notarize', view, hash } as const
    const signer = instance.self
    if (signer === undefined) return
    const vote = { ...statement, signer, signature: this.sign(instance, statement) }
    this.send(instance, to, { kind: 'vote', vote })
  }

  private sign(instance: OpenInstance, statement: Statement): Uint8Array {
    return stubSigner(this.node.id).sign(this.world.subject.signedBytes(instance.domain, statement))
  }
}
