/** Every precompile against the public vectors: output, price, and what must fail. */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { hexToBytes, toAddress, wordToAddress, type Address } from '../../../../src/primitives/bytes.ts'
import type { ForkRules } from '../../../../src/chain/forks.ts'
import type { Precompile } from '../../../../runtime/evm/precompiles/precompile.ts'
import { precompilesOf } from '../../../../runtime/evm/precompiles/table.ts'
import { verifyKzgProof } from '../../../../runtime/evm/precompiles/0a-point-evaluation.ts'
import { parseJson, SHARED_SKIP, untar } from '../../../support/shared.ts'

const SUITE = 'evm/precompiles.tar.gz'
const FOLDER = 'core/vm/testdata/precompiles'

interface Vector {
  readonly Name: string
  readonly Input: string
  readonly Expected: string
  readonly Gas: number
}

interface FileOfVectors {
  readonly file: string
  readonly address: number
  readonly evm: ForkRules['evm']
  /** `modexp.json` holds the price of Byzantium, which no supported fork has. */
  readonly ignoresGas?: boolean
}

const FILES: readonly FileOfVectors[] = [
  { file: 'ecRecover', address: 0x01, evm: 'cancun' },
  { file: 'modexp', address: 0x05, evm: 'prague', ignoresGas: true },
  { file: 'modexp_eip2565', address: 0x05, evm: 'prague' },
  { file: 'modexp_eip7883', address: 0x05, evm: 'osaka' },
  { file: 'bn256Add', address: 0x06, evm: 'osaka' },
  { file: 'bn256ScalarMul', address: 0x07, evm: 'osaka' },
  { file: 'bn256Pairing', address: 0x08, evm: 'osaka' },
  { file: 'blake2F', address: 0x09, evm: 'osaka' },
  { file: 'pointEvaluation', address: 0x0a, evm: 'cancun' },
  { file: 'blsG1Add', address: 0x0b, evm: 'prague' },
  { file: 'blsG1Mul', address: 0x0c, evm: 'prague' },
  { file: 'blsG1MultiExp', address: 0x0c, evm: 'osaka' },
  { file: 'blsG2Add', address: 0x0d, evm: 'prague' },
  { file: 'blsG2Mul', address: 0x0e, evm: 'prague' },
  { file: 'blsG2MultiExp', address: 0x0e, evm: 'osaka' },
  { file: 'blsPairing', address: 0x0f, evm: 'prague' },
  { file: 'blsMapG1', address: 0x10, evm: 'prague' },
  { file: 'blsMapG2', address: 0x11, evm: 'prague' },
  { file: 'p256Verify', address: 0x100, evm: 'osaka' },
]

const FAILING: readonly FileOfVectors[] = [
  { file: 'fail-blake2f', address: 0x09, evm: 'osaka' },
  { file: 'fail-blsG1Add', address: 0x0b, evm: 'prague' },
  { file: 'fail-blsG1Mul', address: 0x0c, evm: 'prague' },
  { file: 'fail-blsG1MultiExp', address: 0x0c, evm: 'prague' },
  { file: 'fail-blsG2Add', address: 0x0d, evm: 'prague' },
  { file: 'fail-blsG2Mul', address: 0x0e, evm: 'prague' },
  { file: 'fail-blsG2MultiExp', address: 0x0e, evm: 'prague' },
  { file: 'fail-blsPairing', address: 0x0f, evm: 'prague' },
  { file: 'fail-blsMapG1', address: 0x10, evm: 'prague' },
  { file: 'fail-blsMapG2', address: 0x11, evm: 'prague' },
]

const suite = SHARED_SKIP === false ? untar(SUITE) : new Map<string, Uint8Array>()

function vectorsOf(file: string): readonly Vector[] {
  const bytes = suite.get(`${FOLDER}/${file}.json`)
  assert.ok(bytes, `${file}.json is part of the suite`)
  const vectors = parseJson<Vector[]>(bytes)
  assert.ok(vectors.length > 0)
  return vectors
}

function precompileAt(number: number, evm: ForkRules['evm']): Precompile {
  const address: Address = wordToAddress(BigInt(number))
  const precompile = precompilesOf(evm).get(address)
  assert.ok(precompile, `${address} exists in ${evm}`)
  assert.equal(precompile.address, toAddress(address))
  return precompile
}

for (const { file, address, evm, ignoresGas = false } of FILES) {
  test(`${file}.json on ${evm}`, { skip: SHARED_SKIP }, () => {
    const precompile = precompileAt(address, evm)
    for (const { Name, Input, Expected, Gas } of vectorsOf(file)) {
      const input = hexToBytes(`0x${Input}`)
      if (!ignoresGas) assert.equal(precompile.gas(input), BigInt(Gas), Name)
      const before = input.slice()
      assert.equal(precompile.run(input)?.toHex(), Expected.toLowerCase(), Name)
      assert.deepEqual(input, before, `${Name} leaves its input as it was`)
    }
  })
}

for (const { file, address, evm } of FAILING) {
  test(`${file}.json on ${evm}`, { skip: SHARED_SKIP }, () => {
    const precompile = precompileAt(address, evm)
    for (const { Name, Input } of vectorsOf(file)) {
      const input = hexToBytes(`0x${Input}`)
      assert.ok(precompile.gas(input) >= 0n, Name)
      assert.equal(precompile.run(input), undefined, Name)
    }
  })
}

test('no file of the suite is forgotten', { skip: SHARED_SKIP }, () => {
  const covered = new Set([...FILES, ...FAILING].map(({ file }) => `${FOLDER}/${file}.json`))
  const present = [...suite.keys()].filter((path) => path.startsWith(FOLDER))
  assert.deepEqual(new Set(present), covered)
})

test('KZG proofs of the consensus specifications', { skip: SHARED_SKIP }, () => {
  let count = 0
  for (const [path, bytes] of untar('crypto/ckzg-verify-kzg-proof.tar.gz')) {
    const yaml = new TextDecoder().decode(bytes)
    const field = (name: string): Uint8Array => {
      const value = new RegExp(String.raw`\b${name}: '?(0x[0-9a-f]*)'?`).exec(yaml)?.[1]
      assert.ok(value !== undefined, `${path} has ${name}`)
      return hexToBytes(value)
    }
    const [commitment, z, y, proof] = ['commitment', 'z', 'y', 'proof'].map(field) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ]
    // Wrong sizes cannot reach the function: the precompile's input has fixed fields.
    if (commitment.length !== 48 || z.length !== 32 || y.length !== 32 || proof.length !== 48) continue
    // `null` stands for an input that is refused.
    assert.equal(verifyKzgProof(commitment, z, y, proof), /^output: true$/m.test(yaml), path)
    count++
  }
  assert.ok(count > 100)
})
