/** State at old blocks against a model that keeps every state whole. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { bytesToHex } from '../../src/primitives/bytes.ts'
import { StateUnavailableError, type LedgerState, type WritableLedger } from '../../src/execution/ledger.ts'
import { stateRootOf } from '../../src/state/genesis-state.ts'
import { proveAccount, verifyAccountProof } from '../../src/state/proof.ts'
import { openLedger } from '../../src/storage/ledger-database.ts'
import type { KeyValueStore } from '../../src/storage/key-value-store.ts'
import { verifyLedger } from '../../src/storage/verify.ts'
import { ADDRESSES, applyChanges, changes, SLOTS, type Change, type World } from '../support/random-state.ts'
import { CHAIN_ID, genesisBlock, nextBlock } from './sample-chain.ts'
import { STORE_KINDS } from './stores.ts'

type Step =
  | { readonly kind: 'append'; readonly changes: readonly Change[] }
  | { readonly kind: 'unwind'; readonly depth: number }
  | { readonly kind: 'reopen' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: changes.map((list): Step => ({ kind: 'append', changes: list })) },
  { weight: 1, arbitrary: fc.nat(4).map((depth): Step => ({ kind: 'unwind', depth })) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'reopen' }) },
)

function expectWorld(state: LedgerState, world: World): void {
  for (const address of ADDRESSES) {
    const expected = world.get(address)
    const account = state.account(address)
    const found = account && {
      nonce: account.nonce,
      balance: account.balance,
      code: bytesToHex(state.code(account.codeHash)),
    }
    assert.deepEqual(
      found,
      expected && { nonce: expected.nonce, balance: expected.balance, code: bytesToHex(expected.code) },
    )
    for (const slot of SLOTS) assert.equal(state.storage(address, slot), expected?.storage.get(slot) ?? 0n)
  }
}

/** Every node that the root leads to must be there: a proof of each account and slot follows them. */
function expectProofs(state: LedgerState, world: World): void {
  for (const address of ADDRESSES) {
    const proof = proveAccount(state, state.stateRoot, address, SLOTS)
    verifyAccountProof(state.stateRoot, address, proof)
    assert.equal(proof.account?.balance, world.get(address)?.balance)
  }
}

interface Settings {
  readonly historyBlocks: number
  readonly trieBlocks: number
}

const settings: fc.Arbitrary<Settings> = fc.record({
  historyBlocks: fc.integer({ min: 0, max: 8 }),
  trieBlocks: fc.integer({ min: 1, max: 6 }),
})

function run(store: KeyValueStore, steps: readonly Step[], { historyBlocks, trieBlocks }: Settings): void {
  const genesis = genesisBlock(new Map())
  const reopen = (): WritableLedger =>
    openLedger({ store, chainId: CHAIN_ID, genesis, historyBlocks, trieBlocks })
  let ledger = reopen()
  const worlds: World[] = [new Map()]
  /** Readers that were made when their block was the newest. */
  let held: LedgerState[] = [ledger.stateAt(0n)]
  let oldest = 0
  for (const current of steps) {
    if (current.kind === 'reopen') {
      ledger = reopen()
      held = held.map(({ blockNumber }) => ledger.stateAt(blockNumber))
    } else if (current.kind === 'append') {
      const world: World = new Map(worlds.at(-1))
      const state = ledger.stateAt(ledger.head().number)
      const diff = applyChanges(world, state, current.changes)
      ledger.append(nextBlock(ledger, diff))
      worlds.push(world)
      held.push(ledger.stateAt(ledger.head().number))
      oldest = Math.max(oldest, worlds.length - 1 - historyBlocks)
    } else {
      const target = worlds.length - 1 - current.depth
      if (target < oldest) {
        assert.throws(() => ledger.unwind(BigInt(target)), StateUnavailableError)
        continue
      }
      assert.equal(ledger.unwind(BigInt(target)).length, current.depth)
      worlds.length = target + 1
      held = held.filter(({ blockNumber }) => blockNumber <= BigInt(target))
    }
    held = held.filter(({ blockNumber }) => blockNumber >= BigInt(oldest))
    assert.equal(ledger.oldestState(), BigInt(oldest))
    assert.equal(ledger.head().stateRoot, stateRootOf(worlds.at(-1) ?? new Map()))
  }
  for (const reader of [...held, ...held.map(({ blockNumber }) => ledger.stateAt(blockNumber))]) {
    const world = worlds[Number(reader.blockNumber)] ?? new Map()
    expectWorld(reader, world)
    expectProofs(reader, world)
  }
  assert.equal(held.length, worlds.length - oldest)
  assert.deepEqual(verifyLedger(store).findings, [])
}

for (const kind of STORE_KINDS) {
  test(`state, tries and proofs of each kept block are those of a model (${kind.name})`, () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 24 }), settings, (steps, chosen) =>
        kind.with((store) => run(store, steps, chosen)),
      ),
      { numRuns: kind.name === 'in memory' ? 60 : 15 },
    ))
}
