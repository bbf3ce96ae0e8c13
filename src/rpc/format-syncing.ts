/** Whether the node catches up with its chain, as `eth_syncing` and the subscription to it tell. */
import type { Backend } from './backend.ts'
import { quantity, type Json } from './format.ts'

/** `false`, or from which block to which at least. */
export function formatSyncing({ consensus, ledger }: Pick<Backend, 'consensus' | 'ledger'>): Json {
  const progress = consensus?.syncing()
  if (progress === undefined) return false
  const current = ledger.head().number
  const { highestBlock, startingBlock } = progress
  return {
    startingBlock: quantity(startingBlock),
    currentBlock: quantity(current),
    highestBlock: quantity(highestBlock > current ? highestBlock : current),
  }
}
