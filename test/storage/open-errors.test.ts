/** Databases that cannot be opened are refused with an error that has a code and names a cure, and are left alone. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { wordToAddress } from '../../src/primitives/bytes.ts'
import { StateUnavailableError } from '../../src/execution/ledger.ts'
import { DatabaseError, DatabaseLockedError } from '../../src/storage/database-errors.ts'
import { explainError } from '../../src/storage/file-errors.ts'
import type { KeyValueStore } from '../../src/storage/key-value-store.ts'
import { openLedger } from '../../src/storage/ledger-database.ts'
import { openLmdbStore } from '../../src/storage/lmdb-store.ts'
import { LOCK_FILE_NAME } from '../../src/storage/lock-file.ts'
import { MemoryStore } from '../../src/storage/memory-store.ts'
import { FORMAT_VERSION } from '../../src/storage/schema.ts'
import { verifyLedger } from '../../src/storage/verify.ts'
import { kill, startChild } from './child.ts'
import { appendBusyBlock, CHAIN_ID, genesisBlock, openSample } from './sample-chain.ts'
import { withDirectory } from './stores.ts'

/** Matches a DatabaseError by its code and the words of its cure. */
function refusal(code: string, cure: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof DatabaseError, String(error))
    assert.equal(error.code, code)
    assert.match(error.message, cure)
    return true
  }
}

const metaKey = (name: string): Uint8Array => new TextEncoder().encode(name)

function putMeta(store: KeyValueStore, name: string, value: Uint8Array): void {
  store.write((transaction) => transaction.put('meta', metaKey(name), value))
}

describe('a ledger is not opened', () => {
  test('in a database of another chain', () => {
    const store = new MemoryStore()
    openSample(store)
    const otherGenesis = genesisBlock(
      new Map([[wordToAddress(1n), { balance: 1n, nonce: 0n, code: new Uint8Array(), storage: new Map() }]]),
    )
    const foreign = refusal(
      'DATABASE_OF_ANOTHER_CHAIN',
      /chain 2785 .*name another data directory, or start with/,
    )
    assert.throws(() => openLedger({ store, chainId: CHAIN_ID, genesis: otherGenesis }), foreign)
    assert.throws(() => openLedger({ store, chainId: 1n, genesis: genesisBlock() }), foreign)
    assert.equal(openSample(store).head().number, 0n)
  })

  test('in a database of another format', () => {
    const store = new MemoryStore()
    openSample(store)
    putMeta(store, 'format', Uint8Array.of(0, 0, 0, FORMAT_VERSION + 1))
    const newer = refusal('DATABASE_FORMAT_NEWER', /use the newer version that wrote it/)
    assert.throws(() => openSample(store), newer)
    assert.throws(() => verifyLedger(store), newer)
    putMeta(store, 'format', Uint8Array.of(0, 0, 0, FORMAT_VERSION - 1))
    assert.throws(() => openSample(store), refusal('DATABASE_FORMAT_OLDER', /import the chain again/))
  })

  test('in a database whose entries are damaged', () => {
    const corrupt = refusal('DATABASE_CORRUPT', /aevir db verify/)
    for (const name of ['identity', 'head', 'committed', 'oldestState']) {
      const store = new MemoryStore()
      openSample(store)
      putMeta(store, name, new Uint8Array(40))
      assert.throws(() => openSample(store), corrupt, name)
      store.write((transaction) => transaction.delete('meta', metaKey(name)))
      assert.throws(() => openSample(store), corrupt, name)
    }
    assert.throws(() => verifyLedger(new MemoryStore()), corrupt)
  })
})

