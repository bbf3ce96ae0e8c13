/** Elections come out of a chain's seals as they went in, and whatever a chain has otherwise is found. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { bls } from '../../../src/consensus/bls.ts'
import { epochOf } from '../../../src/consensus/committees/committee.ts'
import { snapshotOf } from '../../../src/consensus/committees/schedule.ts'
import {
  checkElection,
  ElectionDataError,
  type ElectionReport,
  type ElectionRules,
  type ElectionSeal,
  type ElectionSource,
} from '../../../src/consensus/light/election-check.ts'
import type { View } from '../../../src/consensus/simplex/types.ts'
import { lastOf } from '../../../src/consensus/witness-layer/seal.ts'
import { ZERO_HASH } from '../../../src/primitives/bytes.ts'
import {
  SealedChainMaker,
  SMALL_PARAMETERS,
  type SealedChainPlan,
  type SealedStep,
} from '../../support/sealed-chain.ts'

const PLAN: SealedChainPlan = {
  chainId: 7n,
  parameters: { ...SMALL_PARAMETERS, cycleBlocks: 40, windowBlocks: 8, rangeBlocks: 4 },
  nodes: 12,
  blocks: 150,
  isSigned: true,
  seed: 'elections',
  skipped: 0.2,
  uncertified: 0.2,
  repeated: 0.2,
}
/** Of the last cycle that the chain of the plan has. */
const LATEST = 3

const maker = new SealedChainMaker(PLAN)
const rules: ElectionRules = {
  genesis: maker.genesis,
  parameters: PLAN.parameters,
  registry: { at: () => maker.nodes },
  scheme: bls,
}
let steps: readonly SealedStep[] = []

before(() => {
  steps = [...maker.steps()]
})

function sealsOf(from: readonly SealedStep[]): ElectionSeal[] {
  return from.flatMap(({ epoch, seal, item, randomness }) =>
    seal === undefined ? [] : [{ ...seal, epoch, view: item.proposal.view, last: lastOf(seal), randomness }],
  )
}

function sourceOf(seals: readonly ElectionSeal[], members?: ElectionSource['members']): ElectionSource {
  const starts = steps.flatMap((step) => step.starts)
  return {
    sealOf: async (number) => seals.find(({ first, last }) => first <= number && number <= last),
    members:
      members ??
      (async (layer, cycle) =>
        starts.find((start) => start.layer === layer && start.epoch === epochOf(cycle))?.members),
  }
}

/** With one seal changed. */
function changed(at: number, change: (seal: ElectionSeal) => Partial<ElectionSeal>): Promise<ElectionReport> {
  const seals = sealsOf(steps).map((seal, index) => (index === at ? { ...seal, ...change(seal) } : seal))
  return checkElection(LATEST, rules, sourceOf(seals))
}

test('every cycle of a chain has the committees that follow from it', async () => {
  const source = sourceOf(sealsOf(steps))
  const seeds = new Set<string>()
  for (let cycle = 0; cycle <= LATEST; cycle++) {
    const report = await checkElection(cycle, rules, source)
    assert.equal(report.difference, undefined)
    assert.equal(report.snapshot, snapshotOf(cycle, PLAN.parameters))
    assert.deepEqual(report.seats.executors, await source.members('execution', cycle))
    assert.deepEqual(report.seats.witnesses, await source.members('witness', cycle))
    seeds.add(report.seed)
  }
  assert.equal(seeds.size, LATEST + 1)
})

test('as soon as its snapshot is sealed, a cycle can be told, even if the chain has not begun it', async () => {
  const snapshot = snapshotOf(2, PLAN.parameters)
  const all = await checkElection(2, rules, sourceOf(sealsOf(steps)))
  const until = sealsOf(steps).findIndex(({ last }) => last >= snapshot)
  const enough = sourceOf(sealsOf(steps).slice(0, until + 1), async () => undefined)
  assert.deepEqual(await checkElection(2, rules, enough), all)
  const fewer = sourceOf(sealsOf(steps).slice(0, until))
  await assert.rejects(
    checkElection(2, rules, fewer),
    (error) => error instanceof ElectionDataError && /elected as of block 72/.test(error.message),
  )
})

