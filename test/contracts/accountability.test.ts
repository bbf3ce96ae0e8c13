/**
 * The record of offences, on every engine: what is an offence, what is none, what forgery is tried, and that the contract
 * says the same as the consensus core about what is signed and what contradicts what.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import fc from 'fast-check'
import {
  decodeEquivocationLog,
  encodeEvidenceCall,
  isRecorded,
  offenceAt,
  offenceCount,
  offenceIdOf,
} from '../../src/consensus/accountability/offences.ts'
import { isOffence } from '../../src/consensus/simplex/evidence.ts'
import { KIND_CODES, LAYER_CODES, signedBytes } from '../../src/consensus/simplex/signing.ts'
import {
  COUNT_MAX,
  type Epoch,
  type Statement,
  type StatementKind,
  type View,
} from '../../src/consensus/simplex/types.ts'
import { ENGINE_NAMES } from '../../src/execution/engines.ts'
import { bigintToFixedBytes, bytesToHash, bytesToHex } from '../../src/primitives/bytes.ts'
import { keccak256 } from '../../src/primitives/keccak.ts'
import {
  A,
  AccountabilityWorld,
  B,
  doubleVote,
  evidence,
  idOf,
  member,
  REPORTER,
  SCOPE,
  signed,
  statement,
  VIEW,
  withWord,
} from '../support/accountability-world.ts'
import { fails } from '../support/contract-world.ts'

const KINDS: readonly StatementKind[] = ['propose', 'notarize', 'nullify', 'finalize']
/** A bound for what one report costs: far below the 2²⁴ that a transaction may use (EIP-7825). */
const REPORT_GAS_MAX = 600_000n
/** Words of the call: 4 of the key, 4 of the scope, then kind, hash and 8 of the signature for each statement. */
const KEY_WORD = 0
const COMMITTEE_WORD = 6
const SECOND_SIGNATURE_WORD = 20

const offender = member(1)
const bystander = member(2)
/** Of the order of the field, which no coordinate reaches. */
const PRIME = bls12_381.fields.Fp.ORDER

