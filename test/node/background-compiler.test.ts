/** Contracts become hot, are compiled in a thread, and go on with the same results. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keccak256Hash } from '../../src/primitives/keccak.ts'
import { BackgroundCompiler } from '../../src/node/background-compiler.ts'
import { tier0 } from '../../runtime/evm/engine.ts'
import type { Engine } from '../../runtime/host.ts'
import type { FinalOutcome } from '../../runtime/outcome.ts'
import { createTieredEngine } from '../../runtime/evm/tier2/engine.ts'
import { assemble } from '../support/assembler.ts'
import { finish, startFrame } from '../support/fake-host.ts'

/** Sums up 60,000 numbers. */
const LOOP = assemble(
  'PUSH0 PUSH2 60000 @head DUP1 SWAP2 ADD SWAP1 PUSH1 1 SWAP1 SUB DUP1 PUSH2 @head JUMPI',
  'POP PUSH0 MSTORE PUSH1 32 PUSH0 RETURN',
)
const RUNS_MAX = 5

function run(engine: Engine): FinalOutcome {
  return finish(startFrame(LOOP, { engine, gas: 10_000_000n, codeHash: keccak256Hash(LOOP) }))
}

test('hot code is asked for once, and has the same outcome before and after', async () => {
  const compiler = new BackgroundCompiler()
  const compiled = Promise.withResolvers<WebAssembly.Module | undefined>()
  const requests: string[] = []
  const engine = createTieredEngine((code, fork, done) => {
    requests.push(fork)
    compiler.compile(code, fork, (module) => {
      done(module)
      compiled.resolve(module)
    })
  })
  const expected = run(tier0)
  for (let i = 0; requests.length === 0 && i < RUNS_MAX; i++) assert.deepEqual(run(engine), expected)
  assert.ok(await compiled.promise)
  for (let i = 0; i < RUNS_MAX; i++) assert.deepEqual(run(engine), expected)
  assert.deepEqual(requests, ['osaka'])
  await compiler.close()
})

test('what waits when the compiler ends stays interpreted', async () => {
  const compiler = new BackgroundCompiler()
  const { promise, resolve } = Promise.withResolvers<WebAssembly.Module | undefined>()
  compiler.compile(LOOP, 'osaka', resolve)
  await compiler.close()
  assert.equal(await promise, undefined)
})
