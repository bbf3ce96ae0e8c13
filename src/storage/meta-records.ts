/**
 * The table `meta`: what the database was made for, and where its chain stands.
 *
 *   format        FORMAT_VERSION (4): the only entry that must mean the same in every version
 *   identity      chain id (32), hash of the first block (32), its number (8)
 *   head          number (8) and hash (32) of the newest block
 *   committed     number of the newest block of each commit state (8 each), in the order of COMMIT_STATES
 *   oldestState   number of the oldest block whose state can be read (8)
 *   node:KEY      values of the node's own
 *   consensus     format of the tables of consensus (4), see `consensus-records.ts`
 */
import {
  bigintToFixedBytes,
  bytesToBigint,
  bytesToHash,
  concatBytes,
  hexToBytes,
  type Hash,
} from '../primitives/bytes.ts'
import type { Header } from '../chain/block.ts'
import { COMMIT_STATES, type CommitState, type MetaChanges } from '../execution/ledger.ts'
import { readHeader } from './block-records.ts'
import {
  CorruptDatabaseError,
  NewerFormatError,
  OlderFormatError,
  type DatabaseIdentity,
} from './database-errors.ts'
import type { KeyValueReader, WriteTransaction } from './key-value-store.ts'
import { expectSize, FORMAT_VERSION, HASH_SIZE, NUMBER_SIZE, numberKey, readNumber } from './schema.ts'

const FORMAT_VERSION_SIZE = 4

const keyOf = (name: string): Uint8Array => new TextEncoder().encode(name)
const KEYS = {
  format: keyOf('format'),
  identity: keyOf('identity'),
  head: keyOf('head'),
  committed: keyOf('committed'),
  oldestState: keyOf('oldestState'),
} as const

/** Key of one of the node's own values. */
export function nodeMetaKey(key: string): Uint8Array {
  return keyOf(`node:${key}`)
}

export function writeNodeMeta(transaction: WriteTransaction, changes: MetaChanges): void {
  for (const [key, value] of changes) {
    if (value === undefined) transaction.delete('meta', nodeMetaKey(key))
    else transaction.put('meta', nodeMetaKey(key), value)
  }
}

/** What a database was made for, and where its chain starts. */
export interface StoredIdentity extends DatabaseIdentity {
  readonly genesisNumber: bigint
}

/**
 * `undefined` when the store is empty.
 * @throws NewerFormatError | OlderFormatError | CorruptDatabaseError
 */
export function readIdentity(reader: KeyValueReader): StoredIdentity | undefined {
  const format = reader.get('meta', KEYS.format)
  if (format === undefined) return undefined
  const version = Number(bytesToBigint(format))
  if (version > FORMAT_VERSION) throw new NewerFormatError(version, FORMAT_VERSION)
  if (version < FORMAT_VERSION) throw new OlderFormatError(version, FORMAT_VERSION)
  const identity = readEntry(reader, 'identity', 2 * HASH_SIZE + NUMBER_SIZE)
  return {
    chainId: bytesToBigint(identity.subarray(0, HASH_SIZE)),
    genesisHash: bytesToHash(identity.subarray(HASH_SIZE, 2 * HASH_SIZE)),
    genesisNumber: readNumber(identity, 2 * HASH_SIZE),
  }
}

export function writeIdentity(transaction: WriteTransaction, identity: StoredIdentity): void {
  const { chainId, genesisHash, genesisNumber } = identity
  transaction.put('meta', KEYS.format, bigintToFixedBytes(BigInt(FORMAT_VERSION), FORMAT_VERSION_SIZE))
  const chain = bigintToFixedBytes(chainId, HASH_SIZE)
  transaction.put(
    'meta',
    KEYS.identity,
    concatBytes(chain, hexToBytes(genesisHash), numberKey(genesisNumber)),
  )
}

/** The newest block. @throws CorruptDatabaseError */
export function readHead(reader: KeyValueReader): { readonly header: Header; readonly hash: Hash } {
  const value = readEntry(reader, 'head', NUMBER_SIZE + HASH_SIZE)
  const found = readHeader(reader, readNumber(value))
  if (found?.hash !== bytesToHash(value.subarray(NUMBER_SIZE))) {
    throw new CorruptDatabaseError('the newest block is missing')
  }
  return found
}

export function writeHead(transaction: WriteTransaction, number: bigint, hash: Hash): void {
  transaction.put('meta', KEYS.head, concatBytes(numberKey(number), hexToBytes(hash)))
}

export function readCommits(reader: KeyValueReader): Record<CommitState, bigint> {
  const value = readEntry(reader, 'committed', COMMIT_STATES.length * NUMBER_SIZE)
  return mapCommits((_, index) => readNumber(value, index * NUMBER_SIZE))
}

export function writeCommits(
  transaction: WriteTransaction,
  commits: Readonly<Record<CommitState, bigint>>,
): void {
  transaction.put(
    'meta',
    KEYS.committed,
    concatBytes(...COMMIT_STATES.map((state) => numberKey(commits[state]))),
  )
}

/** A number for each commit state; `index` is its place in COMMIT_STATES. */
export function mapCommits(of: (state: CommitState, index: number) => bigint): Record<CommitState, bigint> {
  const [preconfirmed, final, sealed] = COMMIT_STATES
  return { preconfirmed: of(preconfirmed, 0), final: of(final, 1), sealed: of(sealed, 2) }
}

export function readOldestState(reader: KeyValueReader): bigint {
  return readNumber(readEntry(reader, 'oldestState', NUMBER_SIZE))
}

export function writeOldestState(transaction: WriteTransaction, number: bigint): void {
  transaction.put('meta', KEYS.oldestState, numberKey(number))
}

function readEntry(reader: KeyValueReader, name: keyof typeof KEYS, size: number): Uint8Array {
  const value = reader.get('meta', KEYS[name])
  if (value === undefined) throw new CorruptDatabaseError(`the entry ${name} is missing`)
  expectSize(value, size, `value of the entry ${name}`)
  return value
}
