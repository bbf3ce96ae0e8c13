/** The first block of a chain, with its state, as a ledger takes it. */
import { genesisBlock, type Genesis } from '../chain/genesis.ts'
import { EMPTY_TRIE_ROOT } from '../chain/ordered-trie.ts'
import type { ExecutedBlock } from '../execution/ledger.ts'
import { genesisDiff } from '../state/genesis-state.ts'
import { MemoryState } from '../state/memory-state.ts'
import { commitState } from '../state/state-tree.ts'

export function executedGenesis(genesis: Genesis): ExecutedBlock {
  const stateDiff = genesisDiff(genesis.alloc)
  const commit = commitState(new MemoryState(), EMPTY_TRIE_ROOT, stateDiff)
  return {
    block: genesisBlock(genesis, commit.root),
    senders: [],
    receipts: [],
    stateDiff,
    trieDiff: commit.nodes,
    accounts: commit.accounts,
  }
}
