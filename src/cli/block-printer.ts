/** One line for each block a development node makes; under load one line for many. */
import type { Backend } from '../rpc/backend.ts'

/** Blocks made within this time share a line. */
const LINE_INTERVAL_MS = 200

/** Prints from now on. */
export function printBlocks(backend: Backend): void {
  let waiting: { readonly first: bigint; last: bigint; transactions: number; gas: bigint } | undefined
  const print = (): void => {
    if (waiting === undefined) return
    const { first, last, transactions, gas } = waiting
    waiting = undefined
    const blocks = first === last ? `block ${last}` : `blocks ${first}–${last}`
    process.stdout.write(`${blocks} · ${transactions} transactions · ${gas} gas\n`)
  }
  backend.subscribe((event) => {
    if (event.kind !== 'block') return
    const { header, transactions } = event.block
    if (waiting === undefined) {
      waiting = { first: header.number, last: header.number, transactions: 0, gas: 0n }
      setTimeout(print, LINE_INTERVAL_MS).unref()
    }
    waiting.last = header.number
    waiting.transactions += transactions.length
    waiting.gas += header.gasUsed
  })
}
