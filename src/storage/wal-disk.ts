/** What the log of consensus does to a disk: six operations, so that tests can let each of them fail. */
import { open, rename } from 'node:fs/promises'

export interface WalFileHandle {
  /** All of the bytes, or an error: then any part of them may be there. */
  write(bytes: Uint8Array, position: number): Promise<void>
  /** Resolves when everything that was written is durable. */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface WalDisk {
  /** A new, empty file; one of this name is emptied. */
  create(path: string): Promise<WalFileHandle>
  /** Puts a file in the place of another one at once. */
  rename(from: string, to: string): Promise<void>
  /** Makes the names in a directory durable. */
  syncDirectory(directory: string): Promise<void>
}

export const systemDisk: WalDisk = {
  async create(path) {
    const file = await open(path, 'w', 0o600)
    return {
      async write(bytes, position) {
        for (let written = 0; written < bytes.length;) {
          const size = bytes.length - written
          // A full disk takes a part first and says so with the next call only.
          written += (await file.write(bytes, written, size, position + written)).bytesWritten
        }
      },
      sync: () => file.datasync(),
      close: () => file.close(),
    }
  },
  rename,
  async syncDirectory(directory) {
    // Windows cannot, and need not.
    if (process.platform === 'win32') return
    const file = await open(directory, 'r')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  },
}
