/** The log of consensus as a file: what it promises, and what it makes of files that a crash or a bad disk left. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Epoch } from '../../src/consensus/simplex/types.ts'
import { frameRecord } from '../../src/consensus/simplex/wal-frames.ts'
import type { WalRecord } from '../../src/consensus/simplex/wal-records.ts'
import { concatBytes } from '../../src/primitives/bytes.ts'
import { AevirError } from '../../src/primitives/errors.ts'
import { LOCK_FILE_NAME } from '../../src/storage/lock-file.ts'
import type { WalDisk } from '../../src/storage/wal-disk.ts'
import type { WalFailedError } from '../../src/storage/wal-errors.ts'
import { WAL_FILE_NAME, WAL_HEADER_SIZE, WalFile, type OpenedWal } from '../../src/storage/wal-file.ts'
import {
  anyRecord,
  block,
  blockOf,
  certificate,
  CONTEXT,
  statement,
  tip,
  watchedDisk,
} from './wal-samples.ts'

async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'aevir-wal-'))
  try {
    await body(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Opens without waiting for a real disk. */
async function open(
  directory: string,
  disk: WalDisk = watchedDisk(),
  failures: WalFailedError[] = [],
): Promise<OpenedWal> {
  return WalFile.open({
    directory,
    context: CONTEXT,
    disk,
    onFailure: (error) => {
      failures.push(error)
    },
  })
}

async function append(log: WalFile, ...records: WalRecord[]): Promise<boolean> {
  return new Promise((resolve) => {
    log.append(records, resolve)
  })
}

async function replace(log: WalFile, ...records: WalRecord[]): Promise<boolean> {
  return new Promise((resolve) => {
    log.replace(records, resolve)
  })
}

async function reread(directory: string): Promise<readonly WalRecord[]> {
  const { log, records } = await open(directory)
  await log.close()
  return records
}

/** Each in a flush of its own. */
async function writeLog(directory: string, records: readonly WalRecord[]): Promise<void> {
  const { log } = await open(directory)
  for (const record of records) assert.ok(await append(log, record))
  await log.close()
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof AevirError && error.code === code
}

test('reads back what was appended, also on a disk that flushes', () =>
  withDirectory(async (directory) => {
    const records = [tip(1), statement(2), certificate(2), block(3), statement(3, 'nullify')]
    const onFailure = (): void => assert.fail('nothing fails')
    const { log, records: found } = await WalFile.open({ directory, context: CONTEXT, onFailure })
    assert.deepEqual(found, [])
    assert.ok(await append(log, ...records))
    await log.close()
    assert.deepEqual(await reread(directory), records)
  }))

test('says what is durable in the order of the calls, with one flush for those that came together', () =>
  withDirectory(async (directory) => {
    const disk = watchedDisk()
    const { log } = await open(directory, disk)
    disk.steps.length = 0
    const heard: string[] = []
    const views = Array.from({ length: 50 }, (_, index) => index + 1)
    for (const view of views) {
      log.append([statement(view)], (isDurable) => {
        heard.push(`${view} ${isDurable} after ${disk.steps.join(' ')}`)
      })
    }
    assert.deepEqual(heard, [])
    await log.close()
    assert.deepEqual(
      heard,
      views.map((view) => `${view} true after write sync`),
    )
  }))

test('a replacement takes the place of what was before it, and only of that', () =>
  withDirectory(async (directory) => {
    const disk = watchedDisk()
    const { log } = await open(directory, disk)
    assert.ok(await append(log, statement(1), statement(2)))
    disk.steps.length = 0
    const done = [append(log, statement(3)), replace(log, tip(3)), append(log, statement(4))]
    assert.deepEqual(await Promise.all(done), [true, true, true])
    const replacing = 'create write write sync rename syncDirectory'
    assert.equal(disk.steps.join(' '), `write sync ${replacing} write sync`)
    await log.close()
    assert.deepEqual(await reread(directory), [tip(3), statement(4)])
  }))

test('drops the last frame wherever a crash cut it off, and goes on behind the others', () =>
  withDirectory(async (directory) => {
    await writeLog(directory, [statement(1), certificate(1), block(2)])
    const path = join(directory, WAL_FILE_NAME)
    const whole = readFileSync(path)
    const lastSize = frameRecord(block(2), 0).length
    for (let cut = 0; cut < lastSize; cut++) {
      writeFileSync(path, whole.subarray(0, whole.length - lastSize + cut))
      const { log, records, tornSize } = await open(directory)
      assert.deepEqual(records, [statement(1), certificate(1)])
      assert.equal(tornSize, cut)
      assert.ok(await append(log, statement(9)))
      await log.close()
      assert.deepEqual(await reread(directory), [statement(1), certificate(1), statement(9)])
    }
  }))

