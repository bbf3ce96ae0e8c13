/**
 * Changes of state that development makes between blocks (`hardhat_setBalance` and its kin). They are seen at once,
 * enter the state with the next block, survive a restart, and are kept with that block so that it can be replayed.
 *
 * On disk, what waits and what a block has taken change in the transaction that writes the block: a node that is killed
 * or runs out of space in between has either the block with the changes in it, or no block and changes that wait.
 */
import { EMPTY_TRIE_ROOT } from '../../chain/ordered-trie.ts'
import type { Address } from '../../primitives/bytes.ts'
import { EMPTY_CODE_HASH, keccak256Hash } from '../../primitives/keccak.ts'
import { decodeRlp, encodeRlp, rlpBytes, rlpList } from '../../primitives/rlp.ts'
import type { MetaChanges, WritableLedger } from '../../execution/ledger.ts'
import { mergeDiffs, OverlayState } from '../../state/overlay-state.ts'
import type { Account, StateDiff, StateReader } from '../../state/state-reader.ts'
import { decodeStateDiff, encodeStateDiff } from './state-diff-codec.ts'

/** One change, with its bytes on disk. */
interface Layer {
  readonly diff: StateDiff
  readonly bytes: Uint8Array
}

/** Changes that wait: one by one, for a block takes those that were there when it was begun, and all as one. */
export interface WaitingChanges {
  readonly layers: readonly Layer[]
  /** `undefined` when there are none. */
  readonly merged: StateDiff | undefined
}

const NONE: WaitingChanges = { layers: [], merged: undefined }

const WAITING_KEY = 'overlay'
const keyOfBlock = (number: bigint): string => `overlay/${number}`

export class StateOverlay {
  private readonly ledger: WritableLedger
  private waiting: WaitingChanges

  constructor(ledger: WritableLedger) {
    this.ledger = ledger
    const stored = ledger.meta(WAITING_KEY)
    this.waiting = stored === undefined ? NONE : changesOf(decodeLayers(stored))
  }

  get layerCount(): number {
    return this.waiting.layers.length
  }

  /** All waiting changes as one; `undefined` when there are none. */
  diff(): StateDiff | undefined {
    return this.waiting.merged
  }

  over(state: StateReader): StateReader {
    const diff = this.diff()
    return diff === undefined ? state : new OverlayState(state, diff)
  }

  add(diff: StateDiff): void {
    const { layers, merged } = this.waiting
    // Hot: scripts set up thousands of slots before the first block; merging all layers anew took minutes.
    this.restore({
      layers: [...layers, { diff, bytes: encodeStateDiff(diff) }],
      merged: merged === undefined ? diff : mergeDiffs(merged, diff),
    })
  }

  /** What waits now, for a snapshot. */
  save(): WaitingChanges {
    return this.waiting
  }

  restore(waiting: WaitingChanges): void {
    this.ledger.setMeta(...waitingEntry(waiting))
    this.waiting = waiting
  }

  /** What is to be written with block `number`, of which the first `count` layers are a part. */
  metaWith(number: bigint, count: number): MetaChanges {
    const key = keyOfBlock(number)
    const { layers } = this.waiting
    const taken = count === layers.length ? this.waiting.merged : changesOf(layers.slice(0, count)).merged
    if (taken !== undefined) {
      return new Map([[key, encodeStateDiff(taken)], waitingEntry(changesOf(layers.slice(count)))])
    }
    // A block of this number may have been taken back.
    return this.ledger.meta(key) === undefined ? new Map() : new Map([[key, undefined]])
  }

  /** That block was appended. */
  dropFirst(count: number): void {
    this.waiting = changesOf(this.waiting.layers.slice(count))
  }

  /** State before the first system call of a block, given that after its parent. */
  before(number: bigint, parentState: StateReader): StateReader {
    const kept = this.ledger.meta(keyOfBlock(number))
    return kept === undefined ? parentState : new OverlayState(parentState, decodeStateDiff(kept))
  }

  /** What is to be written when the blocks above `number`, up to `head`, go: what waits was made on top of them. */
  metaWithout(number: bigint, head: bigint): MetaChanges {
    const changes = new Map<string, Uint8Array | undefined>()
    for (let gone = number + 1n; gone <= head; gone++) {
      if (this.ledger.meta(keyOfBlock(gone)) !== undefined) changes.set(keyOfBlock(gone), undefined)
    }
    if (this.layerCount > 0) changes.set(WAITING_KEY, undefined)
    return changes
  }

  /** Those blocks are gone. */
  clear(): void {
    this.waiting = NONE
  }
}

function changesOf(layers: readonly Layer[]): WaitingChanges {
  const [first, ...others] = layers.map(({ diff }) => diff)
  return first === undefined ? NONE : { layers, merged: others.reduce(mergeDiffs, first) }
}

/** RLP of a list of the layers' bytes. */
function waitingEntry({ layers }: WaitingChanges): [key: string, value: Uint8Array | undefined] {
  return [WAITING_KEY, layers.length === 0 ? undefined : encodeRlp(layers.map(({ bytes }) => bytes))]
}

function decodeLayers(stored: Uint8Array): readonly Layer[] {
  return rlpList(decodeRlp(stored), 'waiting changes').map((item) => {
    const bytes = rlpBytes(item, 'a waiting change')
    return { diff: decodeStateDiff(bytes), bytes }
  })
}

/** A layer that changes one account. */
export function accountLayer(
  state: StateReader,
  address: Address,
  change: { readonly balance?: bigint; readonly nonce?: bigint; readonly code?: Uint8Array },
): StateDiff {
  const account: Account = { ...currentAccount(state, address) }
  const codes = new Map<Account['codeHash'], Uint8Array>()
  let { codeHash } = account
  if (change.code !== undefined) {
    codeHash = change.code.length === 0 ? EMPTY_CODE_HASH : keccak256Hash(change.code)
    if (change.code.length > 0) codes.set(codeHash, change.code)
  }
  const { balance = account.balance, nonce = account.nonce } = change
  const accounts = new Map([[address, { ...account, balance, nonce, codeHash }]])
  return { accounts, storage: new Map(), clearedStorage: new Set(), codes }
}

/** A layer that changes one slot. */
export function slotLayer(state: StateReader, address: Address, slot: bigint, value: bigint): StateDiff {
  const accounts = new Map([[address, currentAccount(state, address)]])
  const storage = new Map([[address, new Map([[slot, value]])]])
  return { accounts, storage, clearedStorage: new Set(), codes: new Map() }
}

function currentAccount(state: StateReader, address: Address): Account {
  return (
    state.account(address) ?? {
      nonce: 0n,
      balance: 0n,
      storageRoot: EMPTY_TRIE_ROOT,
      codeHash: EMPTY_CODE_HASH,
    }
  )
}
