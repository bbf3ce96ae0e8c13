/**
 * A member that breaks the rules: an ordinary node whose messages pass through its behaviours on their way out, and which
 * may say things of its own. Liars know each other and sign for each other; they cannot sign for the honest.
 */
import type { Hash } from '../../../src/primitives/bytes.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import type { SignedStatement, Statement, Vote } from '../../../src/consensus/simplex/types.ts'
import { ROOT } from '../application.ts'
import type { SimulatedNode } from '../node.ts'
import { Stream } from '../stream.ts'
import { stubSigner } from '../stub-scheme.ts'
import type { World } from '../world.ts'
import type { Behaviour } from './behaviours.ts'

export class Liar {
  readonly world: World
  readonly node: SimulatedNode
  readonly stream: Stream
  private readonly behaviours: readonly Behaviour[]

  constructor(world: World, node: SimulatedNode, behaviours: readonly Behaviour[]) {
    this.world = world
    this.node = node
    this.behaviours = behaviours
    this.stream = new Stream(world.options.seed, `liar ${node.id}`)
  }

  /** Whether a behaviour took the message upon itself. @param to `undefined` for all others. */
  intercepts(to: number | undefined, message: Message): boolean {
    return this.behaviours.some((behaviour) => behaviour.intercept?.(this, to, message) === true)
  }

  tick(): void {
    if (this.node.core === undefined) return
    for (const behaviour of this.behaviours) behaviour.tick?.(this)
  }

  /** The members that the message is for. */
  receivers(to: number | undefined): number[] {
    return to === undefined ? this.others() : [to]
  }

  others(): number[] {
    return this.world.othersThan(this.node.index)
  }

  accomplices(): readonly SimulatedNode[] {
    return this.world.nodes.filter(({ isByzantine }) => isByzantine)
  }

  /** Of a proposal that this node knows. */
  payloadOf(hash: Hash): Hash | undefined {
    if (hash === ROOT.hash) return ROOT.payloadHash
    const block = this.node.core?.blocks.get(hash)?.block ?? this.node.chain.block(hash)
    return block?.proposal.payloadHash
  }

  send(to: number, message: Message, delayMs = 0): void {
    this.world.network.send(this.node, to, message, delayMs)
  }

  sendBytes(to: number, bytes: Uint8Array): void {
    this.world.network.sendBytes(this.node, to, bytes)
  }

  sign(statement: Statement, node: SimulatedNode = this.node): SignedStatement {
    const { subject, domain } = this.world
    const signature = stubSigner(node.index).sign(subject.signedBytes(domain, statement))
    return { ...statement, signer: node.index, signature }
  }

  vote(statement: Pick<Vote, 'kind' | 'view' | 'hash'>, node: SimulatedNode = this.node): Message {
    return { kind: 'vote', vote: { ...this.sign(statement, node), kind: statement.kind } }
  }
}
