/** The journal: three lifetimes (block, transaction, frame) over any state. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { wordToAddress, type Address } from '../../src/primitives/bytes.ts'
import { EMPTY_CODE_HASH, keccak256Hash } from '../../src/primitives/keccak.ts'
import type { GenesisAccount } from '../../src/chain/genesis.ts'
import { memoryStateOf } from '../../src/state/genesis-state.ts'
import { Journal, visibleCodeHash } from '../../src/state/journal.ts'
import type { StateDiff } from '../../src/state/state-reader.ts'

const ALICE = wordToAddress(0xa11cen)
const BOB = wordToAddress(0xb0bn)
const NOBODY = wordToAddress(0xdeadn)

function account(fields: Partial<GenesisAccount> = {}): GenesisAccount {
  return { balance: 0n, nonce: 0n, code: new Uint8Array(0), storage: new Map(), ...fields }
}

function journalOver(...accounts: readonly (readonly [Address, Partial<GenesisAccount>])[]): Journal {
  return new Journal(memoryStateOf(new Map(accounts.map(([address, fields]) => [address, account(fields)]))))
}

describe('a block sees', () => {
  test('the base until something changes', () => {
    const journal = journalOver([ALICE, { balance: 5n, nonce: 2n, storage: new Map([[1n, 7n]]) }])
    assert.equal(journal.balance(ALICE), 5n)
    assert.equal(journal.storage(ALICE, 1n), 7n)
    assert.equal(journal.account(NOBODY), undefined)
    const { accounts, storage } = journal.diff()
    assert.equal(accounts.size + storage.size, 0)
  })

  test('only values that really differ in its diff', () => {
    const journal = journalOver([ALICE, { balance: 5n, storage: new Map([[1n, 7n]]) }])
    journal.setStorage(ALICE, 1n, 8n)
    journal.setStorage(ALICE, 2n, 9n)
    journal.addBalance(ALICE, 3n)
    journal.endTransaction()
    journal.setStorage(ALICE, 1n, 7n)
    journal.subtractBalance(ALICE, 3n)
    journal.endTransaction()
    const diff = journal.diff()
    assert.deepEqual([...(diff.storage.get(ALICE) ?? [])], [[2n, 9n]])
    assert.equal(diff.accounts.get(ALICE)?.balance, 5n)
  })

  test('an account gone after SELFDESTRUCT of a contract made in the same transaction', () => {
    const journal = journalOver([ALICE, { balance: 10n }])
    journal.createContract(BOB)
    journal.setCode(BOB, Uint8Array.of(0))
    journal.setStorage(BOB, 1n, 1n)
    journal.addBalance(BOB, 4n)
    journal.markDestroyed(BOB)
    assert.deepEqual(journal.endTransaction(), [BOB])
    assert.equal(journal.exists(BOB), false)
    assert.equal(journal.storage(BOB, 1n), 0n)
    assert.equal(journal.diff().accounts.has(BOB), false)
  })

  test('a contract made again where one was destroyed, without its old storage', () => {
    const journal = journalOver([ALICE, { balance: 10n }])
    for (const value of [1n, 0n]) {
      journal.createContract(BOB)
      assert.equal(journal.storage(BOB, 7n), 0n)
      journal.setStorage(BOB, 7n, value)
      if (value === 1n) journal.markDestroyed(BOB)
      journal.endTransaction()
    }
    assert.equal(journal.storage(BOB, 7n), 0n)
    assert.equal(journal.account(BOB)?.nonce, 1n)
  })

  test('touched empty accounts deleted (EIP-161)', () => {
    const journal = journalOver([ALICE, { balance: 1n }])
    journal.subtractBalance(ALICE, 1n)
    journal.addBalance(NOBODY, 0n)
    journal.endTransaction()
    assert.equal(journal.diff().accounts.get(ALICE), null)
    assert.equal(journal.diff().accounts.has(NOBODY), false)
  })
})

describe('a transaction', () => {
  test('finds accounts and slots cold once, and all cold again in the next one', () => {
    const journal = journalOver([ALICE, {}])
    assert.deepEqual([journal.accessAccount(ALICE), journal.accessAccount(ALICE)], [true, false])
    assert.deepEqual([journal.accessStorage(ALICE, 1n), journal.accessStorage(ALICE, 1n)], [true, false])
    journal.endTransaction()
    assert.equal(journal.accessAccount(ALICE), true)
    assert.equal(journal.accessStorage(ALICE, 1n), true)
  })

  test('keeps original values from its own beginning (EIP-2200)', () => {
    const journal = journalOver([ALICE, { nonce: 1n, storage: new Map([[1n, 7n]]) }])
    journal.setStorage(ALICE, 1n, 8n)
    journal.setStorage(ALICE, 1n, 9n)
    assert.equal(journal.originalStorage(ALICE, 1n), 7n)
    journal.endTransaction()
    assert.equal(journal.originalStorage(ALICE, 1n), 9n)
    journal.setStorage(ALICE, 1n, 10n)
    assert.equal(journal.originalStorage(ALICE, 1n), 9n)
  })

  test('finds in one access to a slot what the single questions find', () => {
    const journal = journalOver([ALICE, { nonce: 1n, storage: new Map([[1n, 7n]]) }])
    const checkpoint = journal.checkpoint()
    const access = (address: Address) => {
      const { isCold, value, original } = journal.accessSlot(address, 1n)
      return { isCold, value, original }
    }
    assert.deepEqual(access(ALICE), { isCold: true, value: 7n, original: 7n })
    journal.setStorage(ALICE, 1n, 8n)
    assert.deepEqual(access(ALICE), { isCold: false, value: 8n, original: 7n })
    assert.equal(journal.accessStorage(ALICE, 1n), false)
    journal.revertTo(checkpoint)
    assert.deepEqual(access(ALICE), { isCold: true, value: 7n, original: 7n })
    assert.deepEqual(access(NOBODY), { isCold: true, value: 0n, original: 0n })
  })

  test('writes by what an access found as by address and slot', () => {
    const journal = journalOver([ALICE, { nonce: 1n, storage: new Map([[1n, 7n]]) }])
    const access = journal.accessSlot(ALICE, 1n)
    const checkpoint = journal.checkpoint()
    access.write(8n)
    assert.equal(journal.storage(ALICE, 1n), 8n)
    assert.equal(journal.originalStorage(ALICE, 1n), 7n)
    assert.equal(access.value, 7n, 'it tells what it found')
    journal.revertTo(checkpoint)
    assert.equal(journal.storage(ALICE, 1n), 7n)
    access.write(9n)
    journal.endTransaction()
    assert.deepEqual([...(journal.diff().storage.get(ALICE) ?? [])], [[1n, 9n]])
  })

  test('forgets transient storage, logs and refunds at its end', () => {
    const journal = journalOver([ALICE, {}])
    journal.setTransientStorage(ALICE, 1n, 5n)
    journal.addLog({ address: ALICE, topics: [], data: new Uint8Array(0) })
    journal.addRefund(4_800)
    const { logs } = journal
    journal.endTransaction()
    assert.equal(journal.transientStorage(ALICE, 1n), 0n)
    assert.equal(journal.logs.length, 0)
    assert.equal(journal.refund, 0)
    assert.equal(logs.length, 1, 'logs taken before the end stay')
  })

  test('sees a dead account without code hash (EIP-1052)', () => {
    const journal = journalOver([ALICE, { balance: 1n }])
    assert.equal(visibleCodeHash(journal, ALICE), EMPTY_CODE_HASH)
    assert.equal(BigInt(visibleCodeHash(journal, NOBODY)), 0n)
  })

  test('may not create where code, nonce or storage is (EIP-684, EIP-7610)', () => {
    const journal = journalOver(
      [wordToAddress(1n), { code: Uint8Array.of(1) }],
      [wordToAddress(2n), { nonce: 1n }],
      [wordToAddress(3n), { storage: new Map([[0n, 1n]]) }],
      [wordToAddress(4n), { balance: 1n }],
    )
    const occupied = [1n, 2n, 3n, 4n, 5n].map((word) => journal.isOccupied(wordToAddress(word)))
    assert.deepEqual(occupied, [true, true, true, false, false])
  })
})

/** One change of state, named so that a counterexample reads well. */
type Step =
  | { readonly kind: 'balance' | 'nonce'; readonly who: Address; readonly value: bigint }
  | { readonly kind: 'code'; readonly who: Address; readonly value: number }
  | {
      readonly kind: 'slot' | 'transient'
      readonly who: Address
      readonly slot: bigint
      readonly value: bigint
    }
  | { readonly kind: 'warm' | 'create' | 'destroy' | 'log' | 'refund'; readonly who: Address }

