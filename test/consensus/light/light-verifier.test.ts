/**
 * A light client accepts 10,000 sealed headers across three changes of committees, and refuses every chain in which
 * anything was changed. All signatures are real.
 */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { bls } from '../../../src/consensus/bls.ts'
import {
  endOfChain,
  genesisStart,
  LightClientError,
  lightState,
  verifyItem,
  WAITING_ITEMS_MAX,
  type LightState,
  type SealedItem,
} from '../../../src/consensus/light/light-verifier.ts'
import {
  encodeEnd,
  encodeItem,
  encodeStart,
  SealedChainFileError,
  SealedChainReader,
} from '../../../src/consensus/light/sealed-chain-file.ts'
import type { BlockReference } from '../../../src/consensus/plugin.ts'
import { present } from '../../../src/primitives/assert.ts'
import { concatBytes } from '../../../src/primitives/bytes.ts'
import { Prng } from '../../support/prng.ts'
import {
  SealedChainMaker,
  SMALL_PARAMETERS,
  type SealedChainPlan,
  type SealedStep,
} from '../../support/sealed-chain.ts'
import { BAD_SEALS } from './bad-seals.ts'
import type { Mutation, Target } from './mutation-parts.ts'
import { changedItems, MUTATIONS } from './mutations.ts'

const HEADERS = 10_000
const MUTANTS = 1_000
const FILE_MUTANTS = 300

const PLAN: SealedChainPlan = {
  chainId: 7n,
  parameters: SMALL_PARAMETERS,
  nodes: 12,
  blocks: HEADERS,
  isSigned: true,
  seed: 'light',
  skipped: 0.05,
  uncertified: 0.1,
  repeated: 0.03,
}

const maker = new SealedChainMaker(PLAN)
const { chainId, parameters } = PLAN
/** The state before each item, and after the last. */
const states: LightState[] = []
let steps: readonly SealedStep[] = []
let end: BlockReference

function startState(from: SealedChainMaker = maker): LightState {
  return lightState(genesisStart(chainId, from.genesis, from.nodes, parameters, bls))
}

function stateBefore(at: number): LightState {
  return present(states[at], 'state')
}

/** Verifies up to the end. @throws LightClientError */
function verifyAll(from: LightState, items: readonly SealedItem[]): void {
  let state = from
  for (const item of items) ({ state } = verifyItem(state, item))
  endOfChain(state, end)
}

before(() => {
  steps = [...maker.steps()]
})

test(`accepts ${HEADERS} sealed headers across three changes of committees`, (context) => {
  let state = startState()
  const accepted: bigint[] = []
  const committees = new Set<string>()
  const startedMs = performance.now()
  for (const { item } of steps) {
    states.push(state)
    const result = verifyItem(state, item)
    state = result.state
    for (const { header } of result.accepted) accepted.push(header.number)
    committees.add(state.cycle.witness.committee.members.join())
  }
  states.push(state)
  const seconds = (performance.now() - startedMs) / 1000
  end = endOfChain(state)
  assert.equal(end.number, BigInt(HEADERS))
  assert.deepEqual(
    accepted,
    Array.from({ length: HEADERS }, (_, index) => BigInt(index + 1)),
  )
  assert.equal(state.cycle.cycle, 3)
  assert.equal(committees.size, 4)
  context.diagnostic(`${Math.round(HEADERS / seconds)} headers a second (${bls.name}), ${steps.length} items`)
})

test('the chain holds what chance should have put into it', () => {
  const waits = steps.filter(({ item }) => item.finalization === undefined).length
  const repeats = steps.filter(({ seal }) => seal === undefined).length
  const indirect = steps.filter(({ seal }) => (seal?.proposals.length ?? 0) > 1).length
  assert.ok(waits > 20 && repeats > 10 && indirect > 20, `${waits} ${repeats} ${indirect}`)
})

/** A mutant of the kind, at a place where there is something to change in that way. */
function mutantOf(
  mutation: Mutation,
  prng: Prng,
): { readonly at: number; readonly items: readonly SealedItem[] } {
  const boundaries = [...steps.keys()].filter((index) => steps[index]?.seal?.handover !== undefined)
  for (let attempt = 0; attempt < 5_000; attempt++) {
    const at = attempt % 4 === 3 ? prng.pick(boundaries) : prng.below(steps.length)
    const target: Target = { maker, steps, at, prng }
    const items = changedItems(target, mutation)
    if (items !== undefined) return { at, items }
  }
  throw new Error('nowhere to change the chain in this way')
}

describe(`refuses ${MUTANTS} chains that are not right`, () => {
  const each = Math.ceil(MUTANTS / Object.keys(MUTATIONS).length)
  for (const [name, mutation] of Object.entries(MUTATIONS)) {
    test(`${name}, ${each} times`, () => {
      const prng = new Prng(name)
      for (let round = 0; round < each; round++) {
        const { at, items } = mutantOf(mutation, prng)
        assert.throws(
          () => verifyAll(stateBefore(at), items),
          (error) => error instanceof LightClientError && error.item >= at,
          `seed ${name}, round ${round}, item ${at}`,
        )
      }
    })
  }
})

