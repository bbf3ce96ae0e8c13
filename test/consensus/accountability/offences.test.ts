/** What nodes say to the accountability contract and read from it, where the contract itself is not needed. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeFunctionData, encodeEventTopics } from 'viem'
import {
  decodeEquivocationLog,
  encodeEvidenceCall,
  EQUIVOCATION_TOPIC,
  isRecorded,
  offenceCount,
  offenceIdOf,
} from '../../../src/consensus/accountability/offences.ts'
import { expandPublicKey, expandSignature } from '../../../src/consensus/accountability/points.ts'
import { ACCOUNTABILITY_ADDRESS } from '../../../src/consensus/system-contracts/table.ts'
import { bytesToHex, EMPTY_BYTES, ZERO_ADDRESS } from '../../../src/primitives/bytes.ts'
import { MemoryState } from '../../../src/state/memory-state.ts'
import {
  accountabilityAbi,
  doubleVote,
  idOf,
  member,
  SCOPE,
  VIEW,
} from '../../support/accountability-world.ts'

const offender = member(1)
const found = doubleVote(offender)

describe('the call', () => {
  test('is what the compiler’s interface says', async () => {
    const abi = await accountabilityAbi()
    const call = encodeEvidenceCall(SCOPE, idOf(offender), found)
    const { functionName, args } = decodeFunctionData({ abi, data: bytesToHex(call) })
    const [key, scope, first, second] = args as readonly [string[], unknown, unknown, unknown]
    const words = (bytes: Uint8Array): string[] =>
      bytesToHex(bytes)
        .slice(2)
        .match(/.{64}/g)
        ?.map((w) => `0x${w}`) ?? []
    const said = ({ hash, signature }: typeof found.first): object => ({
      kind: 1,
      hash,
      signature: words(expandSignature(signature)),
    })
    assert.equal(functionName, 'report')
    assert.deepEqual(key, words(expandPublicKey(offender.publicKey)))
    assert.deepEqual(scope, { layer: 1, epoch: 3, committee: SCOPE.committeeHash, viewNumber: VIEW })
    assert.deepEqual([first, second], [said(found.first), said(found.second)])
  })

  test('is refused for what is no evidence', () => {
    const { first, second } = found
    const cases = [
      ['the same statement twice', { first, second: first }],
      ['honest statements', { first, second: { ...second, kind: 'nullify' as const } }],
      ['different views', { first, second: { ...second, view: 7 as typeof VIEW } }],
    ] as const
    for (const [name, evidence] of cases) {
      assert.throws(
        () => encodeEvidenceCall(SCOPE, idOf(offender), evidence),
        { code: 'INVALID_EVIDENCE' },
        name,
      )
    }
    const forged = { first, second: { ...second, signature: new Uint8Array(96) } }
    assert.throws(() => encodeEvidenceCall(SCOPE, idOf(offender), forged), { code: 'INVALID_POINT' })
    assert.throws(() => encodeEvidenceCall(SCOPE, '0x1234', found), { code: 'INVALID_POINT' })
  })
})

describe('points', () => {
  test('have coordinates of 64 bytes', () => {
    assert.equal(expandPublicKey(offender.publicKey).length, 128)
    assert.equal(expandSignature(found.first.signature).length, 256)
  })

  test('are refused in any other form, and at infinity', () => {
    const infinity = (size: number): Uint8Array => Uint8Array.of(0xc0, ...new Uint8Array(size - 1))
    const uncompressed = expandPublicKey(offender.publicKey)
    for (const bytes of [EMPTY_BYTES, infinity(48), uncompressed, found.first.signature]) {
      assert.throws(() => expandPublicKey(bytes), { code: 'INVALID_POINT' })
    }
    for (const bytes of [EMPTY_BYTES, infinity(96), offender.publicKey]) {
      assert.throws(() => expandSignature(bytes), { code: 'INVALID_POINT' })
    }
    const anything = fc.uint8Array({ minLength: 96, maxLength: 96 })
    fc.assert(
      fc.property(anything, (bytes) => {
        assert.throws(() => expandSignature(bytes), { code: 'INVALID_POINT' })
      }),
      { numRuns: 50 },
    )
  })
})

describe('reading', () => {
  test('knows the event, and no other', async () => {
    const topics = encodeEventTopics({ abi: await accountabilityAbi(), eventName: 'Equivocation' })
    assert.deepEqual(topics, [EQUIVOCATION_TOPIC])
    const log = { address: ACCOUNTABILITY_ADDRESS, topics: [EQUIVOCATION_TOPIC], data: EMPTY_BYTES }
    assert.equal(decodeEquivocationLog({ ...log, address: ZERO_ADDRESS }), undefined)
    assert.equal(decodeEquivocationLog({ ...log, topics: [] }), undefined)
  })

  test('finds nothing where there is no contract', () => {
    const state = new MemoryState()
    assert.equal(offenceCount(state), 0)
    assert.equal(isRecorded(state, offenceIdOf(SCOPE, idOf(offender), found)), false)
  })
})