const who = fc.constantFrom(ALICE, BOB, NOBODY)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('balance', 'nonce'), who, value: fc.bigInt(0n, 3n) }),
  fc.record({ kind: fc.constant('code'), who, value: fc.nat(3) }),
  fc.record({
    kind: fc.constantFrom('slot', 'transient'),
    who,
    slot: fc.bigInt(0n, 2n),
    value: fc.bigInt(0n, 2n),
  }),
  fc.record({ kind: fc.constantFrom('warm', 'create', 'destroy', 'log', 'refund'), who }),
)

function apply(journal: Journal, change: Step): void {
  switch (change.kind) {
    case 'balance':
      return journal.setBalance(change.who, change.value)
    case 'nonce':
      return journal.setNonce(change.who, change.value)
    case 'code':
      return journal.setCode(change.who, new Uint8Array(change.value))
    case 'slot':
      return journal.setStorage(change.who, change.slot, change.value)
    case 'transient':
      return journal.setTransientStorage(change.who, change.slot, change.value)
    case 'warm':
      journal.accessAccount(change.who)
      journal.accessStorage(change.who, 1n)
      return
    case 'create':
      return journal.createContract(change.who)
    case 'destroy':
      return journal.markDestroyed(change.who)
    case 'log':
      return journal.addLog({ address: change.who, topics: [], data: new Uint8Array(0) })
    case 'refund':
      return journal.addRefund(1)
  }
}

