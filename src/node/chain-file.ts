/**
 * Chain files: the RLP of blocks, one after the other, as geth exports them. Read piece by piece, so a file may be larger
 * than the memory.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { rlpItemSize, RlpError } from '../primitives/rlp.ts'
import { AevirError } from '../primitives/errors.ts'
import { decodeBlock } from '../chain/block-codec.ts'
import type { Block } from '../chain/block.ts'
import { concatBytes } from '../primitives/bytes.ts'

const PIECE_SIZE = 1 << 20
/** Largest block read, in bytes; EIP-7934 allows 8 MiB. */
const BLOCK_SIZE_MAX = 64 << 20

export class ChainFileError extends AevirError {
  override readonly code = 'INVALID_CHAIN_FILE'
}

export interface FileBlock {
  readonly block: Block
  /** Bytes of the file up to the end of this block. */
  readonly position: number
}

/** The blocks of a file, in its order. @throws ChainFileError naming the position. */
export async function* readChainFile(path: string): AsyncGenerator<FileBlock, void, undefined> {
  const file = await openFile(path)
  try {
    let rest: Uint8Array = new Uint8Array(0)
    let position = 0
    for await (const piece of piecesOf(file, path)) {
      rest = concatBytes(rest, piece)
      for (let size = completeSize(rest, position); size !== undefined; size = completeSize(rest, position)) {
        const block = decodeAt(rest.slice(0, size), position)
        rest = rest.subarray(size)
        position += size
        yield { block, position }
      }
    }
    if (rest.length > 0) {
      throw new ChainFileError(
        `${path} ends within a block, ${rest.length} bytes after byte ${position}: get the file once more`,
      )
    }
  } finally {
    await file.close()
  }
}

async function* piecesOf(file: FileHandle, path: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    // A stream of a file without an encoding gives bytes.
    for await (const piece of file.createReadStream({ highWaterMark: PIECE_SIZE, autoClose: false })) {
      yield piece as Uint8Array
    }
  } catch (error) {
    // A directory can be opened, and fails here.
    throw unreadable(path, error)
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path)
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, cause: unknown): ChainFileError {
  return new ChainFileError(`cannot read the chain file ${path}: ${(cause as Error).message}`, { cause })
}

/** Size of the first block when all of it is there. */
function completeSize(bytes: Uint8Array, position: number): number | undefined {
  try {
    const size = rlpItemSize(bytes)
    if (size === undefined) return undefined
    if (size > BLOCK_SIZE_MAX) throw new RlpError(`an item of ${size} bytes, more than any block has`)
    return size <= bytes.length ? size : undefined
  } catch (error) {
    throw malformed(position, error)
  }
}

function decodeAt(bytes: Uint8Array, position: number): Block {
  try {
    return decodeBlock(bytes)
  } catch (error) {
    throw malformed(position, error)
  }
}

function malformed(position: number, cause: unknown): ChainFileError {
  const text = `no block at byte ${position} of the chain file: ${(cause as Error).message}; is it an RLP export of blocks?`
  return new ChainFileError(text, { cause })
}
