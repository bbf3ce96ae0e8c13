/**
 * Fork rules as data. A fork lists only what it changes against the one before it; `FORKS` resolves the chain of
 * changes once. Execution never asks for a fork's name, only for a rule's value.
 *
 * Sources: EIP-7569 (Cancun), EIP-7600 (Prague), EIP-7607 (Osaka), EIP-7892 (blob parameter only forks).
 */
import { toAddress, type Address } from '../primitives/bytes.ts'
import { present } from '../primitives/assert.ts'
import { AevirError } from '../primitives/errors.ts'

export const FORK_NAMES = ['cancun', 'prague', 'osaka', 'bpo1', 'bpo2', 'bpo3', 'bpo4', 'bpo5'] as const
export type ForkName = (typeof FORK_NAMES)[number]

/** Blob gas parameters of a fork (EIP-4844, EIP-7691, EIP-7892). */
export interface BlobSchedule {
  /** Blobs a block aims at. */
  readonly target: number
  /** Blobs a block may hold. */
  readonly max: number
  readonly baseFeeUpdateFraction: bigint
}

/** Every rule that differs between supported forks. */
export interface ForkRules {
  readonly name: ForkName
  /** EVM instruction set and gas table: what `runtime/evm/opcodes.ts` is keyed by. */
  readonly evm: 'cancun' | 'prague' | 'osaka'
  readonly blobs: BlobSchedule
  /** EIP-7702: type 4 transactions and delegated accounts. */
  readonly hasSetCode: boolean
  /** EIP-7623: floor price of call data. */
  readonly hasCalldataFloor: boolean
  /** EIP-2935: parent hashes in state. */
  readonly hasHistoryContract: boolean
  /** EIP-6110, 7002, 7251, 7685: requests in the header. */
  readonly hasRequests: boolean
  /** EIP-7825: most gas one transaction may ask for; `null` = the block's limit only. */
  readonly transactionGasMax: bigint | null
  /** EIP-7594: most blobs one transaction may carry; `null` = the block's limit only. */
  readonly transactionBlobsMax: number | null
  /** EIP-7918: execution gas priced per blob, bounding the blob base fee from below; 0 = no bound. */
  readonly blobBaseCost: bigint
  /** EIP-7934: largest RLP of a block in bytes; `null` = unbounded. */
  readonly blockSizeMax: number | null
}

const CANCUN: ForkRules = {
  name: 'cancun',
  evm: 'cancun',
  blobs: { target: 3, max: 6, baseFeeUpdateFraction: 3_338_477n },
  hasSetCode: false,
  hasCalldataFloor: false,
  hasHistoryContract: false,
  hasRequests: false,
  transactionGasMax: null,
  transactionBlobsMax: null,
  blobBaseCost: 0n,
  blockSizeMax: null,
}

const CHANGES: Record<Exclude<ForkName, 'cancun'>, Partial<ForkRules>> = {
  prague: {
    evm: 'prague',
    blobs: { target: 6, max: 9, baseFeeUpdateFraction: 5_007_716n },
    hasSetCode: true,
    hasCalldataFloor: true,
    hasHistoryContract: true,
    hasRequests: true,
  },
  osaka: {
    evm: 'osaka',
    transactionGasMax: 1n << 24n,
    transactionBlobsMax: 6,
    blobBaseCost: 1n << 13n,
    blockSizeMax: 10 * 1024 * 1024 - 2 * 1024 * 1024,
  },
  bpo1: { blobs: { target: 10, max: 15, baseFeeUpdateFraction: 8_346_193n } },
  bpo2: { blobs: { target: 14, max: 21, baseFeeUpdateFraction: 11_684_671n } },
  bpo3: { blobs: { target: 21, max: 32, baseFeeUpdateFraction: 20_609_697n } },
  bpo4: { blobs: { target: 14, max: 21, baseFeeUpdateFraction: 13_739_630n } },
  bpo5: {},
}

/** The rules of each fork with mainnet's blob parameters; a chain may set its own (see {@link rulesAt}). */
export const FORKS: Readonly<Record<ForkName, ForkRules>> = resolveForks()

function resolveForks(): Record<ForkName, ForkRules> {
  const forks: Partial<Record<ForkName, ForkRules>> = { cancun: CANCUN }
  let rules = CANCUN
  for (const name of FORK_NAMES) {
    if (name === 'cancun') continue
    rules = { ...rules, ...CHANGES[name], name }
    forks[name] = rules
  }
  return forks as Record<ForkName, ForkRules>
}

/** What fixes a chain's rules beside its genesis state. */
export interface ChainConfig {
  readonly chainId: bigint
  /** Activation times in seconds, ascending; the first entry must be 0. A fork that never activates is absent. */
  readonly forks: readonly { readonly name: ForkName; readonly timestamp: bigint }[]
  /** Blob parameters that differ from {@link FORKS}. */
  readonly blobSchedule: Partial<Record<ForkName, BlobSchedule>>
  /** EIP-6110; zero on chains without deposits. */
  readonly depositContractAddress: Address
}

/** Address of the deposit contract on Ethereum mainnet (EIP-6110), the default in test vectors. */
export const MAINNET_DEPOSIT_CONTRACT: Address = toAddress('0x00000000219ab540356cbb839cbe05303d7705fa')

export class UnsupportedForkError extends AevirError {
  override readonly code = 'UNSUPPORTED_FORK'
}

const rulesByConfig = new WeakMap<ChainConfig, Map<ForkName, ForkRules>>()

/** The rules that hold for a block with `timestamp`. */
export function rulesAt(config: ChainConfig, timestamp: bigint): ForkRules {
  let active: ForkName | undefined
  for (const fork of config.forks) if (fork.timestamp <= timestamp) active = fork.name
  if (active === undefined) {
    throw new UnsupportedForkError(
      `no fork is active at timestamp ${timestamp}: the oldest supported one is Cancun`,
    )
  }
  return rulesOf(config, active)
}

/** The rules of a fork with this chain's own blob parameters. The same object each time. */
function rulesOf(config: ChainConfig, name: ForkName): ForkRules {
  let cache = rulesByConfig.get(config)
  if (cache === undefined) rulesByConfig.set(config, (cache = new Map()))
  let rules = cache.get(name)
  if (rules === undefined) {
    const blobs = config.blobSchedule[name]
    rules = blobs === undefined ? FORKS[name] : { ...present(FORKS[name], `fork ${name}`), blobs }
    cache.set(name, rules)
  }
  return rules
}
