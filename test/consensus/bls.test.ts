/** BLS signatures: the two implementations against each other and against published vectors; hostile keys and bytes. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { IField } from '@noble/curves/abstract/modular.js'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { bls } from '../../src/consensus/bls.ts'
import { nativeBls } from '../../src/consensus/bls-native.ts'
import { portableBls } from '../../src/consensus/bls-portable.ts'
import {
  InvalidKeyError,
  provePossession,
  verifyPossession,
  type SignatureScheme,
  type Signer,
} from '../../src/consensus/signature-scheme.ts'
import { hexToBytes } from '../../src/primitives/bytes.ts'
import { parseJson, SHARED_SKIP, untar } from '../support/shared.ts'

const SCHEMES: readonly SignatureScheme[] = [nativeBls, portableBls]
const message = new Uint8Array(32).fill(7)
const IDENTITY_KEY = Uint8Array.of(0xc0, ...new Uint8Array(47))
const IDENTITY_SIGNATURE = Uint8Array.of(0xc0, ...new Uint8Array(95))

function secret(index: number): Uint8Array {
  return new Uint8Array(32).fill(index + 1)
}

function signersOf(scheme: SignatureScheme, count: number): Signer[] {
  return Array.from({ length: count }, (_, index) => scheme.signer(secret(index)))
}

test('the native implementation loads on this machine', () => assert.equal(bls.name, 'bls-native'))

test('both implementations make the same keys, signatures and sums', () => {
  const [native, portable] = SCHEMES.map((scheme) => {
    const signers = signersOf(scheme, 3)
    const parts = signers.map((signer) => signer.sign(message))
    return { keys: signers.map(({ publicKey }) => publicKey), parts, sum: scheme.aggregate(parts) }
  })
  assert.deepEqual(native, portable)
})

for (const scheme of SCHEMES) {
  describe(scheme.name, () => {
    const signers = signersOf(scheme, 4)
    const parts = signers.map((signer) => signer.sign(message))
    const keyring = scheme.keyring(signers.map(({ publicKey }) => publicKey))

    test('verifies one signature by its key only', () => {
      const [part = assert.fail()] = parts
      assert.equal(keyring.verify(0, message, part), true)
      assert.equal(keyring.verify(1, message, part), false)
      assert.equal(keyring.verify(9, message, part), false)
      assert.equal(keyring.verify(0, new Uint8Array(32), part), false)
    })

    test('verifies a sum by exactly the keys that made it', () => {
      const sum = scheme.aggregate(parts.slice(0, 3)) ?? assert.fail()
      assert.equal(keyring.verifyAggregate([0, 1, 2], message, sum), true)
      for (const indexes of [[0, 1], [0, 1, 3], [0, 1, 2, 3], [0, 1, 2, 2], [0, 1, 9], []]) {
        assert.equal(keyring.verifyAggregate(indexes, message, sum), false, `by ${indexes.join(' ')}`)
      }
    })

    test('takes no identity, no point outside the group, no other size', () => {
      const outside = pointOutsideTheGroup()
      for (const key of [IDENTITY_KEY, new Uint8Array(48), new Uint8Array(47), outside.key]) {
        assert.throws(() => scheme.keyring([key]), InvalidKeyError)
      }
      for (const signature of [
        IDENTITY_SIGNATURE,
        new Uint8Array(96),
        new Uint8Array(0),
        outside.signature,
      ]) {
        assert.equal(keyring.verify(0, message, signature), false)
        assert.equal(keyring.verifyAggregate([0, 1], message, signature), false)
        assert.equal(scheme.aggregate([parts[0] ?? assert.fail(), signature]), undefined)
      }
      assert.equal(scheme.aggregate([]), undefined)
    })

    test('refuses secret keys outside the field', () => {
      for (const key of [new Uint8Array(32), new Uint8Array(32).fill(0xff), new Uint8Array(31).fill(1)]) {
        assert.throws(() => scheme.signer(key), InvalidKeyError)
      }
    })

    test('a proof of possession belongs to one key', () => {
      const [first = assert.fail(), second = assert.fail()] = signers
      const proof = provePossession(first)
      assert.equal(verifyPossession(scheme, first.publicKey, proof), true)
      assert.equal(verifyPossession(scheme, second.publicKey, proof), false)
      assert.equal(verifyPossession(scheme, IDENTITY_KEY, proof), false)
      assert.equal(verifyPossession(scheme, first.publicKey, first.sign(message)), false)
    })

    test('a rogue key forges a sum, but has no proof of possession', () => {
      const [victim = assert.fail()] = signers
      const attacker = scheme.signer(secret(9))
      const point = bls12_381.G1.Point
      const rogue = point.fromBytes(attacker.publicKey).subtract(point.fromBytes(victim.publicKey)).toBytes()
      const both = scheme.keyring([victim.publicKey, rogue])
      // The attack that the proof is there for: the attacker alone signs for both.
      assert.equal(both.verifyAggregate([0, 1], message, attacker.sign(message)), true)
      assert.equal(verifyPossession(scheme, rogue, provePossession(attacker)), false)
    })
  })
}

/** Compressed points of both curves whose order is not that of the group, found by counting up x. */
function pointOutsideTheGroup(): { key: Uint8Array; signature: Uint8Array } {
  const { Fp, Fp2 } = bls12_381.fields
  const { G1, G2 } = bls12_381
  const four = Fp2.fromBigTuple([4n, 4n])
  return {
    key: firstOutside(48, (x) => isSquare(Fp, Fp.add(Fp.pow(x, 3n), 4n)), G1.Point),
    signature: firstOutside(
      96,
      (x) => isSquare(Fp2, Fp2.add(Fp2.pow(Fp2.fromBigTuple([x, 0n]), 3n), four)),
      G2.Point,
    ),
  }
}

