/**
 * Whom a node lets in: the checks of a hello. The encrypted connection has proved the peer id; the hello must prove which
 * node it belongs to, that the node is on the same chain, and that its clock is close enough for time-outs to make sense.
 */
import type { NodeId } from '../consensus/election/election.ts'
import type { SignatureScheme } from '../consensus/signature-scheme.ts'
import { WireError } from '../consensus/simplex/binary.ts'
import { NETWORK_VERSION, type GoodbyeReason, type Hello } from './control-messages.ts'
import { decodePeerRecord, isSignedByNode, type ChainIdentity, type SignedPeerRecord } from './peer-record.ts'

/** A block's time may be that far from a node's own. */
export const CLOCK_SKEW_MS_MAX = 10_000

export interface IntroductionRules extends ChainIdentity {
  readonly self: NodeId
  readonly scheme: SignatureScheme
  readonly clockSkewMsMax: number
  isBanned(node: NodeId): boolean
}

export type Verdict =
  | { readonly kind: 'known'; readonly record: SignedPeerRecord }
  | { readonly kind: 'refused'; readonly reason: GoodbyeReason }

/** @param peerId what the connection proved. */
export function judgeHello(rules: IntroductionRules, hello: Hello, peerId: string, nowMs: number): Verdict {
  if (hello.version !== NETWORK_VERSION) return refused('another network version')
  const record = parseRecord(hello.record)
  if (record === undefined) return refused('malformed hello')
  // Cheap checks first: a signature takes a millisecond.
  if (record.chainId !== rules.chainId) return refused('another chain id')
  if (record.genesisHash !== rules.genesisHash) return refused('another genesis')
  if (record.peerId !== peerId) return refused('wrong peer id')
  if (Math.abs(hello.clockMs - nowMs) > rules.clockSkewMsMax) return refused('clock too far off')
  if (rules.isBanned(record.node)) return refused('banned')
  if (!isSignedByNode(record, rules.scheme)) return refused('wrong signature')
  // Checked last: only who has our key may tell us that it does.
  if (record.node === rules.self) return refused('the same node key is in use here')
  return { kind: 'known', record }
}

/** A record that was passed on: whole, of this chain, signed. `undefined` when it is not. */
export function judgeRecord(rules: IntroductionRules, encoded: Uint8Array): SignedPeerRecord | undefined {
  const record = parseRecord(encoded)
  if (record === undefined || record.chainId !== rules.chainId) return undefined
  if (record.genesisHash !== rules.genesisHash) return undefined
  return isSignedByNode(record, rules.scheme) ? record : undefined
}

function parseRecord(encoded: Uint8Array): SignedPeerRecord | undefined {
  try {
    return decodePeerRecord(encoded)
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
}

function refused(reason: GoodbyeReason): Verdict {
  return { kind: 'refused', reason }
}
