/** What was acknowledged before a process was killed is there when the database is opened again, and all of it fits. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { openLmdbStore } from '../../src/storage/lmdb-store.ts'
import { verifyLedger } from '../../src/storage/verify.ts'
import { startChild } from './child.ts'
import { openSample } from './sample-chain.ts'
import { withDirectory } from './stores.ts'

const KILLS = 10

test(`a process killed ${KILLS} times while it appends loses no acknowledged block`, () =>
  withDirectory(async (directory) => {
    const acknowledged = new Map<bigint, string>()
    for (let round = 0; round < KILLS; round++) {
      const child = startChild(directory)
      const exit = once(child.process, 'exit')
      // The kill strikes while the child goes on: in the middle of whatever it does next.
      const linesBeforeKill = 2 + ((round * 5) % 13)
      let lines = 0
      for await (const line of child.lines) {
        lines += 1
        const [number, hash] = line.split(' ')
        if (number !== undefined && hash !== undefined) acknowledged.set(BigInt(number), hash)
        if (lines === linesBeforeKill) child.process.kill('SIGKILL')
      }
      await exit
      assert.equal(child.process.signalCode, 'SIGKILL')

      const store = openLmdbStore(directory)
      const ledger = openSample(store)
      for (const [number, hash] of acknowledged) assert.equal(ledger.hashOf(number), hash)
      const { findings, head } = verifyLedger(store)
      assert.deepEqual(findings, [])
      const last = BigInt(acknowledged.size)
      assert.ok(head === last || head === last + 1n, `head ${head} after ${last} acknowledged blocks`)
      // The block that was written but not acknowledged counts from now on.
      for (let number = last + 1n; number <= head; number++)
        acknowledged.set(number, ledger.hashOf(number) ?? '')
      await ledger.close()
    }
    assert.ok(acknowledged.size >= KILLS)
  }))
