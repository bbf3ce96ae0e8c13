/** Verifying certificates with the simulator's own knowledge, not the product's. */
import { domainOf, type Committee } from '../../../src/consensus/committees/committee.ts'
import { signersOf } from '../../../src/consensus/simplex/certificate.ts'
import { signedBytes } from '../../../src/consensus/simplex/signing.ts'
import type { Certificate } from '../../../src/consensus/simplex/types.ts'
import { hexToBytes } from '../../../src/primitives/bytes.ts'
import { stubScheme } from '../stub-scheme.ts'
import { nameOf } from './node.ts'
import type { DualWorld } from './world.ts'

/** Whether a quorum of a committee signed it. */
export function bitmapIsQuorum(world: DualWorld, committee: Committee, certificate: Certificate): boolean {
  const signers = signersOf(certificate.bitmap)
  const { quorum, size } = committee.shape
  if (new Set(signers).size < quorum || signers.some((signer) => signer >= size)) return false
  const key = `${nameOf(committee)} ${certificate.kind} ${certificate.view} ${certificate.hash} ${certificate.bitmap.toHex()} ${certificate.signature.toHex()}`
  const known = world.verifiedCertificates.get(key)
  if (known !== undefined) return known
  const keyring = stubScheme.keyring(committee.members.map((member) => hexToBytes(member)))
  const bytes = signedBytes(domainOf(1n, committee), certificate)
  const isValid = keyring.verifyAggregate(signers, bytes, certificate.signature)
  world.verifiedCertificates.set(key, isValid)
  return isValid
}
