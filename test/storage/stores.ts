/** Both kinds of store, so that the same tests run on each. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLmdbStore } from '../../src/storage/lmdb-store.ts'
import type { KeyValueStore } from '../../src/storage/key-value-store.ts'
import { MemoryStore } from '../../src/storage/memory-store.ts'

export interface StoreKind {
  readonly name: string
  /** Runs `work` on a new, empty store, and leaves nothing behind. */
  with(work: (store: KeyValueStore) => void | Promise<void>): Promise<void>
}

export const STORE_KINDS: readonly StoreKind[] = [
  {
    name: 'in memory',
    with: async (work) => {
      const store = new MemoryStore()
      await work(store)
      await store.close()
    },
  },
  {
    name: 'in LMDB',
    with: (work) =>
      withDirectory(async (directory) => {
        const store = openLmdbStore(directory)
        try {
          await work(store)
        } finally {
          await store.close()
        }
      }),
  },
]

/** Runs `work` with the path of a new directory, and removes it afterwards. */
export async function withDirectory(work: (directory: string) => void | Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'aevir-storage.'))
  try {
    await work(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
