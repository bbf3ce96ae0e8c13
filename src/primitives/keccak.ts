/** Keccak-256 as Ethereum uses it (the padding of the Keccak submission, not of FIPS 202). */
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHash, EMPTY_BYTES, type Hash } from './bytes.ts'

/** @returns 32 bytes. */
export function keccak256(bytes: Uint8Array): Uint8Array {
  return keccak_256(bytes)
}

export function keccak256Hash(bytes: Uint8Array): Hash {
  return bytesToHash(keccak256(bytes))
}

/** keccak256 of no bytes: the code hash of an account without code. */
export const EMPTY_CODE_HASH: Hash = keccak256Hash(EMPTY_BYTES)
