/** Chain data in its canonical bytes. */
import { bytesToHex } from '../../primitives/bytes.ts'
import { encodeBlock, encodeHeader } from '../../chain/block-codec.ts'
import { encodeReceipt } from '../../chain/receipt-codec.ts'
import { locateTransaction, viewBlock, type BlockView } from '../chain-view.ts'
import type { MethodContext, MethodTable } from '../method.ts'
import { parseHash } from '../parse.ts'
import { blockNotFound, parseBlockId } from '../parse-block.ts'

export const methods = {
  debug_getRawBlock: {
    params: [1, 1],
    run: async ([block], context) => bytesToHex(encodeBlock((await requireView(block, context)).block)),
  },
  debug_getRawHeader: {
    params: [1, 1],
    run: async ([block], context) =>
      bytesToHex(encodeHeader((await requireView(block, context)).block.header)),
  },
  debug_getRawReceipts: {
    params: [1, 1],
    run: async ([block], context) => {
      const { block: view, isPending } = await requireView(block, context)
      const receipts = isPending
        ? (await context.backend.pendingBlock()).receipts
        : context.backend.ledger.receipts(view.header.number)
      return (receipts ?? []).map((receipt) => bytesToHex(encodeReceipt(receipt)))
    },
  },
  debug_getRawTransaction: {
    params: [1, 1],
    run: ([hash], { backend }) => {
      const wanted = parseHash(hash, 'hash')
      const transaction =
        locateTransaction(backend, wanted)?.transaction ?? backend.pool.get(wanted)?.transaction
      return transaction === undefined ? '0x' : bytesToHex(transaction.bytes)
    },
  },
} as const satisfies MethodTable

async function requireView(block: unknown, { backend }: MethodContext): Promise<BlockView> {
  const id = parseBlockId(block, 'block')
  const view = await viewBlock(backend, id)
  if (view === undefined) throw blockNotFound(backend.ledger, id)
  return view
}