describe('refuses what a quorum of witnesses signed against the rules:', () => {
  for (const [name, { rule, mutation }] of Object.entries(BAD_SEALS)) {
    test(name, () => {
      const prng = new Prng(name)
      for (let round = 0; round < 5; round++) {
        const { at, items } = mutantOf(mutation, prng)
        assert.throws(
          () => verifyItem(stateBefore(at), present(items[0], 'item')),
          (error) => error instanceof LightClientError && error.rule === rule && error.item === at,
          `${name}, round ${round}, item ${at}`,
        )
      }
    })
  }
})

test('names the rule that headers break', () => {
  const at = steps.findIndex(({ seal }) => (seal?.blocks.length ?? 0) > 2)
  const { item } = present(steps[at], 'step')
  const [first = new Uint8Array(), second = new Uint8Array(), ...rest] = item.headers
  const cases: readonly (readonly [string, readonly Uint8Array[]])[] = [
    ['headerCount', item.headers.slice(0, -1)],
    ['headerCount', [...item.headers, first]],
    ['headerCount', []],
    ['headerHash', [second, first, ...rest]],
    ['headerHash', [first, concatBytes(second, Uint8Array.of(0)), ...rest]],
  ]
  for (const [rule, headers] of cases) {
    assert.throws(
      () => verifyItem(stateBefore(at), { ...item, headers }),
      (error) => error instanceof LightClientError && error.rule === rule,
    )
  }
})

test(`refuses ${FILE_MUTANTS} files with a flipped bit or a missing byte, wherever it is`, () => {
  const prng = new Prng('files')
  const start = encodeStart({ chainId, block: maker.genesis })
  for (let round = 0; round < FILE_MUTANTS; round++) {
    const at = prng.below(steps.length)
    const items = steps.slice(at, at + 8).map(({ item }) => encodeItem(item))
    const isToEnd = at + 8 >= steps.length
    const bytes = concatBytes(...items, ...(isToEnd ? [encodeEnd(end)] : []))
    const position = prng.below(isToEnd ? bytes.length : (items[0]?.length ?? 0))
    const mutated = prng.chance(0.9)
      ? bytes.with(position, (bytes[position] as number) ^ (1 << prng.below(8)))
      : concatBytes(bytes.subarray(0, position), bytes.subarray(position + 1))
    const read = (): void => {
      const reader = new SealedChainReader()
      reader.push(start)
      let state = stateBefore(at)
      for (const item of reader.push(mutated)) ({ state } = verifyItem(state, item))
      if (isToEnd) endOfChain(state, reader.end())
      else reader.end()
    }
    assert.throws(
      read,
      (error) => error instanceof LightClientError || error instanceof SealedChainFileError,
      `round ${round}, item ${at}, byte ${position}`,
    )
  }
})

test('refuses a chain of other nodes, of another chain id, and of other parameters', () => {
  const [first] = steps as [SealedStep]
  const other = new SealedChainMaker({ ...PLAN, seed: 'another' })
  const { genesis, nodes } = maker
  for (const start of [
    genesisStart(chainId, genesis, other.nodes, parameters, bls),
    genesisStart(chainId + 1n, genesis, nodes, parameters, bls),
    genesisStart(chainId, other.genesis, nodes, parameters, bls),
    genesisStart(chainId, genesis, nodes, { ...parameters, executorSeats: 5 }, bls),
    genesisStart(chainId, genesis, nodes, { ...parameters, witnessSeats: 6 }, bls),
  ]) {
    assert.throws(() => {
      let state = lightState(start)
      for (const { item } of steps.slice(0, 3)) ({ state } = verifyItem(state, item))
    }, LightClientError)
  }
  assert.equal(verifyItem(startState(), first.item).state.itemCount, 1)
})

test('keeps no more than so many items that wait for a certificate', () => {
  const plan = { ...PLAN, blocks: 1_000, parameters: { ...parameters, rangeBlocks: 1 }, uncertified: 0 }
  const patient = new SealedChainMaker(plan)
  let state = lightState(genesisStart(chainId, patient.genesis, patient.nodes, plan.parameters, bls))
  let taken = 0
  assert.throws(
    () => {
      for (const { item } of patient.steps()) {
        ;({ state } = verifyItem(state, { ...item, finalization: undefined }))
        taken += 1
      }
    },
    (error) => error instanceof LightClientError && error.rule === 'waiting',
  )
  assert.equal(taken, WAITING_ITEMS_MAX - 1)
  assert.throws(
    () => endOfChain(state),
    (error) => error instanceof LightClientError && error.rule === 'end',
  )
})

test('goes on from a state in the middle, and says which item it is that it refuses', () => {
  const middle = Math.floor(steps.length / 2)
  verifyAll(
    stateBefore(middle),
    steps.slice(middle).map(({ item }) => item),
  )
  const { item } = present(steps[middle], 'step')
  assert.throws(
    () => verifyItem(stateBefore(middle), { ...item, body: Uint8Array.of(1) }),
    new RegExp(
      `^LightClientError: item ${middle} breaks the rule "body": |item ${middle} breaks the rule "body"`,
    ),
  )
})