for (const engine of ENGINE_NAMES) {
  describe(`the accountability contract on ${engine}`, () => {
    const offences: readonly (readonly [string, Statement, Statement])[] = [
      ['two proposals', statement('propose', A), statement('propose', B)],
      ['two notarizations', statement('notarize', A), statement('notarize', B)],
      ['two finalizations', statement('finalize', A), statement('finalize', B)],
      ['finalizing and giving up', statement('finalize'), statement('nullify')],
      ['giving up and finalizing', statement('nullify'), statement('finalize')],
    ]
    for (const [name, first, second] of offences) {
      test(`records ${name}`, async (t) => {
        const world = await AccountabilityWorld.create(engine)
        const found = evidence(offender, first, second)
        const result = await world.report(offender, found)
        t.diagnostic(`${result.gasUsed} gas`)
        assert.ok(result.gasUsed < REPORT_GAS_MAX, `${result.gasUsed} gas`)

        const id = offenceIdOf(SCOPE, idOf(offender), found)
        assert.deepEqual(result.logs.map(decodeEquivocationLog), [{ ...id, reporter: REPORTER }])
        const state = world.state()
        assert.ok(isRecorded(state, id))
        assert.equal(offenceCount(state), 1)
        const expected = { ...id, kinds: [first.kind, second.kind], blockNumber: 100n, reporter: REPORTER }
        assert.deepEqual(offenceAt(state, 0), expected)
      })
    }

    test('refuses what an honest node may say', async () => {
      const world = await AccountabilityWorld.create(engine)
      const honest: readonly (readonly [Statement, Statement])[] = [
        [statement('notarize'), statement('nullify')],
        [statement('notarize', A), statement('finalize', B)],
        [statement('notarize'), statement('finalize')],
        [statement('propose'), statement('notarize', B)],
        [statement('propose'), statement('nullify')],
        [statement('finalize'), statement('finalize')],
        [statement('nullify'), statement('nullify')],
      ]
      const allowed = encodeEvidenceCall(SCOPE, idOf(offender), doubleVote(offender))
      for (const [first, second] of honest) {
        // The encoder refuses as well, so that the statements are put into the call of an offence.
        const found = evidence(offender, first, second)
        assert.throws(() => encodeEvidenceCall(SCOPE, idOf(offender), found), { code: 'INVALID_EVIDENCE' })
        const call = withStatements(allowed, first, second)
        await assert.rejects(
          world.send(call),
          fails('NoContradiction', KIND_CODES[first.kind], KIND_CODES[second.kind]),
          `${first.kind} and ${second.kind}`,
        )
      }
      assert.equal(offenceCount(world.state()), 0)
    })

    test('asks for signatures of the same view, layer, epoch, committee and chain', async () => {
      const world = await AccountabilityWorld.create(engine)
      const first = signed(offender, statement('notarize', A))
      const otherView = signed(offender, statement('notarize', B, 7 as View))
      const views = { first, second: { ...otherView, view: VIEW } }
      await assert.rejects(world.report(offender, views), fails('InvalidSignature', idOf(offender), 1))
      const others = [
        { ...SCOPE, chainId: 1n },
        { ...SCOPE, layer: 'execution' as const },
        { ...SCOPE, epoch: 4 as Epoch },
        { ...SCOPE, committeeHash: A },
      ]
      for (const domain of others) {
        const second = signed(offender, statement('notarize', B), domain)
        await assert.rejects(
          world.report(offender, { first, second }),
          fails('InvalidSignature', idOf(offender), 1),
        )
        await assert.rejects(
          world.report(offender, { first: second, second: first }),
          fails('InvalidSignature'),
        )
      }
      const elsewhere = await AccountabilityWorld.create(engine, 1n)
      await assert.rejects(elsewhere.report(offender, doubleVote(offender)), fails('InvalidSignature'))
    })

    test('accepts nobody’s signature for somebody else’s', async () => {
      const world = await AccountabilityWorld.create(engine)
      await assert.rejects(world.report(bystander, doubleVote(offender)), fails('InvalidSignature'))
      const [first, second] = [
        signed(offender, statement('finalize', A)),
        signed(bystander, statement('finalize', B)),
      ]
      await assert.rejects(
        world.report(offender, { first, second }),
        fails('InvalidSignature', idOf(offender), KIND_CODES.finalize),
      )
    })

    test('refuses the point at infinity, as key and as signature', async () => {
      const world = await AccountabilityWorld.create(engine)
      const call = encodeEvidenceCall(SCOPE, idOf(offender), doubleVote(offender))
      const nobody = withWord(call, KEY_WORD, new Uint8Array(4 * 32))
      await assert.rejects(world.send(nobody), fails('KeyIsInfinity'))
      const nothing = withWord(call, SECOND_SIGNATURE_WORD, new Uint8Array(8 * 32))
      await assert.rejects(world.send(nothing), fails('InvalidSignature'))
    })

    test('refuses points off the curve, outside of the subgroup and with other encodings', async () => {
      const world = await AccountabilityWorld.create(engine)
      const call = encodeEvidenceCall(SCOPE, idOf(offender), doubleVote(offender))
      const keys = { stray: strayKey(), offCurve: coordinates(1n, 1n), unreduced: coordinates(PRIME, 2n) }
      for (const [name, key] of Object.entries(keys)) {
        await assert.rejects(world.send(withWord(call, KEY_WORD, key)), fails('NotInGroup'), name)
      }
      const padded = call.slice()
      padded[4] = 1
      await assert.rejects(world.send(padded), fails('NotInGroup'), 'padding that is not zero')
      for (const [name, signature] of Object.entries(straySignatures())) {
        const changed = withWord(call, SECOND_SIGNATURE_WORD, signature)
        await assert.rejects(world.send(changed), fails('NotInGroup', idOf(offender), 1), name)
      }
    })

    test('records a view of a member once, and others beside it', async () => {
      const world = await AccountabilityWorld.create(engine)
      const reports = [
        [offender, VIEW, SCOPE],
        [offender, 7 as View, SCOPE],
        [bystander, VIEW, SCOPE],
        [offender, VIEW, { ...SCOPE, layer: 'execution' as const }],
        [offender, VIEW, { ...SCOPE, epoch: COUNT_MAX as Epoch }],
        [offender, VIEW, { ...SCOPE, committeeHash: A }],
      ] as const
      for (const [signer, view, domain] of reports) {
        await world.report(signer, doubleVote(signer, view, domain), domain)
      }
      for (const [index, [signer, view, domain]] of reports.entries()) {
        const again = world.report(signer, doubleVote(signer, view, domain), domain)
        await assert.rejects(again, fails('AlreadyRecorded', index))
      }
      const other = evidence(offender, statement('propose', A), statement('propose', B))
      await assert.rejects(world.report(offender, other), fails('AlreadyRecorded', 0))

      const state = world.state()
      assert.equal(offenceCount(state), reports.length)
      for (const [index, [signer, view, { layer, epoch, committeeHash }]] of reports.entries()) {
        const { kinds, blockNumber, reporter, ...id } = offenceAt(state, index)
        assert.deepEqual(id, { member: idOf(signer), layer, epoch, committeeHash, view })
        assert.deepEqual([kinds, blockNumber, reporter], [['notarize', 'notarize'], 100n, REPORTER])
        assert.ok(isRecorded(state, id))
        assert.ok(!isRecorded(state, { ...id, view: 8 as View }))
      }
      const keyHash = bytesToHex(keccak256(offender.publicKey))
      assert.deepEqual(await world.call('offencesOf', [keyHash]), [0n, 1n, 3n, 4n, 5n])
    })

    test('answers other contracts as it answers nodes', async () => {
      const world = await AccountabilityWorld.create(engine)
      await world.report(offender, doubleVote(offender))
      const scope = { layer: LAYER_CODES.witness, epoch: 3, committee: SCOPE.committeeHash, viewNumber: VIEW }
      const keyHash = bytesToHex(keccak256(offender.publicKey))
      assert.equal(await world.call('offenceCount', []), 1n)
      assert.equal(await world.call('isRecorded', [keyHash, scope]), true)
      assert.equal(await world.call('isRecorded', [keyHash, { ...scope, viewNumber: 7 }]), false)
      const offence = (await world.call('offenceAt', [0n])) as Record<string, unknown>
      assert.deepEqual(offence['publicKey'], idOf(offender))
      assert.deepEqual(offence['scope'], scope)
      assert.deepEqual([offence['firstKind'], offence['secondKind']], [1, 1])
      assert.equal(String(offence['reporter']).toLowerCase(), REPORTER)
      await assert.rejects(world.call('offenceAt', [1n]), fails('NoSuchOffence', 1, 1))
    })

    test('has no other layers, kinds and counts than the core', async () => {
      const world = await AccountabilityWorld.create(engine)
      const call = encodeEvidenceCall(SCOPE, idOf(offender), doubleVote(offender))
      const tooLarge: readonly (readonly [number, bigint])[] = [
        [4, 2n],
        [5, BigInt(COUNT_MAX) + 1n],
        [7, BigInt(COUNT_MAX) + 1n],
        [8, 4n],
        [18, 4n],
      ]
      for (const [index, value] of tooLarge) {
        const changed = withWord(call, index, bigintToFixedBytes(value, 32))
        await assert.rejects(world.send(changed), fails('reverted'), `word ${index}`)
      }
      const otherCommittee = withWord(call, COMMITTEE_WORD, new Uint8Array(32))
      await assert.rejects(world.send(otherCommittee), fails('InvalidSignature'))
    })

    test('computes the signed bytes of the core', async () => {
      const counts = fc.oneof(fc.nat(1000), fc.integer({ min: 0, max: COUNT_MAX }))
      const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToHash)
      const scopes = fc.record({
        chainId: fc.bigInt(1n, 2n ** 53n - 1n),
        layer: fc.constantFrom('execution' as const, 'witness' as const),
        epoch: counts.map((count) => count as Epoch),
        committeeHash: hashes,
      })
      const statements = fc.record({
        kind: fc.constantFrom(...KINDS),
        view: counts.map((count) => count as View),
        hash: hashes,
      })
      await fc.assert(
        fc.asyncProperty(scopes, statements, async (domain, said) => {
          const world = await AccountabilityWorld.create(engine, domain.chainId)
          const scope = {
            layer: LAYER_CODES[domain.layer],
            epoch: domain.epoch,
            committee: domain.committeeHash,
            viewNumber: said.view,
          }
          const computed = await world.call('signedBytes', [scope, KIND_CODES[said.kind], said.hash])
          assert.equal(computed, bytesToHex(signedBytes(domain, said)))
        }),
        { numRuns: 25 },
      )
    })
  })
}

