/** Which precompiled contracts exist in which fork. A fork lists what it adds or replaces. */
import type { ForkRules } from '../../../src/chain/forks.ts'
import type { Address } from '../../../src/primitives/bytes.ts'
import { ecrecover } from './01-ecrecover.ts'
import { sha256 } from './02-sha256.ts'
import { ripemd160 } from './03-ripemd160.ts'
import { identity } from './04-identity.ts'
import { modexpEip2565, modexpEip7883 } from './05-modexp.ts'
import { bn254Add } from './06-bn254-add.ts'
import { bn254Mul } from './07-bn254-mul.ts'
import { bn254Pairing } from './08-bn254-pairing.ts'
import { blake2f } from './09-blake2f.ts'
import { pointEvaluation } from './0a-point-evaluation.ts'
import { bls12G1Add } from './0b-bls12-g1add.ts'
import { bls12G1Msm } from './0c-bls12-g1msm.ts'
import { bls12G2Add } from './0d-bls12-g2add.ts'
import { bls12G2Msm } from './0e-bls12-g2msm.ts'
import { bls12PairingCheck } from './0f-bls12-pairing-check.ts'
import { bls12MapFpToG1 } from './10-bls12-map-fp-to-g1.ts'
import { bls12MapFp2ToG2 } from './11-bls12-map-fp2-to-g2.ts'
import { p256verify } from './100-p256verify.ts'
import type { Precompile } from './precompile.ts'

type PrecompileTable = ReadonlyMap<Address, Precompile>

const CANCUN = extend(new Map(), [
  ecrecover,
  sha256,
  ripemd160,
  identity,
  modexpEip2565,
  bn254Add,
  bn254Mul,
  bn254Pairing,
  blake2f,
  pointEvaluation,
])

/** EIP-2537. */
const PRAGUE = extend(CANCUN, [
  bls12G1Add,
  bls12G1Msm,
  bls12G2Add,
  bls12G2Msm,
  bls12PairingCheck,
  bls12MapFpToG1,
  bls12MapFp2ToG2,
])

/** EIP-7823 and EIP-7883 (modexp), EIP-7951. */
const OSAKA = extend(PRAGUE, [modexpEip7883, p256verify])

const TABLES: Readonly<Record<ForkRules['evm'], PrecompileTable>> = {
  cancun: CANCUN,
  prague: PRAGUE,
  osaka: OSAKA,
}

/** The precompiles by address, in ascending order. */
export function precompilesOf(evm: ForkRules['evm']): PrecompileTable {
  return TABLES[evm]
}

function extend(table: PrecompileTable, changes: readonly Precompile[]): PrecompileTable {
  const result = new Map(table)
  for (const precompile of changes) result.set(precompile.address, precompile)
  return result
}
