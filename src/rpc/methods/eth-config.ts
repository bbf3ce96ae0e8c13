/** `eth_config`: the chain's rules, present and planned (EIP-7910). Knows all precompiles, hence a module of its own. */
import { crc32 } from 'node:zlib'
import { present } from '../../primitives/assert.ts'
import {
  bigintToFixedBytes,
  hexToBytes,
  ZERO_ADDRESS,
  type Address,
  type Hash,
} from '../../primitives/bytes.ts'
import { rulesAt, type ChainConfig, type ForkRules } from '../../chain/forks.ts'
import {
  BEACON_ROOTS_ADDRESS,
  CONSOLIDATION_REQUESTS_ADDRESS,
  HISTORY_STORAGE_ADDRESS,
  WITHDRAWAL_REQUESTS_ADDRESS,
} from '../../chain/system-contracts.ts'
import { precompilesOf } from '../../../runtime/evm/precompiles/table.ts'
import type { Backend } from '../backend.ts'
import { quantity, type JsonRecord } from '../format.ts'
import type { MethodTable } from '../method.ts'

export const methods = {
  eth_config: { params: [0, 0], run: (_, { backend }) => config(backend) },
} as const satisfies MethodTable

/** Fork configurations: the present one, the next and the furthest that are planned. */
function config(backend: Backend): JsonRecord {
  const { config: chain, ledger } = backend
  const { timestamp } = backend.nextEnvironment()
  const genesisHash = present(ledger.hashOf(0n), 'hash of the genesis block')
  const describe = (activation: bigint): JsonRecord => forkConfig(chain, genesisHash, activation)
  const activations = chain.forks.map((fork) => fork.timestamp)
  const current = activations.findLast((activation) => activation <= timestamp) ?? 0n
  const planned = activations.filter((activation) => activation > timestamp)
  const [next, last] = [planned[0], planned.at(-1)]
  return {
    current: describe(current),
    next: next === undefined ? null : describe(next),
    last: last === undefined ? null : describe(last),
  }
}

function forkConfig(chain: ChainConfig, genesisHash: Hash, activation: bigint): JsonRecord {
  const rules = rulesAt(chain, activation)
  const { baseFeeUpdateFraction, max, target } = rules.blobs
  const precompiles = [...precompilesOf(rules.evm).values()].map(
    ({ name, address }) => [name, address] as const,
  )
  return {
    activationTime: Number(activation),
    blobSchedule: { baseFeeUpdateFraction: Number(baseFeeUpdateFraction), max, target },
    chainId: quantity(chain.chainId),
    forkId: forkId(chain, genesisHash, activation),
    precompiles: byName(precompiles),
    systemContracts: byName(systemContracts(chain, rules)),
  }
}

function systemContracts(chain: ChainConfig, rules: ForkRules): [name: string, address: Address][] {
  const contracts: [string, Address][] = [['BEACON_ROOTS_ADDRESS', BEACON_ROOTS_ADDRESS]]
  if (rules.hasHistoryContract) contracts.push(['HISTORY_STORAGE_ADDRESS', HISTORY_STORAGE_ADDRESS])
  if (rules.hasRequests) {
    contracts.push(
      ['CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS', CONSOLIDATION_REQUESTS_ADDRESS],
      ['WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS', WITHDRAWAL_REQUESTS_ADDRESS],
    )
    if (chain.depositContractAddress !== ZERO_ADDRESS) {
      contracts.push(['DEPOSIT_CONTRACT_ADDRESS', chain.depositContractAddress])
    }
  }
  return contracts
}

/** EIP-7910 sorts the members by name. */
function byName(entries: readonly (readonly [name: string, address: Address])[]): JsonRecord {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** CRC-32 over the genesis hash and the times of the forks passed (EIP-2124, EIP-6122). */
function forkId(chain: ChainConfig, genesisHash: Hash, activation: bigint): string {
  const times = new Set(chain.forks.map((fork) => fork.timestamp))
  let checksum = crc32(hexToBytes(genesisHash))
  for (const time of times) {
    // Forks of the genesis block are part of the genesis hash already.
    if (time > 0n && time <= activation) checksum = crc32(bigintToFixedBytes(time, 8), checksum)
  }
  return `0x${checksum.toString(16).padStart(8, '0')}`
}
