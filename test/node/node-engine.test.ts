/** The engine of a node: what was hot is compiled again after a restart, whatever the file beside the database says. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { EMPTY_BYTES, type Hash } from '../../src/primitives/bytes.ts'
import { keccak256Hash } from '../../src/primitives/keccak.ts'
import { openNodeEngine, PROFILE_FILE_NAME, type NodeEngine } from '../../src/node/node-engine.ts'
import type { StateReader } from '../../src/state/state-reader.ts'
import { CorruptDatabaseError } from '../../src/storage/database-errors.ts'
import type { TieredEngine } from '../../runtime/evm/tiering/engine.ts'
import { assemble } from '../support/assembler.ts'
import { withScratch } from '../support/cli.ts'
import { finish, startFrame } from '../support/fake-host.ts'

const LOOP = assemble('PUSH3 100000 @head PUSH1 1 SWAP1 SUB DUP1 PUSH2 @head JUMPI STOP')
const HASH = keccak256Hash(LOOP)
const STATE: StateReader = {
  account: () => undefined,
  storage: () => 0n,
  code: (hash: Hash) => {
    if (hash === HASH) return LOOP
    throw new CorruptDatabaseError(`code ${hash} is missing`)
  },
}
const UNKNOWN_LINE = `osaka 0x${'12'.repeat(32)} 1000000\n`

function unexpected(error: unknown): never {
  throw error
}

const NO_PROFILE = { profile: undefined, onError: unexpected }

function tieredOf({ executor }: NodeEngine): TieredEngine {
  // Cast: the executor of the tiered engine has that one.
  return executor.engine as TieredEngine
}

/** Resolves when the next contract is compiled. */
function compilation(engine: NodeEngine): Promise<void> {
  const { codes } = tieredOf(engine)
  const before = codes.onCompiled
  return new Promise((resolve) => {
    codes.onCompiled = () => {
      before?.()
      resolve()
    }
  })
}

describe('a profile', () => {
  test('is written when the node ends, and compiled from when it starts again', () =>
    withScratch(async (directory) => {
      const profile = join(directory, 'data', PROFILE_FILE_NAME)
      const first = await openNodeEngine('tiered', { profile, onError: unexpected })
      await first.warmUp(STATE)
      const hot = compilation(first)
      finish(startFrame(LOOP, { engine: tieredOf(first), gas: 10_000_000n, codeHash: HASH }))
      await hot
      await first.close()
      assert.match(readFileSync(profile, 'latin1'), new RegExp(`^osaka ${HASH} [0-9]+\n$`, 'u'))

      writeFileSync(profile, `${UNKNOWN_LINE}\u0000nonsense\n${readFileSync(profile, 'latin1')}`)
      const second = await openNodeEngine('tiered', { profile, onError: unexpected })
      const warm = compilation(second)
      await second.warmUp(STATE)
      await warm
      finish(startFrame(LOOP, { engine: tieredOf(second), gas: 10_000_000n, codeHash: HASH }))
      assert.deepEqual(tieredOf(second).statistics().frames, { tier0: 0, tier1: 0, tier2: 1 })
      await second.close()
      assert.ok(!readFileSync(profile, 'latin1').includes(UNKNOWN_LINE))
    }))

  test('that cannot be read is none, and one that cannot be written is told', () =>
    withScratch(async (directory) => {
      const profile = join(directory, PROFILE_FILE_NAME)
      mkdirSync(profile)
      const errors: unknown[] = []
      const engine = await openNodeEngine('tiered', { profile, onError: (error) => errors.push(error) })
      await engine.warmUp(STATE)
      const hot = compilation(engine)
      finish(startFrame(LOOP, { engine: tieredOf(engine), gas: 10_000_000n, codeHash: HASH }))
      await hot
      await engine.close()
      assert.equal(errors.length, 1)
    }))
})

test('what the first contract needs is made a moment after the start, unless the node ends', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const [node, ended] = [
    await openNodeEngine('tiered', NO_PROFILE),
    await openNodeEngine('tiered', NO_PROFILE),
  ]
  const prepared = [node, ended].map((engine) => context.mock.method(tieredOf(engine), 'prepare').mock)
  const counts = () => prepared.map((mock) => mock.callCount())
  await node.warmUp(STATE)
  await ended.warmUp(STATE)
  assert.deepEqual(counts(), [0, 0])
  await ended.close()
  context.mock.timers.tick(1000)
  assert.deepEqual(counts(), [1, 0])
  finish(startFrame(LOOP, { engine: tieredOf(node), gas: 10_000_000n, codeHash: HASH }))
  assert.equal(tieredOf(node).statistics().frames.tier1, 1)
  await node.close()
})

test('what cannot be made then is told', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const errors: unknown[] = []
  const node = await openNodeEngine('tiered', { ...NO_PROFILE, onError: (error) => errors.push(error) })
  const failure = new RangeError('no memory')
  context.mock.method(tieredOf(node), 'prepare', () => {
    throw failure
  })
  await node.warmUp(STATE)
  context.mock.timers.tick(1000)
  assert.deepEqual(errors, [failure])
  await node.close()
})

test('other engines have neither thread nor profile', async () => {
  const engine = await openNodeEngine('tier1', { profile: '/nowhere/at/all', onError: unexpected })
  await engine.warmUp({ ...STATE, code: () => EMPTY_BYTES })
  assert.equal(engine.executor.name, 'tier1')
  await engine.close()
})

test('an executor of somebody else is used as it is', async () => {
  const owner = await openNodeEngine('tier1', { profile: undefined, onError: unexpected })
  const engine = await openNodeEngine(owner.executor, { profile: undefined, onError: unexpected })
  assert.equal(engine.executor, owner.executor)
  await engine.close()
})