/** @returns the encoding of the first x that is on the curve but that the group refuses. */
function firstOutside(
  size: number,
  isOnCurve: (x: bigint) => boolean,
  group: { fromBytes: (bytes: Uint8Array) => unknown },
): Uint8Array {
  for (let x = 1; x < 100; x++) {
    const bytes = new Uint8Array(size)
    bytes[0] = 0x80
    bytes[size - 1] = x
    if (!isOnCurve(BigInt(x))) continue
    try {
      group.fromBytes(bytes)
    } catch (error) {
      assert.match(String(error), /subgroup/)
      return bytes
    }
  }
  return assert.fail('no point outside the group was found')
}

function isSquare<T>(field: IField<T>, value: T): boolean {
  try {
    field.sqrt(value)
    return true
  } catch {
    return false
  }
}

interface Vector {
  readonly input: {
    readonly pubkey?: string
    readonly pubkeys?: readonly string[]
    readonly message: string
    readonly signature: string
  }
  readonly output: boolean
}

test('published vectors of verify and fast_aggregate_verify', { skip: SHARED_SKIP }, () => {
  const files = [...untar('crypto/bls-signatures.tar.gz')].filter(([path]) =>
    /\/(?:verify|fast_aggregate_verify)\/.*\.json$/.test(path),
  )
  assert.ok(files.length > 30, `${files.length} vectors`)
  for (const [path, bytes] of files) {
    const { input, output } = parseJson<Vector>(bytes)
    for (const scheme of SCHEMES) assert.equal(judge(scheme, input), output, `${scheme.name} ${path}`)
  }
})

function judge(scheme: SignatureScheme, { pubkey, pubkeys, message, signature }: Vector['input']): boolean {
  const keys = pubkeys ?? (pubkey === undefined ? [] : [pubkey])
  try {
    const keyring = scheme.keyring(keys.map(hexToBytes))
    return keyring.verifyAggregate([...keys.keys()], hexToBytes(message), hexToBytes(signature))
  } catch (error) {
    if (error instanceof InvalidKeyError) return false
    throw error
  }
}
