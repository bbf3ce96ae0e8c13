/** Addresses as people see them: mixed case that checks itself (EIP-55). */
import type { Address, Hex } from './bytes.ts'
import { keccak256 } from './keccak.ts'

export function checksumAddress(address: Address): Hex {
  const digits = address.slice(2)
  const hash = keccak256(new TextEncoder().encode(digits)).toHex()
  let result = ''
  for (let i = 0; i < digits.length; i++) {
    result += parseInt(hash.charAt(i), 16) >= 8 ? digits.charAt(i).toUpperCase() : digits.charAt(i)
  }
  return `0x${result}`
}
