/** Modules made by the writer: they validate, and compute what was written. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { AssertionFailure } from '../../../src/primitives/assert.ts'
import { ByteBuffer } from '../../../runtime/wasm/byte-buffer.ts'
import { FunctionBody, I32, I64, type ValueType } from '../../../runtime/wasm/function-body.ts'
import { ModuleWriter } from '../../../runtime/wasm/module-writer.ts'

/** A module of one function, exported as `run`. */
function instanceOf<T>(
  parameters: readonly ValueType[],
  results: readonly ValueType[],
  write: (body: FunctionBody, module: ModuleWriter) => void,
): T {
  const module = new ModuleWriter()
  module.memory({ initial: 1 })
  const index = module.function(module.type(parameters, results), 'run')
  write(module.body(index), module)
  module.exportFunction('run', index)
  return instantiate(module)['run'] as T
}

function instantiate(
  module: ModuleWriter,
  imports: Record<string, Record<string, unknown>> = {},
): Record<string, unknown> {
  const bytes = module.finish()
  assert(WebAssembly.validate(bytes))
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports
}

suite('constants', () => {
  test('of 32 bits come back', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 }), (value) => {
        const run = instanceOf<() => number>([], [I32], (body) => body.i32Const(value))
        assert.equal(run(), value | 0)
      }),
    )
  })

  test('of 64 bits come back from their halves', () => {
    const half = fc.oneof(
      fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 }),
      fc.constantFrom(0, -1, 63, 64, -64, -65),
    )
    fc.assert(
      fc.property(half, half, (low, high) => {
        const run = instanceOf<() => bigint>([], [I64], (body) => body.i64Const(low, high))
        assert.equal(run(), BigInt.asIntN(64, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)))
      }),
    )
  })

  test('are as short as LEB128 allows', () => {
    const encoded = (low: number, high: number): number[] => {
      const buffer = new ByteBuffer()
      buffer.signed64(low, high)
      return [...buffer.toBytes()]
    }
    assert.deepEqual(encoded(0, 0), [0])
    assert.deepEqual(encoded(-1, -1), [0x7f])
    assert.deepEqual(encoded(63, 0), [63])
    assert.deepEqual(encoded(64, 0), [0xc0, 0])
    assert.deepEqual(encoded(0x80000000, 0).length, 5)
    assert.deepEqual(encoded(0, 0x80000000).length, 10)
  })
})

test('a loop with a branch out of it and one back: factorial', () => {
  const run = instanceOf<(n: bigint) => bigint>([I64], [I64], (body) => {
    const product = body.local(I64)
    body.i64Const(1).set(product)
    body.block((done) => {
      body.loop((again) => {
        body.get(0).i64Eqz().brIf(done)
        body.get(product).get(0).i64Mul().set(product)
        body.get(0).i64Const(1).i64Sub().set(0)
        body.br(again)
      })
    })
    body.get(product)
  })
  assert.equal(run(20n), 2432902008176640000n)
})

test('an if with a result, and a br_table with a default', () => {
  const choose = instanceOf<(n: number) => number>([I32], [I32], (body) => {
    body.get(0).if(
      () => body.i32Const(7),
      () => body.i32Const(9),
      I32,
    )
  })
  assert.deepEqual([choose(1), choose(0)], [7, 9])

  const table = instanceOf<(n: number) => number>([I32], [I32], (body) => {
    const outer = body.openBlock()
    const inner = body.openBlock()
    const innermost = body.openBlock()
    body.get(0).brTable([innermost, inner, innermost], outer)
    body.close(innermost).i32Const(10).return()
    body.close(inner).i32Const(20).return()
    body.close(outer).i32Const(30)
  })
  assert.deepEqual([0, 1, 2, 3, -1].map(table), [10, 20, 10, 30, 30])
})

