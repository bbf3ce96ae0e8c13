/** Which precompiles each fork has, and what holds for all of them whatever the input. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { wordToAddress } from '../../../../src/primitives/bytes.ts'
import { precompilesOf } from '../../../../runtime/evm/precompiles/table.ts'

/** EIP-7910, by address from 1 on. */
const NAMES = [
  'ECREC',
  'SHA256',
  'RIPEMD160',
  'ID',
  'MODEXP',
  'BN254_ADD',
  'BN254_MUL',
  'BN254_PAIRING',
  'BLAKE2F',
  'KZG_POINT_EVALUATION',
  'BLS12_G1ADD',
  'BLS12_G1MSM',
  'BLS12_G2ADD',
  'BLS12_G2MSM',
  'BLS12_PAIRING_CHECK',
  'BLS12_MAP_FP_TO_G1',
  'BLS12_MAP_FP2_TO_G2',
]

/** [address as a number, name]. */
function listing(evm: 'cancun' | 'prague' | 'osaka'): [number, string][] {
  return [...precompilesOf(evm)].map(([address, { name }]) => [Number(address), name])
}

const upTo = (count: number): [number, string][] => NAMES.slice(0, count).map((name, i) => [i + 1, name])

test('Cancun has 10, Prague adds BLS12-381, Osaka adds P-256 at 0x100', () => {
  assert.deepEqual(listing('cancun'), upTo(10))
  assert.deepEqual(listing('prague'), upTo(17))
  assert.deepEqual(listing('osaka'), [...upTo(17), [0x100, 'P256VERIFY']])
})

test('each stands at the address it carries', () => {
  for (const [address, precompile] of precompilesOf('osaka')) assert.equal(precompile.address, address)
  assert.equal(precompilesOf('osaka').get(wordToAddress(0x12n)), undefined)
})

test('Osaka reprices modexp', () => {
  const [prague, osaka] = (['prague', 'osaka'] as const).map((evm) =>
    precompilesOf(evm).get(wordToAddress(5n)),
  )
  assert.equal(prague?.gas(new Uint8Array(0)), 200n)
  assert.equal(osaka?.gas(new Uint8Array(0)), 500n)
})

/** Sizes around those that precompiles ask for, and any others. */
const inputs = fc.oneof(
  fc.uint8Array({ maxLength: 600 }),
  fc
    .constantFrom(64, 128, 160, 192, 213, 256, 288, 384, 512)
    .chain((size) => fc.uint8Array({ minLength: size, maxLength: size })),
)

test('any input has a price, and gives an output or a failure that leaves the input as it was', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      for (const precompile of precompilesOf('osaka').values()) {
        const before = input.slice()
        const gas = precompile.gas(input)
        assert.ok(gas >= 0n)
        // What nobody could pay for is not run.
        if (gas > 1_000_000n) continue
        const output = precompile.run(input)
        assert.deepEqual(input, before)
        if (output !== undefined && output.length > 0) assert.notEqual(output.buffer, input.buffer)
      }
    }),
    { numRuns: 200 },
  )
})
