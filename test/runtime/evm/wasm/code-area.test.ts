/** Where code lies: in the area from its second run on, found again by hash, and nowhere when there is no room. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { keccak256Hash } from '../../../../src/primitives/keccak.ts'
import { CodeArea, codeFootprint, type PlacedCode } from '../../../../runtime/evm/wasm/code-area.ts'
import { CODE, CODE_END, CODE_MARGIN } from '../../../../runtime/evm/wasm/layout.ts'

class FakeMemory {
  readonly bytes = new Uint8Array(CODE_END)
  isBusy = false
  readonly prepared: number[] = []
  readonly exports = { prepareCode: (code: number) => void this.prepared.push(code) }
}

/** Code that differs from any other with another number. */
function codeOf(number: number, size = 100): { code: Uint8Array; hash: ReturnType<typeof keccak256Hash> } {
  const code = new Uint8Array(size)
  new DataView(code.buffer).setUint32(0, number)
  return { code, hash: keccak256Hash(code) }
}

function placeTwice(area: CodeArea, number: number, size?: number): PlacedCode | undefined {
  const { code, hash } = codeOf(number, size)
  assert.equal(area.place(code, hash), undefined)
  return area.place(code, hash)
}

suite('the area of code', () => {
  test('keeps code from its second run on', () => {
    const memory = new FakeMemory()
    const area = new CodeArea(memory)
    const { code, hash } = codeOf(7)
    assert.equal(area.place(code, hash), undefined)
    assert.deepEqual(memory.prepared, [])
    const placed = area.place(code, hash)
    assert.equal(placed?.address, CODE + CODE_MARGIN)
    assert.equal(placed.size, code.length)
    assert.deepEqual(memory.prepared, [placed.address])
    assert.deepEqual(memory.bytes.subarray(placed.address, placed.address + code.length), code)
    assert.equal(area.place(code, hash), placed)
  })

  test('does not keep code without a hash', () => {
    const area = new CodeArea(new FakeMemory())
    for (let i = 0; i < 3; i++) assert.equal(area.place(codeOf(1).code, undefined), undefined)
  })

  test('puts one code behind the other', () => {
    const area = new CodeArea(new FakeMemory())
    const [first, second] = [placeTwice(area, 1, 24_576), placeTwice(area, 2)]
    assert(first !== undefined && second !== undefined)
    assert.equal(second.address - first.address, codeFootprint(24_576))
  })

  test('begins anew when it is full, but not under the feet of frames', () => {
    const memory = new FakeMemory()
    const area = new CodeArea(memory)
    const size = 1024 * 1024
    const first = placeTwice(area, 0, size)
    let count = 1
    memory.isBusy = true
    while (placeTwice(area, count, size) !== undefined) count++
    assert(codeFootprint(size) * (count + 1) > CODE_END - CODE)
    assert.equal(area.place(codeOf(0, size).code, codeOf(0, size).hash), first)
    memory.isBusy = false
    const { code, hash } = codeOf(count, size)
    assert.equal(area.place(code, hash)?.address, CODE + CODE_MARGIN)
    assert.equal(area.place(codeOf(0, size).code, codeOf(0, size).hash), undefined)
  })
})