describe('is not kept busy by a source that lies', () => {
  const cases: readonly (readonly [string, (seal: ElectionSeal) => Partial<ElectionSeal>, RegExp])[] = [
    ['about where a seal ends', ({ first }) => ({ last: first - 1n }), /is said to end with block/],
    ['about the view of a seal', () => ({ view: (2 ** 47) as View }), /is said to be of view/],
  ]
  for (const [name, change, message] of cases) {
    test(name, async () => {
      const seals = sealsOf(steps).map((seal, index) => (index === 20 ? { ...seal, ...change(seal) } : seal))
      const honest = sealsOf(steps)
      const source = sourceOf(honest)
      const lying: ElectionSource = {
        ...source,
        sealOf: async (number) => {
          const index = honest.findIndex(({ first, last }) => first <= number && number <= last)
          return seals[index]
        },
      }
      await assert.rejects(
        checkElection(LATEST, rules, lying),
        (error) => error instanceof ElectionDataError && message.test(error.message),
      )
    })
  }
})

describe('finds', () => {
  const AT = 20

  test('a reveal that is not the Committer’s', async () => {
    const other = sealsOf(steps)[AT + 1]?.reveal ?? new Uint8Array(96)
    const { difference } = await changed(AT, () => ({ reveal: other }))
    assert.match(difference ?? '', /^the reveal in the seal of blocks \d+ to \d+ is not that of 0x/)
  })

  test('a seal of another view', async () => {
    const { difference } = await changed(AT, ({ view }) => ({ view: (view + 1) as View }))
    assert.match(difference ?? '', /^the reveal in the seal/)
    const early = await changed(AT, () => ({ view: 1 as View }))
    assert.match(early.difference ?? '', /is of view 1, after \d+$/)
  })

  test('another link of the chain of randomness', async () => {
    const { difference } = await changed(AT, () => ({ randomness: ZERO_HASH }))
    assert.match(difference ?? '', /^the randomness after block \d+ is 0x\w+, not 0x0+$/)
  })

  test('a range that is not the next one, and witnesses that were not there', async () => {
    const { difference } = await changed(AT, ({ first }) => ({ first: first - 1n }))
    assert.match(difference ?? '', /does not follow block \d+ in cycle 1$/)
    const old = await changed(AT, () => ({ epoch: epochOf(0) }))
    assert.match(old.difference ?? '', /is of epoch 0, after epoch 256$/)
    const anew = await changed(AT, () => ({ epoch: epochOf(1, 1) }))
    assert.match(anew.difference ?? '', /is not that of 0x\w+, the Committer of view \d+$/)
  })

  test('a handover to others, or none', async () => {
    const at = sealsOf(steps).findIndex(({ handover }) => handover !== undefined)
    for (const change of [
      () => ({ handover: undefined }),
      ({ handover }: ElectionSeal) => ({
        handover: handover && { ...handover, witnesses: handover.witnesses.toReversed() },
      }),
    ]) {
      const { difference } = await changed(at, change)
      assert.equal(difference, 'the seal before cycle 1 hands over to others')
    }
  })

  test('members that were not elected, in this cycle or an earlier one', async () => {
    const honest = sourceOf(sealsOf(steps))
    for (const [layer, who] of [
      ['execution', 'executor'],
      ['witness', 'witness'],
    ] as const) {
      for (const cycle of [0, 2, LATEST]) {
        const source = sourceOf(sealsOf(steps), async (of, at) => {
          const members = await honest.members(of, at)
          return of === layer && at === cycle ? members?.slice(1) : members
        })
        const { difference } = await checkElection(LATEST, rules, source)
        assert.match(difference ?? '', new RegExp(`^${who} 0 of cycle ${cycle} is 0x\\w+, not 0x`))
      }
    }
  })
})