test('refuses a log that lost what it once had, wherever that was', () =>
  withDirectory(async (directory) => {
    await writeLog(directory, [statement(1), certificate(1), statement(2)])
    const path = join(directory, WAL_FILE_NAME)
    const whole = readFileSync(path)
    const middleEnd = whole.length - frameRecord(statement(2), 0).length
    for (let offset = WAL_HEADER_SIZE; offset < middleEnd; offset++) {
      const damaged = Uint8Array.from(whole)
      damaged[offset] = (damaged[offset] as number) ^ 0x10
      writeFileSync(path, damaged)
      await assert.rejects(open(directory), hasCode('WAL_DAMAGED'))
      // What is on the disk is left to whoever wants to look at it.
      assert.deepEqual(readFileSync(path), Buffer.from(damaged))
    }
    await assert.rejects(open(directory), /consensus\.wal is damaged.*move it away and start again/)
  }))

test('knows what was durable also of what it wrote anew', () =>
  withDirectory(async (directory) => {
    const { log } = await open(directory)
    assert.ok(await replace(log, tip(1), statement(2), statement(3)))
    await log.close()
    const path = join(directory, WAL_FILE_NAME)
    const damaged = readFileSync(path)
    const offset = WAL_HEADER_SIZE + frameRecord(tip(1), 0).length + 30
    damaged[offset] = (damaged[offset] as number) ^ 1
    writeFileSync(path, damaged)
    await assert.rejects(open(directory), hasCode('WAL_DAMAGED'))
  }))

test('an interrupted replacement leaves the old log or the new one, whole', () =>
  withDirectory(async (root) => {
    const before = [statement(1), certificate(1)]
    const after = [tip(1), statement(2)]
    const outcomes: string[] = []
    for (let stepsLeft = 0, isDone = false; !isDone; stepsLeft++) {
      const directory = join(root, String(stepsLeft))
      await writeLog(directory, before)
      const disk = watchedDisk()
      const { log } = await open(directory, disk)
      disk.stepsLeft = stepsLeft
      isDone = await replace(log, ...after)
      await log.close()
      const records = await reread(directory)
      const isNew = records[0]?.kind === 'tip'
      assert.deepEqual(records, isNew ? after : before)
      outcomes.push(isDone ? 'done' : isNew ? 'new' : 'old')
    }
    // To create, three writes, a flush and the renaming leave the old one; only the directory's flush comes after.
    assert.deepEqual(outcomes, ['old', 'old', 'old', 'old', 'old', 'old', 'new', 'done'])
  }))

test('an interrupted start leaves the log as it was', () =>
  withDirectory(async (directory) => {
    const records = [statement(1), certificate(1)]
    await writeLog(directory, records)
    for (let stepsLeft = 0; ; stepsLeft++) {
      const disk = watchedDisk()
      disk.stepsLeft = stepsLeft
      const opened = await open(directory, disk).catch((error: unknown) => {
        assert.ok(hasCode('DATABASE_IO')(error) || hasCode('DATABASE_DISK_FULL')(error))
      })
      await opened?.log.close()
      assert.deepEqual(await reread(directory), records)
      if (opened !== undefined) break
    }
  }))

for (const code of ['ENOSPC', 'EIO']) {
  test(`takes nothing more after ${code}, and says so once`, () =>
    withDirectory(async (root) => {
      for (const stepsLeft of [0, 1]) {
        const directory = join(root, String(stepsLeft))
        const failures: WalFailedError[] = []
        const disk = watchedDisk(code)
        const { log } = await open(directory, disk, failures)
        assert.ok(await append(log, statement(1)))
        disk.stepsLeft = stepsLeft
        assert.equal(await append(log, statement(2)), false)
        disk.stepsLeft = Infinity
        assert.equal(await append(log, statement(3)), false)
        assert.equal(await replace(log, tip(1)), false)
        assert.deepEqual(
          failures.map(({ message }) => message.includes(code)),
          [true],
        )
        await log.close()
        const [first, ...others] = await reread(directory)
        assert.deepEqual(first, statement(1))
        // A failed flush may have written all the same, but what came after it never is.
        assert.deepEqual(others, stepsLeft === 0 ? [] : [statement(2)])
      }
    }))
}

test('gives up when too much waits for the disk', () =>
  withDirectory(async (directory) => {
    const failures: WalFailedError[] = []
    const { log } = await open(directory, watchedDisk(), failures)
    const large = block(1, 4 << 20)
    const answers: boolean[] = []
    for (let count = 0; count < 129; count++) {
      log.append([large], (isDurable) => {
        answers.push(isDurable)
      })
    }
    await log.close()
    assert.equal(answers.length, 129)
    assert.ok(answers.every((isDurable) => !isDurable))
    assert.match(failures[0]?.message ?? '', /too slow/)
  }))

