/**
 * keccak256 beside @noble/hashes over the sizes that a node hashes: a slot or key, a leaf, a branch, code.
 * Run: `node benchmarks/keccak.bench.ts`. Start-up cost is that of making, compiling and instantiating the module.
 */
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bench, group, run } from 'mitata'
import { keccak256 } from '../src/primitives/keccak.ts'
import { instantiateKeccak } from '../src/primitives/keccak-wasm.ts'

const start = performance.now()
instantiateKeccak()
console.log(`second instantiation in this process: ${(performance.now() - start).toFixed(2)} ms`)

for (const size of [32, 110, 532, 24_576]) {
  const bytes = new Uint8Array(size).fill(0xa5)
  group(`${size} bytes`, () => {
    bench('ours', () => keccak256(bytes))
    bench('@noble/hashes 2.4.0', () => keccak_256(bytes))
  })
}

await run()
