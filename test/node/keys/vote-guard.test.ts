/** The guard against signing twice: what it refuses, that it remembers, and what it makes of a damaged file. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import type { WriteAheadLog } from '../../../src/consensus/simplex/driver.ts'
import type { Epoch, StatementKind, View } from '../../../src/consensus/simplex/types.ts'
import type { WalRecord } from '../../../src/consensus/simplex/wal-records.ts'
import { guardedLog } from '../../../src/node/keys/guarded-log.ts'
import { KeyError } from '../../../src/node/keys/key-errors.ts'
import { RECORD_SIZE, VoteGuard } from '../../../src/node/keys/vote-guard.ts'
import type { OwnStatement } from '../../../src/node/keys/vote-records.ts'
import { bytesToHex, wordToHash } from '../../../src/primitives/bytes.ts'
import { withDirectory } from '../../storage/stores.ts'

const NODE = bytesToHex(new Uint8Array(48).fill(7))
const CHILD = fileURLToPath(new URL('vote-guard-child.ts', import.meta.url))

function say(
  kind: StatementKind,
  view: number,
  hash: number,
  changes: Partial<OwnStatement> = {},
): OwnStatement {
  return {
    layer: 'execution',
    epoch: 3 as Epoch,
    kind,
    view: view as View,
    hash: wordToHash(BigInt(hash)),
    ...changes,
  }
}

const pathOf = (directory: string): string => join(directory, `${NODE.slice(2, 18)}.votes`)

function refusal(code: string, text: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof KeyError, String(error))
    assert.equal(error.code, code)
    assert.match(error.message, text)
    return true
  }
}

/** Opens, works, closes. */
async function withGuard(directory: string, work: (guard: VoteGuard) => void | Promise<void>): Promise<void> {
  const guard = await VoteGuard.open(directory, NODE)
  try {
    await work(guard)
  } finally {
    await guard.close()
  }
}