/** Everything that can be read without changing what is warm. */
function view(journal: Journal): unknown {
  const accounts = [ALICE, BOB, NOBODY].map((address) => ({
    account: journal.account(address),
    created: journal.isCreatedInTransaction(address),
    slots: [0n, 1n, 2n].map((slot) => [
      journal.storage(address, slot),
      journal.originalStorage(address, slot),
      journal.transientStorage(address, slot),
    ]),
  }))
  return { accounts, logs: journal.logs.length, refund: journal.refund }
}

function start(): Journal {
  return journalOver(
    [ALICE, { balance: 2n, nonce: 1n, storage: new Map([[1n, 2n]]) }],
    [BOB, { balance: 1n, code: Uint8Array.of(9) }],
  )
}

describe('a frame', () => {
  test('that fails leaves nothing behind', () => {
    fc.assert(
      fc.property(fc.array(step), fc.array(step), (before, reverted) => {
        const journal = start()
        for (const change of before) apply(journal, change)
        const seen = view(journal)
        const warm = probeWarm(before)
        const checkpoint = journal.checkpoint()
        for (const change of reverted) apply(journal, change)
        journal.revertTo(checkpoint)
        assert.deepEqual(view(journal), seen)
        assert.deepEqual(warmth(journal), warm)
      }),
      { numRuns: 300 },
    )
  })

  test('that fails does not show at the end of the transaction or of the block', () => {
    fc.assert(
      fc.property(fc.array(step), fc.array(step), fc.array(step), (first, reverted, second) => {
        const journal = start()
        const expected = start()
        for (const change of first) for (const each of [journal, expected]) apply(each, change)
        const checkpoint = journal.checkpoint()
        for (const change of reverted) apply(journal, change)
        journal.revertTo(checkpoint)
        for (const change of second) for (const each of [journal, expected]) apply(each, change)
        assert.deepEqual(new Set(journal.endTransaction()), new Set(expected.endTransaction()))
        assert.deepEqual(view(journal), view(expected))
        const [diff, expectedDiff] = [journal.diff(), expected.diff()]
        assert.deepEqual(sorted(diff.accounts), sorted(expectedDiff.accounts))
        assert.deepEqual(slotsOf(diff), slotsOf(expectedDiff))
        assert.deepEqual(diff.clearedStorage, expectedDiff.clearedStorage)
      }),
      { numRuns: 300 },
    )
  })

  test('can be nested: only what lies behind the checkpoint goes', () => {
    const journal = start()
    const outer = journal.checkpoint()
    journal.setStorage(ALICE, 1n, 3n)
    const inner = journal.checkpoint()
    journal.setStorage(ALICE, 1n, 4n)
    journal.revertTo(inner)
    assert.equal(journal.storage(ALICE, 1n), 3n)
    journal.revertTo(outer)
    assert.equal(journal.storage(ALICE, 1n), 2n)
  })
})

test('slots that collide in a Map of bigints are found as fast as others', () => {
  const timeOf = (shift: bigint): number => {
    const journal = start()
    for (let i = 0n; i < 2_000n; i++) journal.accessStorage(ALICE, i << shift)
    const begin = performance.now()
    for (let round = 0; round < 50; round++) {
      for (let i = 900n; i < 1_100n; i++) assert.equal(journal.storage(ALICE, i << shift), 0n)
    }
    return performance.now() - begin
  }
  // 10,000 accesses to warm slots: with a Map of bigints, 60 to 100 ms for 1 M gas.
  assert.ok(timeOf(64n) < 5 * timeOf(0n) + 10)
})

test('code is found by its hash as soon as it is set', () => {
  const journal = start()
  const code = Uint8Array.of(1, 2, 3)
  journal.setCode(NOBODY, code)
  assert.deepEqual(journal.code(keccak256Hash(code)), code)
  assert.deepEqual(journal.codeOf(NOBODY), code)
  journal.setCode(NOBODY, new Uint8Array(0))
  assert.equal(journal.codeHash(NOBODY), EMPTY_CODE_HASH)
})

/** Which of the accounts are warm, asked without warming them for good. */
function warmth(journal: Journal): readonly boolean[] {
  const checkpoint = journal.checkpoint()
  const result = [ALICE, BOB, NOBODY].map((address) => !journal.accessAccount(address))
  journal.revertTo(checkpoint)
  return result
}

function probeWarm(steps: readonly Step[]): readonly boolean[] {
  return [ALICE, BOB, NOBODY].map((address) =>
    steps.some(({ kind, who: warmed }) => kind === 'warm' && warmed === address),
  )
}

/** Ascending: what was taken back has a place in the order in which slots were asked for. */
function slotsOf({ storage }: StateDiff): unknown {
  return sorted(storage).map(([address, slots]) => [address, [...slots].sort(([a], [b]) => (a < b ? -1 : 1))])
}

function sorted<T>(map: ReadonlyMap<Address, T>): readonly (readonly [Address, T])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}
