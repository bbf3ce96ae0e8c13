/**
 * State as @ethereumjs/evm wants it, over any {@link StateReader}: changes stay in memory and come out as a
 * {@link StateDiff}. Deliberately another design than the journal's: values by key and a list of closures that take
 * changes back. Two implementations that share nothing do not share mistakes.
 */
import type { AccountFields, StateManagerInterface } from '@ethereumjs/common'
import { Account as EthereumAccount, type Address as EthereumAddress } from '@ethereumjs/util'
import { assert, present } from '../../primitives/assert.ts'
import {
  bigintToBytes,
  bytesToAddress,
  bytesToBigint,
  bytesToHash,
  EMPTY_BYTES,
  hexToBytes,
  type Address,
  type Hash,
} from '../../primitives/bytes.ts'
import { EMPTY_CODE_HASH, keccak256Hash } from '../../primitives/keccak.ts'
import { EMPTY_TRIE_ROOT } from '../../chain/ordered-trie.ts'
import type { Account, StateDiff, StateReader } from '../../state/state-reader.ts'

export class ReferenceState implements StateManagerInterface {
  private readonly base: StateReader
  /** Accounts that were written; `undefined` = gone. */
  private readonly accounts = new Map<Address, Account | undefined>()
  private readonly slots = new Map<Address, Map<bigint, bigint>>()
  /** Accounts whose storage in the base does not count any more. */
  private readonly cleared = new Set<Address>()
  private readonly codes = new Map<Hash, Uint8Array>()
  /** Takes changes back, newest last. */
  private readonly undo: (() => void)[] = []
  private readonly checkpoints: number[] = []
  /** Values at the beginning of the transaction, of slots written since. */
  private originals = new Map<Address, Map<bigint, bigint>>()

  /** EIP-2200's original values. The library clears it at the end of a transaction. */
  readonly originalStorageCache: StateManagerInterface['originalStorageCache'] = {
    get: async (address, key) => {
      const [owner, slot] = [addressOf(address), bytesToBigint(key)]
      return bigintToBytes(this.originals.get(owner)?.get(slot) ?? this.slot(owner, slot))
    },
    clear: () => {
      this.originals = new Map()
    },
  }

  constructor(base: StateReader) {
    this.base = base
  }

  /** What differs from the base. */
  diff(): StateDiff {
    const accounts = new Map<Address, Account | null>()
    const storage = new Map<Address, ReadonlyMap<bigint, bigint>>()
    const clearedStorage = new Set<Address>()
    for (const address of new Set([...this.accounts.keys(), ...this.slots.keys(), ...this.cleared])) {
      const before = this.base.account(address)
      const after = this.account(address)
      const storageRoot = before?.storageRoot ?? EMPTY_TRIE_ROOT
      const isCleared = this.cleared.has(address) && storageRoot !== EMPTY_TRIE_ROOT
      if (isCleared) clearedStorage.add(address)
      if (after === undefined) {
        if (before !== undefined) accounts.set(address, null)
        continue
      }
      const slots = this.changedSlots(address, isCleared)
      if (slots.size > 0) storage.set(address, slots)
      if (slots.size > 0 || isCleared || !isSameAccount(before, after)) {
        accounts.set(address, { ...after, storageRoot })
      }
    }
    return { accounts, storage, clearedStorage, codes: new Map(this.codes) }
  }

  private changedSlots(address: Address, isCleared: boolean): Map<bigint, bigint> {
    const changed = [...(this.slots.get(address) ?? [])].filter(
      ([slot, value]) => value !== (isCleared ? 0n : this.base.storage(address, slot)),
    )
    return new Map(changed)
  }

  // Accounts --------------------------------------------------------------------------------------------------------

  async getAccount(address: EthereumAddress): Promise<EthereumAccount | undefined> {
    const account = this.account(addressOf(address))
    if (account === undefined) return undefined
    // A new object each time: the library changes the ones it gets before it puts them back.
    const { nonce, balance, storageRoot, codeHash } = account
    return new EthereumAccount(nonce, balance, hexToBytes(storageRoot), hexToBytes(codeHash))
  }

  async putAccount(address: EthereumAddress, account?: EthereumAccount): Promise<void> {
    if (account === undefined) return this.deleteAccount(address)
    const { nonce, balance } = account
    const storageRoot = bytesToHash(account.storageRoot)
    const codeHash = bytesToHash(account.codeHash)
    this.set(this.accounts, addressOf(address), { nonce, balance, storageRoot, codeHash })
  }

  async deleteAccount(address: EthereumAddress): Promise<void> {
    const owner = addressOf(address)
    if (this.account(owner) === undefined) return
    this.set(this.accounts, owner, undefined)
    await this.clearStorage(address)
  }

