/** Certificates: who is in one, whether one can be one at all, how votes become one. Their signatures: `verification.ts`. */
import { assert } from '../../primitives/assert.ts'
import { equalBytes } from '../../primitives/bytes.ts'
import { NO_HASH, type Certificate, type Statement, type VoteKind } from './types.ts'
import type { CommitteeShape } from './config.ts'

/** Bytes of a bitmap with one bit a member. */
export function bitmapSize(committeeSize: number): number {
  return Math.ceil(committeeSize / 8)
}

/** @param signers indexes below `committeeSize`; one that is named twice counts once. */
export function bitmapOf(signers: Iterable<number>, committeeSize: number): Uint8Array {
  const bitmap = new Uint8Array(bitmapSize(committeeSize))
  for (const signer of signers) {
    assert(signer < committeeSize, 'signers are members')
    bitmap[signer >> 3] = (bitmap[signer >> 3] as number) | (1 << (signer & 7))
  }
  return bitmap
}

/** The members whose bits are set, ascending. */
export function signersOf(bitmap: Uint8Array): number[] {
  const signers: number[] = []
  for (let index = 0; index < bitmap.length * 8; index++) {
    if ((((bitmap[index >> 3] as number) >> (index & 7)) & 1) === 1) signers.push(index)
  }
  return signers
}

/**
 * Whether a certificate names a quorum of members and a hash as its kind demands. A bitmap of another length, or with
 * bits of nobody, is refused: one certificate has one encoding.
 */
export function isWellFormed(certificate: Certificate, committee: CommitteeShape): boolean {
  if ((certificate.kind === 'nullify') !== (certificate.hash === NO_HASH)) return false
  if (certificate.view === 0 || certificate.bitmap.length !== bitmapSize(committee.size)) return false
  const signers = signersOf(certificate.bitmap)
  return signers.length >= committee.quorum && signers.every((signer) => signer < committee.size)
}

/** Whether two are the same in all their bytes. */
export function isSameCertificate(a: Certificate, b: Certificate): boolean {
  const isSameStatement = a.kind === b.kind && a.view === b.view && a.hash === b.hash
  return isSameStatement && equalBytes(a.bitmap, b.bitmap) && equalBytes(a.signature, b.signature)
}

export function makeCertificate(
  statement: Statement & { readonly kind: VoteKind },
  signers: Iterable<number>,
  signature: Uint8Array,
  committee: CommitteeShape,
): Certificate {
  const { kind, view, hash } = statement
  return { kind, view, hash, bitmap: bitmapOf(signers, committee.size), signature }
}
