/**
 * Public test vectors that are no part of the repository: a folder `../shared/vectors` beside it, of packed files.
 * Where it is absent, tests that need it skip and say why (see {@link SHARED_SKIP}).
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { untarGz } from './tar.ts'

const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const VECTORS = resolve(REPOSITORY, '../shared/vectors')
const NEWLINE = 0x0a

/** The absolute path of the folder of shared vectors, or `undefined` where there is none. */
export function sharedVectors(): string | undefined {
  return existsSync(VECTORS) ? VECTORS : undefined
}

/** For `test(name, { skip: SHARED_SKIP }, …)`: `false`, or the reason to skip. */
export const SHARED_SKIP: string | false =
  sharedVectors() === undefined ? 'the folder ../shared/vectors is absent' : false

/**
 * The regular files of a packed suite by their path inside it.
 * @param relativePath a .tar.gz inside {@link sharedVectors}, such as `evm/precompiles.tar.gz`.
 */
export function untar(relativePath: string): Map<string, Uint8Array> {
  return untarGz(readFileSync(join(VECTORS, relativePath)))
}

/** The JSON of one file of {@link untar}; the caller names its shape. */
export function parseJson<T>(bytes: Uint8Array): T {
  // A test vector's shape is a fact of the suite; a wrong one makes the test fail, not the node.
  return JSON.parse(new TextDecoder().decode(bytes)) as T
}

/**
 * The values of a file with one JSON value a line, parsed one at a time: the suites hold tens of megabytes.
 * @param relativePath a .ndjson or .ndjson.gz inside {@link sharedVectors}.
 */
export function* ndjson<T>(relativePath: string): Generator<T, void, undefined> {
  const stored = readFileSync(join(VECTORS, relativePath))
  const bytes: Uint8Array = relativePath.endsWith('.gz') ? gunzipSync(stored) : stored
  let start = 0
  while (start < bytes.length) {
    const newline = bytes.indexOf(NEWLINE, start)
    const end = newline < 0 ? bytes.length : newline
    if (end > start) yield parseJson<T>(bytes.subarray(start, end))
    start = end + 1
  }
}
