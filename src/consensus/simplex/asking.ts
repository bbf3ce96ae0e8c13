/**
 * Asking peers, within what they will answer. A node keeps count of its own requests, so that catching up from far behind
 * never looks like a flood to anybody; what does not fit waits for the next tick of the resend timer.
 */
import { LIMITS } from './config.ts'
import type { Peer } from './events.ts'
import type { BlockRequest, CertificateRequest, SyncRequest } from './messages.ts'
import type { Core } from './state.ts'

/**
 * Sends a request to a peer that may still be asked: the preferred one, or else the next in turn.
 * @returns who was asked, if anybody.
 */
export function ask(
  core: Core,
  message: CertificateRequest | BlockRequest | SyncRequest,
  preferred?: Peer,
): Peer | undefined {
  const to = preferred !== undefined && mayAsk(core, preferred) ? preferred : nextPeer(core)
  if (to === undefined) return undefined
  core.asked.set(to, (core.asked.get(to) ?? 0) + 1)
  core.effects.push({ kind: 'send', to, message })
  return to
}

/** The next member in turn that may be asked; another one each time, so that no liar is asked again and again. */
function nextPeer(core: Core): Peer | undefined {
  const { size } = core.config
  for (let attempt = 0; attempt < size; attempt++) {
    core.nextPeer = (core.nextPeer + 1) % size
    if (mayAsk(core, core.nextPeer)) return core.nextPeer
  }
  return undefined
}

function mayAsk(core: Core, peer: Peer): boolean {
  return peer !== core.config.self && (core.asked.get(peer) ?? 0) < LIMITS.askedPerTick
}
