/** What a verification finds wrong with the records of consensus, and the frozen bytes of these records. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bytesToHex, type Hex } from '../../src/primitives/bytes.ts'
import { epochOf } from '../../src/consensus/committees/committee.ts'
import { openConsensusStore } from '../../src/storage/consensus-database.ts'
import { heightInKey, rangeOf, reignKey } from '../../src/storage/consensus-records.ts'
import { Findings } from '../../src/storage/findings.ts'
import type { KeyValueStore } from '../../src/storage/key-value-store.ts'
import { MemoryStore } from '../../src/storage/memory-store.ts'
import type { TableName } from '../../src/storage/tables.ts'
import { verifyConsensus, type ConsensusCounts } from '../../src/storage/verify-consensus.ts'
import { addStep, putHeaders } from '../support/consensus-fill.ts'
import { SealedChainMaker, SMALL_PARAMETERS, type SealedChainPlan } from '../support/sealed-chain.ts'
import { CONSENSUS_FORMAT_FIXTURE } from './consensus-format-fixture.ts'

const PLAN: SealedChainPlan = {
  chainId: 7n,
  parameters: { ...SMALL_PARAMETERS, cycleBlocks: 12, windowBlocks: 4, rangeBlocks: 4 },
  nodes: 12,
  blocks: 40,
  isSigned: false,
  seed: 'verified',
  skipped: 0.2,
  uncertified: 0.3,
  repeated: 0.2,
}

const TABLES = [
  'epochs',
  'proposals',
  'proposalHeights',
  'finalizations',
  'sealBodies',
  'seals',
  'sealEnds',
] as const satisfies readonly TableName[]

interface Filled {
  readonly store: MemoryStore
  verify(): { readonly findings: readonly string[]; readonly counts: ConsensusCounts }
}

async function filled(plan: SealedChainPlan): Promise<Filled> {
  const maker = new SealedChainMaker(plan)
  const steps = [...maker.steps()]
  const store = new MemoryStore()
  putHeaders(store, steps)
  const consensus = openConsensusStore(store)
  for (const step of steps) await addStep(consensus, step)
  const verify: Filled['verify'] = () => {
    const findings = new Findings()
    const { hash } = maker.genesis
    const counts = verifyConsensus({ store, genesisHash: hash, findings, onProgress: () => undefined })
    return { findings: findings.listed, counts }
  }
  return { store, verify }
}

function setEntry(
  store: KeyValueStore,
  table: TableName,
  key: Uint8Array,
  value: Uint8Array | undefined,
): void {
  store.write((transaction) => {
    if (value === undefined) transaction.delete(table, key)
    else transaction.put(table, key, value)
  })
}

test('a sound store has no findings, and everything in it was seen', async () => {
  const { store, verify } = await filled(PLAN)
  const { findings, counts } = verify()
  assert.deepEqual(findings, [])
  const { tables } = store.statistics()
  assert.equal(counts.proposals, tables.proposals.entries)
  assert.equal(counts.seals, tables.sealBodies.entries)
  assert.ok(counts.seals > 10)
})

/** Signatures are not checked, and neither are those members of which nothing else tells. */
const UNCHECKED: Readonly<Record<string, readonly TableName[]>> = {
  'a changed last byte': ['finalizations', 'epochs', 'proposals'],
  'a missing entry': ['finalizations'],
}
const DAMAGES: Readonly<Record<string, (value: Uint8Array) => Uint8Array | undefined>> = {
  'a changed first byte': (value) => value.with(0, (value[0] ?? 0) ^ 1),
  'a changed last byte': (value) => value.with(value.length - 1, (value.at(-1) ?? 0) ^ 1),
  // Of the view of a proposal: the chain of randomness has a hash for each view that was skipped.
  'a changed fourth byte': (value) => value.with(3, (value[3] ?? 0) ^ 0x80),
  'a missing entry': () => undefined,
}

describe('what was damaged is found:', () => {
  for (const table of TABLES) {
    for (const [damage, change] of Object.entries(DAMAGES)) {
      if (UNCHECKED[damage]?.includes(table) === true) continue
      test(`${damage} in the table ${table}`, async () => {
        const { store, verify } = await filled(PLAN)
        for (const { key, value } of [...store.entries(table)]) {
          setEntry(store, table, key, change(value))
          assert.notDeepEqual(verify().findings, [], bytesToHex(key))
          setEntry(store, table, key, value)
        }
        assert.deepEqual(verify().findings, [])
      })
    }
  }

  test('members that are not those of the handover', async () => {
    const { store, verify } = await filled(PLAN)
    const changed = [...store.entries('epochs')].filter(({ key }) => key[7] !== 0)
    assert.ok(changed.length > 2)
    for (const { key, value } of changed) {
      setEntry(store, 'epochs', key, value.with(-1 + value.length, (value.at(-1) ?? 0) ^ 1))
      assert.match(verify().findings.join('\n'), /its members are not those that the seal before it names/)
      setEntry(store, 'epochs', key, value)
    }
  })

  test('the end of a cycle that no certificate shows', async () => {
    const { store, verify } = await filled(PLAN)
    const consensus = openConsensusStore(store)
    for (const [index, layer] of (['execution', 'witness'] as const).entries()) {
      const height = consensus.epochs(layer)[1]?.root.height ?? assert.fail('a second cycle')
      const proofs = [...store.entries('finalizations', rangeOf(reignKey({ layer, epoch: epochOf(0) })))]
      for (const { key } of proofs.filter(({ key }) => heightInKey(key) >= height)) {
        setEntry(store, 'finalizations', key, undefined)
      }
      assert.equal(verify().findings.length, index + 1)
      assert.match(verify().findings.join(), new RegExp(`${layer} layer, epoch 0: no certificate shows`))
    }
  })

  test('entries that belong to nothing', async () => {
    for (const table of TABLES) {
      const { store, verify } = await filled(PLAN)
      const [entry] = [...store.entries(table)]
      setEntry(store, table, new Uint8Array(entry?.key.length ?? 0).fill(0xee), entry?.value)
      assert.notDeepEqual(verify().findings, [], table)
    }
  })
})

test('records are written as they always were', async () => {
  const parameters = {
    ...PLAN.parameters,
    executorSeats: 1,
    witnessSeats: 1,
    cycleBlocks: 2,
    windowBlocks: 1,
  }
  const { store, verify } = await filled({
    ...PLAN,
    parameters,
    nodes: 2,
    blocks: 3,
    seed: 'frozen',
    uncertified: 0.5,
  })
  assert.deepEqual(verify().findings, [])
  const dump: Record<string, Record<Hex, Hex>> = {}
  for (const table of TABLES) {
    const entries = Array.from(store.entries(table), ({ key, value }) => [bytesToHex(key), bytesToHex(value)])
    dump[table] = Object.fromEntries(entries) as Record<Hex, Hex>
  }
  assert.deepEqual(dump, CONSENSUS_FORMAT_FIXTURE)
})
