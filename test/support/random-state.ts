/** Small random worlds and changes of them, as a journal would report those; and their root by @ethereumjs/mpt. */
import { createMPT } from '@ethereumjs/mpt'
import fc from 'fast-check'
import { EMPTY_TRIE_ROOT } from '../../src/chain/ordered-trie.ts'
import {
  bigintToFixedBytes,
  bytesToHash,
  hexToBytes,
  wordToAddress,
  type Address,
  type Hash,
} from '../../src/primitives/bytes.ts'
import { EMPTY_CODE_HASH, keccak256Hash } from '../../src/primitives/keccak.ts'
import { encodeAccount, encodeSlotValue } from '../../src/state/account-codec.ts'
import type { GenesisAccount } from '../../src/chain/genesis.ts'
import type { Account, StateDiff, StateReader } from '../../src/state/state-reader.ts'

/** A state as a plain value. */
export type World = Map<Address, GenesisAccount>

/** What one block does to one account. `isReset`: it is removed first. */
export interface Change {
  readonly address: Address
  readonly isReset: boolean
  /** `null` leaves the account away: unchanged, or gone when it was reset. */
  readonly account: { readonly nonce: bigint; readonly balance: bigint; readonly code: Uint8Array } | null
  readonly slots: ReadonlyMap<bigint, bigint>
}

export const ADDRESSES: readonly Address[] = Array.from({ length: 12 }, (_, n) =>
  wordToAddress(BigInt(n * n + 1)),
)
export const SLOTS: readonly bigint[] = [
  ...Array.from({ length: 20 }, (_, n) => BigInt(n)),
  (1n << 256n) - 1n,
]

const slotChanges = fc
  .array(
    fc.tuple(
      fc.constantFrom(...SLOTS),
      fc.oneof(fc.constant(0n), fc.bigInt(1n, 300n), fc.bigInt(1n, 1n << 255n)),
    ),
    {
      maxLength: 12,
    },
  )
  .map((entries): ReadonlyMap<bigint, bigint> => new Map(entries))

const change: fc.Arbitrary<Change> = fc.record({
  address: fc.constantFrom(...ADDRESSES),
  isReset: fc.boolean(),
  account: fc.option(
    fc.record({
      nonce: fc.bigInt(0n, 1n << 63n),
      balance: fc.oneof(fc.constant(0n), fc.bigInt(0n, 1n << 200n)),
      code: fc.uint8Array({ maxLength: 3 }),
    }),
  ),
  slots: slotChanges,
})

/** Changes of one block: at most one an account. */
export const changes: fc.Arbitrary<Change[]> = fc.uniqueArray(change, {
  maxLength: 12,
  selector: ({ address }) => address,
})

/** Makes the changes in `world` and returns the diff that describes them; `base` reads the world before. */
export function applyChanges(world: World, base: StateReader, list: readonly Change[]): StateDiff {
  const accounts = new Map<Address, Account | null>()
  const storage = new Map<Address, Map<bigint, bigint>>()
  const clearedStorage = new Set<Address>()
  const codes = new Map<Hash, Uint8Array>()
  for (const { address, isReset, account, slots } of list) {
    const former = world.get(address)
    const storageRoot = base.account(address)?.storageRoot ?? EMPTY_TRIE_ROOT
    const kept = isReset ? undefined : former
    const next = account ?? kept
    if (isReset && storageRoot !== EMPTY_TRIE_ROOT) clearedStorage.add(address)
    if (next === undefined) {
      if (former !== undefined) accounts.set(address, null)
      world.delete(address)
      continue
    }
    const before = kept?.storage ?? new Map<bigint, bigint>()
    const real = new Map([...slots].filter(([slot, value]) => value !== (before.get(slot) ?? 0n)))
    const after = new Map([...new Map([...before, ...real])].filter(([, value]) => value !== 0n))
    world.set(address, { balance: next.balance, nonce: next.nonce, code: next.code, storage: after })
    const codeHash = next.code.length === 0 ? EMPTY_CODE_HASH : keccak256Hash(next.code)
    if (next.code.length > 0) codes.set(codeHash, next.code)
    if (real.size > 0) storage.set(address, real)
    accounts.set(address, { nonce: next.nonce, balance: next.balance, storageRoot, codeHash })
  }
  return { accounts, storage, clearedStorage, codes }
}

/** The world's state trie and root by @ethereumjs/mpt, built from scratch. */
export async function referenceTrie(world: World): Promise<Awaited<ReturnType<typeof createMPT>>> {
  const trie = await createMPT({ useKeyHashing: true })
  for (const [address, { nonce, balance, code, storage }] of world) {
    const storageRoot = bytesToHash((await referenceStorageTrie(storage)).root())
    await trie.put(
      hexToBytes(address),
      encodeAccount({ nonce, balance, storageRoot, codeHash: keccak256Hash(code) }),
    )
  }
  return trie
}

export async function referenceStorageTrie(
  storage: ReadonlyMap<bigint, bigint>,
): Promise<Awaited<ReturnType<typeof createMPT>>> {
  const trie = await createMPT({ useKeyHashing: true })
  for (const [slot, value] of storage) await trie.put(bigintToFixedBytes(slot, 32), encodeSlotValue(value))
  return trie
}
