/** That compiled code runs a frame only if that cannot pay for more memory than there is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EMPTY_BYTES } from '../../../../src/primitives/bytes.ts'
import { FORKS } from '../../../../src/chain/forks.ts'
import { tier0 } from '../../../../runtime/evm/engine.ts'
import { openInterpreterMachine } from '../../../../runtime/evm/tier1/interpreter-machine.ts'
import { REGION_LIMITS } from '../../../../runtime/evm/tier2/compile.ts'
import { createCompiledCode } from '../../../../runtime/evm/tier2/engine.ts'
import { WasmFrame } from '../../../../runtime/evm/wasm/frame.ts'
import {
  ARENA,
  MEMORY_END,
  MEMORY_PAGES_MAX,
  MEMORY_PAGES_MIN,
  STATUS,
  WORD_SIZE,
  ZERO_AHEAD,
} from '../../../../runtime/evm/wasm/layout.ts'
import { Machine } from '../../../../runtime/evm/wasm/machine.ts'
import { hasRoomFor } from '../../../../runtime/evm/wasm/memory-room.ts'
import { assemble } from '../../../support/assembler.ts'
import { FakeHost, messageOf } from '../../../support/fake-host.ts'

/** A machine whose frame has its memory at `memoryBase`. */
function machineWith(memoryBase: number): Machine {
  return Object.assign(Object.create(Machine.prototype) as Machine, {
    bytes: EMPTY_BYTES,
    field: () => memoryBase,
    reserve: () => true,
  })
}

test('the largest memory that gas buys fits wherever there is room for the gas', () => {
  const memoryBase = fc.integer({ min: ARENA / WORD_SIZE, max: MEMORY_END / WORD_SIZE - 1 })
  fc.assert(
    fc.property(memoryBase, fc.integer({ min: 0, max: 100 }), (base, excess) => {
      const address = base * WORD_SIZE
      const words = BigInt(Math.max(0, MEMORY_END - ZERO_AHEAD - address) / WORD_SIZE + excess)
      const gas = Number(3n * words + words ** 2n / 512n)
      if (excess > 0) assert.ok(!hasRoomFor(machineWith(address), gas))
    }),
  )
})

test('there is room for more gas than a block has, at the start of a transaction', () => {
  assert.ok(hasRoomFor(machineWith(ARENA), 2 ** 40))
  assert.ok(!hasRoomFor(machineWith(ARENA), 2 ** 41))
})

/** Runs code that makes its memory 2 MiB large, compiled where that may be. */
function runIn(pagesMax: number): { outcome: unknown; wasCompiled: boolean } {
  const { machine, imports } = openInterpreterMachine(pagesMax)
  const options = { name: 'tier2', limits: REGION_LIMITS, compilesInitcode: true }
  const enterCompiled = createCompiledCode(imports, options)
  let wasCompiled = false
  const frame = new WasmFrame(MESSAGE, new FakeHost(), FORKS.osaka, machine, (_, frame) => {
    const status = enterCompiled(machine, frame)
    wasCompiled = status !== STATUS.switch
    return wasCompiled ? status : machine.exports.interpret.osaka()
  })
  assert.ok(frame.begin())
  return { outcome: frame.run(), wasCompiled }
}

const MESSAGE = {
  ...messageOf(assemble('PUSH1 7 PUSH3 0x1fffe0 MSTORE PUSH1 32 PUSH3 0x1fffe0 RETURN')),
  gas: 10_000_000n,
}

test('a frame whose memory the machine does not have is not compiled, and comes to the same', () => {
  const expected = tier0.start(MESSAGE, new FakeHost(), FORKS.osaka).run()
  assert.equal(expected.kind, 'return')
  assert.deepEqual(runIn(MEMORY_PAGES_MAX), { outcome: expected, wasCompiled: true })
  assert.deepEqual(runIn(MEMORY_PAGES_MIN + 2), { outcome: expected, wasCompiled: false })
})
