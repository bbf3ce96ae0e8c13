/**
 * Messages that many nodes of one process receive as the same bytes, decoded once. What comes out is shared by all of
 * them, and nobody changes it.
 */
import type { Message } from '../../consensus/simplex/messages.ts'
import { decodeMessage, type WireContext } from '../../consensus/simplex/wire.ts'
import { equalBytes } from '../../primitives/bytes.ts'

interface Decoded {
  readonly context: WireContext
  readonly message: Message
}

export class SharedMessages {
  readonly #decoded = new WeakMap<Uint8Array, Decoded>()

  /** As `decodeMessage`. @throws WireError */
  decode(context: WireContext, bytes: Uint8Array): Message {
    const known = this.#decoded.get(bytes)
    if (known !== undefined && isSame(known.context, context)) return known.message
    const message = decodeMessage(context, bytes)
    this.#decoded.set(bytes, { context, message })
    return message
  }
}

/** What is found in a message depends on the committee that it is read for. */
function isSame(a: WireContext, b: WireContext): boolean {
  return a.size === b.size && a.quorum === b.quorum && equalBytes(a.envelope, b.envelope)
}
