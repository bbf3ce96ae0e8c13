/**
 * Signatures of strangers, by the native library: points that are none, points outside of the group, keys that are
 * signatures. Whatever comes is judged, never thrown; and nothing passes but what was signed.
 */
import { bls } from '../../../src/consensus/bls.ts'
import { signersOf } from '../../../src/consensus/simplex/certificate.ts'
import { committeeShape, type Domain } from '../../../src/consensus/simplex/config.ts'
import { verifyEvidence, type Evidence } from '../../../src/consensus/simplex/evidence.ts'
import { signedBytes } from '../../../src/consensus/simplex/signing.ts'
import { ByteReader, ByteWriter } from '../../../src/consensus/simplex/binary.ts'
import type {
  Certificate,
  Epoch,
  SignedStatement,
  Statement,
  View,
} from '../../../src/consensus/simplex/types.ts'
import { verifyRequest, type Verifier } from '../../../src/consensus/simplex/verification.ts'
import { certificateSize, readCertificate, writeCertificate } from '../../../src/consensus/simplex/wire.ts'
import { makeCertificate } from '../../../src/consensus/simplex/certificate.ts'
import { assert, present } from '../../../src/primitives/assert.ts'
import { bytesToHex, toHash } from '../../../src/primitives/bytes.ts'
import { anyHash } from '../consensus-values.ts'
import { target, type Target } from '../target.ts'

const SHAPE = committeeShape(4)
const DOMAIN: Domain = {
  chainId: 31_337n,
  layer: 'execution',
  epoch: 1 as Epoch,
  committeeHash: toHash(`0x${'c1'.repeat(32)}`),
}
const signers = Array.from({ length: SHAPE.size }, (_, index) =>
  bls.signer(new Uint8Array(32).fill(index + 1)),
)
const keyring = bls.keyring(signers.map(({ publicKey }) => publicKey))
const verifier: Verifier = { scheme: bls, domain: DOMAIN, keyring }
/** Pairings take a millisecond or two each. */
const TIME_MS_MAX = 200

function sign(statement: Statement, signer: number): SignedStatement {
  const signature = present(signers[signer], 'a member').sign(signedBytes(DOMAIN, statement))
  return { ...statement, signer, signature }
}

const issued = new Set<string>()
const encodeCertificate = (certificate: Certificate): Uint8Array => {
  const writer = new ByteWriter(certificateSize(certificate))
  writeCertificate(writer, certificate)
  return writer.finish()
}

const certificates = target<Certificate, { readonly isValid: boolean }>({
  name: 'certificate-signature',
  values: (prng) =>
    prng.times(12, () => {
      const statement = { kind: 'notarize', view: prng.between(1, 9) as View, hash: anyHash(prng) } as const
      const members = prng.pick([
        [0, 1, 2],
        [1, 2, 3],
        [0, 1, 2, 3],
      ])
      const signatures = members.map((member) => sign(statement, member).signature)
      const sum = present(bls.aggregate(signatures), 'a sum of signatures')
      const certificate = makeCertificate(statement, members, sum, SHAPE)
      issued.add(bytesToHex(encodeCertificate(certificate)))
      return certificate
    }),
  encode: encodeCertificate,
  decode: (bytes) => {
    const reader = new ByteReader(bytes)
    const certificate = readCertificate(reader, SHAPE)
    reader.end()
    const result = verifyRequest(verifier, { kind: 'certificate', certificate })
    assert(result.kind === 'certificate', 'the answer is of the kind of the question')
    const votes = signersOf(certificate.bitmap).map((signer) => ({
      signer,
      signature: certificate.signature,
    }))
    verifyRequest(verifier, { kind: 'votes', statement: certificate, votes })
    return result
  },
  errors: ['INVALID_WIRE_BYTES'],
  check: ({ isValid }, bytes) => {
    assert(isValid === issued.has(bytesToHex(bytes)), 'valid is what was issued, and nothing else')
  },
  timeMsMax: TIME_MS_MAX,
})

const evidence = target<Evidence, { readonly isValid: boolean; readonly isOffence: boolean }>({
  name: 'evidence',
  values: (prng) =>
    prng.times(12, () => {
      const [view, signer] = [prng.between(1, 9) as View, prng.below(SHAPE.size)]
      const kind = prng.pick(['propose', 'notarize', 'finalize'] as const)
      return {
        first: sign({ kind, view, hash: anyHash(prng) }, signer),
        second: sign({ kind, view, hash: anyHash(prng) }, signer),
      }
    }),
  // Evidence has no encoding of its own here: the bytes stand for what a caller may have put together.
  encode: (value) => new TextEncoder().encode(JSON.stringify(value, (_, field: unknown) => plain(field))),
  decode: (bytes) => {
    const parsed = parseEvidence(bytes)
    if (parsed === undefined) return { isValid: false, isOffence: false }
    const isValid = verifyEvidence(DOMAIN, keyring, parsed)
    return {
      isValid,
      isOffence: parsed.first.view === parsed.second.view && parsed.first.signer === parsed.second.signer,
    }
  },
  errors: [],
  check: ({ isValid, isOffence }) =>
    assert(!isValid || isOffence, 'evidence is about one member in one view'),
  timeMsMax: TIME_MS_MAX,
})

function plain(field: unknown): unknown {
  return field instanceof Uint8Array ? bytesToHex(field) : field
}

/** Statements whose fields have the types that decoders give them, with any values in them. */
function parseEvidence(bytes: Uint8Array): Evidence | undefined {
  try {
    const parsed = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, Record<string, unknown>>
    const [first, second] = [parsed['first'], parsed['second']].map(parseStatement)
    return first === undefined || second === undefined ? undefined : { first, second }
  } catch {
    return undefined
  }
}

function parseStatement(fields: Record<string, unknown> | undefined): SignedStatement | undefined {
  const kinds = ['propose', 'notarize', 'nullify', 'finalize'] as const
  const kind = kinds.find((name) => name === fields?.['kind'])
  const [view, signer, hash, signature] = ['view', 'signer', 'hash', 'signature'].map((key) => fields?.[key])
  const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
  if (kind === undefined || !isWhole(view) || view >= 2 ** 48 || !isWhole(signer)) return undefined
  if (typeof hash !== 'string' || !/^0x[0-9a-f]{64}$/.test(hash) || typeof signature !== 'string')
    return undefined
  return {
    kind,
    view: view as View,
    signer,
    hash: toHash(hash),
    signature: Uint8Array.fromHex(signature.slice(2)),
  }
}

const publicKeys = target<Uint8Array, unknown>({
  name: 'public-key',
  values: () => signers.flatMap(({ publicKey, sign }) => [publicKey, sign(publicKey).subarray(0, 48)]),
  encode: (key) => key,
  decode: (bytes) => bls.keyring([bytes]),
  errors: ['INVALID_CONSENSUS_KEY'],
  timeMsMax: TIME_MS_MAX,
})

export const SIGNATURE_TARGETS: readonly Target[] = [certificates, evidence, publicKeys]
