/**
 * Precompile vectors as go-ethereum publishes them: one file a precompile and price, named by it; `fail-` files hold
 * inputs that must fail. The EIPs' own vectors have the same form and other names. Output and price are compared.
 */
import { wordToAddress } from '../../../src/primitives/bytes.ts'
import type { ForkRules } from '../../../src/chain/forks.ts'
import { precompilesOf } from '../../../runtime/evm/precompiles/table.ts'
import { fixtureEntries } from '../fixture-files.ts'
import { bytesOf } from '../fixture-values.ts'
import { expectEqual, SkippedCase, type Suite } from '../suite.ts'

interface PrecompileVector {
  readonly Input: string
  /** Absent where the call must fail. */
  readonly Expected?: string
  readonly ExpectedError?: string
  readonly Gas?: number
  readonly Name: string
}

interface Target {
  readonly address: number
  readonly evm: ForkRules['evm']
  /** The file holds a price that no supported fork has. */
  readonly ignoresGas?: true
}

/** By file name in lower case, without `fail-` and what follows the first dot. */
const TARGETS: Readonly<Record<string, Target>> = {
  ecrecover: { address: 0x01, evm: 'osaka' },
  sha256: { address: 0x02, evm: 'osaka' },
  ripemd160: { address: 0x03, evm: 'osaka' },
  identity: { address: 0x04, evm: 'osaka' },
  modexp: { address: 0x05, evm: 'prague', ignoresGas: true },
  modexp_eip2565: { address: 0x05, evm: 'prague' },
  modexp_eip7883: { address: 0x05, evm: 'osaka' },
  bn256add: { address: 0x06, evm: 'osaka' },
  bn256scalarmul: { address: 0x07, evm: 'osaka' },
  bn256pairing: { address: 0x08, evm: 'osaka' },
  blake2f: { address: 0x09, evm: 'osaka' },
  pointevaluation: { address: 0x0a, evm: 'osaka' },
  blsg1add: { address: 0x0b, evm: 'osaka' },
  // Multiplication is a multi-exponentiation of one point since the final EIP-2537.
  blsg1mul: { address: 0x0c, evm: 'osaka' },
  blsg1multiexp: { address: 0x0c, evm: 'osaka' },
  blsg2add: { address: 0x0d, evm: 'osaka' },
  blsg2mul: { address: 0x0e, evm: 'osaka' },
  blsg2multiexp: { address: 0x0e, evm: 'osaka' },
  blspairing: { address: 0x0f, evm: 'osaka' },
  blsmapg1: { address: 0x10, evm: 'osaka' },
  blsmapg2: { address: 0x11, evm: 'osaka' },
  p256verify: { address: 0x100, evm: 'osaka' },
  // Names in the assets of EIP-2537 and EIP-7951.
  add_g1_bls: { address: 0x0b, evm: 'osaka' },
  mul_g1_bls: { address: 0x0c, evm: 'osaka' },
  msm_g1_bls: { address: 0x0c, evm: 'osaka' },
  add_g2_bls: { address: 0x0d, evm: 'osaka' },
  mul_g2_bls: { address: 0x0e, evm: 'osaka' },
  msm_g2_bls: { address: 0x0e, evm: 'osaka' },
  pairing_check_bls: { address: 0x0f, evm: 'osaka' },
  map_fp_to_g1_bls: { address: 0x10, evm: 'osaka' },
  map_fp2_to_g2_bls: { address: 0x11, evm: 'osaka' },
  p256: { address: 0x100, evm: 'osaka' },
}

export const precompileSuite: Suite = {
  *cases({ files, slice }) {
    for (const file of files) {
      const fileName = file.label.split('/').at(-1) ?? ''
      const [key = ''] = fileName
        .toLowerCase()
        .replace(/^fail-/, '')
        .split('.')
      const target = TARGETS[key]
      for (const [, value] of fixtureEntries(file, slice)) {
        const vector = value as PrecompileVector
        yield { id: `${fileName}/${vector.Name}`, run: () => runVector(vector, target, fileName) }
      }
    }
  },
}

function runVector(vector: PrecompileVector, target: Target | undefined, fileName: string): void {
  if (target === undefined) throw new SkippedCase(`no precompile is named ${fileName}`)
  const precompile = precompilesOf(target.evm).get(wordToAddress(BigInt(target.address)))
  if (precompile === undefined) throw new Error(`there is no precompile ${target.address} in ${target.evm}`)
  const input = bytesOf(vector.Input)
  const gas = precompile.gas(input)
  const output = precompile.run(input)?.toHex()
  if (vector.ExpectedError !== undefined) {
    expectEqual(output, undefined, 'output of a call that must fail')
    return
  }
  expectEqual(output, vector.Expected && bytesOf(vector.Expected).toHex(), 'output')
  if (target.ignoresGas !== true && vector.Gas !== undefined) expectEqual(gas, BigInt(vector.Gas), 'gas')
}
