/** Rules a header must keep towards its parent and its fork (EIP-1559, 3675, 4399, 4788, 4844, 7685, 7742). */
import { equalBytes } from '../primitives/bytes.ts'
import type { Block, Header } from '../chain/block.ts'
import { EMPTY_OMMERS_HASH, encodeBlock, transactionsRoot, withdrawalsRoot } from '../chain/block-codec.ts'
import { EMPTY_TRIE_ROOT } from '../chain/ordered-trie.ts'
import { rulesAt, type ChainConfig, type ForkRules } from '../chain/forks.ts'
import { InvalidBlockError, type BlockRefusal } from './errors.ts'
import { GAS_PER_BLOB, nextBaseFee, nextExcessBlobGas } from './fees.ts'

/** Smallest gas limit a block may have. */
const GAS_LIMIT_MIN = 5_000n
/** Largest gas limit: clients count gas in signed 64 bits (EIP-1985). */
export const GAS_LIMIT_MAX: bigint = (1n << 63n) - 1n
/** The gas limit moves by less than this part of the parent's. */
const GAS_LIMIT_QUOTIENT = 1_024n
const EXTRA_DATA_SIZE_MAX = 32
const ZERO_NONCE = new Uint8Array(8)

/** What only a chain's own configuration may relax. */
export interface HeaderPolicy {
  /** A development chain may set gas limit and base fee at will. */
  readonly hasFreeLimits: boolean
  /** Several blocks may have the same timestamp: with one a second at most, a fast chain runs ahead of the clock. */
  readonly hasSharedSeconds?: boolean
  /**
   * Whoever makes a block decides neither about the gas limit nor about withdrawals. Where there is no beacon chain whose
   * validators do, one leader could else pay itself any sum, and make blocks too large or too small for everybody.
   */
  readonly isLeaderBound?: boolean
}

/** Of a chain that a committee of nodes makes. */
export const COMMITTEE_POLICY: HeaderPolicy = {
  hasFreeLimits: false,
  hasSharedSeconds: true,
  isLeaderBound: true,
}

/** @throws InvalidBlockError naming the rule and both values. */
export function validateHeader(
  header: Header,
  parent: Header,
  config: ChainConfig,
  policy: HeaderPolicy,
): void {
  const rules = rulesAt(config, header.timestamp)
  check(header.number === parent.number + 1n, 'number', `number ${header.number} after ${parent.number}`)
  const isShared = policy.hasSharedSeconds === true && header.timestamp === parent.timestamp
  check(
    header.timestamp > parent.timestamp || isShared,
    'timestamp',
    `timestamp ${header.timestamp} not after ${parent.timestamp}`,
  )
  check(
    header.extraData.length <= EXTRA_DATA_SIZE_MAX,
    'extraData',
    `extra data of ${header.extraData.length} bytes`,
  )
  check(
    header.gasUsed <= header.gasLimit,
    'gasUsed',
    `gas used ${header.gasUsed} above the limit ${header.gasLimit}`,
  )
  check(header.gasLimit <= GAS_LIMIT_MAX, 'gasLimit', `gas limit ${header.gasLimit} above ${GAS_LIMIT_MAX}`)
  const isUnworked = header.difficulty === 0n && equalBytes(header.nonce, ZERO_NONCE)
  check(isUnworked, 'proofOfWorkFields', 'difficulty and nonce must be zero (EIP-3675)')
  check(header.ommersHash === EMPTY_OMMERS_HASH, 'ommers', 'ommers are not allowed (EIP-3675)')
  if (!policy.hasFreeLimits) validateLimits(header, parent)
  if (policy.isLeaderBound === true) validateBounds(header, parent)
  validateForkFields(header, parent, rules)
}

function validateLimits(header: Header, parent: Header): void {
  const difference =
    header.gasLimit > parent.gasLimit ? header.gasLimit - parent.gasLimit : parent.gasLimit - header.gasLimit
  const isNear = difference < parent.gasLimit / GAS_LIMIT_QUOTIENT && header.gasLimit >= GAS_LIMIT_MIN
  check(isNear, 'gasLimit', `gas limit ${header.gasLimit} after ${parent.gasLimit}`)
  const expected = nextBaseFee(parent)
  check(
    header.baseFeePerGas === expected,
    'baseFee',
    `base fee ${header.baseFeePerGas}, expected ${expected}`,
  )
}

function validateBounds({ gasLimit, withdrawalsRoot }: Header, parent: Header): void {
  check(gasLimit === parent.gasLimit, 'gasLimit', `gas limit ${gasLimit} after ${parent.gasLimit}`)
  check(
    withdrawalsRoot === EMPTY_TRIE_ROOT,
    'withdrawalsRoot',
    'there is no beacon chain to withdraw from, and the block withdraws',
  )
}

function validateForkFields(header: Header, parent: Header, rules: ForkRules): void {
  const hasAll =
    header.baseFeePerGas !== undefined &&
    header.withdrawalsRoot !== undefined &&
    header.blobGasUsed !== undefined &&
    header.parentBeaconBlockRoot !== undefined &&
    (header.requestsHash !== undefined) === rules.hasRequests
  check(hasAll, 'headerFields', `the header's fields are not those of ${rules.name}`)
  const blobGasMax = BigInt(rules.blobs.max) * GAS_PER_BLOB
  const blobGasUsed = header.blobGasUsed ?? 0n
  const isBlobGasFine = blobGasUsed <= blobGasMax && blobGasUsed % GAS_PER_BLOB === 0n
  check(isBlobGasFine, 'blobGasUsed', `blob gas used ${blobGasUsed}, limit ${blobGasMax}`)
  const excess = nextExcessBlobGas(parent, rules)
  check(
    header.excessBlobGas === excess,
    'excessBlobGas',
    `excess blob gas ${header.excessBlobGas}, expected ${excess}`,
  )
}

/** Rules between a header and the body that travels with it. @throws InvalidBlockError */
export function validateBody(block: Block, config: ChainConfig): void {
  const { header } = block
  const rules = rulesAt(config, header.timestamp)
  check(block.ommers.length === 0, 'ommers', 'ommers are not allowed (EIP-3675)')
  const root = transactionsRoot(block.transactions)
  check(
    header.transactionsRoot === root,
    'transactionsRoot',
    `transactions root ${header.transactionsRoot}, computed ${root}`,
  )
  check(block.withdrawals !== undefined, 'withdrawalsRoot', 'withdrawals are missing (EIP-4895)')
  const withdrawals = withdrawalsRoot(block.withdrawals ?? [])
  check(
    header.withdrawalsRoot === withdrawals,
    'withdrawalsRoot',
    `withdrawals root ${header.withdrawalsRoot}, computed ${withdrawals}`,
  )
  if (rules.blockSizeMax === null) return
  const size = encodeBlock(block).length
  check(size <= rules.blockSizeMax, 'size', `block of ${size} bytes, limit ${rules.blockSizeMax} (EIP-7934)`)
}

function check(holds: boolean, reason: BlockRefusal, message: string): asserts holds {
  if (!holds) throw new InvalidBlockError(reason, `invalid block: ${message}`)
}