  async modifyAccountFields(address: EthereumAddress, fields: AccountFields): Promise<void> {
    const account = (await this.getAccount(address)) ?? new EthereumAccount()
    account.nonce = fields.nonce ?? account.nonce
    account.balance = fields.balance ?? account.balance
    account.storageRoot = fields.storageRoot ?? account.storageRoot
    account.codeHash = fields.codeHash ?? account.codeHash
    await this.putAccount(address, account)
  }

  // Code ------------------------------------------------------------------------------------------------------------

  async putCode(address: EthereumAddress, code: Uint8Array): Promise<void> {
    const codeHash = keccak256Hash(code)
    if (code.length > 0) this.codes.set(codeHash, code)
    await this.modifyAccountFields(address, { codeHash: hexToBytes(codeHash) })
  }

  async getCode(address: EthereumAddress): Promise<Uint8Array> {
    const codeHash = this.account(addressOf(address))?.codeHash ?? EMPTY_CODE_HASH
    if (codeHash === EMPTY_CODE_HASH) return EMPTY_BYTES
    return this.codes.get(codeHash) ?? this.base.code(codeHash)
  }

  async getCodeSize(address: EthereumAddress): Promise<number> {
    return (await this.getCode(address)).length
  }

  // Storage ---------------------------------------------------------------------------------------------------------

  /** The value's bytes without leading zeros, as the library expects them. */
  async getStorage(address: EthereumAddress, key: Uint8Array): Promise<Uint8Array> {
    return bigintToBytes(this.slot(addressOf(address), bytesToBigint(key)))
  }

  async putStorage(address: EthereumAddress, key: Uint8Array, value: Uint8Array): Promise<void> {
    const [owner, slot] = [addressOf(address), bytesToBigint(key)]
    const originals = entry(this.originals, owner)
    if (!originals.has(slot)) originals.set(slot, this.slot(owner, slot))
    this.set(entry(this.slots, owner), slot, bytesToBigint(value))
  }

  async clearStorage(address: EthereumAddress): Promise<void> {
    const owner = addressOf(address)
    const slots = this.slots.get(owner)
    const wasCleared = this.cleared.has(owner)
    this.slots.delete(owner)
    this.cleared.add(owner)
    this.remember(() => {
      if (slots !== undefined) this.slots.set(owner, slots)
      if (!wasCleared) this.cleared.delete(owner)
    })
  }

  // Checkpoints -----------------------------------------------------------------------------------------------------

  async checkpoint(): Promise<void> {
    this.checkpoints.push(this.undo.length)
  }

  async commit(): Promise<void> {
    this.checkpoints.pop()
    if (this.checkpoints.length === 0) this.undo.length = 0
  }

  async revert(): Promise<void> {
    const length = present(this.checkpoints.pop(), 'checkpoint to go back to')
    while (this.undo.length > length) this.undo.pop()?.()
  }

  // What a state without a trie does not do -------------------------------------------------------------------------

  async getStateRoot(): Promise<Uint8Array> {
    return unsupported()
  }

  async setStateRoot(): Promise<void> {
    return unsupported()
  }

  async hasStateRoot(): Promise<boolean> {
    return unsupported()
  }

  shallowCopy(): StateManagerInterface {
    return unsupported()
  }

  clearCaches(): void {}

  // Inside ----------------------------------------------------------------------------------------------------------

  private account(address: Address): Account | undefined {
    return this.accounts.has(address) ? this.accounts.get(address) : this.base.account(address)
  }

  private slot(address: Address, slot: bigint): bigint {
    const written = this.slots.get(address)?.get(slot)
    if (written !== undefined) return written
    return this.cleared.has(address) ? 0n : this.base.storage(address, slot)
  }

  private set<K, V>(map: Map<K, V>, key: K, value: V): void {
    if (map.has(key)) {
      // `has` says that there is a value; it may be `undefined` where V allows that.
      const before = map.get(key) as V
      this.remember(() => map.set(key, before))
    } else {
      this.remember(() => map.delete(key))
    }
    map.set(key, value)
  }

  private remember(takeBack: () => void): void {
    if (this.checkpoints.length > 0) this.undo.push(takeBack)
  }
}

function entry(maps: Map<Address, Map<bigint, bigint>>, address: Address): Map<bigint, bigint> {
  const known = maps.get(address)
  if (known !== undefined) return known
  const fresh = new Map<bigint, bigint>()
  maps.set(address, fresh)
  return fresh
}

function isSameAccount(before: Account | undefined, after: Account): boolean {
  return (
    before !== undefined &&
    before.nonce === after.nonce &&
    before.balance === after.balance &&
    before.codeHash === after.codeHash
  )
}

function addressOf(address: EthereumAddress): Address {
  return bytesToAddress(address.bytes)
}

function unsupported(): never {
  assert(false, 'the reference state has no trie and no copies')
}
