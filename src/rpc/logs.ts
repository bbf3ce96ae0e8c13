/**
 * Log filters: parsing, matching and searching. A search walks the headers of a bounded range, skips what their blooms
 * rule out, and pauses now and then.
 */
import { hexToBytes, type Address, type Hash } from '../primitives/bytes.ts'
import { bloomProbe } from '../chain/bloom.ts'
import type { Block } from '../chain/block.ts'
import type { Log, Receipt } from '../chain/receipt.ts'
import type { Ledger } from '../execution/ledger.ts'
import { RPC_CODES, RpcError, invalidParams } from './errors.ts'
import { formatLog, type JsonRecord } from './format.ts'
import { isAbsent, parseAddress, parseArray, parseHash, parseObject } from './parse.ts'
import { blockNotFound, findBlock, parseBlockNumber, type BlockId } from './parse-block.ts'

/** Blocks of one search. */
export const LOG_RANGE_MAX = 10_000n
/** Addresses, or topics in one position. */
export const LOG_ALTERNATIVES_MAX = 1_000
/** Logs of one answer; more would not fit into a response anyway. */
export const LOGS_MAX = 50_000
/** Positions of topics. */
const TOPICS_MAX = 4
/** Blocks between the pauses of a search. */
const BLOCKS_PER_PAUSE = 100

/** What a log must look like. */
export interface LogMatcher {
  /** `undefined`: any. */
  readonly addresses: ReadonlySet<Address> | undefined
  /** By position; `undefined`: any. */
  readonly topics: readonly (ReadonlySet<Hash> | undefined)[]
  /** Whether a block with this bloom can have such a log. */
  readonly mayMatch: (bloom: Uint8Array) => boolean
}

/** A matcher with the blocks to look at. */
export interface LogFilter {
  readonly matcher: LogMatcher
  readonly range:
    | { readonly kind: 'hash'; readonly hash: Hash }
    | { readonly kind: 'range'; readonly from: BlockId | undefined; readonly to: BlockId | undefined }
}

export function parseLogFilter(value: unknown, where: string): LogFilter {
  const filter = parseObject(value, where)
  const matcher = parseLogMatcher(filter, where)
  const { blockHash, fromBlock, toBlock } = filter
  if (!isAbsent(blockHash)) {
    if (!isAbsent(fromBlock) || !isAbsent(toBlock)) {
      throw invalidParams(
        `${where}: cannot specify both blockHash and fromBlock/toBlock, choose one or the other`,
      )
    }
    return { matcher, range: { kind: 'hash', hash: parseHash(blockHash, `${where}.blockHash`) } }
  }
  const from = isAbsent(fromBlock) ? undefined : parseBlockNumber(fromBlock, `${where}.fromBlock`)
  const to = isAbsent(toBlock) ? undefined : parseBlockNumber(toBlock, `${where}.toBlock`)
  return { matcher, range: { kind: 'range', from, to } }
}

/** The part of a filter that does not name blocks. */
export function parseLogMatcher(value: unknown, where: string): LogMatcher {
  const filter = parseObject(value, where)
  const addresses = alternatives(filter['address'], `${where}.address`, parseAddress)
  const topics = isAbsent(filter['topics'])
    ? []
    : parseArray(filter['topics'], `${where}.topics`, TOPICS_MAX, (topic, path) =>
        alternatives(topic, path, parseHash),
      )
  const probes = [addresses, ...topics]
    .filter((set) => set !== undefined)
    .map((set) => [...set].map((value) => bloomProbe(hexToBytes(value))))
  return {
    addresses,
    topics,
    mayMatch: (bloom) => probes.every((anyOf) => anyOf.some((probe) => probe(bloom))),
  }
}

/** One value, a list of which one must match, or nothing (also an empty list) for any. */
function alternatives<T>(
  value: unknown,
  where: string,
  parse: (value: unknown, where: string) => T,
): ReadonlySet<T> | undefined {
  if (isAbsent(value)) return undefined
  if (!Array.isArray(value)) return new Set([parse(value, where)])
  const values = parseArray(value, where, LOG_ALTERNATIVES_MAX, parse)
  return values.length === 0 ? undefined : new Set(values)
}

