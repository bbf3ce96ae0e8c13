/** Random consensus messages and records that are well-formed, and a small committee to decode them for. */
import fc from 'fast-check'
import { bitmapOf } from '../../src/consensus/simplex/certificate.ts'
import { committeeShape, type Domain } from '../../src/consensus/simplex/config.ts'
import type { Message } from '../../src/consensus/simplex/messages.ts'
import { makeBlock } from '../../src/consensus/simplex/proposal.ts'
import {
  COUNT_MAX,
  NO_HASH,
  type Block,
  type Certificate,
  type Epoch,
  type View,
  type Vote,
} from '../../src/consensus/simplex/types.ts'
import type { WalRecord } from '../../src/consensus/simplex/wal-records.ts'
import { bytesToHash, type Hash } from '../../src/primitives/bytes.ts'

export const COMMITTEE = committeeShape(10)
export const DOMAIN: Domain = {
  chainId: 7n,
  layer: 'witness',
  epoch: 3 as Epoch,
  committeeHash: `0x${'c0'.repeat(32)}` as Hash,
}

/** Records with the prototype that decoded ones have. */
function plain<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true })
}

const hashes = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map(bytesToHash)
  .filter((hash) => hash !== NO_HASH)
const signatures = fc.uint8Array({ minLength: 96, maxLength: 96 })
const counts = fc.oneof(fc.nat(1000), fc.integer({ min: 0, max: COUNT_MAX }))
const views = counts.map((count) => Math.max(1, count) as View)
const voteKinds = fc.constantFrom('notarize', 'nullify', 'finalize')

const statements = plain({ kind: voteKinds, view: views, hash: hashes }).map((statement) =>
  statement.kind === 'nullify' ? { ...statement, hash: NO_HASH } : statement,
)

const votes: fc.Arbitrary<Vote> = fc
  .tuple(statements, fc.nat(COMMITTEE.size - 1), signatures)
  .map(([statement, signer, signature]) => ({ ...statement, signer, signature }))

const signerSets = fc.uniqueArray(fc.nat(COMMITTEE.size - 1), { minLength: COMMITTEE.quorum })

const certificates: fc.Arbitrary<Certificate> = fc
  .tuple(statements, signerSets, signatures)
  .map(([statement, signers, signature]) => ({
    ...statement,
    bitmap: bitmapOf(signers, COMMITTEE.size),
    signature,
  }))

export const blocks: fc.Arbitrary<Block> = plain({
  view: views,
  height: counts.map((height) => Math.max(1, height)),
  parentHash: hashes,
  payloadHash: hashes,
  body: fc.uint8Array({ maxLength: 200 }),
}).map(({ body, ...fields }) => makeBlock({ ...fields, parentView: (fields.view - 1) as View }, body))

/** Blocks as an answer holds them: each the parent of the one before. */
const chains: fc.Arbitrary<Block[]> = fc
  .array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 })
  .map((bodies) => {
    const chain: Block[] = []
    for (const [index, body] of bodies.entries()) {
      const height = index + 1
      const parentHash = chain[0]?.proposal.hash ?? DOMAIN.committeeHash
      const fields = { view: height as View, parentView: index as View, height, parentHash }
      chain.unshift(makeBlock({ ...fields, payloadHash: parentHash }, body))
    }
    return chain
  })

export const messages: fc.Arbitrary<Message> = fc.oneof(
  plain({
    kind: fc.constant('propose'),
    block: blocks,
    signature: signatures,
    certificates: fc.array(certificates, { maxLength: 4 }),
  }),
  plain({ kind: fc.constant('vote'), vote: votes }),
  plain({ kind: fc.constant('certificates'), certificates: fc.array(certificates, { maxLength: 4 }) }),
  fc
    .tuple(views, fc.nat(63))
    .filter(([fromView, distance]) => fromView + distance <= COUNT_MAX)
    .map(([fromView, distance]) => ({
      kind: 'certificateRequest' as const,
      fromView,
      toView: (fromView + distance) as View,
    })),
  plain({ kind: fc.constant('blockRequest'), hash: hashes, aboveHeight: counts }),
  plain({ kind: fc.constant('syncRequest'), fromHeight: counts }),
  fc.tuple(chains, certificates, fc.boolean()).map(([blocks, certificate, isFinal]) => {
    const hash = blocks[0]?.proposal.hash
    const finalization =
      hash !== undefined && isFinal ? { ...certificate, kind: 'finalize' as const, hash } : undefined
    return { kind: 'blocks' as const, blocks, finalization }
  }),
)

export const walRecords: fc.Arbitrary<WalRecord> = fc.oneof(
  plain({
    kind: fc.constant('tip'),
    tip: plain({ view: views, height: counts, hash: hashes, payloadHash: hashes }),
  }),
  plain({ kind: fc.constant('statement'), statement: votes }),
  plain({ kind: fc.constant('certificate'), certificate: certificates }),
  plain({ kind: fc.constant('block'), block: blocks }),
  plain({ kind: fc.constant('silence'), through: views }),
)
