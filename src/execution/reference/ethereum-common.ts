/** A chain's rules in the terms of the @ethereumjs packages. */
import { Common, Mainnet, type ChainConfig as EthereumChainConfig } from '@ethereumjs/common'
import type { KZG } from '@ethereumjs/util'
import { hexToBytes } from '../../primitives/bytes.ts'
import { FORK_NAMES, type ChainConfig, type ForkName, type ForkRules } from '../../chain/forks.ts'
import { verifyKzgProof } from '../../../runtime/evm/precompiles/0a-point-evaluation.ts'
import { GAS_PER_BLOB } from '../fees.ts'

/** Forks before the ones we know, all of them active from the first block on. The DAO fork is not a rule. */
const EARLIER_FORKS = [
  'chainstart',
  'homestead',
  'tangerineWhistle',
  'spuriousDragon',
  'byzantium',
  'constantinople',
  'petersburg',
  'istanbul',
  'muirGlacier',
  'berlin',
  'london',
  'paris',
  'shanghai',
]

/** Forks without EIPs: they change blob parameters only. @ethereumjs/common 10.1 knows some of them, with values of its own. */
const BLOB_PARAMETER_FORKS: readonly ForkName[] = ['bpo1', 'bpo2', 'bpo3', 'bpo4', 'bpo5']

/**
 * The library brings no KZG library of its own and asks for one. Ours serves both executors, so it is the one
 * precompile that they share; public vectors check it (`test/runtime/evm/precompiles`).
 */
const kzg = {
  verifyProof: (commitment: string, z: string, y: string, proof: string): boolean =>
    verifyKzgProof(hexToBytes(commitment), hexToBytes(z), hexToBytes(y), hexToBytes(proof)),
}

const commonsByConfig = new WeakMap<ChainConfig, Map<ForkName, Common>>()

/** A copy of its own for each caller: listeners gather on the object, and rules may be switched on it. */
export function ethereumCommon(config: ChainConfig, rules: ForkRules): Common {
  let commons = commonsByConfig.get(config)
  if (commons === undefined) commonsByConfig.set(config, (commons = new Map()))
  let common = commons.get(rules.name)
  if (common === undefined) commons.set(rules.name, (common = newCommon(config, rules)))
  return common.copy()
}

function newCommon(config: ChainConfig, rules: ForkRules): Common {
  const later = FORK_NAMES.slice(0, FORK_NAMES.indexOf(rules.name) + 1)
  const chain: EthereumChainConfig = {
    ...Mainnet,
    name: 'aevir',
    chainId: String(config.chainId),
    hardforks: [...EARLIER_FORKS, ...later].map((name) => ({ name, block: 0 })),
    customHardforks: Object.fromEntries(BLOB_PARAMETER_FORKS.map((name) => [name, { eips: [] }])),
    depositContractAddress: config.depositContractAddress,
  }
  return new Common({
    chain,
    hardfork: rules.name,
    params: { [rules.name]: blobParameters(rules) },
    // Only `verifyProof` is ever called: transactions come without blobs.
    customCrypto: { kzg: kzg as unknown as KZG },
  })
}

/** Up to Osaka the library counts in blob gas, from bpo1 on in blobs. */
function blobParameters({
  blobs: { target, max, baseFeeUpdateFraction },
}: ForkRules): Record<string, number> {
  return {
    target,
    max,
    targetBlobGasPerBlock: target * Number(GAS_PER_BLOB),
    maxBlobGasPerBlock: max * Number(GAS_PER_BLOB),
    blobGasPriceUpdateFraction: Number(baseFeeUpdateFraction),
  }
}
