/** Addresses of new contracts: by creator and nonce (yellow paper §7), or by creator, salt and initcode (EIP-1014). */
import {
  bigintToBytes,
  bigintToFixedBytes,
  bytesToAddress,
  concatBytes,
  hexToBytes,
  writeHex,
  type Address,
} from '../primitives/bytes.ts'
import { HASH_SPACE, hashInPlace, hashMemory, keccak256 } from '../primitives/keccak.ts'

/** Of strings and lists in RLP whose size is below 56: added to it. */
const RLP_STRING = 0x80
const RLP_LIST = 0xc0
const ADDRESS_SIZE = 20
const HASH_SIZE = 32

const CREATE2_PREFIX = Uint8Array.of(0xff)

/**
 * The hash of `encodeRlp([creator, nonce])`. Hot: written where it is hashed, a creation takes 0.6 µs less.
 * @param nonce the creator's nonce before the creation.
 */
export function createAddress(creator: Address, nonce: bigint): Address {
  hashMemory[HASH_SPACE + 1] = RLP_STRING + ADDRESS_SIZE
  writeHex(creator, hashMemory, HASH_SPACE + 2)
  const nonceAt = HASH_SPACE + 2 + ADDRESS_SIZE
  let end = nonceAt + 1
  if (nonce > 0n && nonce < RLP_STRING) {
    hashMemory[nonceAt] = Number(nonce)
  } else {
    const bytes = bigintToBytes(nonce)
    hashMemory[nonceAt] = RLP_STRING + bytes.length
    hashMemory.set(bytes, end)
    end += bytes.length
  }
  hashMemory[HASH_SPACE] = RLP_LIST + (end - HASH_SPACE - 1)
  hashInPlace(HASH_SPACE, end, HASH_SPACE)
  return addressOfHash(hashMemory.subarray(HASH_SPACE, HASH_SPACE + HASH_SIZE))
}

export function create2Address(creator: Address, salt: bigint, initcode: Uint8Array): Address {
  const preimage = concatBytes(
    CREATE2_PREFIX,
    hexToBytes(creator),
    bigintToFixedBytes(salt, 32),
    keccak256(initcode),
  )
  return addressOfHash(keccak256(preimage))
}

function addressOfHash(hash: Uint8Array): Address {
  return bytesToAddress(hash.subarray(12))
}
