/** KZG proof vectors of the consensus specifications, run through the point evaluation precompile (EIP-4844). */
import { createHash } from 'node:crypto'
import { concatBytes, hexToBytes, wordToAddress } from '../../../src/primitives/bytes.ts'
import { precompilesOf } from '../../../runtime/evm/precompiles/table.ts'
import { readFixtureText } from '../fixture-files.ts'
import { expectEqual, SkippedCase, type Suite } from '../suite.ts'

const POINT_EVALUATION = wordToAddress(0x0an)
const HASH_VERSION = 0x01

export const kzgSuite: Suite = {
  *cases({ files }) {
    for (const file of files) yield { id: file.label, run: () => runVector(readFixtureText(file)) }
  },
}

function runVector(yaml: string): void {
  const [commitment, z, y, proof] = ['commitment', 'z', 'y', 'proof'].map((name) => field(yaml, name))
  if (commitment === undefined || z === undefined || y === undefined || proof === undefined) {
    throw new SkippedCase('KZG vectors other than verify_kzg_proof')
  }
  const versionedHash = createHash('sha256').update(commitment).digest()
  versionedHash[0] = HASH_VERSION
  const input = concatBytes(versionedHash, z, y, commitment, proof)
  const output = precompilesOf('osaka').get(POINT_EVALUATION)?.run(input)
  // `null` stands for input that is malformed; the precompile fails on it as on a wrong proof.
  expectEqual(output !== undefined, /^output:\s*true\b/m.test(yaml), 'validity of the proof')
}

function field(yaml: string, name: string): Uint8Array | undefined {
  const hex = new RegExp(String.raw`^\s+${name}:\s*['"]?(0x[0-9a-fA-F]*)`, 'm').exec(yaml)?.[1]
  return hex === undefined ? undefined : hexToBytes(hex)
}
