/** A machine after a frame that nobody ended. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FORKS } from '../../../../src/chain/forks.ts'
import { openInterpreterMachine } from '../../../../runtime/evm/tier1/interpreter-machine.ts'
import { WasmFrame, type Execute } from '../../../../runtime/evm/wasm/frame.ts'
import { assemble } from '../../../support/assembler.ts'
import { FakeHost, finish, keyOf, messageOf, SELF } from '../../../support/fake-host.ts'

test('a frame that grew the memory and trapped leaves nothing to the next one', () => {
  const { machine } = openInterpreterMachine()
  const interpret: Execute = () => machine.exports.interpret.osaka()
  const trap: Execute = () => {
    interpret(machine, trapping)
    machine.memory.grow(1)
    throw new RangeError('a trap')
  }
  const frameOf = (code: Uint8Array, host: FakeHost, execute: Execute): WasmFrame => {
    const frame = new WasmFrame(messageOf(code), host, FORKS.osaka, machine, execute)
    assert.ok(frame.begin())
    return frame
  }
  const trapping = frameOf(assemble('PUSH1 9 PUSH0 SSTORE PUSH1 9 PUSH1 1 SSTORE'), new FakeHost(), trap)
  assert.throws(() => trapping.run(), RangeError)
  const host = new FakeHost()
  finish(frameOf(assemble('PUSH1 1 PUSH0 SLOAD ADD PUSH0 SSTORE'), host, interpret))
  assert.deepEqual(host.slots, new Map([[keyOf(SELF, 0n), 1n]]))
})
