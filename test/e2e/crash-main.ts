/**
 * `npm run crash -- [--kills N] [--seed TEXT]`: kills a node with SIGKILL while it mines under load, 50 times by default,
 * and tells after each restart what was there. The exit code is 1 when anything was missing.
 */
import { parseArgs } from 'node:util'
import { withDirectory } from '../storage/stores.ts'
import { killRepeatedly } from './kill-rounds.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: new Date().toISOString() },
  },
})
const kills = Number(values.kills)

console.log(`${kills} kills, seed ${values.seed}`)
await withDirectory(async (directory) => {
  const { receipts, head } = await killRepeatedly({
    directory,
    kills,
    seed: values.seed,
    onRound: ({ kill, head, receipts }) =>
      console.log(`kill ${kill}: head ${head}, ${receipts} receipts seen, all there; the database is sound`),
  })
  console.log(`${kills} kills, ${receipts} receipts in ${head} blocks: nothing missing`)
})
