/** A {@link StateDiff} as bytes: RLP of its four parts. Used for development state that is kept beside the chain. */
import {
  bigintToFixedBytes,
  bytesToAddress,
  bytesToBigint,
  bytesToHash,
  hexToBytes,
  type Address,
  type Hash,
} from '../../primitives/bytes.ts'
import {
  decodeRlp,
  encodeRlp,
  rlpBytes,
  rlpFixedBytes,
  rlpFromUint,
  rlpList,
  rlpUint,
  type RlpItem,
} from '../../primitives/rlp.ts'
import type { Account, SlotValues, StateDiff } from '../../state/state-reader.ts'
import { WordMap } from '../../state/word-map.ts'

export function encodeStateDiff(diff: StateDiff): Uint8Array {
  const accounts = [...diff.accounts].map(([address, account]) => [
    hexToBytes(address),
    ...accountItems(account),
  ])
  const storage = [...diff.storage].map(([address, slots]) => [
    hexToBytes(address),
    [...slots].map(([slot, value]) => [bigintToFixedBytes(slot, 32), rlpFromUint(value)]),
  ])
  const cleared = [...diff.clearedStorage].map((address) => hexToBytes(address))
  const codes = [...diff.codes].map(([hash, code]) => [hexToBytes(hash), code])
  return encodeRlp([accounts, storage, cleared, codes])
}

/** @throws RlpError when the bytes are not what {@link encodeStateDiff} makes. */
export function decodeStateDiff(bytes: Uint8Array): StateDiff {
  const [accounts, storage, cleared, codes] = rlpList(decodeRlp(bytes), 'a state diff', 4)
  return {
    accounts: new Map(rlpList(accounts, 'accounts').map(decodeAccount)),
    storage: new Map(rlpList(storage, 'storage').map(decodeSlots)),
    clearedStorage: new Set(rlpList(cleared, 'cleared').map((item) => addressOf(item))),
    codes: new Map(rlpList(codes, 'codes').map(decodeCode)),
  }
}

function accountItems(account: Account | null): RlpItem[] {
  if (account === null) return []
  const { nonce, balance, storageRoot, codeHash } = account
  return [rlpFromUint(nonce), rlpFromUint(balance), hexToBytes(storageRoot), hexToBytes(codeHash)]
}

function decodeAccount(item: RlpItem): [Address, Account | null] {
  const [address, nonce, balance, storageRoot, codeHash] = rlpList(item, 'an account')
  if (nonce === undefined) return [addressOf(address), null]
  const account: Account = {
    nonce: rlpUint(nonce, 8, 'nonce'),
    balance: rlpUint(balance, 32, 'balance'),
    storageRoot: hashOf(storageRoot),
    codeHash: hashOf(codeHash),
  }
  return [addressOf(address), account]
}

function decodeSlots(item: RlpItem): [Address, SlotValues] {
  const [address, slots] = rlpList(item, 'slots of an account', 2)
  const values = new WordMap<bigint>()
  for (const entry of rlpList(slots, 'slots')) {
    const [slot, value] = rlpList(entry, 'a slot', 2)
    values.set(bytesToBigint(rlpFixedBytes(slot, 32, 'slot')), rlpUint(value, 32, 'value'))
  }
  return [addressOf(address), values]
}

function decodeCode(item: RlpItem): [Hash, Uint8Array] {
  const [hash, code] = rlpList(item, 'a code', 2)
  return [hashOf(hash), rlpBytes(code, 'code')]
}

function addressOf(item: RlpItem | undefined): Address {
  return bytesToAddress(rlpFixedBytes(item, 20, 'address'))
}

function hashOf(item: RlpItem | undefined): Hash {
  return bytesToHash(rlpFixedBytes(item, 32, 'hash'))
}