test('functions return several values, call each other, and end in tail calls of any number', () => {
  const module = new ModuleWriter()
  const pair = module.type([I32], [I32, I32])
  const twice = module.function(pair)
  module.body(twice).get(0).get(0)
  const count = module.function(module.type([I32], [I32]), 'count')
  const body = module.body(count)
  body
    .get(0)
    .i32Eqz()
    .if(() => body.i32Const(42).return())
  body.get(0).i32Const(1).i32Sub().returnCall(count)
  const sum = module.function(module.type([I32], [I32]))
  module.body(sum).get(0).call(twice).i32Add()
  module.exportFunction('count', count)
  module.exportFunction('sum', sum)
  const exports = instantiate(module)
  assert.equal((exports['count'] as (n: number) => number)(1_000_000), 42)
  assert.equal((exports['sum'] as (n: number) => number)(21), 42)
})

test('a table dispatches plain and tail calls', () => {
  const module = new ModuleWriter()
  const type = module.type([I32], [I32])
  const table = module.table({ initial: 3, maximum: 3 })
  const increment = module.function(type)
  module.body(increment).get(0).i32Const(1).i32Add()
  const double = module.function(type)
  module.body(double).get(0).i32Const(2).i32Mul()
  module.element(table, 1, [increment, double])
  const apply = module.function(module.type([I32, I32], [I32]))
  module.body(apply).get(0).get(1).callIndirect(type, table)
  const applyTail = module.function(module.type([I32, I32], [I32]))
  module.body(applyTail).get(0).get(1).returnCallIndirect(type, table)
  module.exportFunction('apply', apply)
  module.exportFunction('applyTail', applyTail)
  const { apply: run, applyTail: runTail } = instantiate(module) as Record<
    string,
    (value: number, index: number) => number
  >
  assert.deepEqual([run?.(20, 1), run?.(20, 2), runTail?.(20, 2)], [21, 40, 40])
  assert.throws(() => run?.(0, 0), /null|signature/)
})

test('imports come first and work: a function, a memory, a table', () => {
  const module = new ModuleWriter()
  module.importMemory('host', 'memory', { initial: 1 })
  const table = module.importTable('host', 'table', { initial: 1 })
  const add = module.importFunction('host', 'add', module.type([I32, I32], [I32]))
  const run = module.function(module.type([], [I32]))
  module.body(run).i32Const(8).i32Load().i32Const(2).call(add)
  module.element(table, 0, [run])
  module.exportFunction('run', run)
  assert.throws(() => module.importFunction('host', 'late', 0), AssertionFailure)

  const memory = new WebAssembly.Memory({ initial: 1 })
  new DataView(memory.buffer).setInt32(8, 40, true)
  const host = {
    memory,
    table: new WebAssembly.Table({ element: 'anyfunc', initial: 1 }),
    add: (a: number, b: number) => a + b,
  }
  assert.equal((instantiate(module, { host })['run'] as () => number)(), 42)
})

test('a shuffle reverses 16 bytes; memory is filled, copied and grown', () => {
  const run = instanceOf<() => bigint>([], [I64], (body) => {
    body.i32Const(0).i64Const(0x05060708, 0x01020304).i64Store()
    body.i32Const(16).i32Const(0).v128Load().i32Const(0).v128Load()
    body.i8x16Shuffle(Uint8Array.from({ length: 16 }, (_, i) => 15 - i)).v128Store()
    body.i32Const(32).i32Const(16).i32Const(16).memoryCopy()
    body.i32Const(40).i32Const(0xff).i32Const(1).memoryFill()
    body.i32Const(3).memoryGrow().drop()
    body.i32Const(40).i64Load()
  })
  assert.equal(run(), 0x08070605_040302ffn)
})

test('a global keeps its value between calls', () => {
  const run = instanceOf<() => number>([], [I32], (body, module) => {
    const counter = module.globalI32(-5)
    body.globalGet(counter).i32Const(1).i32Add().globalSet(counter).globalGet(counter)
  })
  assert.deepEqual([run(), run()], [-4, -3])
})

test('misnested control is an assertion, not a module', () => {
  const body = new FunctionBody(0)
  const outer = body.openBlock()
  const inner = body.openBlock()
  assert.throws(() => body.close(outer), AssertionFailure)
  body.close(inner)
  assert.throws(() => body.br(inner), AssertionFailure)
  assert.throws(() => body.encodeTo(new ByteBuffer()), AssertionFailure)
})
