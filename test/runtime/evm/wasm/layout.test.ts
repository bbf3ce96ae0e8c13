/** The map of linear memory: regions in order, each large enough, no field outside of its record. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as layout from '../../../../runtime/evm/wasm/layout.ts'

suite('layout of linear memory', () => {
  test('regions do not overlap', () => {
    const regions: [name: string, start: number, size: number][] = [
      ['context', 0x100, Object.keys(layout.CONTEXT).length * layout.WORD_SIZE],
      ['engine', layout.ENGINE.refund, layout.FRAME_RECORD - layout.ENGINE.refund],
      ['frame', layout.FRAME_RECORD, layout.FRAME_RECORD_SIZE],
      ['scratch', layout.SCRATCH, layout.SCRATCH_SIZE],
      ['divisors', layout.DIVISORS, layout.DIVISORS_SIZE],
      ['blob hashes', layout.BLOB_HASHES, layout.BLOB_HASHES_MAX * layout.WORD_SIZE],
      ['block hashes', layout.BLOCK_HASHES, layout.BLOCK_HASHES_COUNT * layout.WORD_SIZE],
      ['known block hashes', layout.BLOCK_HASHES_KNOWN, layout.BLOCK_HASHES_COUNT * 4],
      ['saved frames', layout.SAVED_FRAMES, layout.FRAMES_MAX * layout.FRAME_RECORD_SIZE],
      ['return data', layout.RETURN_DATA, layout.RETURN_DATA_MAX],
      ['account words', layout.ACCOUNT_WORDS, layout.ACCOUNTS_MAX * layout.WORD_SIZE],
      ['storage slots', layout.STORAGE_SLOTS, layout.STORAGE_SLOTS_MAX * layout.SLOT_SIZE],
      ['storage undo', layout.STORAGE_UNDO, layout.STORAGE_UNDO_MAX * layout.UNDO_SIZE],
      ['storage dirty', layout.STORAGE_DIRTY, layout.STORAGE_SLOTS_MAX * 4],
      ['code', layout.CODE, layout.CODE_END - layout.CODE],
      ['stacks', layout.STACKS, layout.STACKS_END - layout.STACKS],
      ['arena', layout.ARENA, layout.MEMORY_END - layout.ARENA],
    ]
    let end = 0
    for (const [name, start, size] of regions) {
      assert(start >= end, `${name} begins at ${start.toString(16)}, before ${end.toString(16)}`)
      assert.equal(start % 32, 0, name)
      end = start + size
    }
    assert.equal(layout.MEMORY_PAGES_MAX * layout.PAGE_SIZE, layout.MEMORY_END)
    assert(layout.MEMORY_PAGES_MIN * layout.PAGE_SIZE > layout.ARENA)
  })

  test('fields lie inside of their records, each alone', () => {
    const records = [
      [layout.FRAME, layout.FRAME_RECORD, layout.FRAME_RECORD_SIZE],
      [layout.ENGINE, layout.ENGINE.refund, layout.FRAME_RECORD - layout.ENGINE.refund],
      [layout.SLOT, 0, layout.SLOT_SIZE],
      [layout.UNDO, 0, layout.UNDO_SIZE],
    ] as const
    for (const [record, start, size] of records) {
      const fields = Object.values<number>(record).toSorted((a, b) => a - b)
      assert.equal(new Set(fields).size, fields.length)
      for (const field of fields) assert(field >= start && field < start + size)
    }
  })

  test('flags and statuses can be told apart', () => {
    assert.equal(layout.SLOT_FLAG.warm & layout.SLOT_FLAG.dirty, 0)
    assert.equal(layout.TRANSIENT, 2 ** 31)
    assert.equal(layout.haltStatus('outOfGas'), layout.STATUS.halt)
    assert.equal(layout.haltStatus('invalidInitcodeSize'), layout.STATUS.halt + layout.HALTS.length - 1)
    assert(Object.values(layout.STATUS).every((status) => status <= layout.STATUS.halt))
    assert(layout.CODE_PADDING > 32 && layout.ZERO_AHEAD % 32 === 0)
  })
})
