/** The compression function F of BLAKE2b with any number of rounds (EIP-152, RFC 7693 §3.2). */
import { compressBlake2b } from './blake2b-compression.ts'
import { precompileAddress, type Precompile } from './precompile.ts'

const INPUT_SIZE = 213

export const blake2f: Precompile = {
  name: 'BLAKE2F',
  address: precompileAddress(0x09),

  /** 1 per round; the number of rounds is the input's first word of 32 bits. */
  gas: (input) => (input.length === INPUT_SIZE ? BigInt(roundCount(input)) : 0n),

  /** rounds (4, big-endian) ‖ h (64) ‖ m (128) ‖ t (16) ‖ final flag (1) → h. Fails on another size or flag. */
  run(input) {
    if (input.length !== INPUT_SIZE) return undefined
    const flag = input[INPUT_SIZE - 1] as number
    if (flag > 1) return undefined
    return compressBlake2b({
      roundCount: roundCount(input),
      state: input.subarray(4, 68),
      block: input.subarray(68, 196),
      offset: input.subarray(196, 212),
      isFinal: flag === 1,
    })
  },
}

function roundCount(input: Uint8Array): number {
  return new DataView(input.buffer, input.byteOffset).getUint32(0)
}
