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
import type { MetaChanges, WritableLedger } from '../../execution/ledger.ts'
import { mergeDiffs, OverlayState } from '../../state/overlay-state.ts'
import type { Account, StateDiff, StateReader } from '../../state/state-reader.ts'
import { decodeStateDiff, encodeStateDiff } from './state-diff-codec.ts'

const WAITING_KEY = 'overlay'
const keyOfBlock = (number: bigint): string => `overlay/${number}`

export class StateOverlay {
  private readonly ledger: WritableLedger
  private layers: readonly StateDiff[]

  constructor(ledger: WritableLedger) {
    this.ledger = ledger
    const waiting = ledger.meta(WAITING_KEY)
    this.layers = waiting === undefined ? [] : [decodeStateDiff(waiting)]
  }

  get layerCount(): number {
    return this.layers.length
  }

  /** All waiting changes as one; `undefined` when there are none. */
  diff(): StateDiff | undefined {
    return merged(this.layers)
  }

  over(state: StateReader): StateReader {
    const diff = this.diff()
    return diff === undefined ? state : new OverlayState(state, diff)
  }

  add(layer: StateDiff): void {
    this.replace([...this.layers, layer])
  }

  /** What waits now, for a snapshot. */
  save(): readonly StateDiff[] {
    return this.layers
  }

  restore(layers: readonly StateDiff[]): void {
    this.replace(layers)
  }

  /** What is to be written with block `number`, of which the first `count` layers are a part. */
  metaWith(number: bigint, count: number): MetaChanges {
    const key = keyOfBlock(number)
    const taken = merged(this.layers.slice(0, count))
    if (taken !== undefined) {
      return new Map([[key, encodeStateDiff(taken)], waitingEntry(this.layers.slice(count))])
    }
    // A block of this number may have been taken back.
    return this.ledger.meta(key) === undefined ? new Map() : new Map([[key, undefined]])
  }

  /** That block was appended. */
  dropFirst(count: number): void {
    this.layers = this.layers.slice(count)
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
    if (this.layers.length > 0) changes.set(WAITING_KEY, undefined)
    return changes
  }

  /** Those blocks are gone. */
  clear(): void {
    this.layers = []
  }

  private replace(layers: readonly StateDiff[]): void {
    this.ledger.setMeta(...waitingEntry(layers))
    this.layers = layers
  }
}

function merged(layers: readonly StateDiff[]): StateDiff | undefined {
  const [first, ...others] = layers
  return first === undefined ? undefined : others.reduce(mergeDiffs, first)
}

function waitingEntry(layers: readonly StateDiff[]): [key: string, value: Uint8Array | undefined] {
  const diff = merged(layers)
  return [WAITING_KEY, diff === undefined ? undefined : encodeStateDiff(diff)]
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
