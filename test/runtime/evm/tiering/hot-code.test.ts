/** When contracts are compiled, what that may cost, and what is kept: no input is worth more than its gas. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { keccak256Hash } from '../../../../src/primitives/keccak.ts'
import type { CompiledCode, CompileJob, CompilePort } from '../../../../runtime/evm/tiering/compile-port.ts'
import { HotCodes, type KnownCode, type TieringLimits } from '../../../../runtime/evm/tiering/hot-code.ts'

const EMPTY_MODULE = new WebAssembly.Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]))
const LIMITS: Partial<TieringLimits> = { hotGasPerByte: 100, hotGasMin: 1000 }

interface Asked {
  readonly job: CompileJob
  answer(compiled: CompiledCode | undefined): void
}

/** Answers when it is told to. */
class ManualPort implements CompilePort {
  readonly asked: Asked[] = []
  isFull = false

  request(job: CompileJob, onDone: (compiled: CompiledCode | undefined) => void): boolean {
    if (this.isFull) return false
    this.asked.push({ job, answer: onDone })
    return true
  }

  poll(): void {}

  answer(byteCount: number, isPartial = false): void {
    const last = this.asked.at(-1)
    assert.ok(last)
    last.answer({ module: EMPTY_MODULE, byteCount, ms: 1, isPartial })
  }
}

function world(limits: Partial<TieringLimits> = {}): {
  readonly port: ManualPort
  readonly codes: HotCodes
  readonly codeOf: (seed: number, size?: number) => KnownCode
} {
  const port = new ManualPort()
  const codes = new HotCodes(port, { ...LIMITS, ...limits })
  const codeOf = (seed: number, size = 100): KnownCode => {
    const code = new Uint8Array(size).fill(seed)
    return codes.of('osaka', keccak256Hash(code), code)
  }
  return { port, codes, codeOf }
}

describe('when code is compiled', () => {
  test('once the gas spent on it pays for its size, and once only', () => {
    const { port, codes, codeOf } = world()
    codes.heat(codeOf(1), 9_999)
    assert.equal(port.asked.length, 0)
    codes.heat(codeOf(1), 1)
    codes.heat(codeOf(1), 1_000_000)
    assert.equal(port.asked.length, 1)
    port.answer(500)
    codes.heat(codeOf(1), 1_000_000)
    assert.equal(port.asked.length, 1)
    assert.equal(codeOf(1).compiled?.byteCount, 500)
  })

  test('small code has to pay for the call of the compiler', () => {
    const { port, codes, codeOf } = world()
    codes.heat(codeOf(1, 1), 999)
    assert.equal(port.asked.length, 0)
    codes.heat(codeOf(1, 1), 1)
    assert.equal(port.asked.length, 1)
  })

  test('forks do not share it', () => {
    const { port, codes, codeOf } = world()
    const { hash, code } = codeOf(1)
    codes.heat(codes.of('cancun', hash, code), 10_000)
    assert.equal(port.asked[0]?.job.fork, 'cancun')
    assert.equal(codeOf(1).gas, 0)
  })
})

describe('budgets', () => {
  test('are what the gas spent is worth, up to a cap', () => {
    const { port, codes, codeOf } = world()
    codes.heat(codeOf(1), 40_000_000)
    codes.heat(codeOf(2), 40_000_000_000)
    assert.deepEqual(
      port.asked.map(({ job }) => job.budget),
      [
        { bytesMax: 1_000_000, msMax: 800 },
        { bytesMax: 2 * 1024 * 1024, msMax: 2000 },
      ],
    )
  })

  test('that were too small are raised after four times the gas', () => {
    const { port, codes, codeOf } = world()
    codes.heat(codeOf(1), 10_000)
    port.answer(250, true)
    codes.heat(codeOf(1), 29_999)
    assert.equal(port.asked.length, 1)
    codes.heat(codeOf(1), 1)
    assert.equal(port.asked[1]?.job.budget.bytesMax, 1000)
    port.answer(700)
    codes.heat(codeOf(1), 1e12)
    assert.equal(port.asked.length, 2)
    assert.equal(codes.statistics.cachedBytes, 700)
    assert.equal(codes.statistics.bytes, 950)
  })

  test('that are the largest are not raised', () => {
    const { port, codes, codeOf } = world()
    codes.heat(codeOf(1), 1e12)
    port.answer(2_000_000, true)
    codes.heat(codeOf(1), 1e13)
    assert.equal(port.asked.length, 1)
  })
})