describe('a directory is not opened', () => {
  test('while another process uses it, and is after that process was killed', () =>
    withDirectory(async (directory) => {
      const child = startChild(directory)
      const { pid } = child.process
      for await (const line of child.lines) {
        if (line !== 'open') continue
        assert.throws(
          () => openLmdbStore(directory),
          (error) =>
            refusal('DATABASE_LOCKED', /stop that process, or name another/)(error) &&
            error instanceof DatabaseLockedError &&
            error.pid === pid,
        )
        await kill(child.process)
      }
      assert.ok(existsSync(join(directory, LOCK_FILE_NAME)), 'a killed process leaves its lock behind')
      const store = openLmdbStore(directory)
      assert.deepEqual(verifyLedger(store).findings, [])
      await store.close()
      assert.equal(existsSync(join(directory, LOCK_FILE_NAME)), false)
    }))

  test('twice by one process, but again after it was closed', () =>
    withDirectory(async (directory) => {
      const store = openLmdbStore(directory)
      assert.throws(
        () => openLmdbStore(directory),
        refusal('DATABASE_LOCKED', new RegExp(`process ${process.pid}`)),
      )
      await store.close()
      await openLmdbStore(directory).close()
    }))

  test('while a process on another host may use it', () =>
    withDirectory((directory) => {
      const path = join(directory, LOCK_FILE_NAME)
      writeFileSync(path, JSON.stringify({ pid: 12, started: '1', host: 'elsewhere.example' }))
      assert.throws(
        () => openLmdbStore(directory),
        refusal('DATABASE_LOCKED', /on host elsewhere.example: stop it, or remove/),
      )
      assert.ok(existsSync(path))
    }))

  test('is opened over the lock of a process that is gone, or whose id another one has now', () =>
    withDirectory(async (directory) => {
      const path = join(directory, LOCK_FILE_NAME)
      const host = hostname()
      const stale = [
        JSON.stringify({ pid: process.pid, started: 'before', host }),
        JSON.stringify({ pid: 4_194_304, started: null, host }),
        '{"pid"',
        'null',
      ]
      for (const content of stale) {
        writeFileSync(path, content)
        const store = openLmdbStore(directory)
        assert.equal((JSON.parse(readFileSync(path, 'utf8')) as { pid: number }).pid, process.pid)
        await store.close()
      }
    }))

  test('when it is a file, or below one', () =>
    withDirectory((directory) => {
      const file = join(directory, 'file')
      writeFileSync(file, '')
      const noDirectory = refusal('DATABASE_NOT_A_DIRECTORY', /name a directory/)
      assert.throws(() => openLmdbStore(file), noDirectory)
      assert.throws(() => openLmdbStore(join(file, 'data')), noDirectory)
    }))

  // The superuser may read and write everything.
  if (process.getuid?.() !== 0) {
    test('without permission', () =>
      withDirectory((directory) => {
        const path = join(directory, 'data')
        mkdirSync(path)
        chmodSync(path, 0)
        assert.throws(
          () => openLmdbStore(path),
          refusal('DATABASE_NO_PERMISSION', /change its owner or mode/),
        )
        chmodSync(path, 0o700)
      }))
  }

  test('when the database file is another file, or was cut off', () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'data.mdb')
      for (const content of [new Uint8Array(100_000).fill(0x5a), new Uint8Array(8192), Uint8Array.of(1)]) {
        writeFileSync(path, content)
        assert.throws(
          () => openLmdbStore(directory),
          refusal('DATABASE_CORRUPT', /is no database of this program/),
        )
        assert.equal(statSync(path).size, content.length)
      }
      // What is left of a database whose creation was interrupted.
      truncateSync(path, 0)
      const ledger = openSample(openLmdbStore(directory))
      for (let i = 0; i < 20; i++) appendBusyBlock(ledger, 20)
      await ledger.close()
      truncateSync(path, 3 * 4096)
      assert.throws(() => openLmdbStore(directory), refusal('DATABASE_CORRUPT', /has been cut off/))
    }))
})

describe('an error of the file system or of LMDB', () => {
  const explain = (code: string | number): unknown =>
    explainError(Object.assign(new Error('as reported'), { code }), process.cwd())

  test('becomes one that names a cure, with the original as its cause', () => {
    for (const code of ['ENOSPC', 'EDQUOT', 28, -30_792]) {
      assert.ok(refusal('DATABASE_DISK_FULL', /free some space/)(explain(code)), String(code))
    }
    for (const code of ['EACCES', 'EROFS', 13]) {
      assert.ok(refusal('DATABASE_NO_PERMISSION', /owner or mode/)(explain(code)), String(code))
    }
    assert.ok(refusal('DATABASE_CORRUPT', /restore a copy/)(explain(-30_796)))
    assert.ok(refusal('DATABASE_IO', /as reported.*check the disk/)(explain('EMFILE')))
    assert.equal(((explain('ENOSPC') as Error).cause as Error).message, 'as reported')
  })

  test('is told from errors of the work itself, which pass unchanged', () => {
    const failures = [
      new RangeError('mine'),
      new StateUnavailableError(1n, 2n),
      Object.assign(new TypeError('of an argument'), { code: 'ERR_INVALID_ARG_TYPE' }),
      'no error at all',
    ]
    for (const failure of failures) assert.equal(explainError(failure, '.'), failure)
  })
})
