/** Addresses of new contracts: by creator and nonce (yellow paper §7), or by creator, salt and initcode (EIP-1014). */
import {
  bigintToFixedBytes,
  bytesToAddress,
  concatBytes,
  hexToBytes,
  type Address,
} from '../primitives/bytes.ts'
import { keccak256 } from '../primitives/keccak.ts'
import { encodeRlp, rlpFromUint } from '../primitives/rlp.ts'

const CREATE2_PREFIX = Uint8Array.of(0xff)

/** @param nonce the creator's nonce before the creation. */
export function createAddress(creator: Address, nonce: bigint): Address {
  return addressOfHash(keccak256(encodeRlp([hexToBytes(creator), rlpFromUint(nonce)])))
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
