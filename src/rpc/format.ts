/**
 * Chain data as JSON: the exact members and their order of the Ethereum API (execution-apis, the conformance suite's
 * exchanges). Members that a fork introduced are absent before it, as in the header itself.
 */
import { bytesToHex, type Address, type Hash, type Hex } from '../primitives/bytes.ts'
import { unreachable } from '../primitives/assert.ts'
import { encodeBlock } from '../chain/block-codec.ts'
import type { Block, Header, Withdrawal } from '../chain/block.ts'
import type { Log, Receipt } from '../chain/receipt.ts'
import { legacyV } from '../chain/transaction-codec.ts'
import type { AccessListEntry, Authorization, Transaction, TransactionFields } from '../chain/transaction.ts'
import { GAS_PER_BLOB } from '../execution/fees.ts'
import type { CommitState, Ledger } from '../execution/ledger.ts'

/** What JSON can hold, as far as the API uses it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }
export type JsonRecord = Readonly<Record<string, Json>>

/** `0x` and hex digits without leading zeros. */
export function quantity(value: bigint | number): Hex {
  return `0x${value.toString(16)}`
}

/** Where a transaction stands; `undefined` for one that is in no block yet. */
export interface BlockPosition {
  readonly header: Header
  readonly hash: Hash
  readonly index: number
}

export interface BlockOptions {
  /** Each transaction's sender: then bodies are given, else hashes. */
  readonly senders?: readonly Address[]
  /** Not sealed by anyone: hash, nonce and miner are not known. */
  readonly isPending?: boolean
  readonly commitState?: CommitState | undefined
}

export function formatBlock(block: Block, options: BlockOptions = {}): JsonRecord {
  const { senders, isPending = false, commitState } = options
  const header = formatHeader(block.header, block.hash)
  return {
    ...header,
    ...(isPending && { hash: null, nonce: null, miner: null }),
    size: quantity(encodeBlock(block).length),
    transactions: block.transactions.map((transaction, index) => {
      const sender = senders?.[index]
      if (sender === undefined) return transaction.hash
      const position = isPending ? undefined : { header: block.header, hash: block.hash, index }
      return formatTransaction(transaction, sender, position)
    }),
    uncles: [],
    ...(block.withdrawals !== undefined && { withdrawals: block.withdrawals.map(formatWithdrawal) }),
    ...(commitState !== undefined && { commitState }),
  }
}

/** A header as the `newHeads` subscription sends it. */
export function formatHeader(header: Header, hash: Hash): JsonRecord {
  return {
    ...(header.baseFeePerGas !== undefined && { baseFeePerGas: quantity(header.baseFeePerGas) }),
    ...(header.blobGasUsed !== undefined && { blobGasUsed: quantity(header.blobGasUsed) }),
    difficulty: quantity(header.difficulty),
    ...(header.excessBlobGas !== undefined && { excessBlobGas: quantity(header.excessBlobGas) }),
    extraData: bytesToHex(header.extraData),
    gasLimit: quantity(header.gasLimit),
    gasUsed: quantity(header.gasUsed),
    hash,
    logsBloom: bytesToHex(header.logsBloom),
    miner: header.beneficiary,
    mixHash: header.prevRandao,
    nonce: bytesToHex(header.nonce),
    number: quantity(header.number),
    ...(header.parentBeaconBlockRoot !== undefined && {
      parentBeaconBlockRoot: header.parentBeaconBlockRoot,
    }),
    parentHash: header.parentHash,
    receiptsRoot: header.receiptsRoot,
    ...(header.requestsHash !== undefined && { requestsHash: header.requestsHash }),
    sha3Uncles: header.ommersHash,
    stateRoot: header.stateRoot,
    timestamp: quantity(header.timestamp),
    transactionsRoot: header.transactionsRoot,
    ...(header.withdrawalsRoot !== undefined && { withdrawalsRoot: header.withdrawalsRoot }),
  }
}

function formatWithdrawal(withdrawal: Withdrawal): JsonRecord {
  return {
    index: quantity(withdrawal.index),
    validatorIndex: quantity(withdrawal.validatorIndex),
    address: withdrawal.address,
    amount: quantity(withdrawal.amount),
  }
}

export function formatTransaction(
  transaction: Transaction,
  sender: Address,
  position: BlockPosition | undefined,
): JsonRecord {
  const { fields } = transaction
  return {
    blockHash: position === undefined ? null : position.hash,
    blockNumber: position === undefined ? null : quantity(position.header.number),
    from: sender,
    gas: quantity(fields.gasLimit),
    gasPrice: quantity(gasPriceOf(fields, position?.header.baseFeePerGas)),
    ...('maxFeePerGas' in fields && {
      maxFeePerGas: quantity(fields.maxFeePerGas),
      maxPriorityFeePerGas: quantity(fields.maxPriorityFeePerGas),
    }),
    ...(fields.type === 3 && { maxFeePerBlobGas: quantity(fields.maxFeePerBlobGas) }),
    hash: transaction.hash,
    input: bytesToHex(fields.data),
    nonce: quantity(fields.nonce),
    to: fields.to,
    transactionIndex: position === undefined ? null : quantity(position.index),
    value: quantity(fields.value),
    type: quantity(fields.type),
    ...('accessList' in fields && { accessList: fields.accessList.map(formatAccessListEntry) }),
    ...(fields.chainId !== null && { chainId: quantity(fields.chainId) }),
    ...(fields.type === 3 && { blobVersionedHashes: fields.blobVersionedHashes }),
    ...(fields.type === 4 && { authorizationList: fields.authorizationList.map(formatAuthorization) }),
    ...formatSignature(fields),
  }
}