test('takes nothing after it was closed', () =>
  withDirectory(async (directory) => {
    const failures: WalFailedError[] = []
    const { log } = await open(directory, watchedDisk(), failures)
    const before = append(log, statement(1))
    const closed = log.close()
    assert.deepEqual(await Promise.all([before, append(log, statement(2))]), [true, false])
    await closed
    assert.deepEqual(failures, [])
    assert.deepEqual(await reread(directory), [statement(1)])
  }))

test('is open once at a time', () =>
  withDirectory(async (directory) => {
    const { log } = await open(directory)
    await assert.rejects(open(directory), hasCode('DATABASE_LOCKED'))
    await log.close()
    const parent = { pid: process.ppid, started: null, host: hostname() }
    writeFileSync(join(directory, LOCK_FILE_NAME), JSON.stringify(parent))
    await assert.rejects(open(directory), hasCode('DATABASE_LOCKED'))
  }))

test('refuses a log of another epoch, and what is no log', () =>
  withDirectory(async (directory) => {
    await writeLog(directory, [statement(1)])
    const domain = { ...CONTEXT.domain, epoch: 3 as Epoch }
    const onFailure = (): void => assert.fail('nothing is written')
    const another = WalFile.open({ directory, context: { ...CONTEXT, domain }, onFailure })
    await assert.rejects(another, hasCode('WAL_OF_ANOTHER_COMMITTEE'))
    const path = join(directory, WAL_FILE_NAME)
    const whole = readFileSync(path)
    for (let offset = 0; offset < WAL_HEADER_SIZE; offset++) {
      const damaged = Uint8Array.from(whole)
      damaged[offset] = (damaged[offset] as number) ^ 1
      writeFileSync(path, damaged)
      await assert.rejects(open(directory), hasCode('WAL_DAMAGED'))
    }
    for (const size of [0, 7, WAL_HEADER_SIZE - 1]) {
      writeFileSync(path, whole.subarray(0, size))
      await assert.rejects(open(directory), hasCode('WAL_DAMAGED'))
    }
  }))

test('has a frozen header, and refuses a log of another version', () =>
  withDirectory(async (directory) => {
    await writeLog(directory, [])
    const path = join(directory, WAL_FILE_NAME)
    const file = Uint8Array.from(readFileSync(path))
    const domain = `00${'02'.padStart(16, '0')}${'7a69'.padStart(16, '0')}${'c4'.repeat(32)}`
    assert.equal(file.subarray(0, 58).toHex(), `414556495257414c02${domain}`)
    file[8] = 1
    const head = file.subarray(0, WAL_HEADER_SIZE - 8)
    file.set(createHash('sha256').update(head).digest().subarray(0, 8), head.length)
    writeFileSync(path, file)
    await assert.rejects(open(directory), hasCode('WAL_OF_ANOTHER_COMMITTEE'))
  }))

test('a torn block that holds what looks like frames makes no log look damaged', () =>
  withDirectory(async (directory) => {
    await writeLog(directory, [statement(1)])
    const firstSize = frameRecord(statement(1), 0).length
    // Durable as far as a frame behind the first one could say.
    const forged = blockOf(
      2,
      concatBytes(...Array.from({ length: 9 }, () => frameRecord(tip(7), firstSize + 1))),
    )
    const { log } = await open(directory)
    assert.ok(await append(log, forged))
    await log.close()
    const path = join(directory, WAL_FILE_NAME)
    writeFileSync(path, readFileSync(path).subarray(0, -1))
    assert.deepEqual(await reread(directory), [statement(1)])
  }))

test('holds what a log in memory would, whatever is appended, replaced and restarted', () =>
  withDirectory(async (root) => {
    const step = fc.record({
      kind: fc.constantFrom('append', 'append', 'append', 'replace', 'restart'),
      records: fc.array(anyRecord, { maxLength: 4 }),
      isAwaited: fc.boolean(),
    })
    let count = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const directory = join(root, String(count++))
        let expected: readonly WalRecord[] = []
        let { log } = await open(directory)
        for (const { kind, records, isAwaited } of steps) {
          if (kind === 'restart') {
            await log.close()
            const opened = await open(directory)
            assert.deepEqual(opened.records, expected)
            log = opened.log
            continue
          }
          expected = kind === 'append' ? [...expected, ...records] : records
          const done = kind === 'append' ? append(log, ...records) : replace(log, ...records)
          if (isAwaited) assert.ok(await done)
        }
        await log.close()
        assert.deepEqual(await reread(directory), expected)
      }),
      { numRuns: 60 },
    )
  }))
