/**
 * Filters that clients poll (`eth_newFilter` and its like). What happens is kept for each until it is asked for; both
 * the number of filters and what they keep is bounded, and who does not poll for some minutes loses the filter.
 */
import { unreachable } from '../primitives/assert.ts'
import type { Clock } from '../consensus/plugin.ts'
import type { Block } from '../chain/block.ts'
import type { Receipt } from '../chain/receipt.ts'
import type { CommitState, Ledger } from '../execution/ledger.ts'
import type { NodeEvent } from './backend.ts'
import { CommitProgress } from './commit-progress.ts'
import { RPC_CODES, RpcError } from './errors.ts'
import { formatTransaction, type Json } from './format.ts'
import { matchingLogs, type LogFilter } from './logs.ts'

/** Time without a poll after which a filter is gone. */
export const FILTER_IDLE_MS = 5 * 60_000
/** Filters of one WebSocket. */
export const FILTERS_PER_CONNECTION_MAX = 100
/** Filters made over HTTP, where requests cannot be told apart. */
export const FILTERS_OVER_HTTP_MAX = 1_000
/** Changes that a filter keeps between polls. */
export const FILTER_CHANGES_MAX = 10_000
const ID_SIZE = 16

export type FilterKind =
  | { readonly kind: 'logs'; readonly filter: LogFilter }
  | { readonly kind: 'blocks' }
  | { readonly kind: 'transactions'; readonly hasBodies: boolean }

interface Filter {
  readonly kind: FilterKind
  /** Who made it; `undefined` over HTTP. */
  readonly owner: object | undefined
  changes: Json[]
  polledMs: number
}

export class Filters {
  readonly #clock: Clock
  readonly #ledger: Ledger
  readonly #progress: CommitProgress
  readonly #filters = new Map<string, Filter>()
  #cancelSweep: (() => void) | undefined

  constructor(clock: Clock, ledger: Ledger) {
    this.#clock = clock
    this.#ledger = ledger
    this.#progress = new CommitProgress(ledger)
  }

  get count(): number {
    return this.#filters.size
  }

