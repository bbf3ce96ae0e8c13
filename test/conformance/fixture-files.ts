/**
 * Where fixtures come from: folders of JSON as the suites are published, archives of such folders, and packed files
 * with one case a line. All of them look alike from here on: a {@link FixtureFile} is read as bytes, text or entries.
 */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { constants, gunzipSync } from 'node:zlib'
import { untar } from '../support/tar.ts'

/** A file on disk, or one inside an archive on disk. Plain data: it travels to worker threads. */
export interface FixtureFile {
  /** How people name it: relative to the folder that was asked for, with forward slashes. */
  readonly label: string
  readonly path: string
  /** Path inside the archive at {@link path}; `undefined` when `path` is the file itself. */
  readonly entry: string | undefined
  /** In bytes, as stored. */
  readonly size: number
}

/** Every `count`-th entry, from `index` on: what one job takes of a packed file. */
export interface Slice {
  readonly index: number
  readonly count: number
}

export const WHOLE: Slice = { index: 0, count: 1 }

const NEWLINE = 0x0a

/**
 * All files under a folder, inside its archives too, in the order of their labels. A single file is a folder of one.
 * @throws Error as `node:fs` does when there is nothing at `root`.
 */
export function listFixtureFiles(root: string): FixtureFile[] {
  if (!statSync(root).isDirectory()) return filesAt(root, root.split(sep).at(-1) ?? root)
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => join(root, name))
    .filter((path) => statSync(path).isFile())
    .flatMap((path) => filesAt(path, relative(root, path).replaceAll(sep, '/')))
    .toSorted((a, b) => (a.label < b.label ? -1 : 1))
}

function filesAt(path: string, label: string): FixtureFile[] {
  if (!isArchive(path)) return [{ label, path, entry: undefined, size: statSync(path).size }]
  return [...readArchive(path)].map(([entry, bytes]) => ({
    label: `${label}/${entry}`,
    path,
    entry,
    size: bytes.length,
  }))
}

function isArchive(path: string): boolean {
  return /\.(?:tar|tgz|tar\.gz)$/.test(path)
}

/** The last file that was unpacked: jobs on the same file follow one another. */
let unpacked: { path: string; files: Map<string, Uint8Array> } | undefined

function readArchive(path: string): Map<string, Uint8Array> {
  if (unpacked?.path !== path) {
    const stored = readFileSync(path)
    unpacked = { path, files: untar(path.endsWith('.tar') ? stored : gunzipSync(stored)) }
  }
  return unpacked.files
}

/** The whole content, decompressed. */
export function readFixture({ path, entry }: FixtureFile): Uint8Array {
  if (entry !== undefined) {
    const bytes = readArchive(path).get(entry)
    if (bytes === undefined) throw new Error(`${path} holds no ${entry}`)
    return bytes
  }
  if (!path.endsWith('.gz')) return readFileSync(path)
  if (unpacked?.path !== path) {
    unpacked = { path, files: new Map([['', gunzipSync(readFileSync(path))]]) }
  }
  return unpacked.files.get('') ?? new Uint8Array(0)
}

export function readFixtureText(file: FixtureFile): string {
  return new TextDecoder().decode(readFixture(file))
}

/** The first characters, without unpacking more of the file than that takes. */
export function readFixtureHead(file: FixtureFile, size: number): string {
  const isPacked = file.entry === undefined && file.path.endsWith('.gz')
  const bytes = isPacked
    ? // Sync flush: a truncated input is no error, it yields what it holds.
      gunzipSync(readFileSync(file.path).subarray(0, size), { finishFlush: constants.Z_SYNC_FLUSH })
    : readFixture(file)
  return new TextDecoder().decode(bytes.subarray(0, size))
}

/** Whether the file holds one JSON value a line. */
export function isLineFile({ label }: FixtureFile): boolean {
  return /\.(?:ndjson|jsonl)(?:\.gz)?$/.test(label)
}

/**
 * The cases of a file by name: the lines of a packed file (named by their `id`), the members of a JSON object, or the
 * elements of a JSON array (named by their position).
 */
export function* fixtureEntries(file: FixtureFile, slice: Slice): Generator<[name: string, value: unknown]> {
  if (isLineFile(file)) {
    for (const [index, value] of lines(readFixture(file), slice)) {
      const { id } = value as { id?: string }
      yield [id ?? `${file.label}:${index + 1}`, value]
    }
    return
  }
  const content = JSON.parse(readFixtureText(file)) as object
  for (const [index, [name, value]] of Object.entries(content).entries()) {
    if (index % slice.count === slice.index)
      yield [Array.isArray(content) ? `${file.label}#${name}` : name, value]
  }
}

/** Parses only the lines of the slice: the others are found, not read. */
function* lines(bytes: Uint8Array, slice: Slice): Generator<[index: number, value: unknown]> {
  const decoder = new TextDecoder()
  let start = 0
  for (let index = 0; start < bytes.length; index++) {
    const newline = bytes.indexOf(NEWLINE, start)
    const end = newline < 0 ? bytes.length : newline
    if (index % slice.count === slice.index && end > start) {
      yield [index, JSON.parse(decoder.decode(bytes.subarray(start, end)))]
    }
    start = end + 1
  }
}
