/** A block's change of state in terms of the tables: flat values, code and trie nodes. */
import type { Address } from '../primitives/bytes.ts'
import type { ExecutedBlock } from '../execution/ledger.ts'
import type { TrieDiff } from '../state/state-reader.ts'
import type { WriteTransaction } from './key-value-store.ts'
import {
  ADDRESS_SIZE,
  addressKey,
  encodeAccountValue,
  encodeSlotValue,
  nodeKey,
  pathOfNodeKey,
  slotKey,
} from './schema.ts'
import type { HistoricTable } from './tables.ts'

/** Where changes go: history is recorded for every block but the first. */
export interface ChangeSink {
  /** Gives a key a new value, `null` to delete it; each key at most once. */
  change(table: HistoricTable, key: Uint8Array, value: Uint8Array | null): void
  /** Deletes all keys with a prefix but those that `isKept` names: they are changed as well. */
  clear(table: HistoricTable, prefix: Uint8Array, isKept: (key: Uint8Array) => boolean): void
}

/** Flat values and codes. @param transaction takes the codes, which have no history. */
export function writeValues(sink: ChangeSink, transaction: WriteTransaction, executed: ExecutedBlock): void {
  const { accounts, stateDiff } = executed
  for (const [address, account] of accounts) {
    sink.change('accounts', addressKey(address), account === null ? null : encodeAccountValue(account))
  }
  for (const owner of clearedStorage(executed)) {
    const slots = stateDiff.storage.get(owner)
    const isKept = (key: Uint8Array): boolean =>
      slots?.get(BigInt(`0x${key.subarray(ADDRESS_SIZE).toHex()}`)) !== undefined
    sink.clear('storage', addressKey(owner), isKept)
  }
  for (const [owner, slots] of stateDiff.storage) {
    for (const [slot, value] of slots) {
      sink.change('storage', slotKey(owner, slot), value === 0n ? null : encodeSlotValue(value))
    }
  }
  for (const [hash, code] of stateDiff.codes) {
    transaction.put('codes', Uint8Array.fromHex(hash.slice(2)), code)
  }
}

/** Nodes of tries. */
export function writeTries(sink: ChangeSink, trieDiff: TrieDiff): void {
  for (const owner of trieDiff.clearedOwners) {
    const nodes = trieDiff.storageNodes.get(owner)
    const isKept = (key: Uint8Array): boolean =>
      nodes !== undefined && nodes.has(pathOfNodeKey(key, ADDRESS_SIZE))
    sink.clear('storageNodes', addressKey(owner), isKept)
  }
  for (const [owner, nodes] of trieDiff.storageNodes) {
    for (const [path, rlp] of nodes) sink.change('storageNodes', nodeKey(owner, path), rlp)
  }
  for (const [path, rlp] of trieDiff.accountNodes) sink.change('accountNodes', nodeKey(null, path), rlp)
}

/** Owners whose former slots are gone; accounts that no longer exist are among them, whether the diff says so or not. */
function clearedStorage({ accounts, stateDiff }: ExecutedBlock): ReadonlySet<Address> {
  const owners = new Set(stateDiff.clearedStorage)
  for (const [address, account] of accounts) if (account === null) owners.add(address)
  return owners
}
