/** Proofs (EIP-1186) against @ethereumjs/mpt in both directions, and forged ones, none of which may pass. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createMerkleProof, verifyMerkleProof } from '@ethereumjs/mpt'
import fc from 'fast-check'
import { EMPTY_TRIE_ROOT } from '../../src/chain/ordered-trie.ts'
import { AssertionFailure } from '../../src/primitives/assert.ts'
import {
  bigintToFixedBytes,
  bytesToHex,
  hexToBytes,
  wordToAddress,
  wordToHash,
  type Hex,
} from '../../src/primitives/bytes.ts'
import { accountKey, slotKey } from '../../src/state/account-codec.ts'
import { memoryStateOf } from '../../src/state/genesis-state.ts'
import { proveAccount, ProofError, verifyAccountProof, verifyProof } from '../../src/state/proof.ts'
import type { AccountProof } from '../../src/state/state-reader.ts'
import { decodeNode } from '../../src/state/trie-node.ts'
import { referenceStorageTrie, referenceTrie, type World } from '../support/random-state.ts'

const PRESENT = Array.from({ length: 60 }, (_, n) => wordToAddress(BigInt(n + 1)))
const ABSENT = Array.from({ length: 20 }, (_, n) => wordToAddress(BigInt(n + 1000)))
const SLOTS = Array.from({ length: 300 }, (_, n) => BigInt(n))

function worldOf(): World {
  const storage = new Map(SLOTS.map((slot) => [slot, slot * slot + 1n]))
  return new Map(
    PRESENT.map((address, n) => {
      const account = { balance: BigInt(n) << 70n, nonce: BigInt(n), code: Uint8Array.of(n) }
      return [address, { ...account, storage: n === 0 ? storage : new Map<bigint, bigint>() }]
    }),
  )
}

const world = worldOf()
const state = memoryStateOf(world)
const owner = PRESENT[0] as (typeof PRESENT)[number]
const proof = proveAccount(state, state.root, owner, [3n, 299n, 300n, 1n << 255n])

/** Nodes that their parent embeds are listed by the reference, but not by EIP-1186 as clients implement it. */
function listed(nodes: readonly Uint8Array[]): Hex[] {
  return nodes.filter((node, index) => index === 0 || node.length >= 32).map(bytesToHex)
}

describe('proofs of accounts and slots', () => {
  test('are those of @ethereumjs/mpt, for what is there and what is not', async () => {
    const trie = await referenceTrie(world)
    for (const address of [...PRESENT, ...ABSENT]) {
      const { accountProof, account } = proveAccount(state, state.root, address, [])
      assert.deepEqual(accountProof, listed(await createMerkleProof(trie, hexToBytes(address))))
      assert.deepEqual(account, state.account(address))
    }
    const storage = await referenceStorageTrie(world.get(owner)?.storage ?? new Map())
    for (const slot of [...SLOTS, 300n, 301n, 302n, 1n << 255n]) {
      const [own] = proveAccount(state, state.root, owner, [slot]).storageProof
      assert.deepEqual(own?.proof, listed(await createMerkleProof(storage, bigintToFixedBytes(slot, 32))))
      assert.equal(own?.value, state.storage(owner, slot))
    }
  })

  test('are accepted by @ethereumjs/mpt', async () => {
    for (const address of [...PRESENT, ...ABSENT]) {
      const { accountProof } = proveAccount(state, state.root, address, [])
      const nodes = accountProof.map(hexToBytes)
      const value = await verifyMerkleProof(hexToBytes(address), nodes, {
        root: hexToBytes(state.root),
        useKeyHashing: true,
      })
      assert.deepEqual(value ?? undefined, verifyProof(state.root, accountKey(address), accountProof))
    }
  })

  test('verify', () => {
    for (const address of [...PRESENT, ...ABSENT]) {
      verifyAccountProof(state.root, address, proveAccount(state, state.root, address, [1n, 2n, 1000n]))
    }
    verifyAccountProof(state.root, owner, proof)
    assert.deepEqual(
      proof.storageProof.map(({ value }) => value),
      [10n, 299n * 299n + 1n, 0n, 0n],
    )
  })

  test('of empty storage and of empty state are empty', () => {
    const { storageProof } = proveAccount(state, state.root, PRESENT[1] as typeof owner, [7n])
    assert.deepEqual(storageProof, [{ slot: 7n, value: 0n, proof: [] }])
    const nothing = proveAccount(memoryStateOf(new Map()), EMPTY_TRIE_ROOT, owner, [7n])
    assert.deepEqual(nothing, { account: undefined, accountProof: [], storageProof })
    verifyAccountProof(EMPTY_TRIE_ROOT, owner, nothing)
  })

  test('cannot be made from nodes of another state', () => {
    assert.throws(() => proveAccount(state, wordToHash(1n), owner, []), AssertionFailure)
    assert.throws(() => proveAccount({ trieNode: () => undefined }, state.root, owner, []), AssertionFailure)
  })
})

