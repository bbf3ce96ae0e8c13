/** SHA-256 (FIPS 180-4; yellow paper, appendix E.1). */
import { sha256 as hash } from '@noble/hashes/sha2.js'
import { precompileAddress, wordCount, type Precompile } from './precompile.ts'

export const sha256: Precompile = {
  name: 'SHA256',
  address: precompileAddress(0x02),
  gas: (input) => 60n + 12n * wordCount(input.length),
  run: (input) => hash(input),
}
