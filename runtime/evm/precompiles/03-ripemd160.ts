/** RIPEMD-160, right-aligned in a word (yellow paper, appendix E.1). */
import { ripemd160 as hash } from '@noble/hashes/legacy.js'
import { precompileAddress, wordCount, type Precompile } from './precompile.ts'

export const ripemd160: Precompile = {
  name: 'RIPEMD160',
  address: precompileAddress(0x03),
  gas: (input) => 600n + 120n * wordCount(input.length),

  run(input) {
    const output = new Uint8Array(32)
    output.set(hash(input), 12)
    return output
  },
}
