/** The network of the nodes of one committee. Messages are handed over as they are, or as bytes that are decoded on arrival. */
import type { Message } from '../../src/consensus/simplex/messages.ts'
import type { Links } from './links.ts'
import type { SimulatedNode } from './node.ts'
import { describeMessage, labelOf } from './trace.ts'
import type { World } from './world.ts'

/** For a narrow link: bytes of a message without its body. */
const ENVELOPE_BYTES = 200

export class SimulatedNetwork {
  private readonly world: World
  private readonly links: Links
  /** What goes to many is encoded and decoded once. */
  private readonly encoded = new WeakMap<Message, Uint8Array>()
  private readonly decoded = new WeakMap<Uint8Array, Message>()

  constructor(world: World, links: Links) {
    this.world = world
    this.links = links
  }

  /** Sends to everybody who has the index: twins share one. */
  send(from: SimulatedNode, to: number, message: Message, delayMs = 0): void {
    // What honest nodes send decodes to what they encoded; what liars send must get past the decoder.
    const isOnWire = this.world.plan.isOnWire || from.isByzantine
    const bytes = isOnWire ? this.encode(message) : undefined
    const parcel = { size: sizeOf(message), delayMs, label: labelOf(message) }
    for (const receiver of this.world.nodesOf(to)) {
      this.links.transmit(from.id, receiver.id, parcel, () => {
        const arrived = bytes === undefined ? message : this.decode(from, receiver, bytes)
        if (arrived !== undefined) this.arrive(from, receiver, arrived)
      })
    }
  }

  private encode(message: Message): Uint8Array {
    const bytes = this.encoded.get(message) ?? this.world.subject.encodeMessage(this.world.wire, message)
    this.encoded.set(message, bytes)
    return bytes
  }

  /** Sends bytes as they are, whatever they are. */
  sendBytes(from: SimulatedNode, to: number, bytes: Uint8Array): void {
    const parcel = { size: bytes.length, delayMs: 0, label: bytes.length }
    for (const receiver of this.world.nodesOf(to)) {
      this.links.transmit(from.id, receiver.id, parcel, () => {
        const message = this.decode(from, receiver, bytes)
        if (message !== undefined) this.arrive(from, receiver, message)
      })
    }
  }

  private arrive(from: SimulatedNode, receiver: SimulatedNode, message: Message): void {
    this.world.trace?.(receiver, `← ${from.name} ${describeMessage(message)}`)
    receiver.receive(from.index, message)
  }

  private decode(from: SimulatedNode, receiver: SimulatedNode, bytes: Uint8Array): Message | undefined {
    try {
      const message = this.decoded.get(bytes) ?? this.world.subject.decodeMessage(this.world.wire, bytes)
      this.decoded.set(bytes, message)
      return message
    } catch (error) {
      if (!(error instanceof this.world.subject.WireError)) throw error
      this.world.trace?.(receiver, `← ${from.name} ${bytes.length} bytes refused: ${error.message}`)
      if (!from.isByzantine)
        this.world.violate('wire', `${from.name} sent bytes that are refused: ${error.message}`)
      return undefined
    }
  }
}

export function sizeOf(message: Message): number {
  const blocks =
    message.kind === 'blocks' ? message.blocks : message.kind === 'propose' ? [message.block] : []
  const certificates = 'certificates' in message ? message.certificates.length : 0
  const parts = blocks.length + certificates + 1
  return blocks.reduce((sum, { body }) => sum + body.length, parts * ENVELOPE_BYTES)
}
