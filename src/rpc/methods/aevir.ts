/** This chain's own: how far a transaction has come, and waiting until it is far enough. */
import { COMMIT_STATES, type CommitState } from '../../execution/ledger.ts'
import type { Hash } from '../../primitives/bytes.ts'
import type { Backend } from '../backend.ts'
import { RPC_CODES, RpcError } from '../errors.ts'
import { commitStateOf, quantity, type Json, type JsonRecord } from '../format.ts'
import type { MethodContext, MethodTable } from '../method.ts'
import { isAbsent, parseData, parseHash, parseLooseNumber, parseObject, parseOneOf } from '../parse.ts'
import { waitUntil } from '../wait.ts'
import { receiptOrDropped } from './eth-transaction.ts'

const WAIT_TIMEOUT_MS = 10_000
const WAIT_TIMEOUT_MAX_MS = 60_000

export const methods = {
  aevir_getTransactionStatus: {
    params: [1, 1],
    run: ([hash], { backend }) => transactionStatus(backend, parseHash(hash, 'hash')),
  },
  /** The receipt, once the transaction's block has reached the commit state `until`. */
  aevir_sendRawTransactionAndWait: {
    params: [1, 2],
    hasOwnTimeout: true,
    run: ([raw, options], context) => {
      const { until, timeoutMs } = parseOptions(options)
      return sendAndWait(parseData(raw, 'transaction'), until, timeoutMs, context)
    },
  },
} as const satisfies MethodTable

function parseOptions(value: unknown): { until: CommitState; timeoutMs: number } {
  const options = isAbsent(value) ? {} : parseObject(value, 'options')
  const { until, timeoutMs } = options
  return {
    until: isAbsent(until) ? 'preconfirmed' : parseOneOf(until, 'options.until', COMMIT_STATES),
    timeoutMs: isAbsent(timeoutMs)
      ? WAIT_TIMEOUT_MS
      : parseLooseNumber(timeoutMs, 'options.timeoutMs', WAIT_TIMEOUT_MAX_MS),
  }
}

/** `status` is one of unknown, queued, preconfirmed, final, sealed, dropped. */
function transactionStatus(backend: Backend, hash: Hash): JsonRecord & { readonly status: string } {
  const location = backend.ledger.transaction(hash)
  if (location !== undefined) {
    return {
      status: commitStateOf(backend.ledger, location.blockNumber),
      blockNumber: quantity(location.blockNumber),
      blockHash: backend.ledger.hashOf(location.blockNumber) ?? null,
      transactionIndex: quantity(location.index),
    }
  }
  if (backend.pool.get(hash) !== undefined) return { status: 'queued' }
  const reason = backend.pool.dropped(hash)
  return reason === undefined ? { status: 'unknown' } : { status: 'dropped', reason }
}

async function sendAndWait(
  raw: Uint8Array,
  until: CommitState,
  timeoutMs: number,
  context: MethodContext,
): Promise<Json> {
  const { hash } = await context.backend.submit(raw)
  const receipt = await waitUntil(context, timeoutMs, () => {
    const found = receiptOrDropped(hash, context)
    return found !== undefined && hasReached(context.backend, hash, until) ? found : undefined
  })
  if (receipt !== undefined) return receipt
  const { status } = transactionStatus(context.backend, hash)
  throw new RpcError(
    RPC_CODES.confirmationTimeout,
    `transaction ${hash} is ${status} after ${timeoutMs} ms, not yet ${until}; ` +
      'it goes on: ask aevir_getTransactionStatus later',
    hash,
  )
}

function hasReached({ ledger }: Backend, hash: Hash, state: CommitState): boolean {
  const location = ledger.transaction(hash)
  return location !== undefined && location.blockNumber <= ledger.committed(state)
}
