/** Blocks of the chain and the pending one, with everything that their JSON needs, from one place. */
import { present } from '../primitives/assert.ts'
import type { Address, Hash } from '../primitives/bytes.ts'
import type { Block, Header } from '../chain/block.ts'
import { rulesAt, type ChainConfig } from '../chain/forks.ts'
import type { Transaction } from '../chain/transaction.ts'
import { blobBaseFee } from '../execution/fees.ts'
import type { CommitState } from '../execution/ledger.ts'
import type { Backend } from './backend.ts'
import {
  commitStateOf,
  formatBlock,
  formatReceiptAt,
  formatTransaction,
  type JsonRecord,
  type ReceiptsOfBlock,
} from './format.ts'
import { findBlock, type BlockId } from './parse-block.ts'

/** The part of a method's context that views need. */
export interface ViewContext {
  readonly backend: Backend
  readonly commitStates: boolean
}

/** A block with who sent its transactions. */
export interface BlockView {
  readonly block: Block
  readonly senders: readonly Address[]
  readonly isPending: boolean
}

/** The block that is meant, or `undefined` when there is none. */
export async function viewBlock(backend: Backend, id: BlockId): Promise<BlockView | undefined> {
  const number = findBlock(backend.ledger, id)
  if (number === undefined) return undefined
  if (number === 'pending') return { ...(await backend.pendingBlock()), isPending: true }
  return viewOf(backend, number)
}

function viewOf(backend: Backend, number: bigint): BlockView | undefined {
  const block = backend.ledger.block(number)
  const senders = backend.ledger.senders(number)
  if (block === undefined || senders === undefined) return undefined
  return { block, senders, isPending: false }
}

export function blockJson(context: ViewContext, view: BlockView, hasBodies: boolean): JsonRecord {
  const { block, senders, isPending } = view
  return formatBlock(block, {
    ...(hasBodies && { senders }),
    isPending,
    commitState: isPending ? undefined : shownCommitState(context, block.header.number),
  })
}

/** A block's transaction by index, or `null` when it has none there. */
export function transactionJson(view: BlockView, index: number): JsonRecord | null {
  const transaction = view.block.transactions[index]
  const sender = view.senders[index]
  if (transaction === undefined || sender === undefined) return null
  const { header, hash } = view.block
  return formatTransaction(transaction, sender, view.isPending ? undefined : { header, hash, index })
}

/** What the receipts of a block's JSON needs, or `undefined` when it is not on the chain. */
export function viewReceipts(context: ViewContext, number: bigint): ReceiptsOfBlock | undefined {
  const { backend } = context
  const view = viewOf(backend, number)
  const receipts = backend.ledger.receipts(number)
  if (view === undefined || receipts === undefined) return undefined
  const { block, senders } = view
  return {
    block,
    senders,
    receipts,
    blobBaseFee: blobBaseFeeOf(block.header, backend.config),
    commitState: shownCommitState(context, number),
  }
}

/** The receipt of a transaction that is in a block. */
export function receiptJson(context: ViewContext, hash: Hash): JsonRecord | undefined {
  const location = context.backend.ledger.transaction(hash)
  if (location === undefined) return undefined
  const receipts = viewReceipts(context, location.blockNumber)
  return receipts === undefined ? undefined : formatReceiptAt(receipts, location.index)
}

/** A transaction in a block. */
export function locateTransaction(
  backend: Backend,
  hash: Hash,
): { readonly view: BlockView; readonly index: number; readonly transaction: Transaction } | undefined {
  const location = backend.ledger.transaction(hash)
  if (location === undefined) return undefined
  const view = present(viewOf(backend, location.blockNumber), `block ${location.blockNumber}`)
  const transaction = present(view.block.transactions[location.index], `transaction ${hash}`)
  return { view, index: location.index, transaction }
}

/** Price of blob gas in a block, in wei. */
export function blobBaseFeeOf(header: Header, config: ChainConfig): bigint {
  return blobBaseFee(header.excessBlobGas ?? 0n, rulesAt(config, header.timestamp))
}

function shownCommitState(context: ViewContext, number: bigint): CommitState | undefined {
  return context.commitStates ? commitStateOf(context.backend.ledger, number) : undefined
}
