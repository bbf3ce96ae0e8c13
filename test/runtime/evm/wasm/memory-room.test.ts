/** That a frame is compiled only if it cannot pay for more memory than there is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ARENA, MEMORY_END, WORD_SIZE, ZERO_AHEAD } from '../../../../runtime/evm/wasm/layout.ts'
import { Machine } from '../../../../runtime/evm/wasm/machine.ts'
import { hasRoomFor } from '../../../../runtime/evm/wasm/memory-room.ts'

/** A machine whose frame has its memory at `memoryBase`. */
function machineWith(memoryBase: number): Machine {
  return Object.assign(Object.create(Machine.prototype) as Machine, { field: () => memoryBase })
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
