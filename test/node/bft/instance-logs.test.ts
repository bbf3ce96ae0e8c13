/** Logs of instances: what they remember over a restart, and what the guard makes of those that are lost. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { MemoryLogs, DiskLogs, noLog, type InstanceLog } from '../../../src/node/bft/instance-logs.ts'
import { VoteGuard } from '../../../src/node/keys/vote-guard.ts'
import { SILENT_LOG } from '../../../src/node/log.ts'
import {
  COUNT_MAX,
  GENESIS_VIEW,
  NO_HASH,
  type Epoch,
  type View,
} from '../../../src/consensus/simplex/types.ts'
import type { WalRecord } from '../../../src/consensus/simplex/wal-records.ts'
import { withScratch } from '../../support/cli.ts'
import { blockAt, CoreNode, votesIn } from '../../support/core-node.ts'
import { committeeOf } from './committee.ts'

const { context, nodes } = committeeOf(4)
const NODE = nodes[0] ?? '0x'

function nullify(view: number): WalRecord {
  const statement = { kind: 'nullify', view: view as View, hash: NO_HASH } as const
  return { kind: 'statement', statement: { ...statement, signer: 0, signature: new Uint8Array(96) } }
}

function failOn(error: unknown): never {
  throw error
}

async function append({ log }: InstanceLog, ...records: readonly WalRecord[]): Promise<boolean> {
  return new Promise((resolve) => {
    log.append(records, resolve)
  })
}

/** One life of a node with its logs in this directory. */
async function life<T>(directory: string, work: (log: InstanceLog) => Promise<T>): Promise<T> {
  const guard = await VoteGuard.open(join(directory, 'guard'), NODE)
  try {
    const opened = await new DiskLogs(join(directory, 'wal'), guard, SILENT_LOG).open(context, failOn)
    try {
      return await work(opened)
    } finally {
      await opened.close()
    }
  } finally {
    await guard.close()
  }
}

const walOf = (directory: string): string => join(directory, 'wal', 'witness-1', 'consensus.wal')
const views = ({ records }: InstanceLog): unknown[] =>
  records.map((record) => record.kind === 'statement' && record.statement.view)

describe('logs on a disk', () => {
  test('tell after a restart what was said', () =>
    withScratch(async (directory) => {
      assert.ok(await life(directory, (log) => append(log, nullify(1), nullify(2))))
      await life(directory, async (log) => {
        assert.deepEqual(views(log), [1, 2])
        assert.equal(log.abstainThrough, GENESIS_VIEW)
      })
    }))

  test('that are lost make the node keep silent as far as it spoke', () =>
    withScratch(async (directory) => {
      await life(directory, (log) => append(log, nullify(1), nullify(7)))
      rmSync(join(directory, 'wal'), { recursive: true })
      await life(directory, async (log) => {
        assert.deepEqual(log.records, [])
        assert.equal(log.abstainThrough, 7)
      })
    }))

  test('of an epoch that the guard has forgotten make the node keep silent in it, so that it can follow through it', () =>
    withScratch(async (directory) => {
      const guard = await VoteGuard.open(join(directory, 'guard'), NODE)
      const { layer } = context.domain
      for (const epoch of [2, 3, 4, 5] as Epoch[]) {
        await guard.record([{ layer, epoch, kind: 'nullify', view: 1 as View, hash: NO_HASH }])
      }
      await guard.close()
      await life(directory, async (log) => {
        assert.equal(log.abstainThrough, COUNT_MAX)
        const core = new CoreNode(0, { abstainThrough: log.abstainThrough })
        core.timer('advance')
        core.propose(blockAt(1))
        core.certificate('notarize', 1, blockAt(1).proposal.hash)
        assert.deepEqual(votesIn(core.effects), [])
      })
    }))

  test('that are damaged are put aside, and the guard tells how far the node spoke', () =>
    withScratch(async (directory) => {
      await life(directory, async (log) => (await append(log, nullify(1))) && append(log, nullify(7)))
      const path = walOf(directory)
      writeFileSync(path, readFileSync(path).fill(0xff, 100, 140))
      await life(directory, async (log) => {
        assert.equal(log.abstainThrough, 7)
        assert.ok(existsSync(`${path}.damaged`))
        assert.ok(await append(log, nullify(8)))
      })
    }))

  test('that are damaged while there is no guard stop the node: nobody knows what it said', () =>
    withScratch(async (directory) => {
      await life(directory, async (log) => (await append(log, nullify(1))) && append(log, nullify(7)))
      const path = walOf(directory)
      writeFileSync(path, readFileSync(path).fill(0xff, 100, 140))
      rmSync(join(directory, 'guard'), { recursive: true })
      await assert.rejects(
        life(directory, async () => {}),
        { code: 'WAL_DAMAGED' },
      )
    }))

  test('teach a new guard', () =>
    withScratch(async (directory) => {
      await life(directory, (log) => append(log, nullify(5)))
      rmSync(join(directory, 'guard'), { recursive: true })
      await life(directory, async () => {})
      rmSync(join(directory, 'wal'), { recursive: true })
      await life(directory, async (log) => assert.equal(log.abstainThrough, 5))
    }))

  test('of an epoch that is over are removed', () =>
    withScratch(async (directory) => {
      await life(directory, async (log) => {
        await append(log, nullify(5))
        await log.remove()
      })
      assert.equal(existsSync(walOf(directory)), false)
    }))

  test('of earlier epochs that a crash left behind are removed with the next start, those of running ones are not', () =>
    withScratch(async (directory) => {
      const wal = join(directory, 'wal')
      const kept = ['execution-1', 'witness-4', 'witness-03', 'witness-', 'notes']
      for (const name of [...kept, 'witness-2']) mkdirSync(join(wal, name), { recursive: true })
      await life(directory, (log) => append(log, nullify(1)))
      assert.deepEqual(readdirSync(wal).toSorted(), [...kept, 'witness-1', 'witness-2'].toSorted())
      const guard = await VoteGuard.open(join(directory, 'guard'), NODE)
      const logs = new DiskLogs(wal, guard, SILENT_LOG)
      // The epoch before has crashed; this one goes on beside the next until it is over.
      const running = await logs.open(committeeOf(4, 3).context, failOn)
      const next = await logs.open(committeeOf(4, 5).context, failOn)
      assert.deepEqual(readdirSync(wal).toSorted(), [...kept, 'witness-3', 'witness-5'].toSorted())
      for (const log of [running, next]) await log.close()
      await guard.close()
    }))
})

describe('logs in memory', () => {
  test('outlive the node, and not their epoch', async () => {
    const logs = new MemoryLogs()
    const first = await logs.open(context)
    assert.ok(await append(first, nullify(1), nullify(2)))
    await first.close()
    assert.equal(await append(first, nullify(3)), false)
    const second = await logs.open(context)
    assert.deepEqual(views(second), [1, 2])
    await new Promise((resolve) => {
      second.log.replace([nullify(9)], resolve)
    })
    const third = await logs.open(context)
    assert.deepEqual(views(third), [9])
    await third.remove()
    assert.deepEqual((await logs.open(context)).records, [])
  })

  test('are not kept for a node that only follows', async () => {
    const log = noLog()
    assert.ok(await append(log, nullify(1)))
    assert.deepEqual(log.records, [])
  })
})