describe('the guard', () => {
  const contradictions: readonly (readonly [string, OwnStatement, OwnStatement])[] = [
    ['two proposals of a view', say('propose', 5, 1), say('propose', 5, 2)],
    ['two notarizes of a view', say('notarize', 5, 1), say('notarize', 5, 2)],
    ['a finalize after a nullify', say('nullify', 5, 0), say('finalize', 5, 1)],
    ['a nullify after a finalize', say('finalize', 5, 1), say('nullify', 5, 0)],
  ]
  for (const [what, first, second] of contradictions) {
    test(`refuses ${what}, also after a restart`, () =>
      withDirectory(async (directory) => {
        await withGuard(directory, async (guard) => {
          assert.equal(guard.mayVote(second), true)
          await guard.record([first])
          assert.equal(guard.mayVote(second), false)
          await assert.rejects(guard.record([second]), refusal('DOUBLE_SIGN', /contradiction/))
        })
        await withGuard(directory, (guard) => {
          assert.equal(guard.mayVote(first), true, 'saying the same again is no contradiction')
          assert.equal(guard.mayVote(second), false)
        })
      }))
  }

  test('lets a node say what the protocol lets it say', () =>
    withDirectory(async (directory) => {
      await withGuard(directory, async (guard) => {
        await guard.record([say('propose', 5, 1), say('notarize', 5, 1), say('nullify', 5, 0)])
        await guard.record([say('notarize', 6, 2), say('finalize', 6, 2)])
        for (const other of [
          say('notarize', 5, 2, { layer: 'witness' }),
          say('notarize', 5, 2, { epoch: 4 as Epoch }),
          say('notarize', 7, 3),
        ]) {
          assert.equal(guard.mayVote(other), true)
        }
      })
    }))

  test('counts from the call on, before the disk has it', () =>
    withDirectory(async (directory) => {
      await withGuard(directory, async (guard) => {
        const written = guard.record([say('notarize', 5, 1)])
        assert.equal(guard.mayVote(say('notarize', 5, 2)), false)
        await written
      })
    }))

  test('writes nothing of what it refuses', () =>
    withDirectory(async (directory) => {
      await withGuard(directory, async (guard) => {
        const { size } = statSync(pathOf(directory))
        await assert.rejects(guard.record([say('notarize', 5, 1), say('notarize', 5, 2)]), KeyError)
        assert.equal(guard.mayVote(say('notarize', 5, 9)), true)
        assert.equal(statSync(pathOf(directory)).size, size)
      })
    }))

  test('has written a statement when it says so, and a repetition only once', () =>
    withDirectory(async (directory) => {
      await withGuard(directory, async (guard) => {
        const { size } = statSync(pathOf(directory))
        await Promise.all([guard.record([say('notarize', 5, 1)]), guard.record([say('notarize', 5, 1)])])
        assert.equal(statSync(pathOf(directory)).size, size + RECORD_SIZE)
      })
    }))

  test('tells the core how far its statements go', () =>
    withDirectory(async (directory) => {
      await withGuard(directory, async (guard) => {
        assert.equal(guard.isNew, true)
        await guard.record([
          say('notarize', 5, 1),
          say('notarize', 8, 1),
          say('finalize', 8, 1),
          say('finalize', 6, 1),
        ])
      })
      await withGuard(directory, (guard) => {
        assert.equal(guard.isNew, false)
        assert.deepEqual(guard.highest('execution', 3 as Epoch), { view: 8, kinds: 0b1010 })
        assert.deepEqual(guard.highest('witness', 3 as Epoch), { view: 0, kinds: 0 })
      })
    }))

  test('stays small: it forgets what can no longer be said, and refuses to say it', () =>
    withDirectory(async (directory) => {
      const guard = await VoteGuard.open(directory, NODE, 20_000)
      for (let view = 1; view <= 12_000; view += 500) {
        const batch = Array.from({ length: 500 }, (_, i) => [
          say('notarize', view + i, 1),
          say('finalize', view + i, 1),
        ])
        await guard.record(batch.flat())
      }
      await guard.record([say('notarize', 1, 1, { epoch: 4 as Epoch })])
      await guard.record([say('notarize', 1, 1, { epoch: 5 as Epoch })])
      assert.ok(statSync(pathOf(directory)).size < 21_000 * RECORD_SIZE)
      await guard.close()
      await withGuard(directory, (reopened) => {
        assert.equal(reopened.mayVote(say('notarize', 1, 1, { epoch: 5 as Epoch })), true)
        assert.equal(reopened.mayVote(say('notarize', 1, 2, { epoch: 5 as Epoch })), false)
        assert.equal(reopened.mayVote(say('notarize', 2, 1)), false, 'of a forgotten epoch')
      })
    }))

  test('never lets a contradiction through, whatever is asked and however often it is restarted', async () => {
    const statements = fc.array(
      fc.record({
        kind: fc.constantFrom<StatementKind>('propose', 'notarize', 'nullify', 'finalize'),
        view: fc.integer({ min: 1, max: 4 }),
        hash: fc.integer({ min: 1, max: 2 }),
        isRestart: fc.boolean(),
      }),
      { maxLength: 25 },
    )
    await fc.assert(
      fc.asyncProperty(statements, async (asked) =>
        withDirectory(async (directory) => {
          let guard = await VoteGuard.open(directory, NODE)
          const said = new Set<string>()
          for (const { kind, view, hash, isRestart } of asked) {
            if (isRestart) {
              await guard.close()
              guard = await VoteGuard.open(directory, NODE)
            }
            if (!guard.mayVote(say(kind, view, hash))) continue
            await guard.record([say(kind, view, hash)])
            said.add(`${view} ${kind} ${hash}`)
          }
          await guard.close()
          for (let view = 1; view <= 4; view++) {
            const has = (kind: StatementKind, hash: number): boolean => said.has(`${view} ${kind} ${hash}`)
            for (const kind of ['propose', 'notarize', 'nullify', 'finalize'] as const) {
              assert.ok(!(has(kind, 1) && has(kind, 2)))
            }
            assert.ok(
              !((has('nullify', 1) || has('nullify', 2)) && (has('finalize', 1) || has('finalize', 2))),
            )
          }
        }),
      ),
      { numRuns: 15 },
    )
  })
})