/** Price per gas in wei: what is paid in a block with `baseFee`, or the most that would be paid. */
export function gasPriceOf(fields: TransactionFields, baseFee: bigint | undefined): bigint {
  switch (fields.type) {
    case 0:
    case 1:
      return fields.gasPrice
    case 2:
    case 3:
    case 4: {
      if (baseFee === undefined) return fields.maxFeePerGas
      const price = baseFee + fields.maxPriorityFeePerGas
      return price < fields.maxFeePerGas ? price : fields.maxFeePerGas
    }
    default:
      return unreachable(fields)
  }
}

function formatSignature(fields: TransactionFields): JsonRecord {
  const { yParity, r, s } = fields
  const scalars = { r: quantity(r), s: quantity(s) }
  if (fields.type === 0) return { v: quantity(legacyV(fields.chainId, yParity)), ...scalars }
  return { v: quantity(yParity), ...scalars, yParity: quantity(yParity) }
}

export function formatAccessListEntry(entry: AccessListEntry): JsonRecord {
  return { address: entry.address, storageKeys: entry.storageKeys }
}

function formatAuthorization(authorization: Authorization): JsonRecord {
  return {
    chainId: quantity(authorization.chainId),
    address: authorization.address,
    nonce: quantity(authorization.nonce),
    yParity: quantity(authorization.yParity),
    r: quantity(authorization.r),
    s: quantity(authorization.s),
  }
}

/** A block's receipts with what their JSON needs beside them. */
export interface ReceiptsOfBlock {
  readonly block: Block
  readonly receipts: readonly Receipt[]
  readonly senders: readonly Address[]
  /** Price of blob gas in the block, in wei. */
  readonly blobBaseFee: bigint
  readonly commitState?: CommitState | undefined
}

export function formatReceipts(of: ReceiptsOfBlock): JsonRecord[] {
  const result: JsonRecord[] = []
  let firstLogIndex = 0
  for (const [index, receipt] of of.receipts.entries()) {
    result.push(formatReceipt(of, receipt, index, firstLogIndex))
    firstLogIndex += receipt.logs.length
  }
  return result
}

/** One receipt of {@link formatReceipts}, which must be there. */
export function formatReceiptAt(of: ReceiptsOfBlock, index: number): JsonRecord {
  let firstLogIndex = 0
  for (const receipt of of.receipts.slice(0, index)) firstLogIndex += receipt.logs.length
  return formatReceipt(of, of.receipts[index] as Receipt, index, firstLogIndex)
}

function formatReceipt(
  of: ReceiptsOfBlock,
  receipt: Receipt,
  index: number,
  firstLogIndex: number,
): JsonRecord {
  const { block, commitState } = of
  const { hash, fields } = block.transactions[index] as Transaction
  const blobs = fields.type === 3 ? BigInt(fields.blobVersionedHashes.length) : undefined
  return {
    ...(blobs !== undefined && {
      blobGasPrice: quantity(of.blobBaseFee),
      blobGasUsed: quantity(blobs * GAS_PER_BLOB),
    }),
    blockHash: block.hash,
    blockNumber: quantity(block.header.number),
    contractAddress: receipt.contractAddress,
    cumulativeGasUsed: quantity(receipt.cumulativeGasUsed),
    effectiveGasPrice: quantity(receipt.effectiveGasPrice),
    from: of.senders[index] as Address,
    gasUsed: quantity(receipt.gasUsed),
    logs: receipt.logs.map((log, offset) => formatLog(log, block, index, firstLogIndex + offset, false)),
    logsBloom: bytesToHex(receipt.logsBloom),
    status: receipt.succeeded ? '0x1' : '0x0',
    to: fields.to,
    transactionHash: hash,
    transactionIndex: quantity(index),
    type: quantity(receipt.type),
    ...(commitState !== undefined && { commitState }),
  }
}

/** @param isRemoved whether the block was taken back. */
export function formatLog(
  log: Log,
  block: Block,
  transactionIndex: number,
  logIndex: number,
  isRemoved: boolean,
): JsonRecord {
  return {
    address: log.address,
    topics: log.topics,
    data: bytesToHex(log.data),
    blockNumber: quantity(block.header.number),
    transactionHash: (block.transactions[transactionIndex] as Transaction).hash,
    transactionIndex: quantity(transactionIndex),
    blockHash: block.hash,
    logIndex: quantity(logIndex),
    removed: isRemoved,
  }
}

/** The furthest state that consensus reached for a block on the chain. */
export function commitStateOf(ledger: Ledger, number: bigint): CommitState {
  if (number <= ledger.committed('sealed')) return 'sealed'
  return number <= ledger.committed('final') ? 'final' : 'preconfirmed'
}
