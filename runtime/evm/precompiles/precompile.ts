/**
 * What a precompiled contract is: a function at a fixed address that runs instead of bytecode, priced by its input.
 * Each lives in a file named after its address; `table.ts` says which exist in which fork.
 */
import { wordToAddress, type Address } from '../../../src/primitives/bytes.ts'

export interface Precompile {
  /** The name `eth_config` reports (EIP-7910). */
  readonly name: string
  readonly address: Address
  /**
   * The price of a call. Read before anything else happens: it looks at a bounded part of the input, allocates
   * nothing by lengths that the input declares, and is exact whatever they are. It says nothing about validity.
   */
  gas(input: Uint8Array): bigint
  /**
   * The output; `undefined` = the call fails and all its gas is gone. Called only when {@link gas} was paid, which
   * bounds its work. Keeps no reference to `input`, which may be a view of memory that changes afterwards.
   */
  run(input: Uint8Array): Uint8Array | undefined
}

export function precompileAddress(number: number): Address {
  return wordToAddress(BigInt(number))
}

/**
 * `size` bytes from `offset`, with zeros behind the end of the input: missing input reads as zero wherever a
 * precompile does not ask for an exact length. A view where nothing is missing.
 */
export function paddedSlice(input: Uint8Array, offset: number, size: number): Uint8Array {
  if (offset + size <= input.length) return input.subarray(offset, offset + size)
  const result = new Uint8Array(size)
  if (offset < input.length) result.set(input.subarray(offset))
  return result
}

/** Words of 32 bytes that `size` bytes fill, the last one partly. */
export function wordCount(size: number): bigint {
  return BigInt(Math.ceil(size / 32))
}