  /** @returns the filter's id. @throws RpcError when the owner has too many. */
  add(kind: FilterKind, owner: object | undefined): string {
    this.#sweep()
    const max = owner === undefined ? FILTERS_OVER_HTTP_MAX : FILTERS_PER_CONNECTION_MAX
    let owned = 0
    for (const filter of this.#filters.values()) if (filter.owner === owner) owned++
    if (owned >= max) {
      throw new RpcError(
        RPC_CODES.limitExceeded,
        `too many filters: ${owned} of ${max} are in use; remove some with eth_uninstallFilter, ` +
          `idle ones go after ${FILTER_IDLE_MS / 60_000} minutes`,
      )
    }
    const id = randomId()
    this.#filters.set(id, { kind, owner, changes: [], polledMs: this.#clock.nowMs() })
    this.#sweepLater()
    return id
  }

  remove(id: string): boolean {
    return this.#filters.delete(id)
  }

  /** What happened since the last poll. @throws RpcError for an unknown filter. */
  takeChanges(id: string): readonly Json[] {
    const filter = this.#polled(id)
    const { changes } = filter
    filter.changes = []
    return changes
  }

  /** The search of a log filter. @throws RpcError for an unknown filter, or one of another kind. */
  logFilter(id: string): LogFilter {
    const { kind } = this.#polled(id)
    if (kind.kind !== 'logs') {
      throw new RpcError(
        RPC_CODES.server,
        `filter ${id} is not a log filter: poll it with eth_getFilterChanges`,
      )
    }
    return kind.filter
  }

  removeOwner(owner: object): void {
    for (const [id, filter] of this.#filters) if (filter.owner === owner) this.#filters.delete(id)
  }

  onEvent(event: NodeEvent): void {
    const reached = this.#progress.onEvent(event)
    for (const [id, filter] of this.#filters) {
      for (const change of this.#changesOf(filter.kind, event, reached)) filter.changes.push(change)
      // Nobody reads it: the next poll learns that the filter is gone, and starts over.
      if (filter.changes.length > FILTER_CHANGES_MAX) this.#filters.delete(id)
    }
  }

  close(): void {
    this.#cancelSweep?.()
    this.#filters.clear()
  }

  #changesOf(kind: FilterKind, event: NodeEvent, reached: readonly bigint[]): readonly Json[] {
    switch (kind.kind) {
      case 'blocks':
        return event.kind === 'block' ? [event.block.hash] : []
      case 'transactions': {
        if (event.kind !== 'transaction') return []
        const { transaction, sender } = event.pooled
        return [kind.hasBodies ? formatTransaction(transaction, sender, undefined) : transaction.hash]
      }
      case 'logs':
        return this.#logsOf(kind.filter, event, reached)
      default:
        return unreachable(kind)
    }
  }

  /** Logs of a new block, of one taken back, or of those that reached the commit state up to which the filter looks. */
  #logsOf(filter: LogFilter, event: NodeEvent, reached: readonly bigint[]): readonly Json[] {
    const state = awaitedState(filter)
    switch (event.kind) {
      case 'block':
        return state === 'preconfirmed' ? logsIn(filter, event, false) : []
      case 'revoked':
        // What a filter of final blocks told stays, except on a development chain that is set back.
        return state === 'preconfirmed' ? logsIn(filter, event, true) : []
      case 'committed':
        if (state === 'preconfirmed' || state !== event.state) return []
        return reached.flatMap((number) => {
          const block = this.#ledger.block(number)
          const receipts = this.#ledger.receipts(number)
          return block === undefined || receipts === undefined
            ? []
            : logsIn(filter, { block, receipts }, false)
        })
      case 'transaction':
        return []
      default:
        return unreachable(event)
    }
  }

  #polled(id: string): Filter {
    this.#sweep()
    const filter = this.#filters.get(id)
    if (filter === undefined) {
      throw new RpcError(
        RPC_CODES.server,
        `filter not found: ${id} was never made, was removed, was not polled for ` +
          `${FILTER_IDLE_MS / 60_000} minutes or had more than ${FILTER_CHANGES_MAX} changes; make a new one`,
      )
    }
    filter.polledMs = this.#clock.nowMs()
    return filter
  }

  /** Removes idle filters. */
  #sweep(): void {
    const oldest = this.#clock.nowMs() - FILTER_IDLE_MS
    for (const [id, filter] of this.#filters) if (filter.polledMs <= oldest) this.#filters.delete(id)
  }

  /** Looks for idle filters from time to time, while there are filters. */
  #sweepLater(): void {
    this.#cancelSweep ??= this.#clock.schedule(FILTER_IDLE_MS, () => {
      this.#cancelSweep = undefined
      this.#sweep()
      if (this.#filters.size > 0) this.#sweepLater()
    })
  }
}

/** When a filter tells of a block: `safe` and `finalized` as the end of its range mean once it is that. */
function awaitedState({ range }: LogFilter): CommitState {
  const to = range.kind === 'range' && range.to?.kind === 'tag' ? range.to.tag : 'latest'
  if (to === 'safe') return 'final'
  return to === 'finalized' ? 'sealed' : 'preconfirmed'
}

interface BlockWithReceipts {
  readonly block: Block
  readonly receipts: readonly Receipt[]
}

function logsIn(
  filter: LogFilter,
  { block, receipts }: BlockWithReceipts,
  isRemoved: boolean,
): readonly Json[] {
  if (!isInRange(filter, block.header.number)) return []
  return matchingLogs(filter.matcher, block, receipts, isRemoved)
}

/** Whether a block is one that the filter asks for; tags move with the chain and bound nothing. */
function isInRange({ range }: LogFilter, number: bigint): boolean {
  if (range.kind === 'hash') return false
  if (range.from?.kind === 'number' && number < range.from.number) return false
  return range.to?.kind !== 'number' || number <= range.to.number
}

/** An id that cannot be guessed by others. The first digit is not zero, so that it is a quantity too. */
export function randomId(): string {
  const digits = crypto.getRandomValues(new Uint8Array(ID_SIZE)).toHex()
  return `0x${digits.startsWith('0') ? `1${digits.slice(1)}` : digits}`
}
