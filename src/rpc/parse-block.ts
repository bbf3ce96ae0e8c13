/**
 * Which block a request means: a number, a tag, a hash, or an object of EIP-1898, and the one place that finds it.
 * `latest` is the newest pre-confirmed block, `safe` the newest final one, `finalized` the newest sealed one; `pending`
 * is `latest` with the node's own queue on top.
 */
import { UINT64_MAX, type Hash } from '../primitives/bytes.ts'
import { assert, unreachable } from '../primitives/assert.ts'
import type { Ledger } from '../execution/ledger.ts'
import type { Backend } from './backend.ts'
import type { StateReader } from '../state/state-reader.ts'
import { RPC_CODES, RpcError } from './errors.ts'
import { isAbsent, parseBoolean, parseHash, parseObject, parseQuantity, unexpected } from './parse.ts'

const TAGS = ['latest', 'pending', 'safe', 'finalized', 'earliest'] as const
export type BlockTag = (typeof TAGS)[number]

export type BlockId =
  | { readonly kind: 'number'; readonly number: bigint }
  | { readonly kind: 'tag'; readonly tag: BlockTag }
  | { readonly kind: 'hash'; readonly hash: Hash }

export const LATEST: BlockId = { kind: 'tag', tag: 'latest' }
const HASH_LENGTH = 66

/** A block by number or tag; `latest` when left out. */
export function parseBlockNumber(value: unknown, where: string): BlockId {
  if (isAbsent(value)) return LATEST
  const tag = TAGS.find((known) => known === value)
  if (tag !== undefined) return { kind: 'tag', tag }
  if (typeof value !== 'string' || !value.startsWith('0x')) {
    throw unexpected(where, `a block number as 0x and hex digits, or one of ${TAGS.join(', ')}`, value)
  }
  return { kind: 'number', number: parseQuantity(value, where, UINT64_MAX) }
}

/** A block by number, tag, hash, or as EIP-1898 has it; `latest` when left out. */
export function parseBlockId(value: unknown, where: string): BlockId {
  if (typeof value === 'string' && value.length === HASH_LENGTH) {
    return { kind: 'hash', hash: parseHash(value, where) }
  }
  if (typeof value !== 'object' || value === null) return parseBlockNumber(value, where)
  const object = parseObject(value, where)
  const hash = object['blockHash']
  const number = object['blockNumber']
  if (isAbsent(hash) === isAbsent(number)) {
    throw unexpected(where, 'an object with either blockHash or blockNumber', value)
  }
  if (isAbsent(hash)) return parseBlockNumber(number, `${where}.blockNumber`)
  // All blocks that the node knows are on its one chain, so that being canonical is no further condition.
  if (!isAbsent(object['requireCanonical'])) {
    parseBoolean(object['requireCanonical'], `${where}.requireCanonical`)
  }
  return { kind: 'hash', hash: parseHash(hash, `${where}.blockHash`) }
}

/** Number of a block that is on the chain, `'pending'`, or `undefined` when there is no such block. */
export function findBlock(ledger: Ledger, id: BlockId): bigint | 'pending' | undefined {
  switch (id.kind) {
    case 'number':
      return id.number <= ledger.head().number ? id.number : undefined
    case 'hash':
      return ledger.numberOf(id.hash)
    case 'tag':
      return id.tag === 'pending' ? 'pending' : numberOfTag(ledger, id.tag)
    default:
      return unreachable(id)
  }
}

function numberOfTag(ledger: Ledger, tag: Exclude<BlockTag, 'pending'>): bigint {
  switch (tag) {
    case 'latest':
      return ledger.head().number
    case 'safe':
      return ledger.committed('final')
    case 'finalized':
      return ledger.committed('sealed')
    case 'earliest':
      return 0n
    default:
      return unreachable(tag)
  }
}

/** {@link findBlock}, where no block is an error (EIP-1898: resource not found). */
export function requireBlock(ledger: Ledger, id: BlockId): bigint | 'pending' {
  const number = findBlock(ledger, id)
  if (number === undefined) throw blockNotFound(ledger, id)
  return number
}

export function blockNotFound(ledger: Ledger, id: BlockId): RpcError {
  assert(id.kind !== 'tag', 'every tag has a block')
  const what = id.kind === 'number' ? `block ${id.number}` : `block ${id.hash}`
  return new RpcError(
    RPC_CODES.notFound,
    `header not found: ${what} is not on the chain, the head is ${ledger.head().number}`,
  )
}

/** State after a block, development changes on top of the head included. @throws RpcError | StateUnavailableError */
export async function stateOf(backend: Backend, id: BlockId): Promise<StateReader> {
  const number = requireBlock(backend.ledger, id)
  if (number === 'pending') return (await backend.pendingBlock()).state
  return number === backend.ledger.head().number ? backend.latestState() : backend.stateAt(number)
}
