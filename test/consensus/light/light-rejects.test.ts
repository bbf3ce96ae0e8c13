/** A light client follows the witnesses where they replace executors, and only there. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { bls } from '../../../src/consensus/bls.ts'
import { attemptOf, makeCommittee } from '../../../src/consensus/committees/committee.ts'
import {
  endOfChain,
  genesisStart,
  LightClientError,
  lightState,
  verifyItem,
  type LightState,
  type SealedItem,
} from '../../../src/consensus/light/light-verifier.ts'
import { storedItems } from '../../../src/consensus/light/sealed-chain-source.ts'
import { committeeShape } from '../../../src/consensus/simplex/config.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import type { Epoch } from '../../../src/consensus/simplex/types.ts'
import { decodeReject, encodeReject, isReject } from '../../../src/consensus/witness-layer/reject-codec.ts'
import type { Reject } from '../../../src/consensus/witness-layer/reject.ts'
import { encodeSeal } from '../../../src/consensus/witness-layer/seal-codec.ts'
import { present } from '../../../src/primitives/assert.ts'
import { openConsensusStore } from '../../../src/storage/consensus-database.ts'
import { Findings } from '../../../src/storage/findings.ts'
import { MemoryStore } from '../../../src/storage/memory-store.ts'
import { verifyConsensus } from '../../../src/storage/verify-consensus.ts'
import { addStep, putHeaders } from '../../support/consensus-fill.ts'
import {
  SealedChainMaker,
  SMALL_PARAMETERS,
  type SealedChainPlan,
  type SealedStep,
} from '../../support/sealed-chain.ts'

const PLAN: SealedChainPlan = {
  chainId: 7n,
  parameters: { ...SMALL_PARAMETERS, cycleBlocks: 60, windowBlocks: 8, rangeBlocks: 4 },
  nodes: 16,
  blocks: 200,
  isSigned: true,
  seed: 'rejects',
  skipped: 0.05,
  uncertified: 0.2,
  repeated: 0.1,
  rejected: 0.1,
}

const maker = new SealedChainMaker(PLAN)
const { chainId, parameters } = PLAN
const EXECUTORS = committeeShape(parameters.executorSeats)
let steps: readonly SealedStep[] = []
/** Before each item. */
const states: LightState[] = []

/** Rejects that replace executors, and those after them that do not. */
function rejectsAt(): { readonly first: readonly number[]; readonly again: readonly number[] } {
  const all = [...steps.keys()].filter((at) => isReject(steps[at]?.item.body ?? new Uint8Array()))
  const epochs = all.map((at) => rejectIn(at).proof.epoch)
  return {
    first: all.filter((_, index) => epochs[index] !== epochs[index - 1]),
    again: all.filter((_, index) => epochs[index] === epochs[index - 1]),
  }
}

function rejectIn(at: number): Reject {
  return decodeReject(present(steps[at], 'step').item.body, EXECUTORS)
}

function startState(): LightState {
  return lightState(genesisStart(chainId, maker.genesis, maker.nodes, parameters, bls))
}

function refusedRule(at: number, items: readonly SealedItem[]): string {
  let state = present(states[at], 'state')
  try {
    for (const item of items) ({ state } = verifyItem(state, item))
    endOfChain(state, { number: BigInt(PLAN.blocks), hash: state.block.hash })
  } catch (error) {
    if (error instanceof LightClientError) return error.rule
    throw error
  }
  return 'accepted'
}

/** The item with another body, signed by a quorum of the witnesses. */
function resigned(at: number, body: Uint8Array): SealedItem {
  const { item, epoch } = present(steps[at], 'step')
  const starts = steps.flatMap((step) => step.starts)
  const start = present(
    starts.find((candidate) => candidate.layer === 'witness' && candidate.epoch === epoch),
    'epoch',
  )
  const { proposal } = makeBlock(item.proposal, body)
  const witnesses = makeCommittee(maker.genesis.hash, 'witness', epoch, start.members)
  return { ...item, proposal, body, finalization: maker.certify(witnesses, 'finalize', proposal) }
}

before(() => {
  steps = [...maker.steps()]
  let state = startState()
  for (const { item } of steps) {
    states.push(state)
    ;({ state } = verifyItem(state, item))
  }
  states.push(state)
})

test('a chain with rejects is accepted, each by the executors of its time', () => {
  const { first, again } = rejectsAt()
  assert.ok(first.length >= 4 && again.length >= 1, `${first.length} ${again.length}`)
  const state = present(states.at(-1), 'state')
  assert.equal(endOfChain(state).number, BigInt(PLAN.blocks))
  const epochs = new Set(states.map(({ cycle }) => cycle.execution.committee.epoch))
  assert.ok([...epochs].filter((epoch) => attemptOf(epoch) > 0).length >= first.length)
  const witnesses = new Set(states.map(({ cycle }) => cycle.witness.committee.epoch))
  assert.equal(witnesses.size, 4)
})

