/** LOG0 … LOG4 of Wasm engines: what the host is told, and when, against tier 0. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { keccak256Hash } from '../../../../src/primitives/keccak.ts'
import { tier0 } from '../../../../runtime/evm/engine.ts'
import { tier1 } from '../../../../runtime/evm/tier1/engine.ts'
import { tier2 } from '../../../../runtime/evm/tier2/engine.ts'
import { LOGS_SIZE } from '../../../../runtime/evm/wasm/layout.ts'
import type { Engine } from '../../../../runtime/host.ts'
import { assemble, pushOf } from '../../../support/assembler.ts'
import { FakeHost, finish, startFrame, type FakeLog } from '../../../support/fake-host.ts'

const GAS = 2n ** 40n
/** So that data is told apart by where it begins. */
const FILL_MEMORY = 'PUSH32 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f PUSH0 MSTORE'
const TOPICS = [
  'CALLER',
  'PUSH1 1',
  'PUSH0 NOT',
  'PUSH32 0x0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20',
]

function logsOf(engine: Engine, code: Uint8Array): readonly FakeLog[] {
  const host = new FakeHost()
  finish(startFrame(code, { host, engine, gas: GAS, codeHash: keccak256Hash(code) }))
  return host.logs
}

for (const engine of [tier1, tier2]) {
  suite(engine.name, () => {
    const agree = (...lines: string[]): readonly FakeLog[] => {
      const code = assemble(...lines)
      const logs = logsOf(engine, code)
      assert.deepEqual(logs, logsOf(tier0, code))
      return logs
    }

    test('any number of topics, data of any size at any offset', () => {
      for (let topics = 0; topics <= 4; topics++) {
        const pushes = TOPICS.slice(0, topics).join(' ')
        const lines = [0, 1, 15, 16, 17, 31, 32, 48, 255, 256, 257, 272].flatMap((size) =>
          [0, 3, 16].map((offset) => `${pushes} ${pushOf(size)} ${pushOf(offset)} LOG${topics}`),
        )
        assert.equal(agree(FILL_MEMORY, ...lines).length, 36)
      }
    })

    test('sizes and offsets that are known only at run time', () => {
      agree(FILL_MEMORY, 'CALLER GAS PUSH1 31 AND GAS PUSH1 63 AND LOG1')
      agree(FILL_MEMORY, `CALLER CALLVALUE ${pushOf(2n ** 255n)} LOG1`)
    })

    test('more logs than have room at once, in their order', () => {
      const size = 1_000
      const count = Math.ceil((2.5 * LOGS_SIZE) / size)
      const logs = agree(
        `${pushOf(count)} @loop DUP1 PUSH0 MSTORE DUP1 ${pushOf(size)} PUSH0 LOG1`,
        'PUSH1 1 SWAP1 SUB DUP1 PUSH2 @loop JUMPI',
      )
      assert.equal(logs.length, count)
    })

    test('data that has no room at all, and the last one that has', () => {
      const sizes = [-160, -159, -32, 0, 1, 77].map((more) => LOGS_SIZE + more)
      agree(
        FILL_MEMORY,
        ...sizes.map((size) => `CALLER PUSH1 32 PUSH0 LOG1 ${TOPICS.join(' ')} ${pushOf(size)} PUSH1 5 LOG4`),
      )
    })

    test('the host hears of them before it sees a call, and of those of a frame that fails', () => {
      const calls = assemble('PUSH1 32 PUSH0 LOG0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 1 GAS CALL')
      const host = new FakeHost()
      const outcome = startFrame(calls, { host, engine, codeHash: keccak256Hash(calls) }).run()
      assert.equal(outcome.kind, 'call')
      assert.equal(host.logs.length, 1)
      assert.equal(agree('PUSH1 7 PUSH1 32 PUSH0 LOG1 PUSH0 PUSH0 REVERT').length, 1)
      assert.equal(agree('PUSH1 7 PUSH1 32 PUSH0 LOG1 INVALID').length, 1)
    })

    test('nothing is left of a frame that the host broke off', () => {
      class FailingHost extends FakeHost {
        override blockHash(): never {
          throw new RangeError('a state that cannot be read')
        }
      }
      const code = assemble('PUSH1 7 PUSH1 32 PUSH0 LOG1 PUSH1 1 NUMBER SUB BLOCKHASH')
      const frame = startFrame(code, { host: new FailingHost(), engine, codeHash: keccak256Hash(code) })
      assert.throws(() => frame.run(), RangeError)
      assert.equal(agree('PUSH1 9 PUSH1 32 PUSH0 LOG1').length, 1)
    })
  })
}
