/**
 * Changes of state that development makes between blocks (`hardhat_setBalance` and its kin). They are seen at once,
 * enter the state with the next block, survive a restart, and are kept with that block so that it can be replayed.
 */
import { EMPTY_TRIE_ROOT } from '../../chain/ordered-trie.ts'
import type { Address } from '../../primitives/bytes.ts'
import { EMPTY_CODE_HASH, keccak256Hash } from '../../primitives/keccak.ts'
import type { WritableLedger } from '../../execution/ledger.ts'
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
    const [first, ...others] = this.layers
    return first === undefined ? undefined : others.reduce(mergeDiffs, first)
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

  /** The first `count` layers are part of block `number`, which is about to be appended. */
  takeInto(number: bigint, count: number): void {
    const [first, ...others] = this.layers.slice(0, count)
    const key = keyOfBlock(number)
    if (first !== undefined) {
      this.ledger.setMeta(key, encodeStateDiff(others.reduce(mergeDiffs, first)))
      this.replace(this.layers.slice(count))
    } else if (this.ledger.meta(key) !== undefined) {
      this.ledger.setMeta(key, undefined)
    }
  }

  /** State before the first system call of a block, given that after its parent. */
  before(number: bigint, parentState: StateReader): StateReader {
    const kept = this.ledger.meta(keyOfBlock(number))
    return kept === undefined ? parentState : new OverlayState(parentState, decodeStateDiff(kept))
  }

  /** The `count` blocks above `number` are gone, and with them what waits: it was made on top of them. */
  forgetAbove(number: bigint, count: number): void {
    for (let i = 1n; i <= BigInt(count); i++) {
      if (this.ledger.meta(keyOfBlock(number + i)) !== undefined)
        this.ledger.setMeta(keyOfBlock(number + i), undefined)
    }
    if (this.layers.length > 0) this.replace([])
  }

  private replace(layers: readonly StateDiff[]): void {
    this.layers = layers
    const diff = this.diff()
    this.ledger.setMeta(WAITING_KEY, diff === undefined ? undefined : encodeStateDiff(diff))
  }
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
