/**
 * A process that appends blocks to the database in a directory until it is killed, and says so after each one:
 * a line with number and hash on standard output. Started by `crash.test.ts` and `open-errors.test.ts`.
 */
import { writeSync } from 'node:fs'
import { openLmdbStore } from '../../src/storage/lmdb-store.ts'
import { appendBusyBlock, openSample } from './sample-chain.ts'

const STDOUT = 1
const HISTORY_BLOCKS = 20

const ledger = openSample(openLmdbStore(process.argv[2] as string), HISTORY_BLOCKS)
writeSync(STDOUT, 'open\n')
for (;;) {
  const { block } = appendBusyBlock(ledger, 5)
  ledger.setCommitted('preconfirmed', block.header.number)
  writeSync(STDOUT, `${block.header.number} ${block.hash}\n`)
}
