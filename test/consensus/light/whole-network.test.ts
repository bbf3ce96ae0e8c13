/** What the nodes of a network have stored after some cycles, a light client accepts, and elections come out of it again. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { encodeHeader } from '../../../src/chain/block-codec.ts'
import { checkElection, storedElections } from '../../../src/consensus/light/election-check.ts'
import {
  endOfChain,
  genesisStart,
  lightState,
  verifyItem,
} from '../../../src/consensus/light/light-verifier.ts'
import { storedItems } from '../../../src/consensus/light/sealed-chain-source.ts'
import { isReject } from '../../../src/consensus/witness-layer/reject-codec.ts'
import { present } from '../../../src/primitives/assert.ts'
import { stubScheme } from '../../simulation/stub-scheme.ts'
import { brokenEngine, FATAL_VALUE } from '../dual-bft/broken-engine.ts'
import { DualWorld, type TestNode, type WorldOptions } from '../dual-bft/world.ts'

const PARAMETERS = { cycleBlocks: 12, windowBlocks: 6, rangeBlocks: 4 }

async function start(t: TestContext, options: WorldOptions): Promise<DualWorld> {
  const world = await DualWorld.start({ ...options, parameters: PARAMETERS })
  t.after(async () => world.close())
  return world
}

interface Proven {
  /** Number of the last block that is proven. */
  readonly last: bigint
  readonly rejects: number
}

/** Proves what a node has stored from its genesis on. */
function prove({ parameters, registry }: DualWorld, { chain, store }: TestNode): Proven {
  const { ledger, config } = chain
  const genesis = { number: 0n, hash: present(ledger.hashOf(0n), 'genesis') }
  const header = (number: bigint): Uint8Array => encodeHeader(present(ledger.header(number), 'header'))
  let state = lightState(genesisStart(config.chainId, genesis, registry, parameters, stubScheme))
  let rejects = 0
  for (const { item } of storedItems(store, genesis, header)) {
    if (isReject(item.body)) rejects += 1
    ;({ state } = verifyItem(state, item))
  }
  return { last: endOfChain(state).number, rejects }
}

async function checkElections(
  { parameters, registry }: DualWorld,
  { chain, store }: TestNode,
  cycles: number,
): Promise<void> {
  const genesis = { number: 0n, hash: present(chain.ledger.hashOf(0n), 'genesis') }
  const rules = { genesis, parameters, registry: { at: () => registry }, scheme: stubScheme }
  for (let cycle = 0; cycle < cycles; cycle++) {
    const { difference } = await checkElection(cycle, rules, storedElections(store))
    assert.equal(difference, undefined)
  }
}

test('several cycles of a network', async (t) => {
  const world = await start(t, { executors: 4, witnesses: 7, followers: 5 })
  await world.untilSealed(40n, 120_000)
  for (const node of world.nodes) {
    const { last } = prove(world, node)
    // A seal without a certificate of its own waits for one that comes later.
    assert.ok(last >= 36n, `${last}`)
    await checkElections(world, node, 4)
  }
})

test('a network that rejected blocks, at the end of a cycle too', async (t) => {
  const broken = new Set([0, 1, 2])
  const world = await start(t, {
    ...{ executors: 4, witnesses: 4, followers: 5, spares: 4 },
    application: (index, chain) => (broken.has(index) ? brokenEngine(chain) : chain),
  })
  await world.untilSealed(8n)
  world.tamper = (_from, _to, layer, message) => (layer === 'witness' ? [] : [message])
  const transaction = await world.transfer(FATAL_VALUE, broken)
  await world.until(
    'the bad chain is in the next cycle',
    () => world.node(0).store.epochs('execution').length === 2,
  )
  await world.hand(
    transaction,
    world.nodes.keys().filter((index) => !broken.has(index)),
  )
  world.tamper = (_from, _to, _layer, message) => [message]
  await world.untilSealed(40n, 240_000)
  for (const node of world.nodes) {
    const { last, rejects } = prove(world, node)
    assert.ok(last >= 36n, `${last}`)
    assert.ok(rejects >= 1)
    await checkElections(world, node, 4)
  }
})