describe('the file of the guard', () => {
  const fill = async (directory: string): Promise<void> =>
    withGuard(directory, async (guard) => {
      for (let view = 1; view <= 3; view++) await guard.record([say('notarize', view, view)])
    })

  test('has frozen bytes', () =>
    withDirectory(async (directory) => {
      await withGuard(directory, async (guard) => guard.record([say('finalize', 5, 9, { layer: 'witness' })]))
      const hex = readFileSync(pathOf(directory)).toHex()
      assert.equal(
        hex.slice(0, -16),
        `414556475541524401${'07'.repeat(48)}010300000000000000030000000000000005${'00'.repeat(31)}09`,
      )
      assert.equal(hex.slice(-16), '2d4b879f3853931b')
    }))

  test('may end in the middle of a record, or in zeros: a crash came before the flush', () =>
    withDirectory(async (directory) => {
      await fill(directory)
      const path = pathOf(directory)
      const { size } = statSync(path)
      appendFileSync(path, new Uint8Array(2 * RECORD_SIZE + 7))
      await withGuard(directory, async (guard) => {
        assert.equal(guard.mayVote(say('notarize', 3, 1)), false)
        await guard.record([say('notarize', 4, 4)])
      })
      assert.equal(statSync(path).size, size + RECORD_SIZE)
      const file = openSync(path, 'r+')
      ftruncateSync(file, size + 20)
      closeSync(file)
      await withGuard(directory, (guard) => {
        assert.equal(guard.mayVote(say('notarize', 3, 1)), false)
        assert.equal(guard.mayVote(say('notarize', 4, 1)), true)
      })
      assert.equal(statSync(path).size, size)
    }))

  test('that is damaged, or another key’s, is refused with what to do', () =>
    withDirectory(async (directory) => {
      await fill(directory)
      const path = pathOf(directory)
      const good = readFileSync(path)
      const damages = [
        (bytes: Buffer) => bytes.subarray(0, 10),
        (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 30), Buffer.of(1), bytes.subarray(31)]),
        // A record was taken out of the middle.
        (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 57), bytes.subarray(57 + RECORD_SIZE)]),
        (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 70), Buffer.of(0xff), bytes.subarray(71)]),
        (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(RECORD_SIZE, 1)]),
      ]
      for (const damage of damages) {
        const damaged = damage(good)
        writeFileSync(path, damaged)
        await assert.rejects(
          VoteGuard.open(directory, NODE),
          refusal('GUARD_DAMAGED', /Do not restore an old copy/),
        )
        assert.deepEqual(readFileSync(path), damaged, 'what is there is left alone')
      }
      writeFileSync(path, good)
      await withGuard(directory, (guard) => assert.equal(guard.mayVote(say('notarize', 1, 9)), false))
    }))

  test('is locked: not for a second guard of this process, nor of another', () =>
    withDirectory(async (directory) => {
      await withGuard(directory, async () => {
        await assert.rejects(VoteGuard.open(directory, NODE), refusal('GUARD_LOCKED', /stop it first/))
      })
      const child = spawn(process.execPath, [CHILD, directory, NODE], { stdio: ['pipe', 'pipe', 'inherit'] })
      const [line] = (await once(child.stdout, 'data')) as [Buffer]
      assert.equal(line.toString(), 'recorded\n')
      await assert.rejects(
        VoteGuard.open(directory, NODE),
        refusal('GUARD_LOCKED', new RegExp(`process ${child.pid}`)),
      )
      child.kill('SIGKILL')
      await once(child, 'exit')
      await withGuard(directory, (guard) => {
        assert.equal(guard.mayVote(say('notarize', 5, 2)), false, 'what the killed process said is known')
      })
    }))

  test('that cannot be written ends all signing', () =>
    withDirectory(async (directory) => {
      const guard = await VoteGuard.open(directory, NODE)
      await guard.record([say('notarize', 1, 1)])
      await guard.close()
      // Closed under the guard, as a disk that is gone.
      await assert.rejects(
        guard.record([say('notarize', 2, 1)]),
        refusal('GUARD_FAILED', /signs nothing more/),
      )
      assert.equal(guard.mayVote(say('notarize', 3, 1)), false)
      await assert.rejects(guard.record([say('notarize', 1, 1)]), refusal('GUARD_FAILED', /./))
    }))
})

describe('a log behind the guard', () => {
  const statement = (kind: 'notarize' | 'nullify', view: number, hash: number): WalRecord => ({
    kind: 'statement',
    statement: { ...say(kind, view, hash), signer: 0, signature: new Uint8Array(96) },
  })

  test('calls back in order, and says no to what contradicts', () =>
    withDirectory(async (directory) => {
      await withGuard(directory, async (guard) => {
        const appended: WalRecord[] = []
        const log: WriteAheadLog = {
          append(records, onDone) {
            appended.push(...records)
            queueMicrotask(() => onDone(true))
          },
          replace: (_records, onDone) => onDone(true),
        }
        const refused: unknown[] = []
        const guarded = guardedLog({
          log,
          guard,
          layer: 'execution',
          epoch: 3 as Epoch,
          onRefused: (error) => refused.push(error),
        })
        const results: [number, boolean][] = []
        await new Promise<void>((resolve) => {
          const done = (index: number) => (isDurable: boolean) => {
            results.push([index, isDurable])
            if (index === 3) resolve()
          }
          guarded.append([statement('notarize', 5, 1)], done(0))
          guarded.append([], done(1))
          guarded.append([statement('notarize', 5, 2)], done(2))
          guarded.append([statement('nullify', 5, 0)], done(3))
        })
        assert.deepEqual(results, [
          [0, true],
          [1, true],
          [2, false],
          [3, true],
        ])
        assert.equal(refused.length, 1)
        assert.deepEqual(guard.highest('execution', 3 as Epoch), { view: 5, kinds: 0b110 })
      })
    }))

  test('says no when the log fails, and the guard does not hear of it', () =>
    withDirectory(async (directory) => {
      await withGuard(directory, async (guard) => {
        const log: WriteAheadLog = { append: (_records, onDone) => onDone(false), replace: () => {} }
        const guarded = guardedLog({ log, guard, layer: 'execution', epoch: 3 as Epoch, onRefused: () => {} })
        const isDurable = await new Promise<boolean>((resolve) => {
          guarded.append([statement('notarize', 5, 1)], resolve)
        })
        assert.equal(isDurable, false)
        assert.equal(guard.mayVote(say('notarize', 5, 2)), true)
      })
    }))
})
