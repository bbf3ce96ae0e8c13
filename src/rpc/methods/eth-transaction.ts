/** Transactions: in blocks, in the pool, and on their way into it. */
import { bytesToHex, type Hash } from '../../primitives/bytes.ts'
import { locateTransaction, receiptJson, transactionJson, viewBlock } from '../chain-view.ts'
import { RPC_CODES, RpcError } from '../errors.ts'
import { formatTransaction, type Json } from '../format.ts'
import type { MethodContext, MethodTable } from '../method.ts'
import { isAbsent, parseData, parseHash, parseLooseNumber, parseUint64 } from '../parse.ts'
import { parseBlockNumber, type BlockId } from '../parse-block.ts'
import { waitUntil } from '../wait.ts'

/** EIP-7966 recommends 2 s. */
export const SYNC_TIMEOUT_MS = 2_000
export const SYNC_TIMEOUT_MAX_MS = 20_000

export const methods = {
  eth_getTransactionByHash: {
    params: [1, 1],
    run: ([hash], { backend }) => {
      const wanted = parseHash(hash, 'hash')
      const located = locateTransaction(backend, wanted)
      if (located !== undefined) return transactionJson(located.view, located.index)
      const pooled = backend.pool.get(wanted)
      return pooled === undefined ? null : formatTransaction(pooled.transaction, pooled.sender, undefined)
    },
  },
  eth_getTransactionByBlockNumberAndIndex: {
    params: [2, 2],
    run: ([block, index], context) => byIndex(parseBlockNumber(block, 'block'), index, context),
  },
  eth_getTransactionByBlockHashAndIndex: {
    params: [2, 2],
    run: ([hash, index], context) => byIndex(byHash(hash), index, context),
  },
  eth_getTransactionReceipt: {
    params: [1, 1],
    run: ([hash], context) => receiptJson(context, parseHash(hash, 'hash')) ?? null,
  },
  eth_getRawTransactionByHash: {
    params: [1, 1],
    run: ([hash], { backend }) => {
      const wanted = parseHash(hash, 'hash')
      const transaction =
        locateTransaction(backend, wanted)?.transaction ?? backend.pool.get(wanted)?.transaction
      return transaction === undefined ? null : bytesToHex(transaction.bytes)
    },
  },
  eth_getRawTransactionByBlockNumberAndIndex: {
    params: [2, 2],
    run: ([block, index], context) => rawByIndex(parseBlockNumber(block, 'block'), index, context),
  },
  eth_getRawTransactionByBlockHashAndIndex: {
    params: [2, 2],
    run: ([hash, index], context) => rawByIndex(byHash(hash), index, context),
  },
  /** Those of the node's own accounts that wait for a block. */
  eth_pendingTransactions: {
    params: [0, 0],
    run: (_, { backend }) => {
      const own = new Set(backend.accounts())
      return [...backend.pool.pending().entries()]
        .filter(([sender]) => own.has(sender))
        .flatMap(([, list]) =>
          list.map((pooled) => formatTransaction(pooled.transaction, pooled.sender, undefined)),
        )
    },
  },
  eth_sendRawTransaction: {
    params: [1, 1],
    run: async ([raw], { backend }) => (await backend.submit(parseData(raw, 'transaction'))).hash,
  },
  eth_sendRawTransactionSync: {
    params: [1, 2],
    hasOwnTimeout: true,
    run: ([raw, timeoutMs], context) => sendSync(parseData(raw, 'transaction'), timeoutMs, context),
  },
} as const satisfies MethodTable

function byHash(hash: unknown): BlockId {
  return { kind: 'hash', hash: parseHash(hash, 'hash') }
}

async function byIndex(id: BlockId, index: unknown, { backend }: MethodContext): Promise<Json> {
  const wanted = Number(parseUint64(index, 'index'))
  const view = await viewBlock(backend, id)
  return view === undefined ? null : transactionJson(view, wanted)
}

async function rawByIndex(id: BlockId, index: unknown, { backend }: MethodContext): Promise<Json> {
  const wanted = Number(parseUint64(index, 'index'))
  const transaction = (await viewBlock(backend, id))?.block.transactions[wanted]
  return transaction === undefined ? null : bytesToHex(transaction.bytes)
}

/** EIP-7966: queues a transaction and answers with its receipt. */
async function sendSync(raw: Uint8Array, timeout: unknown, context: MethodContext): Promise<Json> {
  const { backend } = context
  const asked = isAbsent(timeout) ? 0 : parseLooseNumber(timeout, 'timeoutMs', Number.MAX_SAFE_INTEGER)
  // "If the timeout is invalid, the handler function MUST use the default".
  const timeoutMs = asked > 0 && asked <= SYNC_TIMEOUT_MAX_MS ? asked : SYNC_TIMEOUT_MS
  const transaction = await backend.submit(raw)
  const pooled = backend.pool.get(transaction.hash)
  const next = pooled === undefined ? 0n : backend.pool.nextNonce(pooled.sender)
  if (pooled !== undefined && transaction.fields.nonce > next) {
    throw new RpcError(
      RPC_CODES.notReady,
      `nonce too high: the transaction was queued but waits for nonce ${next}, it has ${transaction.fields.nonce}; ` +
        'send the transactions before it first',
      transaction.hash,
    )
  }
  const receipt = await waitUntil(context, timeoutMs, () => receiptOrDropped(transaction.hash, context))
  if (receipt !== undefined) return receipt
  throw new RpcError(
    RPC_CODES.confirmationTimeout,
    `The transaction was added to the mempool but wasn't processed in ${timeoutMs / 1000}s.`,
    transaction.hash,
  )
}

/** The receipt, once there is one. @throws RpcError when the pool gave the transaction up. */
export function receiptOrDropped(hash: Hash, context: MethodContext): Json | undefined {
  const receipt = receiptJson(context, hash)
  if (receipt !== undefined) return receipt
  const reason = context.backend.pool.dropped(hash)
  if (reason === undefined || context.backend.pool.get(hash) !== undefined) return undefined
  throw new RpcError(RPC_CODES.server, `transaction ${hash} was dropped from the pool: ${reason}`, hash)
}
