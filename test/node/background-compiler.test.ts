/** Contracts become hot, are compiled in a thread, and go on with the same results. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { keccak256Hash } from '../../src/primitives/keccak.ts'
import { BackgroundCompiler, type CompilerError } from '../../src/node/background-compiler.ts'
import { tier0 } from '../../runtime/evm/engine.ts'
import { createTieredEngine } from '../../runtime/evm/tiering/engine.ts'
import type { Engine } from '../../runtime/host.ts'
import type { FinalOutcome } from '../../runtime/outcome.ts'
import { assemble } from '../support/assembler.ts'
import { finish, startFrame } from '../support/fake-host.ts'

/** Sums up so many numbers. */
function loopOf(count: number): Uint8Array {
  return assemble(
    `PUSH0 PUSH3 ${count} @head DUP1 SWAP2 ADD SWAP1 PUSH1 1 SWAP1 SUB DUP1 PUSH2 @head JUMPI`,
    'POP PUSH0 MSTORE PUSH1 32 PUSH0 RETURN',
  )
}
const LOOP = loopOf(60_000)
const BUDGET = { bytesMax: 100_000, msMax: 10_000 }

function run(engine: Engine, code: Uint8Array): FinalOutcome {
  return finish(startFrame(code, { engine, gas: 2n ** 33n, codeHash: keccak256Hash(code) }))
}

function unexpected(error: CompilerError): never {
  throw error
}

test('hot code is compiled once, and has the same outcome before and after', async () => {
  const compiler = new BackgroundCompiler(unexpected)
  const engine = createTieredEngine({ port: compiler })
  const compiled = Promise.withResolvers<void>()
  engine.codes.onCompiled = () => compiled.resolve()
  const expected = run(tier0, LOOP)
  assert.deepEqual(run(engine, LOOP), expected)
  await compiled.promise
  for (let i = 0; i < 3; i++) assert.deepEqual(run(engine, LOOP), expected)
  const { compilations, failures, frames } = engine.statistics()
  assert.deepEqual(
    { compilations, failures, frames },
    { compilations: 1, failures: 0, frames: { tier0: 0, tier1: 1, tier2: 3 } },
  )
  await compiler.close()
})

test('a frame that runs for long goes over into compiled code without a turn of the event loop', async () => {
  const compiler = new BackgroundCompiler(unexpected)
  const engine = createTieredEngine({ port: compiler })
  // The thread takes a while to start; a frame of 2³³ gas would take a minute in the interpreter.
  const outcome = run(engine, loopOf(15_000_000))
  assert.equal(outcome.kind, 'return')
  assert.equal(engine.statistics().cachedContracts, 1)
  await compiler.close()
})

test('what waits when the compiler ends stays interpreted', async () => {
  const compiler = new BackgroundCompiler(unexpected)
  const answers: unknown[] = []
  assert.ok(compiler.request({ code: LOOP, fork: 'osaka', budget: BUDGET }, (answer) => answers.push(answer)))
  await compiler.close()
  await setImmediate()
  assert.deepEqual(answers, [])
  assert.equal(
    compiler.request({ code: LOOP, fork: 'osaka', budget: BUDGET }, () => assert.fail('an answer')),
    false,
  )
})
