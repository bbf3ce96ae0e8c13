/** SLOAD and SSTORE by the tables of EIP-2200 and EIP-3529, transient storage by EIP-1153. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { hexToBytes } from '../../../src/primitives/bytes.ts'
import { assemble } from '../../support/assembler.ts'
import { evaluate, FakeHost, keyOf, OTHER, runCode, SELF } from '../../support/fake-host.ts'

/** A host whose slot 0 began the transaction with `original`. */
function hostWith(original: bigint, isWarm: boolean): FakeHost {
  const host = new FakeHost()
  host.originalSlots.set(keyOf(SELF, 0n), original)
  if (isWarm) host.accessStorage(SELF, 0n)
  return host
}

suite('SSTORE on a warm slot (EIP-3529, test cases)', () => {
  const cases: [code: string, gas: number, refund: number, original: number, final: number][] = [
    ['0x60006000556000600055', 212, 0, 0, 0],
    ['0x60006000556001600055', 20_112, 0, 0, 1],
    ['0x60016000556000600055', 20_112, 19_900, 0, 0],
    ['0x60016000556002600055', 20_112, 0, 0, 2],
    ['0x60016000556001600055', 20_112, 0, 0, 1],
    ['0x60006000556000600055', 3012, 4800, 1, 0],
    ['0x60006000556001600055', 3012, 2800, 1, 1],
    ['0x60006000556002600055', 3012, 0, 1, 2],
    ['0x60026000556000600055', 3012, 4800, 1, 0],
    ['0x60026000556003600055', 3012, 0, 1, 3],
    ['0x60026000556001600055', 3012, 2800, 1, 1],
    ['0x60026000556002600055', 3012, 0, 1, 2],
    ['0x60016000556000600055', 3012, 4800, 1, 0],
    ['0x60016000556002600055', 3012, 0, 1, 2],
    ['0x60016000556001600055', 212, 0, 1, 1],
    ['0x600160005560006000556001600055', 40_118, 19_900, 0, 1],
    ['0x600060005560016000556000600055', 5918, 7600, 1, 0],
  ]
  for (const [code, gas, refund, original, final] of cases) {
    test(`${code} over ${original}`, () => {
      const host = hostWith(BigInt(original), true)
      const outcome = runCode(hexToBytes(code), { host, gas: 100_000n })
      assert(outcome.kind === 'return')
      assert.equal(100_000n - outcome.gasLeft, BigInt(gas))
      assert.equal(host.refunded, BigInt(refund))
      assert.equal(host.storage(SELF, 0n), BigInt(final))
    })
  }
})

test('SSTORE on a cold slot costs 2,100 more, once', () => {
  const outcome = runCode(assemble('PUSH1 1 PUSH0 SSTORE PUSH1 2 PUSH0 SSTORE'), {
    host: hostWith(0n, false),
  })
  assert(outcome.kind === 'return')
  assert.equal(1_000_000n - outcome.gasLeft, 2n * 5n + 20_000n + 2100n + 100n)
})

test('SSTORE needs more than the stipend, whatever it costs (EIP-2200)', () => {
  const code = assemble('PUSH0 PUSH0 SSTORE')
  assert.deepEqual(runCode(code, { host: hostWith(0n, true), gas: 4n + 2300n }), {
    kind: 'halt',
    reason: 'outOfGas',
  })
  assert.equal(runCode(code, { host: hostWith(0n, true), gas: 4n + 2301n }).kind, 'return')
})

test('SLOAD costs 2,100 cold and 100 warm, and reads what SSTORE wrote', () => {
  const host = hostWith(5n, false)
  const outcome = runCode(assemble('PUSH0 SLOAD PUSH0 SLOAD'), { host })
  assert(outcome.kind === 'return')
  assert.equal(1_000_000n - outcome.gasLeft, 4n + 2100n + 100n)
  assert.equal(evaluate('PUSH1 7 PUSH0 SSTORE PUSH0 SLOAD', { host }), 7n)
  assert.equal(evaluate('PUSH0 SLOAD', { host, address: OTHER }), 0n)
})

test('a cold SLOAD that cannot be paid reads nothing', () => {
  const host = hostWith(5n, false)
  host.storage = () => assert.fail('read before it was paid')
  assert.deepEqual(runCode(assemble('PUSH0 SLOAD'), { host, gas: 2101n }), {
    kind: 'halt',
    reason: 'outOfGas',
  })
})

test('TSTORE and TLOAD cost 100 each and do not touch storage', () => {
  const host = new FakeHost()
  const outcome = runCode(assemble('PUSH1 7 PUSH0 TSTORE PUSH0 TLOAD'), { host })
  assert(outcome.kind === 'return')
  assert.equal(1_000_000n - outcome.gasLeft, 3n + 2n + 100n + 2n + 100n)
  assert.equal(evaluate('PUSH0 TLOAD', { host }), 7n)
  assert.equal(host.slots.size, 0)
})

test('a static frame may read but not write', () => {
  for (const code of ['PUSH1 1 PUSH0 SSTORE', 'PUSH1 1 PUSH0 TSTORE']) {
    assert.deepEqual(runCode(assemble(code), { isStatic: true }), { kind: 'halt', reason: 'staticViolation' })
  }
  assert.equal(runCode(assemble('PUSH0 SLOAD PUSH0 TLOAD'), { isStatic: true }).kind, 'return')
})
