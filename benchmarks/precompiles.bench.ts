/**
 * Time per gas of every precompile at inputs chosen to be slow: what a block full of them costs.
 * Arguments: text that the name of a case must contain.
 */
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { bn254 } from '@noble/curves/bn254.js'
import { p256 } from '@noble/curves/nist.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { present } from '../src/primitives/assert.ts'
import { bigintToFixedBytes, concatBytes, wordToAddress } from '../src/primitives/bytes.ts'
import { secp256k1Backend, sign } from '../src/primitives/secp256k1.ts'
import { precompilesOf } from '../runtime/evm/precompiles/table.ts'
import { CALL_SAMPLE, measureCall } from './measure.ts'
import { parseOptions, UsageError } from './options.ts'
import { atMost, type Figure, type Spread, type Suite } from './suite.ts'

/** A block of 36 M gas, full of one precompile, within 4 s of one core. */
const LIMIT_MS_PER_MGAS = 110

/** A scalar without pattern, below every order in use. */
const K = 0x2b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cffn
const KEY = bigintToFixedBytes(K, 32)
const HASH = sha256(KEY)
const ones = (size: number): Uint8Array => new Uint8Array(size).fill(0xff)
const repeat = (item: Uint8Array, count: number): Uint8Array =>
  concatBytes(...Array<Uint8Array>(count).fill(item))
const row = (size: number, ...values: readonly bigint[]): Uint8Array =>
  concatBytes(...values.map((value) => bigintToFixedBytes(value, size)))
/** The exponent is all ones: a multiplication in every window of it. */
const modexp = (size: number, exponentSize: number): Uint8Array => {
  const [base, modulus] = [HASH, KEY].map((item) => repeat(item, Math.ceil(size / 32)).subarray(-size)) as [
    Uint8Array,
    Uint8Array,
  ]
  return concatBytes(
    row(32, BigInt(size), BigInt(exponentSize), BigInt(size)),
    base,
    ones(exponentSize),
    modulus,
  )
}

const bn1 = bn254.G1.Point.BASE.multiply(K % bn254.fields.Fr.ORDER).toAffine()
const bn2 = bn254.G2.Point.BASE.multiply(K % bn254.fields.Fr.ORDER).toAffine()
const bls1 = bls12_381.G1.Point.BASE.multiply(K)
const bls2 = bls12_381.G2.Point.BASE.multiply(K).toAffine()
const bnPair = row(32, bn1.x, bn1.y, bn2.x.c1, bn2.x.c0, bn2.y.c1, bn2.y.c0)
const blsG1 = row(64, bls1.x, bls1.y)
const blsG2 = row(64, bls2.x.c0, bls2.x.c1, bls2.y.c0, bls2.y.c1)
const { r, s, yParity } = sign(HASH, KEY)
const p256Signature = p256.sign(HASH, KEY, { prehash: false })
const p256Key = p256.getPublicKey(KEY, false).subarray(1)
const commitment = bls1.toBytes()
const versionedHash = concatBytes(Uint8Array.of(1), sha256(commitment).subarray(1))

/** What it is, its address, its input. */
const CASES: readonly (readonly [string, number, Uint8Array])[] = [
  ['ecrecover', 0x01, concatBytes(HASH, row(32, 27n + BigInt(yParity), r, s))],
  ['sha256, nothing', 0x02, ones(0)],
  ['sha256, 100 kB', 0x02, ones(100_000)],
  ['ripemd160, 100 kB', 0x03, ones(100_000)],
  ['identity, 100 kB', 0x04, ones(100_000)],
  ...[8, 16, 32, 40, 64, 256, 1024].map((size) => [`modexp ${size}/32`, 0x05, modexp(size, 32)] as const),
  ...[8, 32, 256].map((size) => [`modexp ${size}/1024`, 0x05, modexp(size, 1024)] as const),
  ['bn254 add', 0x06, concatBytes(bnPair.subarray(0, 64), row(32, 1n, 2n))],
  ['bn254 mul', 0x07, concatBytes(bnPair.subarray(0, 64), ones(32))],
  ...[1, 8].map((k) => [`bn254 pairing, ${k}`, 0x08, repeat(bnPair, k)] as const),
  ['blake2f, 100 k rounds', 0x09, concatBytes(row(4, 100_000n), ones(208), Uint8Array.of(1))],
  ['point evaluation', 0x0a, concatBytes(versionedHash, KEY, KEY, commitment, commitment)],
  ['bls g1add', 0x0b, repeat(blsG1, 2)],
  ...[1, 16, 128].map((k) => [`bls g1msm, ${k}`, 0x0c, repeat(concatBytes(blsG1, ones(32)), k)] as const),
  ['bls g2add', 0x0d, repeat(blsG2, 2)],
  ...[1, 16, 128].map((k) => [`bls g2msm, ${k}`, 0x0e, repeat(concatBytes(blsG2, ones(32)), k)] as const),
  ...[1, 8].map((k) => [`bls pairing, ${k}`, 0x0f, repeat(concatBytes(blsG1, blsG2), k)] as const),
  ['bls map fp', 0x10, row(64, K)],
  ['bls map fp2', 0x11, row(64, K, K)],
  ['p256verify', 0x100, concatBytes(HASH, p256Signature, p256Key)],
]

export const suite: Suite = {
  async run(args, progress) {
    const { positionals } = parseOptions({ args: [...args], allowPositionals: true })
    const cases = CASES.filter(([label]) => positionals.every((part) => label.includes(part)))
    if (cases.length === 0) {
      const known = [...new Set(CASES.map(([label]) => label))].join(', ')
      throw new UsageError(`no precompile has ${positionals.join(' and ')} in its name; there are: ${known}`)
    }
    const figures: Figure[] = []
    for (const [name, address, input] of cases) {
      for (const evm of address === 0x05 ? (['prague', 'osaka'] as const) : (['osaka'] as const)) {
        const precompile = present(precompilesOf(evm).get(wordToAddress(BigInt(address))), name)
        const gas = Number(precompile.gas(input))
        const task = address === 0x05 ? `${name}, ${evm}` : name
        progress(`${task}: ${gas} gas`)
        const { spread } = await measureCall(task, 'aevir', () => precompile.run(input))
        figures.push({
          task,
          subject: 'aevir',
          quantity: 'time per gas',
          unit: 'ms/Mgas',
          spread: divided(spread, gas),
        })
      }
    }
    return {
      input:
        'points and numbers without pattern, exponents of ones; modexp as size of base and modulus / of exponent',
      warmUp: 'calls until their time settles (mitata)',
      baseline: 'none: outputs are checked by the tests',
      sample: CALL_SAMPLE,
      peers: { '@noble/curves': '2.4.0', 'secp256k1 backend': secp256k1Backend.name },
      figures,
      checks: figures
        .map((figure) => atMost(figure.task, figure, LIMIT_MS_PER_MGAS))
        .filter(({ passed }) => !passed),
      notes: [
        `a block of 36 M gas takes 4 s of one core at ${LIMIT_MS_PER_MGAS} ms/Mgas; only what is slower is listed`,
      ],
    }
  },
}

/** Nanoseconds per call as milliseconds per million gas: the same number per gas. */
function divided(spread: Spread, gas: number): Spread {
  const { count, ...times } = spread
  const scaled = Object.entries(times).map(([rank, ns]) => [rank, ns / gas] as const)
  return { count, ...(Object.fromEntries(scaled) as Omit<Spread, 'count'>) }
}
