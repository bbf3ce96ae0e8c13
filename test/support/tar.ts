/**
 * Reads tar archives held in memory: POSIX ustar (IEEE Std 1003.1-1988, with `prefix`), pax extended headers
 * (IEEE Std 1003.1-2001: only `path` and `size` matter here) and GNU long names. Test vectors are kept packed;
 * this reader is why no test needs a `tar` program or a scratch folder.
 */
import { gunzipSync } from 'node:zlib'

const BLOCK_SIZE = 512

/** A header's fields: [offset, size in bytes]. */
const NAME = [0, 100] as const
const SIZE = [124, 12] as const
const CHECKSUM = [148, 8] as const
const TYPE_OFFSET = 156
const MAGIC = [257, 5] as const
const PREFIX = [345, 155] as const

/** Values of the type flag; an old archive marks a regular file with NUL. */
const REGULAR_TYPES = new Set(['0', '\0', '7'])
const GNU_LONG_NAME = 'L'
const PAX_NEXT = 'x'

/**
 * The regular files of a .tar.gz by their path as stored, in archive order. Folders and links are left out.
 * @throws Error on a damaged archive.
 */
export function untarGz(archive: Uint8Array): Map<string, Uint8Array> {
  return untar(gunzipSync(archive))
}

/** Like {@link untarGz} for an archive that is not compressed. Contents are views into `archive`. */
export function untar(archive: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  /** What an extended header says about the entry behind it. */
  let override: { path?: string; size?: number } = {}
  let offset = 0
  while (offset + BLOCK_SIZE <= archive.length) {
    const header = archive.subarray(offset, offset + BLOCK_SIZE)
    if (header.every((byte) => byte === 0)) break
    checkHeader(header, offset)
    const type = String.fromCharCode(header[TYPE_OFFSET] as number)
    const isExtension = type === PAX_NEXT || type === GNU_LONG_NAME
    const size = (isExtension ? undefined : override.size) ?? number(header, SIZE)
    const start = offset + BLOCK_SIZE
    if (start + size > archive.length) throw new Error(`tar: the entry at byte ${offset} is truncated`)
    const content = archive.subarray(start, start + size)
    offset = start + Math.ceil(size / BLOCK_SIZE) * BLOCK_SIZE
    if (type === PAX_NEXT) {
      override = { ...override, ...paxOverride(content) }
    } else if (type === GNU_LONG_NAME) {
      override.path = text(content, [0, content.length])
    } else {
      if (REGULAR_TYPES.has(type)) files.set(override.path ?? ustarPath(header), content)
      override = {}
    }
  }
  return files
}

function checkHeader(header: Uint8Array, offset: number): void {
  let sum = 0
  for (const [i, byte] of header.entries()) {
    // The checksum is taken with its own field read as spaces.
    sum += i >= CHECKSUM[0] && i < CHECKSUM[0] + CHECKSUM[1] ? 0x20 : byte
  }
  if (sum !== number(header, CHECKSUM)) throw new Error(`tar: wrong checksum of the header at byte ${offset}`)
}

function ustarPath(header: Uint8Array): string {
  const prefix = text(header, MAGIC) === 'ustar' ? text(header, PREFIX) : ''
  const name = text(header, NAME)
  return prefix === '' ? name : `${prefix}/${name}`
}

/** Records of the form `LENGTH KEY=VALUE\n`, where LENGTH counts the whole record in bytes. */
function paxOverride(content: Uint8Array): { path?: string; size?: number } {
  const found: { path?: string; size?: number } = {}
  let position = 0
  while (position < content.length) {
    const space = content.indexOf(0x20, position)
    const length = Number(decode(content.subarray(position, space)))
    if (space < 0 || !(length > 0)) throw new Error('tar: malformed pax header')
    const record = decode(content.subarray(space + 1, position + length - 1))
    const equals = record.indexOf('=')
    const value = record.slice(equals + 1)
    if (record.startsWith('path=')) found.path = value
    if (record.startsWith('size=')) found.size = Number(value)
    position += length
  }
  return found
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

/** A field up to its first NUL. */
function text(bytes: Uint8Array, [start, size]: readonly [number, number]): string {
  const field = bytes.subarray(start, start + size)
  const end = field.indexOf(0)
  return decode(end < 0 ? field : field.subarray(0, end))
}

/** An octal field; sizes beyond 8 GiB (base-256) are not read. */
function number(header: Uint8Array, field: readonly [number, number]): number {
  const digits = text(header, field).trim()
  if (!/^[0-7]*$/.test(digits)) throw new Error(`tar: ${JSON.stringify(digits)} is no octal number`)
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}
