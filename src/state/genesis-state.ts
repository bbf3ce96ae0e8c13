/** The state that a genesis file describes. */
import type { GenesisAccount } from '../chain/genesis.ts'
import { EMPTY_TRIE_ROOT } from '../chain/ordered-trie.ts'
import type { Address, Hash } from '../primitives/bytes.ts'
import { EMPTY_CODE_HASH, keccak256Hash } from '../primitives/keccak.ts'
import { MemoryState } from './memory-state.ts'
import type { Account, StateDiff } from './state-reader.ts'

/** The accounts that exist before the first block. Empty ones (EIP-161) are kept and slots of value 0 are not. */
export type GenesisAlloc = ReadonlyMap<Address, GenesisAccount>

/** The change from no state at all to the state of `alloc`. */
export function genesisDiff(alloc: GenesisAlloc): StateDiff {
  const accounts = new Map<Address, Account>()
  const storage = new Map<Address, ReadonlyMap<bigint, bigint>>()
  const codes = new Map<Hash, Uint8Array>()
  for (const [address, { balance, nonce, code, storage: slots }] of alloc) {
    const codeHash = code.length === 0 ? EMPTY_CODE_HASH : keccak256Hash(code)
    if (code.length > 0) codes.set(codeHash, code)
    accounts.set(address, { nonce, balance, storageRoot: EMPTY_TRIE_ROOT, codeHash })
    const set = new Map([...slots].filter(([, value]) => value !== 0n))
    if (set.size > 0) storage.set(address, set)
  }
  return { accounts, storage, clearedStorage: new Set(), codes }
}

/** A new in-memory state that holds `alloc`. */
export function memoryStateOf(alloc: GenesisAlloc): MemoryState {
  const state = new MemoryState()
  state.commit(genesisDiff(alloc))
  return state
}

export function stateRootOf(alloc: GenesisAlloc): Hash {
  return memoryStateOf(alloc).root
}