describe('when it cannot be compiled', () => {
  test('it stays interpreted for good', () => {
    const { port, codes, codeOf } = world()
    codes.heat(codeOf(1), 10_000)
    port.asked[0]?.answer(undefined)
    codes.heat(codeOf(1), 1e12)
    assert.equal(port.asked.length, 1)
    assert.equal(codes.statistics.failures, 1)
  })

  test('because too much waits, it is tried again later', () => {
    const { port, codes, codeOf } = world()
    port.isFull = true
    codes.heat(codeOf(1), 10_000)
    port.isFull = false
    codes.heat(codeOf(1), 9_999)
    assert.equal(port.asked.length, 0)
    codes.heat(codeOf(1), 1)
    assert.equal(port.asked.length, 1)
  })
})

describe('what is kept', () => {
  test('compiled code that was used least recently makes room, and has to become hot again', () => {
    const { port, codes, codeOf } = world({ cachedBytesMax: 1000 })
    for (const seed of [1, 2, 3]) {
      codes.heat(codeOf(seed), 10_000)
      if (seed === 3) codeOf(1)
      port.answer(400)
    }
    assert.deepEqual(
      [1, 2, 3].map((seed) => codeOf(seed).compiled !== undefined),
      [true, false, true],
    )
    assert.equal(codes.statistics.cachedBytes, 800)
    codes.heat(codeOf(2), 10_000)
    assert.equal(port.asked.length, 4)
  })

  test('no more contracts than there may be', () => {
    const { codes, codeOf } = world({ knownMax: 4 })
    for (let seed = 0; seed < 40; seed++) {
      codes.heat(codeOf(0), 1)
      codeOf(seed)
    }
    assert.equal(codeOf(0).gas, 40, 'what is in use is not forgotten')
    assert.equal(codeOf(1).gas, 0)
  })

  test('nothing that was forgotten while it was compiled', () => {
    const { port, codes, codeOf } = world({ knownMax: 2 })
    codes.heat(codeOf(1), 10_000)
    for (const seed of [2, 3, 4]) codeOf(seed)
    port.answer(400)
    assert.equal(codes.statistics.cachedBytes, 0)
  })
})

describe('a profile', () => {
  test('lists what is compiled, the last used first, and has it compiled elsewhere', () => {
    const { port, codes, codeOf } = world()
    for (const seed of [1, 2, 3]) {
      codes.heat(codeOf(seed), 10_000 * seed)
      port.answer(400)
    }
    codeOf(2)
    const hottest = codes.hottest(2)
    assert.deepEqual(
      hottest.map(({ hash, gas }) => [hash, gas]),
      [
        [codeOf(2).hash, 20_000],
        [codeOf(3).hash, 30_000],
      ],
    )
    const other = world()
    other.codes.warm('osaka', codeOf(2).hash, codeOf(2).code, 20_000)
    assert.equal(other.port.asked[0]?.job.budget.bytesMax, 500)
  })

  test('buys no more than the caps allow', () => {
    const { port, codes, codeOf } = world()
    codes.warm('osaka', codeOf(1).hash, codeOf(1).code, 1e14)
    assert.deepEqual(port.asked[0]?.job.budget, { bytesMax: 2 * 1024 * 1024, msMax: 1677.7216 })
  })
})
