/** What the transactions of one block see of it, and how it follows from its header or its parent. */
import { ZERO_HASH, type Address, type Hash } from '../primitives/bytes.ts'
import { rulesAt, type ChainConfig, type ForkRules } from '../chain/forks.ts'
import type { Header } from '../chain/block.ts'
import { blobBaseFee, nextBaseFee, nextExcessBlobGas } from './fees.ts'

export interface BlockEnvironment {
  readonly config: ChainConfig
  readonly rules: ForkRules
  readonly parentHash: Hash
  readonly number: bigint
  /** Seconds since 1970. */
  readonly timestamp: bigint
  readonly beneficiary: Address
  readonly gasLimit: bigint
  readonly prevRandao: Hash
  /** In wei per gas. */
  readonly baseFeePerGas: bigint
  readonly excessBlobGas: bigint
  /** In wei per blob gas; follows from `excessBlobGas`. */
  readonly blobBaseFee: bigint
  readonly parentBeaconBlockRoot: Hash
  /** Hash of an ancestor; zero when it is not known. Asked only for the 256 blocks before this one. */
  blockHash(number: bigint): Hash
}

/** Looks up hashes of ancestors by number; `undefined` when unknown. */
export type BlockHashes = (number: bigint) => Hash | undefined

/** The environment in which a given block's transactions run. */
export function environmentOf(header: Header, config: ChainConfig, hashes: BlockHashes): BlockEnvironment {
  const rules = rulesAt(config, header.timestamp)
  const excessBlobGas = header.excessBlobGas ?? 0n
  return {
    config,
    rules,
    parentHash: header.parentHash,
    number: header.number,
    timestamp: header.timestamp,
    beneficiary: header.beneficiary,
    gasLimit: header.gasLimit,
    prevRandao: header.prevRandao,
    baseFeePerGas: header.baseFeePerGas ?? 0n,
    excessBlobGas,
    blobBaseFee: blobBaseFee(excessBlobGas, rules),
    parentBeaconBlockRoot: header.parentBeaconBlockRoot ?? ZERO_HASH,
    blockHash: (number) => hashes(number) ?? ZERO_HASH,
  }
}

/** What whoever seals a block decides about it. */
export interface BlockAttributes {
  readonly timestamp: bigint
  readonly beneficiary: Address
  readonly prevRandao: Hash
  /** `undefined`: the parent's. */
  readonly gasLimit?: bigint
  /** `undefined`: what EIP-1559 says. Only a development chain may differ. */
  readonly baseFeePerGas?: bigint
  readonly parentBeaconBlockRoot?: Hash
  /** At most 32 bytes. */
  readonly extraData?: Uint8Array
  /** Largest encoding, in bytes, where whoever carries the block allows less than its fork does. */
  readonly sizeMax?: number
}

/** The environment of a block to be built on `parent`. */
export function environmentAfter(
  parent: Header,
  parentHash: Hash,
  attributes: BlockAttributes,
  config: ChainConfig,
  hashes: BlockHashes,
): BlockEnvironment {
  const rules = rulesAt(config, attributes.timestamp)
  const excessBlobGas = nextExcessBlobGas(parent, rules)
  return {
    config,
    rules,
    parentHash,
    number: parent.number + 1n,
    timestamp: attributes.timestamp,
    beneficiary: attributes.beneficiary,
    gasLimit: attributes.gasLimit ?? parent.gasLimit,
    prevRandao: attributes.prevRandao,
    baseFeePerGas: attributes.baseFeePerGas ?? nextBaseFee(parent),
    excessBlobGas,
    blobBaseFee: blobBaseFee(excessBlobGas, rules),
    parentBeaconBlockRoot: attributes.parentBeaconBlockRoot ?? ZERO_HASH,
    blockHash: (number) => (number === parent.number ? parentHash : (hashes(number) ?? ZERO_HASH)),
  }
}
