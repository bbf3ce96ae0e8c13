/**
 * Time per gas of every precompile at inputs chosen to be slow: what a block full of them costs. Prints the median and
 * the slowest of several samples after a warm-up. 36 M gas in 4 s on one core are 110 ms per million gas.
 */
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { bn254 } from '@noble/curves/bn254.js'
import { p256 } from '@noble/curves/nist.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { ForkRules } from '../src/chain/forks.ts'
import { bigintToFixedBytes, concatBytes, wordToAddress } from '../src/primitives/bytes.ts'
import { sign } from '../src/primitives/secp256k1.ts'
import { precompilesOf } from '../runtime/evm/precompiles/table.ts'

const SAMPLE_COUNT = 9
const SAMPLE_MS = 30
const WARM_UP_MS = 100

/** A scalar without pattern, below every order in use. */
const K = 0x2b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfen
const word = (value: bigint): Uint8Array => bigintToFixedBytes(value, 32)
const ones = (size: number): Uint8Array => new Uint8Array(size).fill(0xff)
const repeat = (item: Uint8Array, count: number): Uint8Array =>
  concatBytes(...Array<Uint8Array>(count).fill(item))
const coordinates = (size: number, ...values: bigint[]): Uint8Array =>
  concatBytes(...values.map((value) => bigintToFixedBytes(value, size)))

function modexp(baseSize: number, exponentSize: number, modulusSize: number): Uint8Array {
  const sizes = [baseSize, exponentSize, modulusSize].map((size) => word(BigInt(size)))
  // All ones is odd, and no reduction is cheap.
  return concatBytes(...sizes, ones(baseSize).fill(0xfe), ones(exponentSize), ones(modulusSize))
}

const bn1 = bn254.G1.Point.BASE.multiply(K % bn254.fields.Fr.ORDER).toAffine()
const bn2 = bn254.G2.Point.BASE.multiply(K % bn254.fields.Fr.ORDER).toAffine()
const bls1 = bls12_381.G1.Point.BASE.multiply(K)
const bls2 = bls12_381.G2.Point.BASE.multiply(K).toAffine()
const BN_G1 = coordinates(32, bn1.x, bn1.y)
const BN_PAIR = concatBytes(BN_G1, coordinates(32, bn2.x.c1, bn2.x.c0, bn2.y.c1, bn2.y.c0))
const BLS_G1 = coordinates(64, bls1.x, bls1.y)
const BLS_G2 = coordinates(64, bls2.x.c0, bls2.x.c1, bls2.y.c0, bls2.y.c1)

const hash = sha256(word(K))
const { r, s, yParity } = sign(hash, word(K))
const p256Key = p256.getPublicKey(word(K), false).subarray(1)
const p256Signature = p256.sign(hash, word(K), { prehash: false })
const commitment = bls1.toBytes()
const versionedHash = concatBytes(Uint8Array.of(1), sha256(commitment).subarray(1))

const CASES: readonly (readonly [
  label: string,
  address: number,
  evm: ForkRules['evm'],
  input: Uint8Array,
])[] = [
  ['ecrecover', 0x01, 'osaka', concatBytes(hash, word(27n + BigInt(yParity)), word(r), word(s))],
  ['sha256, no input', 0x02, 'osaka', ones(0)],
  ['sha256, 100 kB', 0x02, 'osaka', ones(100_000)],
  ['ripemd160, 100 kB', 0x03, 'osaka', ones(100_000)],
  ['identity, 100 kB', 0x04, 'osaka', ones(100_000)],
  ...([5, 8, 16, 24, 32, 40, 64, 256, 1024] as const).flatMap((size) =>
    (['prague', 'osaka'] as const).map(
      (evm) => [`modexp ${size}/32, ${evm}`, 0x05, evm, modexp(size, 32, size)] as const,
    ),
  ),
  ['modexp 8/1024, prague', 0x05, 'prague', modexp(8, 1024, 8)],
  ['modexp 32/1024, osaka', 0x05, 'osaka', modexp(32, 1024, 32)],
  ['bn254 add', 0x06, 'osaka', concatBytes(BN_G1, coordinates(32, 1n, 2n))],
  ['bn254 mul', 0x07, 'osaka', concatBytes(BN_G1, ones(32))],
  ['bn254 pairing, 1', 0x08, 'osaka', BN_PAIR],
  ['bn254 pairing, 8', 0x08, 'osaka', repeat(BN_PAIR, 8)],
  [
    'blake2f, 100 k rounds',
    0x09,
    'osaka',
    concatBytes(bigintToFixedBytes(100_000n, 4), ones(208), Uint8Array.of(1)),
  ],
  ['point evaluation', 0x0a, 'osaka', concatBytes(versionedHash, word(K), word(K), commitment, commitment)],
  [
    'bls g1add',
    0x0b,
    'osaka',
    concatBytes(BLS_G1, coordinates(64, ...Object.values(bls12_381.G1.Point.BASE.toAffine()))),
  ],
  ...[1, 16, 128].map(
    (k) => [`bls g1msm, ${k}`, 0x0c, 'osaka', repeat(concatBytes(BLS_G1, ones(32)), k)] as const,
  ),
  ['bls g2add', 0x0d, 'osaka', concatBytes(BLS_G2, BLS_G2)],
  ...[1, 16, 128].map(
    (k) => [`bls g2msm, ${k}`, 0x0e, 'osaka', repeat(concatBytes(BLS_G2, ones(32)), k)] as const,
  ),
  ...[1, 8].map((k) => [`bls pairing, ${k}`, 0x0f, 'osaka', repeat(concatBytes(BLS_G1, BLS_G2), k)] as const),
  ['bls map fp', 0x10, 'osaka', coordinates(64, K)],
  ['bls map fp2', 0x11, 'osaka', coordinates(64, K, K)],
  ['p256verify', 0x100, 'osaka', concatBytes(hash, p256Signature, p256Key)],
]

/** Milliseconds per call over at least `ms`. */
function sample(call: () => unknown, ms: number): number {
  const start = performance.now()
  let count = 0
  let elapsed = 0
  for (; elapsed < ms; count++) {
    call()
    elapsed = performance.now() - start
  }
  return elapsed / count
}

console.log(
  `${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}, ${SAMPLE_COUNT} samples of ${SAMPLE_MS} ms`,
)
console.log(
  `${'input'.padEnd(28)}${'gas'.padStart(10)}${'ms'.padStart(10)}${'ms/Mgas'.padStart(10)}${'slowest'.padStart(10)}`,
)
const only = process.argv[2] ?? ''
for (const [label, address, evm, input] of CASES) {
  const precompile = precompilesOf(evm).get(wordToAddress(BigInt(address)))
  if (precompile === undefined || !label.includes(only)) continue
  sample(() => precompile.run(input), WARM_UP_MS)
  const gas = Number(precompile.gas(input))
  const times = Array.from({ length: SAMPLE_COUNT }, () =>
    sample(() => precompile.run(input), SAMPLE_MS),
  ).toSorted((a, b) => a - b)
  const median = times[SAMPLE_COUNT >> 1] as number
  const [perGas, slowest] = [median, times.at(-1) as number].map((ms) => ((ms * 1e6) / gas).toFixed(1)) as [
    string,
    string,
  ]
  console.log(
    `${label.padEnd(28)}${String(gas).padStart(10)}${median.toFixed(4).padStart(10)}${perGas.padStart(10)}${slowest.padStart(10)}`,
  )
}
