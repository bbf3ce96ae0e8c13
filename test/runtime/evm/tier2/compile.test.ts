/** Modules of compiled code: where they are entered, what their budget leaves out, and what they do not survive. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { compile, ENTER, REGION_LIMITS, type CompiledCode } from '../../../../runtime/evm/tier2/compile.ts'
import {
  FRAME,
  haltStatus,
  MEMORY_PAGES_MAX,
  MEMORY_PAGES_MIN,
  STATUS,
} from '../../../../runtime/evm/wasm/layout.ts'
import { RUNTIME_FUNCTIONS } from '../../../../runtime/evm/wasm/runtime-module.ts'
import { assemble } from '../../../support/assembler.ts'

function compiled(bytesMax: number, ...program: string[]): CompiledCode {
  return compile(assemble(...program), 'osaka', { limits: REGION_LIMITS, bytesMax })
}

/** Enters a module over a memory of zeros but for the gas; the only shared function there is, is `expandMemory`. */
function enter({ bytes }: CompiledCode, pc: number, expandMemory: () => bigint): number {
  const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES_MIN, maximum: MEMORY_PAGES_MAX })
  const view = new DataView(memory.buffer)
  view.setBigInt64(FRAME.gas, 1000n, true)
  view.setInt32(FRAME.pc, pc, true)
  const runtime: Record<string, () => unknown> = {}
  for (const name of Object.keys(RUNTIME_FUNCTIONS)) runtime[name] = () => assert.fail(name)
  const imports = { host: { memory, operation: () => 0 }, runtime: { ...runtime, expandMemory } }
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports)
  return (exports[ENTER] as () => number)()
}

suite('a module', () => {
  const code = compiled(1e6, 'PUSH0 MLOAD STOP')

  test('is entered where regions begin, and nowhere else', () => {
    assert.deepEqual(code.entries, [0])
    assert.equal(
      enter(code, 0, () => 900n),
      STATUS.return,
    )
    assert.equal(
      enter(code, 1, () => 900n),
      STATUS.switch,
    )
  })

  test('halts when memory costs more than there is', () => {
    assert.equal(
      enter(code, 0, () => -1n),
      haltStatus('outOfGas'),
    )
  })

  test('traps when there is no memory although it was paid for: that is no outcome', () => {
    assert.throws(() => enter(code, 0, () => -(2n ** 63n)), /unreachable/)
  })
})

suite('a budget', () => {
  const program = Array.from({ length: 50 }, (_, i) => `@l${i} CALLDATASIZE PUSH2 @l${(7 * i) % 50} JUMPI`)

  test('leaves regions out, and says so', () => {
    const whole = compiled(1e6, ...program)
    const part = compiled(5000, ...program)
    assert.equal(whole.isPartial, false)
    assert.equal(part.isPartial, true)
    assert.ok(part.regions.length < whole.regions.length)
    assert.ok(part.bytes.length < whole.bytes.length / 2)
  })

  test('compiles at least where the code begins', () => {
    assert.deepEqual(
      compiled(0, ...program).regions.map(({ offset }) => offset),
      [0],
    )
  })
})
