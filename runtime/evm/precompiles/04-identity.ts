/** Copies its input (yellow paper, appendix E.1). */
import { precompileAddress, wordCount, type Precompile } from './precompile.ts'

export const identity: Precompile = {
  name: 'ID',
  address: precompileAddress(0x04),
  gas: (input) => 15n + 3n * wordCount(input.length),
  run: (input) => input.slice(),
}
