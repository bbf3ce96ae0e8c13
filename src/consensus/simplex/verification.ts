/**
 * Checking signatures, lazily: votes are collected first and verified together, when there are enough of them. The core
 * never does this itself; it hands out requests, and whoever drives it runs {@link verifyRequest}, on a worker thread if
 * need be, and hands back the result. 34 votes take one pairing check instead of 34.
 */
import { unreachable } from '../../primitives/assert.ts'
import type { Keyring, SignatureScheme } from '../signature-scheme.ts'
import { signersOf } from './certificate.ts'
import type { Domain } from './config.ts'
import { signedBytes } from './signing.ts'
import type { Certificate, SignedStatement, Statement, VoteKind } from './types.ts'

export interface SignerSignature {
  readonly signer: number
  readonly signature: Uint8Array
}

export type VerifyRequest =
  /** Votes for one statement that are to become a certificate. Each signer appears once. */
  | { readonly kind: 'votes'; readonly statement: VoteStatement; readonly votes: readonly SignerSignature[] }
  | { readonly kind: 'certificate'; readonly certificate: Certificate }
  /** Statements that must each be valid by themselves, because somebody will be blamed for them. */
  | { readonly kind: 'statements'; readonly statements: readonly SignedStatement[] }

export interface VoteStatement extends Statement {
  readonly kind: VoteKind
}

export type VerifyResult =
  | {
      readonly kind: 'votes'
      readonly invalidSigners: readonly number[]
      /** The sum of the valid ones; `undefined` when there are none. */
      readonly aggregate: Uint8Array | undefined
    }
  | { readonly kind: 'certificate'; readonly isValid: boolean }
  | { readonly kind: 'statements'; readonly isValid: boolean }

/** Everything that signatures of one committee are checked with. */
export interface Verifier {
  readonly scheme: SignatureScheme
  readonly domain: Domain
  /** The members' keys, in the committee's order. */
  readonly keyring: Keyring
}

export function verifyRequest(verifier: Verifier, request: VerifyRequest): VerifyResult {
  const { domain, keyring } = verifier
  switch (request.kind) {
    case 'votes':
      return verifyVotes(verifier, signedBytes(domain, request.statement), request.votes)
    case 'certificate':
      return { kind: 'certificate', isValid: verifyCertificate(verifier, request.certificate) }
    case 'statements':
      return {
        kind: 'statements',
        isValid: request.statements.every((statement) =>
          keyring.verify(statement.signer, signedBytes(domain, statement), statement.signature),
        ),
      }
    default:
      return unreachable(request)
  }
}

/** Whether those in the bitmap signed. That they are a quorum is `isWellFormed`'s to say. */
export function verifyCertificate({ keyring, domain }: Verifier, certificate: Certificate): boolean {
  const message = signedBytes(domain, certificate)
  return keyring.verifyAggregate(signersOf(certificate.bitmap), message, certificate.signature)
}

/**
 * Two invalid votes can be made to cancel out, so that their sum is valid. Such a sum still proves that the keys in it
 * signed together, which is all that a certificate is taken for; blame is laid on single signatures only.
 */
function verifyVotes(
  verifier: Verifier,
  message: Uint8Array,
  votes: readonly SignerSignature[],
): VerifyResult {
  const aggregate = sumIfValid(verifier, message, votes)
  if (aggregate !== undefined) return { kind: 'votes', invalidSigners: [], aggregate }
  const invalidSigners = findInvalid(verifier, message, votes)
  const valid = votes.filter(({ signer }) => !invalidSigners.includes(signer))
  return { kind: 'votes', invalidSigners, aggregate: sumIfValid(verifier, message, valid) }
}

function sumIfValid(
  { scheme, keyring }: Verifier,
  message: Uint8Array,
  votes: readonly SignerSignature[],
): Uint8Array | undefined {
  const sum = scheme.aggregate(votes.map(({ signature }) => signature))
  if (sum === undefined) return undefined
  const signers = votes.map(({ signer }) => signer)
  return keyring.verifyAggregate(signers, message, sum) ? sum : undefined
}

/** Halves what does not verify until single votes are left: k bad ones among n cost about 2k·log₂(n/k) checks. */
function findInvalid(verifier: Verifier, message: Uint8Array, votes: readonly SignerSignature[]): number[] {
  const [first] = votes
  if (first === undefined) return []
  if (votes.length === 1) {
    return verifier.keyring.verify(first.signer, message, first.signature) ? [] : [first.signer]
  }
  const middle = votes.length >> 1
  return [votes.slice(0, middle), votes.slice(middle)].flatMap((half) =>
    sumIfValid(verifier, message, half) === undefined ? findInvalid(verifier, message, half) : [],
  )
}
