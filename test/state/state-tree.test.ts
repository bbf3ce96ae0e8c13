/** State roots over random blocks against @ethereumjs/mpt, and that nothing of removed accounts stays behind. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { EMPTY_TRIE_ROOT } from '../../src/chain/ordered-trie.ts'
import { AssertionFailure } from '../../src/primitives/assert.ts'
import { bytesToHex, toAddress, type Address } from '../../src/primitives/bytes.ts'
import { RlpError } from '../../src/primitives/rlp.ts'
import { decodeAccount, encodeAccount } from '../../src/state/account-codec.ts'
import { memoryStateOf, stateRootOf } from '../../src/state/genesis-state.ts'
import { MemoryState } from '../../src/state/memory-state.ts'
import { commitState } from '../../src/state/state-tree.ts'
import type { StateDiff } from '../../src/state/state-reader.ts'
import {
  ADDRESSES,
  applyChanges,
  changes,
  referenceTrie,
  SLOTS,
  type World,
} from '../support/random-state.ts'

const ALICE = toAddress('0x00000000000000000000000000000000000a11ce')
const BOB = toAddress('0x0000000000000000000000000000000000000b0b')

function diffOf(parts: Partial<StateDiff>): StateDiff {
  return { accounts: new Map(), storage: new Map(), clearedStorage: new Set(), codes: new Map(), ...parts }
}

function worldOf(address: Address, storage: readonly (readonly [bigint, bigint])[]): World {
  return new Map([[address, { balance: 5n, nonce: 1n, code: new Uint8Array(0), storage: new Map(storage) }]])
}

test('commit after commit, the root is that of @ethereumjs/mpt and no node or slot is left behind', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(changes, { minLength: 1, maxLength: 6 }), async (blocks) => {
      const state = new MemoryState()
      const world: World = new Map()
      for (const block of blocks) {
        state.commit(applyChanges(world, state, block))
        assert.equal(state.root, bytesToHex((await referenceTrie(world)).root()))
        assert.deepEqual(state.sizes, memoryStateOf(world).sizes)
      }
      for (const address of ADDRESSES) {
        const account = world.get(address)
        assert.equal(state.account(address)?.balance, account?.balance)
        for (const slot of SLOTS) assert.equal(state.storage(address, slot), account?.storage.get(slot) ?? 0n)
      }
    }),
    { numRuns: 60 },
  )
})

test('a state whose accounts are all removed is empty again', () => {
  fc.assert(
    fc.property(changes, changes, (first, second) => {
      const state = new MemoryState()
      const world: World = new Map()
      state.commit(applyChanges(world, state, first))
      state.commit(applyChanges(world, state, second))
      const accounts = new Map([...world.keys()].map((address) => [address, null]))
      assert.equal(state.commit(diffOf({ accounts })), EMPTY_TRIE_ROOT)
      assert.deepEqual(state.sizes, { accounts: 0, slots: 0, accountNodes: 0, storageNodes: 0 })
    }),
  )
})

describe('a commit', () => {
  test('carries the new storage root of an account of which only storage changed', () => {
    const state = memoryStateOf(worldOf(ALICE, [[1n, 1n]]))
    const { accounts, root } = commitState(
      state,
      state.root,
      diffOf({ storage: new Map([[ALICE, new Map([[1n, 2n]])]]) }),
    )
    const after = worldOf(ALICE, [[1n, 2n]])
    assert.deepEqual(accounts.get(ALICE), memoryStateOf(after).account(ALICE))
    assert.equal(root, stateRootOf(after))
  })

  test('names the owner whose storage is cleared, and writes what was set afterwards from an empty trie', () => {
    const slots: [bigint, bigint][] = Array.from({ length: 50 }, (_, n) => [BigInt(n), 7n])
    const state = memoryStateOf(worldOf(ALICE, slots))
    const diff = diffOf({
      clearedStorage: new Set([ALICE]),
      storage: new Map([[ALICE, new Map([[9n, 1n]])]]),
    })
    const { nodes, root } = commitState(state, state.root, diff)
    assert.deepEqual([...nodes.clearedOwners], [ALICE])
    const written = [...(nodes.storageNodes.get(ALICE) ?? [])]
    assert.deepEqual(
      written.map(([path]) => path),
      [''],
    )
    assert.equal(root, stateRootOf(worldOf(ALICE, [[9n, 1n]])))
  })

  test('clears the storage of an account that is removed, and no owner that had none', () => {
    const state = memoryStateOf(new Map([...worldOf(ALICE, [[1n, 1n]]), ...worldOf(BOB, [])]))
    const removed = diffOf({
      accounts: new Map([
        [ALICE, null],
        [BOB, null],
      ]),
    })
    const { nodes, root } = commitState(state, state.root, removed)
    assert.deepEqual([...nodes.clearedOwners], [ALICE])
    assert.equal(root, EMPTY_TRIE_ROOT)
  })

  test('takes the old storage root from the reader, not from the diff', () => {
    const state = memoryStateOf(worldOf(ALICE, [[1n, 1n]]))
    const stale = {
      nonce: 2n,
      balance: 5n,
      storageRoot: EMPTY_TRIE_ROOT,
      codeHash: state.account(ALICE)?.codeHash,
    }
    const accounts = new Map([[ALICE, stale as NonNullable<ReturnType<MemoryState['account']>>]])
    const commit = commitState(state, state.root, diffOf({ accounts }))
    assert.equal(commit.accounts.get(ALICE)?.storageRoot, state.account(ALICE)?.storageRoot)
  })

  test('changes nothing for an empty diff', () => {
    const state = memoryStateOf(worldOf(ALICE, [[1n, 1n]]))
    const { root, nodes, accounts } = commitState(state, state.root, diffOf({}))
    assert.equal(root, state.root)
    assert.equal(
      nodes.accountNodes.size + nodes.storageNodes.size + nodes.clearedOwners.size + accounts.size,
      0,
    )
  })

  test('of storage without an account is an assertion', () => {
    const state = new MemoryState()
    const diff = diffOf({ storage: new Map([[ALICE, new Map([[1n, 1n]])]]) })
    assert.throws(() => commitState(state, state.root, diff), AssertionFailure)
  })
})

describe('a genesis', () => {
  test('keeps empty accounts and leaves slots of value 0 away', () => {
    const empty = { balance: 0n, nonce: 0n, code: new Uint8Array(0), storage: new Map([[1n, 0n]]) }
    const state = memoryStateOf(new Map([[ALICE, empty]]))
    assert.equal(state.account(ALICE)?.storageRoot, EMPTY_TRIE_ROOT)
    assert.notEqual(state.root, EMPTY_TRIE_ROOT)
  })

  test('makes code readable by its hash', () => {
    const code = Uint8Array.of(0x60, 0x00)
    const state = memoryStateOf(new Map([[ALICE, { balance: 0n, nonce: 1n, code, storage: new Map() }]]))
    const account = state.account(ALICE)
    assert.ok(account !== undefined)
    assert.deepEqual(state.code(account.codeHash), code)
  })

  test('of nobody has the root of the empty trie', () =>
    assert.equal(stateRootOf(new Map()), EMPTY_TRIE_ROOT))
})

describe('the bytes of an account', () => {
  const account = memoryStateOf(worldOf(ALICE, [[1n, 1n]])).account(ALICE)
  assert.ok(account !== undefined)
  const bytes = encodeAccount(account)

  test('decode to what was encoded', () => assert.deepEqual(decodeAccount(bytes), account))
  test('are refused when cut or changed in shape', () => {
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodeAccount(bytes.subarray(0, length)), RlpError)
    }
    assert.throws(() => decodeAccount(Uint8Array.of(0xc4, 1, 1, 1, 1)), RlpError)
  })
})
