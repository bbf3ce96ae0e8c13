/** Delegation designators: the 23 bytes of code that point an account at another one's code (EIP-7702). */
import { bytesToAddress, concatBytes, hexToBytes, type Address } from '../primitives/bytes.ts'

const PREFIX = Uint8Array.of(0xef, 0x01, 0x00)
const DESIGNATOR_SIZE = PREFIX.length + 20

/** The account that `code` delegates to; `undefined` when it is ordinary code. */
export function delegationTarget(code: Uint8Array): Address | undefined {
  if (code.length !== DESIGNATOR_SIZE) return undefined
  if (code[0] !== PREFIX[0] || code[1] !== PREFIX[1] || code[2] !== PREFIX[2]) return undefined
  return bytesToAddress(code.subarray(PREFIX.length))
}

export function delegationTo(target: Address): Uint8Array {
  return concatBytes(PREFIX, hexToBytes(target))
}
