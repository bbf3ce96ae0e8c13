/** Which certificates of the execution layer a witness looks at twice. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { epochOf } from '../../../src/consensus/committees/committee.ts'
import { FinalChainView } from '../../../src/consensus/dual-bft/final-chain-view.ts'
import { bls } from '../../../src/consensus/bls.ts'
import { bitmapOf } from '../../../src/consensus/simplex/certificate.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import type { Certificate, View } from '../../../src/consensus/simplex/types.ts'
import type { VerifyRequest } from '../../../src/consensus/simplex/verification.ts'
import { SIGNATURE_SIZE } from '../../../src/consensus/simplex/wire.ts'
import { EMPTY_BYTES, toHash, ZERO_HASH } from '../../../src/primitives/bytes.ts'
import { MemoryStore } from '../../../src/storage/memory-store.ts'
import { openConsensusStore } from '../../../src/storage/consensus-database.ts'

const EPOCH = epochOf(0)
const MEMBERS = ['11', '22', '33', '44'].map((byte) => `0x${byte.repeat(48)}` as const)
const ROOT = { height: 0, hash: ZERO_HASH, payloadHash: ZERO_HASH }
const { proposal } = makeBlock(
  { view: 1 as View, parentView: 0 as View, height: 1, parentHash: ZERO_HASH, payloadHash: ZERO_HASH },
  EMPTY_BYTES,
)
const STORED: Certificate = {
  kind: 'finalize',
  view: proposal.view,
  hash: proposal.hash,
  bitmap: bitmapOf([0, 1, 2], MEMBERS.length),
  signature: new Uint8Array(SIGNATURE_SIZE).fill(7),
}

test('a finalization is verified again only when it is not the one that the store has', async () => {
  const store = openConsensusStore(new MemoryStore())
  await store.addEpoch({ layer: 'execution', epoch: EPOCH, members: MEMBERS, root: ROOT })
  const certificates = { notarization: undefined, finalization: STORED }
  await store.execution(EPOCH).add(proposal, certificates)
  const asked: VerifyRequest[] = []
  const options = { store, genesis: { number: 0n, hash: ZERO_HASH }, scheme: bls, chainId: 1n }
  const view = new FinalChainView(
    { numberOf: () => undefined },
    options,
    () => (request) => asked.push(request),
    () => undefined,
  )
  const verdicts: boolean[] = []
  assert.ok(view.verifyFinalization(EPOCH, { ...STORED }, (isValid) => verdicts.push(isValid)))
  assert.deepEqual([verdicts, asked], [[true], []])
  const others: Certificate[] = [
    { ...STORED, kind: 'notarize' },
    { ...STORED, view: 2 as View },
    { ...STORED, hash: toHash(`0x${'ab'.repeat(32)}`) },
    { ...STORED, bitmap: bitmapOf([0, 1, 3], MEMBERS.length) },
    { ...STORED, signature: new Uint8Array(SIGNATURE_SIZE).fill(8) },
  ]
  for (const certificate of others) {
    view.verifyFinalization(EPOCH, certificate, () => assert.fail('nobody has verified it'))
  }
  assert.deepEqual(
    asked,
    others.map((certificate) => ({ kind: 'certificate', certificate })),
  )
})
