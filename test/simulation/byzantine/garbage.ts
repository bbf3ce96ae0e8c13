/** Sends bytes that are no messages: noise, cut off ones, ones that go on, flipped bits, absurd sizes. */
import { concatBytes } from '../../../src/primitives/bytes.ts'
import { MESSAGE_SIZE_MAX } from '../../../src/consensus/simplex/wire.ts'
import type { Behaviour } from './behaviours.ts'
import type { Liar } from './liar.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'

const OVERSIZE = new Uint8Array(MESSAGE_SIZE_MAX + 1)

export const garbage: Behaviour = {
  name: 'garbage',
  intercept(liar, to, message) {
    for (const receiver of liar.receivers(to)) {
      liar.send(receiver, message)
      if (liar.stream.chance(0.3)) liar.sendBytes(receiver, damaged(liar, message))
    }
    return true
  },
}

function damaged(liar: Liar, message: Message): Uint8Array {
  const { stream, world } = liar
  const bytes = world.subject.encodeMessage(world.wire, message)
  switch (stream.below(5)) {
    case 0:
      return stream.bytes(stream.below(300))
    case 1:
      return bytes.subarray(0, stream.below(bytes.length))
    case 2:
      return concatBytes(bytes, stream.bytes(1 + stream.below(9)))
    case 3:
      return OVERSIZE
    default: {
      const at = stream.below(bytes.length)
      bytes[at] = (bytes[at] as number) ^ (1 << stream.below(8))
      return bytes
    }
  }
}
