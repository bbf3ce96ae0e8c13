/** Opens the database that a command is about; a directory without one is an error, not an empty database. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { AevirError } from '../primitives/errors.ts'
import type { KeyValueStore } from '../storage/key-value-store.ts'
import { DATA_FILE_NAME } from '../storage/lmdb-file.ts'
import { openLmdbStore } from '../storage/lmdb-store.ts'

export class NoDatabaseError extends AevirError {
  override readonly code = 'NO_DATABASE'
}

/** @throws NoDatabaseError | DatabaseError */
export async function withExistingStore<T>(
  directory: string,
  work: (store: KeyValueStore) => T | Promise<T>,
): Promise<T> {
  if (!existsSync(join(directory, DATA_FILE_NAME))) {
    throw new NoDatabaseError(`no database in ${directory}: name the directory of a chain with --data`)
  }
  const store = openLmdbStore(directory)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}
