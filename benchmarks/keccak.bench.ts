/**
 * keccak256 beside @noble/hashes over the sizes that a node hashes: a slot or key, a leaf, a branch, code. Also the time
 * it takes to make, compile and instantiate the WebAssembly module, which every start pays once.
 */
import assert from 'node:assert/strict'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { equalBytes } from '../src/primitives/bytes.ts'
import { keccak256 } from '../src/primitives/keccak.ts'
import { instantiateKeccak } from '../src/primitives/keccak-wasm.ts'
import { CALL_SAMPLE, measureCall } from './measure.ts'
import { parseOptions } from './options.ts'
import type { Figure, Suite } from './suite.ts'

const SIZES = [32, 110, 532, 24_576]

export const suite: Suite = {
  async run(args, progress) {
    parseOptions({ args: [...args] })
    const figures: Figure[] = [await measureCall('instantiate', 'aevir', instantiateKeccak)]
    for (const size of SIZES) {
      progress(`${size} bytes`)
      const bytes = new Uint8Array(size).fill(0xa5)
      assert.ok(equalBytes(keccak256(bytes), keccak_256(bytes)), `hash of ${size} bytes`)
      figures.push(await measureCall(`${size} bytes`, 'aevir', () => keccak256(bytes)))
      figures.push(await measureCall(`${size} bytes`, '@noble/hashes', () => keccak_256(bytes)))
    }
    return {
      input: `${SIZES.join(', ')} bytes, all 0xa5`,
      warmUp: 'calls until their time settles (mitata)',
      baseline: '@noble/hashes; both hashes must agree',
      sample: CALL_SAMPLE,
      peers: { '@noble/hashes': '2.4.0' },
      figures,
      checks: [],
      notes: [],
    }
  },
}
