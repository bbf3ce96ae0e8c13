/** A committee with real keys, and what its members sign. */
import { bls } from '../../../src/consensus/bls.ts'
import type { NodeId } from '../../../src/consensus/election/election.ts'
import type { Signer } from '../../../src/consensus/signature-scheme.ts'
import { makeCertificate } from '../../../src/consensus/simplex/certificate.ts'
import { committeeShape } from '../../../src/consensus/simplex/config.ts'
import { signedBytes } from '../../../src/consensus/simplex/signing.ts'
import type { Certificate, Epoch, View, Vote } from '../../../src/consensus/simplex/types.ts'
import type { VerifyRequest, VoteStatement } from '../../../src/consensus/simplex/verification.ts'
import { wireContext, type WireContext } from '../../../src/consensus/simplex/wire.ts'
import { bytesToHex, toHash } from '../../../src/primitives/bytes.ts'

export interface Committee {
  readonly context: WireContext
  readonly signers: readonly Signer[]
  readonly publicKeys: readonly Uint8Array[]
  readonly nodes: readonly NodeId[]
}

export function committeeOf(size: number, epoch = 1): Committee {
  const signers = Array.from({ length: size }, (_, index) => bls.signer(new Uint8Array(32).fill(index + 1)))
  const publicKeys = signers.map(({ publicKey }) => publicKey)
  const committeeHash = toHash(`0x${'c4'.repeat(32)}`)
  const domain = { chainId: 31337n, layer: 'witness', epoch: epoch as Epoch, committeeHash } as const
  const nodes = publicKeys.map((key) => bytesToHex(key))
  return { context: wireContext(committeeShape(size), domain), signers, publicKeys, nodes }
}

export const NOTARIZE: VoteStatement = {
  kind: 'notarize',
  view: 7 as View,
  hash: toHash(`0x${'ab'.repeat(32)}`),
}

export function voteOf({ context, signers }: Committee, signer: number): Vote {
  const signature = signers[signer]?.sign(signedBytes(context.domain, NOTARIZE)) ?? new Uint8Array(96)
  return { ...NOTARIZE, signer, signature }
}

/** Of the first members. */
export function votesOf(committee: Committee, count: number): Vote[] {
  return Array.from({ length: count }, (_, signer) => voteOf(committee, signer))
}

export function certificateOf(committee: Committee): Certificate {
  const votes = votesOf(committee, committee.context.quorum)
  const sum = bls.aggregate(votes.map(({ signature }) => signature)) ?? new Uint8Array(96)
  const signers = votes.map(({ signer }) => signer)
  return makeCertificate(NOTARIZE, signers, sum, committee.context)
}

export function votesRequest(votes: readonly Vote[]): VerifyRequest {
  return { kind: 'votes', statement: NOTARIZE, votes }
}
