/** The consensus store answers as a list of everything that was added would, before and after a restart. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ConsensusStore, EpochStart } from '../../src/consensus/dual-bft/consensus-store.ts'
import type { FinalProposals } from '../../src/consensus/execution-layer/finality-store.ts'
import type { Certificate, Epoch, Proposal } from '../../src/consensus/simplex/types.ts'
import { lastOf } from '../../src/consensus/witness-layer/seal.ts'
import { AssertionFailure } from '../../src/primitives/assert.ts'
import { EMPTY_CODE_HASH } from '../../src/primitives/keccak.ts'
import { ZERO_HASH } from '../../src/primitives/bytes.ts'
import { openConsensusStore } from '../../src/storage/consensus-database.ts'
import { CONSENSUS_FORMAT_VERSION } from '../../src/storage/consensus-records.ts'
import { CorruptDatabaseError, DatabaseError } from '../../src/storage/database-errors.ts'
import { openLmdbStore } from '../../src/storage/lmdb-store.ts'
import { MemoryStore } from '../../src/storage/memory-store.ts'
import { addStep } from '../support/consensus-fill.ts'
import {
  SealedChainMaker,
  SMALL_PARAMETERS,
  type SealedChainPlan,
  type SealedStep,
} from '../support/sealed-chain.ts'
import { STORE_KINDS, withDirectory } from './stores.ts'

const PLAN: SealedChainPlan = {
  chainId: 7n,
  parameters: { ...SMALL_PARAMETERS, cycleBlocks: 40, windowBlocks: 8, rangeBlocks: 4 },
  nodes: 12,
  blocks: 130,
  isSigned: false,
  seed: 'stored',
  skipped: 0.2,
  uncertified: 0.4,
  repeated: 0.2,
}

function stepsOf(plan: SealedChainPlan): SealedStep[] {
  return [...new SealedChainMaker(plan).steps()]
}

interface Final {
  readonly proposal: Proposal
  readonly notarization?: Certificate | undefined
  readonly finalization: Certificate | undefined
}

/** Everything that was added, by layer and epoch. */
function modelOf(steps: readonly SealedStep[]): Record<'execution' | 'witness', Map<Epoch, Final[]>> {
  const model = { execution: new Map<Epoch, Final[]>(), witness: new Map<Epoch, Final[]>() }
  const note = (layer: EpochStart['layer'], epoch: Epoch, final: Final): void => {
    const finals = model[layer].get(epoch) ?? []
    finals.push(final)
    model[layer].set(epoch, finals)
  }
  for (const { executed, epoch, item } of steps) {
    for (const step of executed) note('execution', step.epoch, step)
    note('witness', epoch, item)
  }
  return model
}

function checkLayer(store: FinalProposals, finals: readonly Final[]): void {
  assert.deepEqual(store.latest(), finals.at(-1)?.proposal)
  const certified = finals.flatMap(({ proposal: { height }, finalization }) =>
    finalization === undefined ? [] : [{ height, certificate: finalization }],
  )
  for (const { proposal } of finals) {
    const { hash, height } = proposal
    assert.deepEqual(store.proposal(hash), proposal)
    const below = certified.findLast((candidate) => candidate.height <= height)
    assert.deepEqual(store.finalizationAtOrBelow(height), below)
    const above = certified.find((candidate) => candidate.height >= height)
    assert.deepEqual(store.finalizationAtOrAbove(height), above)
  }
  assert.deepEqual(store.finalizationAtOrAbove(0), certified[0])
  assert.deepEqual(store.finalizationAtOrBelow(1e9), certified.at(-1))
  assert.equal(store.finalizationAtOrAbove(1e9), undefined)
  assert.equal(store.finalizationAtOrBelow(0), undefined)
  assert.equal(store.finalizationAtOrBelow(-1), undefined)
  assert.equal(store.proposal(ZERO_HASH), undefined)
}

function checkBlocks(store: ConsensusStore, steps: readonly SealedStep[]): void {
  const executed = steps.flatMap((step) => step.executed)
  const blocks = executed.filter(({ proposal }) => proposal.bodyHash !== EMPTY_CODE_HASH)
  for (const { header: _, ...step } of blocks) {
    assert.deepEqual(store.certificatesOf(BigInt(step.proposal.height)), step)
  }
  assert.equal(store.certificatesOf(0n), undefined)
  assert.equal(store.certificatesOf(BigInt(blocks.length + 1)), undefined)
  assert.equal(store.certificatesOf(2n ** 60n), undefined)
}

