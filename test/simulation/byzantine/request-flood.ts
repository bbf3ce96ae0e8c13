/** Asks for everything all the time. */
import { bytesToHash } from '../../../src/primitives/bytes.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import type { View } from '../../../src/consensus/simplex/types.ts'
import type { Behaviour } from './behaviours.ts'

const REQUESTS_PER_TICK = 120

export const requestFlood: Behaviour = {
  name: 'request-flood',
  tick(liar) {
    const view = liar.node.core?.view ?? (1 as View)
    const fromView = Math.max(1, view - 50) as View
    const hash = liar.node.core?.tip.hash ?? bytesToHash(liar.stream.bytes(32))
    const requests: readonly Message[] = [
      { kind: 'certificateRequest', fromView, toView: view },
      { kind: 'blockRequest', hash, aboveHeight: 0 },
      { kind: 'syncRequest', fromHeight: 1 },
    ]
    for (const receiver of liar.stream.some(liar.others(), 0.5)) {
      for (let i = 0; i < REQUESTS_PER_TICK; i++) for (const request of requests) liar.send(receiver, request)
    }
  },
}
