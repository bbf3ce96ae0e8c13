/** One line for each block a development node makes; under load one line for many. */
import type { Backend } from '../rpc/backend.ts'

/** Blocks made within this time share a line. */
const LINE_INTERVAL_MS = 200

export class BlockPrinter {
  private first: bigint | undefined
  private last = 0n
  private transactions = 0
  private gas = 0n

  constructor(backend: Backend) {
    backend.subscribe((event) => {
      if (event.kind !== 'block') return
      const { header, transactions } = event.block
      if (this.first === undefined) {
        this.first = header.number
        setTimeout(() => this.print(), LINE_INTERVAL_MS).unref()
      }
      this.last = header.number
      this.transactions += transactions.length
      this.gas += header.gasUsed
    })
  }

  private print(): void {
    const blocks = this.first === this.last ? `block ${this.last}` : `blocks ${this.first}–${this.last}`
    process.stdout.write(`${blocks} · ${this.transactions} transactions · ${this.gas} gas\n`)
    this.first = undefined
    this.transactions = 0
    this.gas = 0n
  }
}