function checkSeals(store: ConsensusStore, steps: readonly SealedStep[]): void {
  let latest
  for (const { seal, epoch, item, randomness } of steps) {
    assert.deepEqual(store.witness(epoch).body(item.proposal.hash), item.body)
    if (seal === undefined) continue
    const { proposal, finalization } = item
    latest = { epoch, proposal, seal, finalization, randomness }
    for (let number = seal.first; number <= lastOf(seal); number++) {
      assert.deepEqual(store.sealOf(number), latest)
    }
    assert.deepEqual(store.sealEndingWith(proposal.payloadHash), latest)
  }
  assert.deepEqual(store.latestSeal(), latest)
  const last = latest === undefined ? 0n : lastOf(latest.seal)
  for (const number of [-1n, 0n, last + 1n]) assert.equal(store.sealOf(number), undefined)
  assert.equal(store.sealEndingWith(ZERO_HASH), undefined)
}

function check(store: ConsensusStore, steps: readonly SealedStep[]): void {
  const starts = steps.flatMap((step) => step.starts)
  for (const layer of ['execution', 'witness'] as const) {
    assert.deepEqual(
      store.epochs(layer),
      starts.filter((start) => start.layer === layer),
    )
    for (const [epoch, finals] of modelOf(steps)[layer]) checkLayer(store[layer](epoch), finals)
  }
  checkBlocks(store, steps)
  checkSeals(store, steps)
}

for (const kind of STORE_KINDS) {
  describe(`a consensus store ${kind.name}`, () => {
    test('holds nothing at first', () =>
      kind.with((keyValues) => {
        const store = openConsensusStore(keyValues)
        check(store, [])
        assert.equal(store.execution(0 as Epoch).latest(), undefined)
        assert.equal(store.witness(0 as Epoch).body(ZERO_HASH), undefined)
      }))

    test('answers about all that was added, while it is open and when it is opened anew', () =>
      kind.with(async (keyValues) => {
        const steps = stepsOf(PLAN)
        const store = openConsensusStore(keyValues)
        for (const step of steps) await addStep(store, step)
        check(store, steps)
        check(openConsensusStore(keyValues), steps)
      }))

    test('takes certificates later than what they prove', () =>
      kind.with(async (keyValues) => {
        const steps = stepsOf({ ...PLAN, uncertified: 0 })
        const store = openConsensusStore(keyValues)
        for (const step of steps) await addStep(store, withoutCertificates(step))
        check(store, steps.map(withoutCertificates))
        for (const { executed, epoch, item } of steps) {
          for (const { epoch, finalization } of executed) {
            await store.execution(epoch).prove(finalization ?? assert.fail('all are certified'))
          }
          await store.witness(epoch).prove(item.finalization ?? assert.fail('all are certified'))
        }
        check(store, steps)
        check(openConsensusStore(keyValues), steps)
      }))
  })
}

function withoutCertificates(step: SealedStep): SealedStep {
  const finalization = undefined
  const executed = step.executed.map((one) => ({ ...one, finalization }))
  return { ...step, executed, item: { ...step.item, finalization } }
}

test('a directory that was closed goes on where it ended', () =>
  withDirectory(async (directory) => {
    const steps = stepsOf(PLAN)
    for (const [from, to] of [
      [0, 7],
      [7, 8],
      [8, steps.length],
    ] as const) {
      const keyValues = openLmdbStore(directory)
      const store = openConsensusStore(keyValues)
      check(store, steps.slice(0, from))
      for (const step of steps.slice(from, to)) await addStep(store, step)
      await keyValues.close()
    }
    const keyValues = openLmdbStore(directory)
    check(openConsensusStore(keyValues), steps)
    await keyValues.close()
  }))

test('any chain comes back as it went in', async () => {
  const share = fc.double({ min: 0, max: 0.7, noNaN: true })
  const plans = fc.record({
    seed: fc.string({ minLength: 1, maxLength: 8 }),
    blocks: fc.integer({ min: 1, max: 60 }),
    cycleBlocks: fc.integer({ min: 9, max: 30 }),
    rangeBlocks: fc.integer({ min: 1, max: 9 }),
    skipped: share,
    uncertified: share,
    repeated: share,
  })
  await fc.assert(
    fc.asyncProperty(plans, async ({ cycleBlocks, rangeBlocks, ...rest }) => {
      const steps = stepsOf({
        ...PLAN,
        ...rest,
        parameters: { ...PLAN.parameters, cycleBlocks, rangeBlocks },
      })
      const keyValues = new MemoryStore()
      const store = openConsensusStore(keyValues)
      for (const step of steps) await addStep(store, step)
      check(openConsensusStore(keyValues), steps)
    }),
    { numRuns: 60 },
  )
})

