/** The bytes of accounts and slots in state tries (Ethereum yellow paper, §4.1), and the keys they stand under. */
import {
  bigintToBytes,
  bigintToFixedBytes,
  ByteSlab,
  bytesToHash,
  hexToBytes,
  writeHex,
  writeWord,
  type Address,
} from '../primitives/bytes.ts'
import { keccak256 } from '../primitives/keccak.ts'
import { emptyPlaces } from '../primitives/known-hex.ts'
import {
  decodeRlp,
  rlpFixedBytes,
  rlpList,
  rlpPrefixSize,
  rlpStringSize,
  rlpUint,
  writeRlpListPrefix,
  writeRlpString,
  writeRlpStringPrefix,
} from '../primitives/rlp.ts'
import type { Account } from './state-reader.ts'

/** Bytes from here on have a prefix. */
const SELF_ENCODING_MAX = 0x80n
/** A hash with its prefix. */
const HASH_ITEM_SIZE = 33

/**
 * Keys are kept for what comes again: a block changes the accounts and slots of the blocks before it. Finding one takes
 * 30 ns, making one 500. When so many accounts' are kept, all are forgotten: some 3 MB.
 */
const KNOWN_KEYS_MAX = 16_384
/** A contract has more slots than there are accounts, and two of them may want one place. A power of two. */
const SLOT_PLACES = 65_536
const accountKeys = new Map<Address, Uint8Array>()
/**
 * By the slot's lowest bits: of two that agree in them, the later one. No map: V8 hashes a bigint by its lowest 64 bits and
 * no secret, and slots that were made to collide would be gone through one by one.
 */
const slotKeys = emptyPlaces<{ readonly slot: bigint; readonly key: Uint8Array }>(SLOT_PLACES)

/** The account trie's key of an address: 32 bytes, not to be changed. */
export function accountKey(address: Address): Uint8Array {
  const known = accountKeys.get(address)
  if (known !== undefined) return known
  const key = keccak256(hexToBytes(address))
  if (accountKeys.size === KNOWN_KEYS_MAX) accountKeys.clear()
  accountKeys.set(address, key)
  return key
}

/** A storage trie's key of a slot: 32 bytes, not to be changed. */
export function slotKey(slot: bigint): Uint8Array {
  const place = Number(BigInt.asUintN(32, slot)) & (SLOT_PLACES - 1)
  const known = slotKeys[place]
  if (known?.slot === slot) return known.key
  const key = keccak256(bigintToFixedBytes(slot, 32))
  slotKeys[place] = { slot, key }
  return key
}

/** Accounts are encoded for the leaves of a trie, which copy them. */
const slab = new ByteSlab(4096)

/** Hot: each account that a block changes. */
export function encodeAccount({ nonce, balance, storageRoot, codeHash }: Account): Uint8Array {
  const nonceBytes = bigintToBytes(nonce)
  const balanceBytes = bigintToBytes(balance)
  const payload = rlpStringSize(nonceBytes) + rlpStringSize(balanceBytes) + 2 * HASH_ITEM_SIZE
  const rlp = slab.take(rlpPrefixSize(payload) + payload)
  let at = writeRlpListPrefix(payload, rlp, 0)
  at = writeRlpString(nonceBytes, rlp, at)
  at = writeRlpString(balanceBytes, rlp, at)
  for (const hash of [storageRoot, codeHash]) {
    writeHex(hash, rlp, writeRlpStringPrefix(HASH_ITEM_SIZE - 1, rlp, at))
    at += HASH_ITEM_SIZE
  }
  return rlp
}

/** @throws RlpError when the bytes are no account. */
export function decodeAccount(bytes: Uint8Array): Account {
  const [nonce, balance, storageRoot, codeHash] = rlpList(decodeRlp(bytes), 'an account', 4)
  return {
    nonce: rlpUint(nonce, 8, 'the nonce of an account'),
    balance: rlpUint(balance, 32, 'the balance of an account'),
    storageRoot: bytesToHash(rlpFixedBytes(storageRoot, 32, 'the storage root of an account')),
    codeHash: bytesToHash(rlpFixedBytes(codeHash, 32, 'the code hash of an account')),
  }
}

const word = new Uint8Array(32)
const wordView = new DataView(word.buffer)

/** Hot: each slot that a block changes. @param value not 0: a slot of value 0 has no entry. */
export function encodeSlotValue(value: bigint): Uint8Array {
  writeWord(value, wordView, 0)
  let start = 0
  while (word[start] === 0) start++
  const size = word.length - start
  if (size === 1 && value < SELF_ENCODING_MAX) return word.slice(start)
  const rlp = new Uint8Array(1 + size)
  let at = writeRlpStringPrefix(size, rlp, 0)
  for (let i = start; i < word.length; i++) rlp[at++] = word[i] as number
  return rlp
}

/** @throws RlpError when the bytes are no word. */
export function decodeSlotValue(bytes: Uint8Array): bigint {
  return rlpUint(decodeRlp(bytes), 32, 'the value of a slot')
}
