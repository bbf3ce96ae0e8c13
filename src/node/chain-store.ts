/** Opens the database of a node, and the ledger in it. */
import type { Genesis } from '../chain/genesis.ts'
import type { WritableLedger } from '../execution/ledger.ts'
import type { KeyValueStore } from '../storage/key-value-store.ts'
import { openLedger } from '../storage/ledger-database.ts'
import { executedGenesis } from './genesis-ledger.ts'

export interface ChainStoreOptions {
  readonly genesis: Genesis
  /** Directory of the database; `undefined` keeps everything in memory. */
  readonly directory: string | undefined
  /** Blocks behind the head whose state is kept. */
  readonly historyBlocks?: number
}

export interface ChainStore {
  readonly store: KeyValueStore
  /** Closes the store as well. */
  readonly ledger: WritableLedger
}

/**
 * @param store used instead of one in the directory, and closed when the ledger cannot be opened on it.
 * @throws DatabaseError, with nothing left open.
 */
export async function openChainStore(options: ChainStoreOptions, store?: KeyValueStore): Promise<ChainStore> {
  const { genesis, directory, historyBlocks } = options
  const opened = store ?? (await openStore(directory))
  try {
    const ledger = openLedger({
      store: opened,
      chainId: genesis.config.chainId,
      genesis: executedGenesis(genesis),
      ...(historyBlocks === undefined ? {} : { historyBlocks }),
    })
    return { store: opened, ledger }
  } catch (error) {
    await opened.close()
    throw error
  }
}

/** The database's native part is loaded only by nodes that have one. */
async function openStore(directory: string | undefined): Promise<KeyValueStore> {
  if (directory === undefined) {
    const { MemoryStore } = await import('../storage/memory-store.ts')
    return new MemoryStore()
  }
  const { openLmdbStore } = await import('../storage/lmdb-store.ts')
  return openLmdbStore(directory)
}