function refused(changed: AccountProof, address = owner): void {
  assert.throws(() => verifyAccountProof(state.root, address, changed), ProofError)
}

describe('a proof is refused', () => {
  const [slotProof] = proof.storageProof
  assert.ok(slotProof !== undefined && proof.account !== undefined)
  const { account } = proof

  test('for another root or account', () => {
    assert.throws(() => verifyAccountProof(wordToHash(1n), owner, proof), ProofError)
    refused(proof, PRESENT[1])
    refused(proof, ABSENT[0])
  })
  test('when a claim differs from what it shows', () => {
    refused({ ...proof, account: { ...account, balance: account.balance + 1n } })
    refused({ ...proof, account: { ...account, nonce: account.nonce + 1n } })
    refused({ ...proof, account: { ...account, codeHash: wordToHash(0n) } })
    refused({ ...proof, account: { ...account, storageRoot: EMPTY_TRIE_ROOT } })
    refused({ ...proof, account: undefined })
    refused({ ...proof, storageProof: [{ ...slotProof, value: slotProof.value + 1n }] })
    refused({ ...proof, storageProof: [{ ...slotProof, slot: 4n }] })
    refused({ ...proof, storageProof: [{ ...slotProof, value: 0n, proof: [] }] })
  })
  test('when any byte of any node is changed', () => {
    const site = fc.nat(proof.accountProof.length - 1).chain((node) =>
      fc.record({
        node: fc.constant(node),
        at: fc.nat((proof.accountProof[node] as Hex).length / 2 - 2),
        mask: fc.integer({ min: 1, max: 255 }),
      }),
    )
    fc.assert(
      fc.property(site, ({ node, at, mask }) => {
        const bytes = hexToBytes(proof.accountProof[node] as Hex)
        bytes[at] = (bytes[at] as number) ^ mask
        refused({ ...proof, accountProof: proof.accountProof.with(node, bytesToHex(bytes)) })
      }),
    )
  })
  test('when a node is missing, repeated, out of place or left over', () => {
    const { accountProof } = proof
    assert.ok(accountProof.length >= 2)
    for (let i = 0; i < accountProof.length; i++) {
      refused({ ...proof, accountProof: accountProof.toSpliced(i, 1) })
      refused({ ...proof, accountProof: accountProof.toSpliced(i, 0, accountProof[i] as Hex) })
    }
    refused({ ...proof, accountProof: accountProof.toReversed() })
    refused({ ...proof, accountProof: [...accountProof, ...slotProof.proof] })
    refused({ ...proof, accountProof: [] })
    assert.throws(() => verifyProof(EMPTY_TRIE_ROOT, slotKey(1n), slotProof.proof), ProofError)
  })
  test('when it is no list of nodes at all', () => {
    refused({ ...proof, accountProof: ['0x'] })
    refused({ ...proof, accountProof: ['0xzz'] })
    refused({ ...proof, accountProof: Array.from({ length: 66 }, (): Hex => '0xc0') })
    refused({ ...proof, accountProof: [`0x${'ff'.repeat(600)}`] })
  })
})

test('any bytes decode to a node or are refused as one', () => {
  // Any bytes at all, and real nodes with one byte changed.
  const nodes = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 80 }),
    fc.constantFrom(...proof.accountProof.map(hexToBytes)),
  )
  const mutated = fc
    .tuple(nodes, fc.nat(40), fc.nat(255))
    .map(([bytes, at, byte]) => bytes.with(at % bytes.length, byte))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), mutated), (bytes) => {
      try {
        const node = decodeNode(bytes)
        assert.ok(node.kind === 'leaf' || node.kind === 'extension' || node.kind === 'branch')
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'INVALID_TRIE_NODE')
      }
    }),
    { numRuns: 2000 },
  )
})