describe('refuses', () => {
  test('a reject that is missing', () => {
    for (const at of rejectsAt().first) {
      const items = steps.slice(at + 1).map(({ item }) => item)
      assert.equal(refusedRule(at, items), 'parent')
    }
  })

  test('a reject that a quorum of witnesses did not sign so', () => {
    for (const at of rejectsAt().first) {
      const reject = rejectIn(at)
      const others = { ...reject, executors: reject.executors.toReversed() }
      const { item } = present(steps[at], 'step')
      const changed = { ...item, ...makeBlock(item.proposal, encodeReject(others)) }
      const items = [changed, ...steps.slice(at + 1).map((step) => step.item)]
      const rule = item.finalization === undefined ? 'parent' : 'witnessCertificate'
      assert.equal(refusedRule(at, items), rule)
    }
  })

  const rejects: Readonly<Record<string, readonly [string, (reject: Reject) => Partial<Reject['proof']>]>> = {
    'of an epoch to come': ['epoch', ({ proof }) => ({ epoch: (proof.epoch + 1) as Epoch })],
    'of another cycle': ['epoch', ({ proof }) => ({ epoch: (proof.epoch + 256) as Epoch })],
    'of a block that does not follow': [
      'number',
      ({ proof }) => {
        const last = present(proof.proposals.at(-1), 'proposal')
        return { proposals: [makeBlock({ ...last, height: last.height + 1 }, new Uint8Array()).proposal] }
      },
    ],
    'of what no quorum of executors made final': [
      'executionCertificate',
      ({ proof }) => ({
        finalization: {
          ...proof.finalization,
          signature: rejectIn(lastReject()).proof.finalization.signature,
        },
      }),
    ],
  }
  /** Its signature is of another block than those of the rest. */
  function lastReject(): number {
    return present(rejectsAt().first.at(-1), 'reject')
  }

  for (const [name, [rule, change]] of Object.entries(rejects)) {
    test(`a reject ${name}, even if the witnesses signed it`, () => {
      const [at = 0] = rejectsAt().first
      const reject = rejectIn(at)
      const body = encodeReject({ ...reject, proof: { ...reject.proof, ...change(reject) } })
      assert.equal(refusedRule(at, [resigned(at, body)]), rule)
    })
  }

  test('a reject with headers, or to somebody twice, or with bytes behind it', () => {
    const [at = 0] = rejectsAt().first
    const { item } = present(steps[at], 'step')
    const reject = rejectIn(at)
    assert.equal(refusedRule(at, [{ ...item, headers: [new Uint8Array(1)] }]), 'repeat')
    const [twice = '0x'] = reject.executors
    const executors = reject.executors.map(() => twice)
    assert.equal(refusedRule(at, [resigned(at, encodeReject({ ...reject, executors }))]), 'executors')
    const body = Uint8Array.of(...item.body, 0)
    assert.equal(refusedRule(at, [resigned(at, body)]), 'rejectBytes')
  })

  test('a seal by the executors that were replaced', () => {
    const at = present(rejectsAt().first[0], 'reject')
    const next = steps.findIndex(({ seal }, index) => index > at && seal !== undefined)
    const seal = present(steps[next]?.seal, 'seal')
    const body = encodeSeal({ ...seal, executionEpoch: (seal.executionEpoch - 1) as Epoch })
    assert.equal(refusedRule(next, [resigned(next, body)]), 'epoch')
  })
})

test('a store with rejects is sound, and what it holds is accepted', async () => {
  const keyValues = new MemoryStore()
  const store = openConsensusStore(keyValues)
  for (const step of steps) await addStep(store, step)
  putHeaders(keyValues, steps)
  const findings = new Findings()
  const { hash } = maker.genesis
  verifyConsensus({ store: keyValues, genesisHash: hash, findings, onProgress: () => undefined })
  assert.deepEqual(findings.listed, [])
  const headers = new Map<bigint, Uint8Array>()
  for (const { seal, item } of steps) {
    for (const [index, header] of item.headers.entries()) {
      headers.set((seal?.first ?? 0n) + BigInt(index), header)
    }
  }
  let state = startState()
  const items = storedItems(openConsensusStore(keyValues), maker.genesis, (number) =>
    present(headers.get(number), 'header'),
  )
  for (const { item } of items) ({ state } = verifyItem(state, item))
  assert.equal(endOfChain(state).number, BigInt(PLAN.blocks))
})