describe('what does not follow is a broken invariant', () => {
  const steps = stepsOf(PLAN)
  const [first, second] = steps as [SealedStep, SealedStep]

  test('proposals in another order, or of an epoch that has not begun', async () => {
    const store = openConsensusStore(new MemoryStore())
    await assert.rejects(addStep(store, { ...first, starts: [] }), AssertionFailure)
    for (const start of first.starts) await store.addEpoch(start)
    await assert.rejects(addStep(store, second), AssertionFailure)
    await addStep(store, { ...first, starts: [] })
    await assert.rejects(addStep(store, { ...first, starts: [], executed: [] }), AssertionFailure)
    await addStep(store, second)
    check(store, [first, second])
  })

  test('epochs in another order', async () => {
    const store = openConsensusStore(new MemoryStore())
    const [start] = first.starts as [EpochStart]
    await store.addEpoch(start)
    await assert.rejects(store.addEpoch(start), AssertionFailure)
    assert.deepEqual(store.epochs('execution'), [start])
  })
})

describe('a damaged store', () => {
  const TABLES = [
    'epochs',
    'proposals',
    'proposalHeights',
    'finalizations',
    'sealBodies',
    'seals',
    'sealEnds',
  ]

  /** Asks for everything that is there; what the answers are does not matter. */
  function readAll(keyValues: MemoryStore, steps: readonly SealedStep[]): void {
    const store = openConsensusStore(keyValues)
    for (const { executed, epoch, item, seal } of steps) {
      for (const { epoch, proposal } of executed) {
        store.execution(epoch).proposal(proposal.hash)
        store.execution(epoch).finalizationAtOrAbove(proposal.height)
        store.certificatesOf(BigInt(proposal.height))
      }
      store.witness(epoch).body(item.proposal.hash)
      if (seal !== undefined) store.sealOf(seal.first)
      store.sealEndingWith(item.proposal.payloadHash)
    }
  }

  test('throws errors that name the cure, and nothing else', async () => {
    const steps = stepsOf({ ...PLAN, blocks: 12 })
    const keyValues = new MemoryStore()
    for (const step of steps) await addStep(openConsensusStore(keyValues), step)
    let refusals = 0
    for (const table of TABLES as readonly ('epochs' | 'proposals' | 'sealBodies')[]) {
      for (const { key, value } of [...keyValues.entries(table)]) {
        const cut = value.subarray(0, value.length - 1)
        for (const damaged of [cut, value.with(0, value[0] === 0xff ? 0 : 0xff), Uint8Array.of()]) {
          keyValues.write((transaction) => transaction.put(table, key, damaged))
          try {
            readAll(keyValues, steps)
          } catch (error) {
            assert.ok(error instanceof CorruptDatabaseError, `${table}: ${String(error)}`)
            assert.match(error.message, /^the database is damaged: .*; run `aevir db verify`/)
            refusals += 1
          }
        }
        keyValues.write((transaction) => transaction.put(table, key, value))
      }
    }
    assert.ok(refusals > 100)
  })

  test('of another format is refused', async () => {
    const keyValues = new MemoryStore()
    const [step] = stepsOf(PLAN) as [SealedStep]
    await addStep(openConsensusStore(keyValues), step)
    const key = new TextEncoder().encode('consensus')
    for (const [version, code] of [
      [CONSENSUS_FORMAT_VERSION + 1, 'DATABASE_FORMAT_NEWER'],
      [CONSENSUS_FORMAT_VERSION - 1, 'DATABASE_FORMAT_OLDER'],
      [undefined, 'DATABASE_CORRUPT'],
    ] as const) {
      keyValues.write((transaction) =>
        version === undefined
          ? transaction.delete('meta', key)
          : transaction.put('meta', key, Uint8Array.of(0, 0, 0, version)),
      )
      assert.throws(
        () => openConsensusStore(keyValues),
        (error) => error instanceof DatabaseError && error.code === code,
      )
    }
  })
})
