/** Blocks, their headers and receipts. Ommers ended with proof of work: there are none. */
import { commitStateOf, formatHeader, formatReceipts, quantity, type Json } from '../format.ts'
import { blockJson, viewBlock, viewReceipts } from '../chain-view.ts'
import type { MethodContext, MethodTable } from '../method.ts'
import { isAbsent, parseBoolean, parseHash, parseUint64 } from '../parse.ts'
import { findBlock, parseBlockId, parseBlockNumber, type BlockId } from '../parse-block.ts'

export const methods = {
  eth_blockNumber: { params: [0, 0], run: (_, { backend }) => quantity(backend.ledger.head().number) },
  eth_getBlockByNumber: {
    params: [1, 2],
    run: ([block, bodies], context) => getBlock(parseBlockNumber(block, 'block'), bodies, context),
  },
  eth_getBlockByHash: {
    params: [1, 2],
    run: ([hash, bodies], context) => getBlock(byHash(hash), bodies, context),
  },
  eth_getBlockReceipts: {
    params: [1, 1],
    run: ([block], context) => getReceipts(parseBlockId(block, 'block'), context),
  },
  eth_getBlockTransactionCountByNumber: {
    params: [1, 1],
    run: ([block], context) => transactionCount(parseBlockNumber(block, 'block'), context),
  },
  eth_getBlockTransactionCountByHash: {
    params: [1, 1],
    run: ([hash], context) => transactionCount(byHash(hash), context),
  },
  eth_getHeaderByNumber: {
    params: [1, 1],
    run: ([block], context) => getHeader(parseBlockNumber(block, 'block'), context),
  },
  eth_getHeaderByHash: { params: [1, 1], run: ([hash], context) => getHeader(byHash(hash), context) },
  eth_getUncleCountByBlockNumber: {
    params: [1, 1],
    run: ([block], context) => ommerCount(parseBlockNumber(block, 'block'), context),
  },
  eth_getUncleCountByBlockHash: {
    params: [1, 1],
    run: ([hash], context) => ommerCount(byHash(hash), context),
  },
  eth_getUncleByBlockNumberAndIndex: {
    params: [2, 2],
    run: ([block, index]) => noOmmer(parseBlockNumber(block, 'block'), index),
  },
  eth_getUncleByBlockHashAndIndex: { params: [2, 2], run: ([hash, index]) => noOmmer(byHash(hash), index) },
} as const satisfies MethodTable

function byHash(hash: unknown): BlockId {
  return { kind: 'hash', hash: parseHash(hash, 'hash') }
}

async function getBlock(id: BlockId, bodies: unknown, context: MethodContext): Promise<Json> {
  const hasBodies = !isAbsent(bodies) && parseBoolean(bodies, 'bodies')
  const view = await viewBlock(context.backend, id)
  return view === undefined ? null : blockJson(context, view, hasBodies)
}

async function getHeader(id: BlockId, context: MethodContext): Promise<Json> {
  const view = await viewBlock(context.backend, id)
  if (view === undefined) return null
  const { header, hash } = view.block
  if (view.isPending) return { ...formatHeader(header, hash), hash: null, nonce: null, miner: null }
  const json = formatHeader(header, hash)
  return context.commitStates
    ? { ...json, commitState: commitStateOf(context.backend.ledger, header.number) }
    : json
}

async function getReceipts(id: BlockId, context: MethodContext): Promise<Json> {
  const number = findBlock(context.backend.ledger, id)
  if (number === undefined) return null
  if (number !== 'pending') {
    const receipts = viewReceipts(context, number)
    return receipts === undefined ? null : formatReceipts(receipts)
  }
  const { block, receipts, senders } = await context.backend.pendingBlock()
  const { blobBaseFee } = context.backend.nextEnvironment()
  return formatReceipts({ block, receipts, senders, blobBaseFee })
}

async function transactionCount(id: BlockId, { backend }: MethodContext): Promise<Json> {
  const view = await viewBlock(backend, id)
  return view === undefined ? null : quantity(view.block.transactions.length)
}

function ommerCount(id: BlockId, { backend }: MethodContext): Json {
  return findBlock(backend.ledger, id) === undefined ? null : '0x0'
}

function noOmmer(_id: BlockId, index: unknown): null {
  parseUint64(index, 'index')
  return null
}
