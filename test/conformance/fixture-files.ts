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

/** The last archive and the last compressed file that were unpacked: jobs on the same file follow one another. */
let archive: { readonly path: string; readonly files: ReadonlyMap<string, Uint8Array> } | undefined
let unpacked: { readonly key: string; readonly bytes: Uint8Array } | undefined

function readArchive(path: string): ReadonlyMap<string, Uint8Array> {
  if (archive?.path !== path) {
    const stored = readFileSync(path)
    archive = { path, files: untar(path.endsWith('.tar') ? stored : gunzipSync(stored)) }
  }
  return archive.files
}

/** The whole content, decompressed. */
export function readFixture(file: FixtureFile): Uint8Array {
  if (!isCompressed(file)) return readStored(file)
  const key = `${file.path} ${file.entry ?? ''}`
  if (unpacked?.key !== key) unpacked = { key, bytes: gunzipSync(readStored(file)) }
  return unpacked.bytes
}

function readStored({ path, entry }: FixtureFile): Uint8Array {
  if (entry === undefined) return readFileSync(path)
  const bytes = readArchive(path).get(entry)
  if (bytes === undefined) throw new Error(`${path} holds no ${entry}`)
  return bytes
}

/** Whether the file itself is compressed; the archive around it may be, too. */
function isCompressed({ path, entry }: FixtureFile): boolean {
  return (entry ?? path).endsWith('.gz')
}

export function readFixtureText(file: FixtureFile): string {
  return new TextDecoder().decode(readFixture(file))
}

/** The first characters, without unpacking more of the file than that takes. */
export function readFixtureHead(file: FixtureFile, size: number): string {
  const stored = readStored(file)
  const bytes = isCompressed(file)
    ? // Sync flush: a truncated input is no error, it yields what it holds.
      gunzipSync(stored.subarray(0, size), { finishFlush: constants.Z_SYNC_FLUSH })
    : stored
  return new TextDecoder().decode(bytes.subarray(0, size))
}

/** The first case of a file with a case a line, all of any other. */
export function readFixtureSample(file: FixtureFile): string {
  const bytes = readFixture(file)
  const end = isLineFile(file) ? bytes.indexOf(NEWLINE) : -1
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}

/** Whether the file holds one JSON value a line. */
export function isLineFile({ label }: FixtureFile): boolean {
  return /\.(?:ndjson|jsonl)(?:\.gz)?$/.test(label)
}

/**
 * The cases of a file by name: the lines of a packed file, the members of a JSON object, the elements of a JSON array,
 * or the one case that a JSON object is. Members have the name of their key, the others their `id` or their position.
 */
export function* fixtureEntries(file: FixtureFile, slice: Slice): Generator<[name: string, value: unknown]> {
  if (isLineFile(file)) {
    for (const [index, value] of lines(readFixture(file), slice)) {
      yield [idOf(value) ?? `${file.label}:${index + 1}`, value]
    }
    return
  }
  const content = JSON.parse(readFixtureText(file)) as object
  if (isSingleCase(content)) {
    if (slice.index === 0) yield [idOf(content) ?? file.label, content]
    return
  }
  for (const [index, [name, value]] of Object.entries(content).entries()) {
    if (index % slice.count === slice.index)
      yield [Array.isArray(content) ? (idOf(value) ?? `${file.label}#${name}`) : name, value]
  }
}

function idOf(value: unknown): string | undefined {
  return (value as { id?: string } | null)?.id
}

/** Whether an object is a state test or a block chain itself, not a collection of them. */
function isSingleCase(content: object): boolean {
  return 'pre' in content && ('env' in content || 'genesisRLP' in content)
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
