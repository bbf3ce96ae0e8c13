/** The bytes of seals: they round-trip, they are frozen, and nothing hostile gets through or crashes. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { WireError, type WireFault } from '../../../src/consensus/simplex/binary.ts'
import { bitmapOf } from '../../../src/consensus/simplex/certificate.ts'
import { committeeShape } from '../../../src/consensus/simplex/config.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { COUNT_MAX, type Epoch, type View } from '../../../src/consensus/simplex/types.ts'
import { PROOF_PROPOSALS_MAX } from '../../../src/consensus/witness-layer/final-chain.ts'
import { decodeSeal, encodeSeal, SEAL_BLOCKS_MAX } from '../../../src/consensus/witness-layer/seal-codec.ts'
import type { Seal } from '../../../src/consensus/witness-layer/seal.ts'
import { bytesToHash, bytesToHex, concatBytes, type Hash } from '../../../src/primitives/bytes.ts'
import { keccak256Hash } from '../../../src/primitives/keccak.ts'
import { blocks } from '../../support/consensus-arbitraries.ts'

const SHAPE = committeeShape(4)
const HASH = `0x${'ab'.repeat(32)}` as Hash
/** Offsets in the bytes of a seal of one block and one proposal. */
const AT = { first: 1, blockCount: 9, proposalCount: 51, seats: 53 + 121 + 138 + 96 } as const

function seatsOf(executors: number, witnesses: number): NonNullable<Seal['handover']> {
  const ids = (count: number) =>
    Array.from({ length: count }, (_, id) => bytesToHex(new Uint8Array(48).fill(id)))
  return { executors: ids(executors), witnesses: ids(witnesses) }
}

const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToHash)
const bytes96 = fc.uint8Array({ minLength: 96, maxLength: 96 })
const sizes = fc.constantFrom(1, 4, 13, 21, 51)

const seals: fc.Arbitrary<Seal> = fc
  .record({
    first: fc.bigInt({ min: 1n, max: BigInt(COUNT_MAX) - 20n }),
    blocks: fc.array(hashes, { minLength: 1, maxLength: 20 }),
    executionEpoch: fc.nat(COUNT_MAX).map((epoch) => epoch as Epoch),
    proposals: fc.array(blocks, { minLength: 1, maxLength: 5 }),
    signers: fc.uniqueArray(fc.nat(SHAPE.size - 1), { minLength: SHAPE.quorum }),
    signature: bytes96,
    reveal: bytes96,
    handover: fc.option(fc.tuple(sizes, sizes), { nil: undefined }),
  })
  .map(({ first, blocks, executionEpoch, proposals, signers, signature, reveal, handover }) => ({
    first,
    blocks,
    executionEpoch,
    proposals: proposals.map(({ proposal }) => proposal),
    finalization: {
      kind: 'finalize',
      view: 3 as View,
      hash: HASH,
      bitmap: bitmapOf(signers, SHAPE.size),
      signature,
    },
    reveal,
    handover: handover && seatsOf(...handover),
  }))

const block = makeBlock(
  { view: 7 as View, parentView: 4 as View, height: 258, parentHash: HASH, payloadHash: HASH },
  Uint8Array.of(1, 2, 3),
)
const seal: Seal = {
  first: 258n,
  blocks: [HASH],
  executionEpoch: 512 as Epoch,
  proposals: [block.proposal],
  finalization: {
    kind: 'finalize',
    view: 7 as View,
    hash: HASH,
    bitmap: Uint8Array.of(0b0111),
    signature: new Uint8Array(96).fill(0x55),
  },
  reveal: new Uint8Array(96).fill(0x66),
  handover: undefined,
}

function refused(bytes: Uint8Array): WireFault {
  try {
    decodeSeal(bytes, SHAPE)
  } catch (error) {
    if (error instanceof WireError) return error.fault
    throw error
  }
  return assert.fail('the bytes were taken for a seal')
}

/** The fixed seal with some bytes replaced. */
function changed(at: number, ...bytes: readonly number[]): Uint8Array {
  const encoded = encodeSeal(seal)
  encoded.set(bytes, at)
  return encoded
}

test('seals round-trip', () => {
  fc.assert(
    fc.property(seals, (seal) => {
      assert.deepEqual(decodeSeal(encodeSeal(seal), SHAPE), seal)
    }),
  )
})

test('a seal that is cut off, goes on or was changed is refused, or is another seal', () => {
  fc.assert(
    fc.property(seals, fc.nat(), fc.integer({ min: 1, max: 255 }), (seal, at, change) => {
      const bytes = encodeSeal(seal)
      const position = at % bytes.length
      assert.throws(() => decodeSeal(bytes.subarray(0, position), SHAPE), WireError)
      assert.throws(() => decodeSeal(concatBytes(bytes, Uint8Array.of(0)), SHAPE), WireError)
      const mutated = bytes.with(position, (bytes[position] as number) ^ change)
      try {
        assert.deepEqual(encodeSeal(decodeSeal(mutated, SHAPE)), mutated)
      } catch (error) {
        assert.ok(error instanceof WireError, String(error))
      }
    }),
  )
})

test('any bytes at all are refused without a crash', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      assert.throws(() => decodeSeal(concatBytes(Uint8Array.of(1), bytes), SHAPE), WireError)
    }),
  )
})

test('the bytes are frozen', () => {
  assert.equal(encodeSeal(seal).length, AT.seats + 2)
  assert.equal(
    keccak256Hash(encodeSeal(seal)),
    '0x6156009ac0fcf799c03f41a7eb5ba977ba9003815694e4bd119ed17a4df3d091',
  )
  assert.equal(
    keccak256Hash(encodeSeal({ ...seal, handover: seatsOf(4, 1) })),
    '0x2a4719f1814ae52d5afa3cd0bef2f141ba790a9784da056df1aab541506541b1',
  )
})

describe('refused is', () => {
  test('another version', () => assert.equal(refused(changed(0, 2)), 'foreign'))

  test('a range of no blocks, one that begins with genesis, and one beyond all numbers', () => {
    assert.equal(refused(changed(AT.blockCount, 0, 0)), 'value')
    assert.equal(refused(changed(AT.first, 0, 0, 0, 0, 0, 0, 0, 0)), 'value')
    assert.equal(refused(changed(AT.first, 0, 1, 0, 0, 0, 0, 0, 0)), 'value')
  })

  test('a count above its limit, before anything is read', () => {
    const over = (limit: number) => [(limit + 1) >> 8, (limit + 1) & 0xff]
    assert.equal(refused(changed(AT.blockCount, ...over(SEAL_BLOCKS_MAX))), 'oversize')
    assert.equal(refused(changed(AT.proposalCount, ...over(PROOF_PROPOSALS_MAX))), 'oversize')
  })

  test('a proof of nothing', () => assert.equal(refused(changed(AT.proposalCount, 0, 0)), 'value'))

  test('a certificate without a quorum, or of another committee', () => {
    const bitmap = Uint8Array.of(0b0011)
    const finalization = { ...seal.finalization, bitmap }
    assert.equal(refused(encodeSeal({ ...seal, finalization })), 'value')
    assert.throws(() => decodeSeal(encodeSeal(seal), committeeShape(21)), WireError)
  })

  test('a handover to committees that nobody has a quorum for', () => {
    assert.equal(refused(encodeSeal({ ...seal, handover: seatsOf(14, 4) })), 'value')
    assert.equal(refused(encodeSeal({ ...seal, handover: seatsOf(4, 52) })), 'value')
    assert.equal(refused(encodeSeal({ ...seal, handover: seatsOf(4, 0) })), 'value')
  })
})
