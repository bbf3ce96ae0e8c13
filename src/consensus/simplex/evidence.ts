/**
 * What proves that a member broke the rules: two statements of one view that no honest node signs both. The keys and the
 * signatures are in it, so that anybody can check it, long after and without having been there.
 */
import type { Keyring } from '../signature-scheme.ts'
import type { Domain } from './config.ts'
import { signedBytes } from './signing.ts'
import type { SignedStatement, Statement } from './types.ts'

/** Both by the same signer, about the same view. */
export interface Evidence {
  readonly first: SignedStatement
  readonly second: SignedStatement
}

/**
 * Two proposals, two notarizations or two finalizations of different blocks, or giving up a view and finalizing in it.
 * Notarizing and then giving up is honest, and so is finalizing another block than one notarized oneself.
 */
export function isOffence(first: Statement, second: Statement): boolean {
  if (first.view !== second.view) return false
  if (first.kind === second.kind) return first.hash !== second.hash
  const kinds = new Set([first.kind, second.kind])
  return kinds.has('finalize') && kinds.has('nullify')
}

/** Whether the evidence holds against the member whose index it names. */
export function verifyEvidence(domain: Domain, keyring: Keyring, { first, second }: Evidence): boolean {
  if (first.signer !== second.signer || !isOffence(first, second)) return false
  return [first, second].every((statement) =>
    keyring.verify(statement.signer, signedBytes(domain, statement), statement.signature),
  )
}
