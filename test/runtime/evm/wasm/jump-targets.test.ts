/** Jump targets of code that is new, looked for one by one, are those that going through all of it finds. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { analyze } from '../../../../runtime/evm/analysis.ts'
import { CODE, CODE_MARGIN, CODE_PADDING, FRAME, JUMP_TARGETS } from '../../../../runtime/evm/wasm/layout.ts'
import { createRuntimeWorld } from './runtime-world.ts'

const JUMPDEST = 0x5b
const CODE_SIZE_MAX = 24_576
/** Code behind what is asked for, so large that no map is made. */
const TAIL_SIZE = 8000

const world = createRuntimeWorld()

/** Writes code among garbage that looks like nothing but PUSH32, into the record of the frame in place as well. */
function place(code: Uint8Array): void {
  const bytes = world.bytes()
  const address = CODE + CODE_MARGIN
  const end = address + code.length
  bytes.fill(0x7f, CODE, end + CODE_PADDING + JUMP_TARGETS.map + code.length)
  bytes.set(code, address)
  world.functions.prepareCode(address, code.length)
  const view = world.view()
  view.setInt32(FRAME.code, address, true)
  view.setInt32(FRAME.codeSize, code.length, true)
  view.setInt32(FRAME.jumpTargets, end + CODE_PADDING, true)
}

function searchesLeft(): number {
  const view = world.view()
  return view.getInt32(view.getInt32(FRAME.jumpTargets, true) + JUMP_TARGETS.searchesLeft, true)
}

function isJumpTarget(target: number): boolean {
  return world.functions.isJumpTarget(target) === 1
}

function expect(code: Uint8Array, targets: Iterable<number>): void {
  place(code)
  const { jumpdests } = analyze(code)
  for (const target of targets) assert.equal(isJumpTarget(target), jumpdests[target] === 1, `at ${target}`)
}

/** All offsets in `code`, from the first one, from the last one, and in some other order. */
function orders(code: ArrayLike<unknown>, step: number): number[][] {
  const offsets = Array.from(code, (_, i) => i)
  return [offsets, offsets.toReversed(), offsets.map((i) => (i * step) % Math.max(1, code.length))]
}

function bytesOf(byte: fc.Arbitrary<number>): fc.Arbitrary<number[]> {
  return fc.array(byte, { minLength: 1, maxLength: 200, size: 'max' })
}

const anyByte = fc.integer({ min: 0, max: 255 })
const push = fc.integer({ min: 0x60, max: 0x7f })
const jumpdest = fc.constant(JUMPDEST)

const CODES: Readonly<Record<string, fc.Arbitrary<number>>> = {
  'any bytes': anyByte,
  'much that is or looks like a PUSH': fc.oneof(push, push, jumpdest, anyByte),
  'few PUSHes': fc.oneof({ arbitrary: jumpdest, weight: 20 }, { arbitrary: push, weight: 1 }),
  'long PUSHes only': fc.oneof(fc.integer({ min: 0x7c, max: 0x7f }), jumpdest),
}

suite('jump targets of code that is new', () => {
  for (const [name, byte] of Object.entries(CODES)) {
    test(`are exact in ${name}, in whatever order they are asked for`, () => {
      fc.assert(
        fc.property(bytesOf(byte), fc.nat(), fc.constantFrom(0, TAIL_SIZE), (bytes, step, tailSize) => {
          const code = Uint8Array.from([...bytes, ...new Uint8Array(tailSize)])
          for (const order of orders(bytes, step)) expect(code, order)
        }),
        { numRuns: 300 },
      )
    })
  }

  test('are exact for each single one as the first question', () => {
    fc.assert(
      fc.property(bytesOf(fc.oneof(push, jumpdest)), (bytes) => {
        const code = Uint8Array.from([...bytes, ...new Uint8Array(TAIL_SIZE)])
        for (let target = 0; target < bytes.length; target++) expect(code, [target])
      }),
      { numRuns: 100 },
    )
  })

  test('each length of PUSH hides what its immediate holds, and nothing behind', () => {
    for (let size = 1; size <= 32; size++) {
      for (const before of [0, 1, 31, 32, 33]) {
        const code = new Uint8Array(before + 1 + size + 1 + 2000).fill(JUMPDEST)
        code[before] = 0x5f + size
        expect(code, orders(code.subarray(0, before + size + 2), 7).flat())
      }
    }
  })

  test('a PUSH whose immediate the end of code cuts off hides the rest', () => {
    const code = Uint8Array.from([JUMPDEST, 0x7f, JUMPDEST, JUMPDEST])
    expect(code, [3, 2, 1, 0])
  })

  test('are found without a map as long as that is cheap', () => {
    const code = new Uint8Array(CODE_SIZE_MAX).fill(JUMPDEST)
    place(code)
    assert(isJumpTarget(0) && isJumpTarget(CODE_SIZE_MAX - 1))
    assert(searchesLeft() > 1000)
  })

  test('are marked once they were asked for often', () => {
    const code = new Uint8Array(CODE_SIZE_MAX).fill(JUMPDEST)
    place(code)
    let count = 0
    while (searchesLeft() > 0) {
      assert(isJumpTarget(count))
      count++
    }
    assert(count < CODE_SIZE_MAX / 8)
    expect(code, orders(code, 1).flat())
  })

  test('are marked at once where nothing is certain', () => {
    // Each byte reaches the next one: only the start of code is the start of an instruction for sure.
    const code = new Uint8Array(CODE_SIZE_MAX).fill(0x60)
    code[CODE_SIZE_MAX - 1] = JUMPDEST
    place(code)
    assert.equal(isJumpTarget(CODE_SIZE_MAX - 1), false)
    assert.equal(searchesLeft(), 0)
    expect(code, [CODE_SIZE_MAX - 1, 0])
  })
})
