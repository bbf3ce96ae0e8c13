/** A node that is killed while it mines loses nothing that a client has seen. `npm run crash` kills as often as one likes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withDirectory } from '../storage/stores.ts'
import { killRepeatedly } from './kill-rounds.ts'

const KILLS = 5

test(
  `a node killed ${KILLS} times under load keeps every block whose receipt a client saw`,
  { timeout: 120_000 },
  () =>
    withDirectory(async (directory) => {
      const { head, receipts } = await killRepeatedly({ directory, kills: KILLS, seed: 'crash' })
      assert.ok(receipts >= KILLS, `${receipts} receipts`)
      assert.ok(head > 0)
    }),
)
