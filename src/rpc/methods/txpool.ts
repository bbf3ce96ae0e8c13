/** The pool as geth shows it: by sender and nonce. */
import type { Address } from '../../primitives/bytes.ts'
import type { PooledTransaction } from '../../pool/transaction-pool.ts'
import { formatTransaction, gasPriceOf, quantity, type Json, type JsonRecord } from '../format.ts'
import type { MethodTable } from '../method.ts'
import { parseAddress } from '../parse.ts'

export const methods = {
  txpool_status: {
    params: [0, 0],
    run: (_, { backend }) => {
      const { pending, queued } = backend.pool.status()
      return { pending: quantity(pending), queued: quantity(queued) }
    },
  },
  txpool_content: {
    params: [0, 0],
    run: (_, { backend: { pool } }) => ({
      pending: bySender(pool.pending(), format),
      queued: bySender(pool.queued(), format),
    }),
  },
  txpool_contentFrom: {
    params: [1, 1],
    run: ([address], { backend: { pool } }) => {
      const sender = parseAddress(address, 'address')
      return {
        pending: byNonce(pool.pending().get(sender) ?? [], format),
        queued: byNonce(pool.queued().get(sender) ?? [], format),
      }
    },
  },
  txpool_inspect: {
    params: [0, 0],
    run: (_, { backend: { pool } }) => ({
      pending: bySender(pool.pending(), summarize),
      queued: bySender(pool.queued(), summarize),
    }),
  },
} as const satisfies MethodTable

type Render = (pooled: PooledTransaction) => Json

function bySender(senders: ReadonlyMap<Address, readonly PooledTransaction[]>, render: Render): JsonRecord {
  return Object.fromEntries([...senders].map(([sender, list]) => [sender, byNonce(list, render)]))
}

function byNonce(list: readonly PooledTransaction[], render: Render): JsonRecord {
  return Object.fromEntries(
    list.map((pooled) => [pooled.transaction.fields.nonce.toString(), render(pooled)]),
  )
}

function format({ transaction, sender }: PooledTransaction): JsonRecord {
  return formatTransaction(transaction, sender, undefined)
}

/** geth's words, which tools take apart. */
function summarize({ transaction: { fields } }: PooledTransaction): string {
  const target = fields.to ?? 'contract creation'
  return `${target}: ${fields.value} wei + ${fields.gasLimit} gas × ${gasPriceOf(fields, undefined)} wei`
}