test('the contract contradicts where the core does', async () => {
  const world = await AccountabilityWorld.create('tier0')
  const allowed = encodeEvidenceCall(SCOPE, idOf(offender), doubleVote(offender))
  for (const firstKind of KINDS) {
    for (const secondKind of KINDS) {
      for (const hash of [A, B]) {
        const first: Statement = { kind: firstKind, view: VIEW, hash: A }
        const second: Statement = { kind: secondKind, view: VIEW, hash }
        const expected = isOffence(first, second) ? 'InvalidSignature' : 'NoContradiction'
        // The signatures are those of the double vote, so that no other pair gets past them.
        const call = withStatements(allowed, first, second)
        if (firstKind === 'notarize' && secondKind === 'notarize' && hash === B) continue
        await assert.rejects(world.send(call), fails(expected), `${firstKind} and ${secondKind}`)
      }
    }
  }
})

/** The call with other kinds and hashes; its signatures stay. */
function withStatements(call: Uint8Array, first: Statement, second: Statement): Uint8Array {
  const words = (said: Statement): Uint8Array =>
    new Uint8Array([
      ...bigintToFixedBytes(BigInt(KIND_CODES[said.kind]), 32),
      ...Uint8Array.fromHex(said.hash.slice(2)),
    ])
  return withWord(withWord(call, 8, words(first)), 18, words(second))
}

