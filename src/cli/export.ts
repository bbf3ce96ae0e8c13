/** `aevir db export`: the blocks of a database as a file, in the form that `aevir import` and other clients read. */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { encodeBlock } from '../chain/block-codec.ts'
import { present } from '../primitives/assert.ts'
import { AevirError } from '../primitives/errors.ts'
import { readBlock } from '../storage/block-records.ts'
import { CorruptDatabaseError } from '../storage/database-errors.ts'
import type { KeyValueStore } from '../storage/key-value-store.ts'
import { readHead, readIdentity } from '../storage/meta-records.ts'
import { withExistingStore } from './existing-store.ts'
import { bar, printJson, ProgressLine } from './terminal.ts'

export interface ExportOptions {
  readonly data: string
  readonly chain: string
  readonly json?: boolean
}

export class ExportError extends AevirError {
  override readonly code = 'EXPORT'
}

export async function runExport({ data, chain: path, json }: ExportOptions): Promise<void> {
  const { blocks, bytes } = await withExistingStore(data, (store) => exportBlocks(store, path))
  if (json === true) printJson({ blocks, bytes, chain: path })
  else process.stdout.write(`${blocks} blocks, the first one included, in ${bytes} bytes: ${path}\n`)
}

interface Exported {
  readonly blocks: number
  readonly bytes: number
}

function exportBlocks(store: KeyValueStore, path: string): Exported {
  const identity = readIdentity(store)
  if (identity === undefined) throw new CorruptDatabaseError('it holds no chain')
  const head = readHead(store).header.number
  return writeNewFile(path, (file) => {
    const line = new ProgressLine()
    let [blocks, bytes] = [0, 0]
    for (let number = identity.genesisNumber; number <= head; number++) {
      bytes += writeAll(file, encodeBlock(present(readBlock(store, number), `block ${number}`)))
      blocks += 1
      line.show(`${bar(head === 0n ? 1 : Number(number) / Number(head))} block ${number} of ${head}`)
    }
    line.clear()
    return { blocks, bytes }
  })
}

/** A file that cannot be completed is removed. @throws ExportError */
function writeNewFile<T>(path: string, write: (file: number) => T): T {
  let file: number
  try {
    file = openSync(path, 'wx')
  } catch (error) {
    throw unwritable(path, error)
  }
  try {
    return write(file)
  } catch (error) {
    rmSync(path, { force: true })
    throw error instanceof AevirError ? error : unwritable(path, error)
  } finally {
    closeSync(file)
  }
}

function writeAll(file: number, bytes: Uint8Array): number {
  for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written)
  return bytes.length
}

function unwritable(path: string, cause: unknown): ExportError {
  return new ExportError(
    `cannot write ${path} (${(cause as Error).message}): name a new file with --chain, where there is space`,
    { cause },
  )
}