function matches(matcher: LogMatcher, log: Log): boolean {
  if (matcher.addresses !== undefined && !matcher.addresses.has(log.address)) return false
  if (matcher.topics.length > log.topics.length) return false
  return matcher.topics.every((set, position) => set === undefined || set.has(log.topics[position] as Hash))
}

/** The logs of a block that match, as JSON. @param isRemoved whether the block was taken back. */
export function matchingLogs(
  matcher: LogMatcher,
  block: Block,
  receipts: readonly Receipt[],
  isRemoved: boolean,
): JsonRecord[] {
  if (!matcher.mayMatch(block.header.logsBloom)) return []
  const result: JsonRecord[] = []
  let logIndex = 0
  for (const [transactionIndex, receipt] of receipts.entries()) {
    for (const log of receipt.logs) {
      if (matches(matcher, log)) result.push(formatLog(log, block, transactionIndex, logIndex, isRemoved))
      logIndex++
    }
  }
  return result
}

/** Gives others their turn; rejects when nobody waits for the answer any more. */
export type SearchPause = () => Promise<void>

/** All logs on the chain that a filter finds. @throws RpcError when the range or the answer is too large. */
export async function searchLogs(
  ledger: Ledger,
  filter: LogFilter,
  pause: SearchPause,
): Promise<JsonRecord[]> {
  const [from, to] = resolveRange(ledger, filter)
  const found: JsonRecord[] = []
  let untilPause = BLOCKS_PER_PAUSE
  for (let number = from; number <= to; number++) {
    if (untilPause-- === 0) {
      untilPause = BLOCKS_PER_PAUSE
      await pause()
    }
    // A block of the range can be taken back between turns: then its logs are no part of the answer.
    const header = ledger.header(number)
    if (header === undefined || !filter.matcher.mayMatch(header.logsBloom)) continue
    const block = ledger.block(number)
    const receipts = ledger.receipts(number)
    if (block === undefined || receipts === undefined) continue
    for (const log of matchingLogs(filter.matcher, block, receipts, false)) found.push(log)
    if (found.length > LOGS_MAX) {
      throw new RpcError(
        RPC_CODES.limitExceeded,
        `query returned more than ${LOGS_MAX} logs in blocks ${from} to ${number}: ask for fewer blocks, ` +
          'or narrow it by address and topics',
      )
    }
  }
  return found
}

/** First and last block of a search; the last is before the first when there is nothing to look at. */
function resolveRange(ledger: Ledger, filter: LogFilter): [from: bigint, to: bigint] {
  const head = ledger.head().number
  if (filter.range.kind === 'hash') {
    const number = ledger.numberOf(filter.range.hash)
    if (number === undefined) throw blockNotFound(ledger, { kind: 'hash', hash: filter.range.hash })
    return [number, number]
  }
  const from = numberOrHead(ledger, filter.range.from)
  const to = numberOrHead(ledger, filter.range.to)
  if (from > to) throw invalidParams(`invalid block range: fromBlock ${from} is after toBlock ${to}`)
  if (to - from >= LOG_RANGE_MAX) {
    throw new RpcError(
      RPC_CODES.limitExceeded,
      `block range too large: ${to - from + 1n} blocks, at most ${LOG_RANGE_MAX} can be searched at once; ` +
        `ask for blocks ${from} to ${from + LOG_RANGE_MAX - 1n} first`,
    )
  }
  return [from, to < head ? to : head]
}

/** Logs exist in blocks only: `pending` means the head, numbers may lie ahead of it. */
function numberOrHead(ledger: Ledger, id: BlockId | undefined): bigint {
  if (id?.kind === 'number') return id.number
  const number = id === undefined ? 'pending' : findBlock(ledger, id)
  return typeof number === 'bigint' ? number : ledger.head().number
}