/** A point of G1's curve that is not in the group. */
function strayKey(): Uint8Array {
  const { Fp, Point } = { Fp: bls12_381.fields.Fp, Point: bls12_381.G1.Point }
  for (let x = 1n; ; x++) {
    const square = Fp.add(Fp.pow(x, 3n), 4n)
    if (Fp.pow(square, (PRIME - 1n) / 2n) !== 1n) continue
    const y = Fp.sqrt(square)
    if (!Point.fromAffine({ x, y }).isTorsionFree()) return coordinates(x, y)
  }
}

/** What is no signature, each for another reason. */
function straySignatures(): Record<string, Uint8Array> {
  const { Fp2 } = bls12_381.fields
  const point = bls12_381.G2.Point.BASE.toAffine()
  const unreduced = coordinates(point.x.c0 + PRIME, point.x.c1, point.y.c0, point.y.c1)
  const offCurve = coordinates(point.x.c0, point.x.c1, point.y.c1, point.y.c0)
  for (let c0 = 1n; ; c0++) {
    const x = Fp2.fromBigTuple([c0, 1n])
    const square = Fp2.add(Fp2.pow(x, 3n), Fp2.fromBigTuple([4n, 4n]))
    if (!Fp2.eql(Fp2.pow(square, (PRIME * PRIME - 1n) / 2n), Fp2.ONE)) continue
    const y = Fp2.sqrt(square)
    if (bls12_381.G2.Point.fromAffine({ x, y }).isTorsionFree()) continue
    return { unreduced, offCurve, outsideOfGroup: coordinates(x.c0, x.c1, y.c0, y.c1) }
  }
}

function coordinates(...values: readonly bigint[]): Uint8Array {
  return new Uint8Array(values.flatMap((value) => [...bigintToFixedBytes(value, 64)]))
}
