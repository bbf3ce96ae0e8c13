/**
 * Storage and transient storage as a table in linear memory: SLOAD and SSTORE (EIP-2200, EIP-2929, EIP-3529), TLOAD and
 * TSTORE (EIP-1153) that ask JavaScript only for a slot's first touch.
 *
 * The host stays the truth. A slot is read from it when it is first touched, and warmed by it whenever it is cold here.
 * What was written since is marked *dirty* and told to the host each time the frame leaves Wasm for the driver: so its
 * journal is exact whenever a checkpoint is taken, and any other engine may run the next frame. What the frame of a
 * failed call did is taken back by an undo log, to where it stood when the call began.
 *
 * Slots are found by hash with linear probing, a bounded number of steps. A key that finds no place makes the table larger,
 * up to a limit: keys that collide on purpose find no place even then, and are asked of the host each time. An entry lives
 * for an *epoch*; a new one empties the table at once.
 */
import { present } from '../../../src/primitives/assert.ts'
import { I32, I64, type FunctionBody } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../wasm/module-writer.ts'
import * as prices from '../gas.ts'
import { ENGINE, FRAME, SLOT, SLOT_FLAG, STORAGE_UNDO_MAX, TRANSIENT, WORD_SIZE } from './layout.ts'
import { emitSlotFunctions, SLOT_OPERATION, type SlotFunctions } from './storage-slots.ts'
import { WordWriter, type Word } from './words/word-writer.ts'

const HOST_GAS_MAX = 0x7fff_ffff

/** Indices of functions. Gas comes back less what was charged, negative when out of gas. */
export interface StorageFunctions {
  /** (address of the key: i32, gas: i64) → gas. The value replaces the key. Warm access is charged already. */
  readonly storageLoad: number
  /** (address behind key and, below it, value: i32, gas: i64) → gas. Stipend and static calls are checked already. */
  readonly storageStore: number
  /** (address of the key: i32). */
  readonly transientLoad: number
  /** (address behind key and, below it, value: i32). */
  readonly transientStore: number
  /** (entries: i32): takes back what was done since the undo log had so many. */
  readonly undoStorage: number
}

export function emitStorageFunctions(module: ModuleWriter, host: number): StorageFunctions {
  const slots = emitSlotFunctions(module, host)
  const transientSlot = emitTransientSlot(module, host, slots.find)
  return {
    storageLoad: emitLoad(module, { ...slots, host }),
    storageStore: emitStore(module, { ...slots, host }),
    transientLoad: emitTransientLoad(module, transientSlot, host),
    transientStore: emitTransientStore(module, transientSlot, slots.write, host),
    undoStorage: slots.undo,
  }
}

interface Callees extends SlotFunctions {
  readonly host: number
}

/** Begins a new epoch when the undo log has no room for what an instruction adds at most. */
function restartWhenFull(body: FunctionBody, host: number): void {
  body
    .i32Const(0)
    .i32Load(ENGINE.undoCount)
    .i32Const(STORAGE_UNDO_MAX - 2)
    .i32GtU()
    .if(() => {
      body.i32Const(SLOT_OPERATION.restart).i32Const(0).i32Const(0).call(host).drop()
    })
}

/** Finds the slot of the frame's account; if there is no place, the host does the instruction. */
function findOrAsk(
  body: FunctionBody,
  { find, host }: Callees,
  places: { slot: Local; gas: Local; result: Local },
  instruction: { opcode: number; pushKey: () => void; pushSp: () => void },
): void {
  const { slot, gas, result } = places
  restartWhenFull(body, host)
  instruction.pushKey()
  body
    .i32Const(0)
    .i32Load(FRAME.storageAccount)
    .call(find)
    .tee(slot)
    .i32Eqz()
    .if(() => {
      body.i32Const(instruction.opcode)
      instruction.pushSp()
      body.get(gas).i64Const(HOST_GAS_MAX).get(gas).i64Const(HOST_GAS_MAX).i64LtU().select().i32WrapI64()
      body
        .call(host)
        .tee(result)
        .i32Const(0)
        .i32LtS()
        .if(() => body.i64Const(-1, -1).return())
      body.get(gas).get(result).i64ExtendI32U().i64Sub().return()
    })
}

/** gas −= amount, which is on the stack; returns −1 when there is too little. */
function charge(body: FunctionBody, gas: Local, amount: Local): void {
  body.set(amount).get(gas).get(amount).i64Sub().tee(gas).i64Const(0).i64LtS()
  body.if(() => body.i64Const(-1, -1).return())
}

function emitLoad(module: ModuleWriter, callees: Callees): number {
  const index = module.function(module.type([I32, I64], [I64]), 'storageLoad')
  const body = module.body(index)
  const [keyAt, gas] = [0, 1]
  const [slot, result] = body.locals(I32, 2) as [Local, Local]
  const amount = body.local(I64)
  findOrAsk(
    body,
    callees,
    { slot, gas, result },
    {
      opcode: 0x54,
      pushKey: () => body.get(keyAt),
      pushSp: () => body.get(keyAt).i32Const(WORD_SIZE).i32Add(),
    },
  )
  body
    .get(slot)
    .get(gas)
    .i64Const(prices.COLD_SLOAD_SURCHARGE)
    .i64GeS()
    .call(callees.access)
    .if(() => {
      body.i64Const(prices.COLD_SLOAD_SURCHARGE)
      charge(body, gas, amount)
    })
  for (const half of [0, 16])
    body
      .get(keyAt)
      .get(slot)
      .v128Load(SLOT.value + half)
      .v128Store(half)
  body.get(gas)
  return index
}

/** Price and refund are tier 0's `changePrice` and `changeRefund`. */
function emitStore(module: ModuleWriter, callees: Callees): number {
  const index = module.function(module.type([I32, I64], [I64]), 'storageStore')
  const body = module.body(index)
  const writer = new WordWriter(body)
  const [sp, gas] = [0, 1]
  const [slot, result, valueAt] = body.locals(I32, 3) as [Local, Local, Local]
  const amount = body.local(I64)
  const [value, current, original] = [writer.word(), writer.word(), writer.word()]
  findOrAsk(
    body,
    callees,
    { slot, gas, result },
    {
      opcode: 0x55,
      pushKey: () => body.get(sp).i32Const(WORD_SIZE).i32Sub(),
      pushSp: () => body.get(sp),
    },
  )
  body
    .get(slot)
    .get(gas)
    .i64Const(prices.COLD_STORAGE_ACCESS)
    .i64GeS()
    .call(callees.access)
    .if(() => {
      body.i64Const(prices.COLD_STORAGE_ACCESS)
      charge(body, gas, amount)
    })
  body
    .get(sp)
    .i32Const(2 * WORD_SIZE)
    .i32Sub()
    .set(valueAt)
  writer.load(value, valueAt)
  writer.load(current, slot, SLOT.value)
  writer.load(original, slot, SLOT.original)
  pushIsEqual(writer, value, current)
  body.if(() => {
    body.i64Const(prices.STORAGE_DIRTY)
    charge(body, gas, amount)
    body.get(gas).return()
  })
  body.i64Const(prices.STORAGE_SET).i64Const(prices.STORAGE_RESET)
  writer.isZero(original)
  body.select().i64Const(prices.STORAGE_DIRTY)
  pushIsEqual(writer, original, current)
  body.select()
  charge(body, gas, amount)

  const refund = amount
  body.i32Const(0).i64Load(ENGINE.refund).set(refund)
  const addWhen = (gasBack: number): void => {
    body.if(() =>
      body
        .get(refund)
        .i64Const(gasBack, gasBack < 0 ? -1 : 0)
        .i64Add()
        .set(refund),
    )
  }
  writer.isZero(original)
  body.i32Eqz().if(() => {
    writer.isZero(current)
    addWhen(-prices.STORAGE_CLEAR_REFUND)
    writer.isZero(value)
    addWhen(prices.STORAGE_CLEAR_REFUND)
  })
  pushIsEqual(writer, value, original)
  body.if(() => {
    body.get(refund)
    body.i64Const(prices.STORAGE_SET - prices.STORAGE_DIRTY)
    body.i64Const(prices.STORAGE_RESET - prices.STORAGE_DIRTY)
    writer.isZero(original)
    body.select().i64Add().set(refund)
  })
  body.i32Const(0).get(refund).i64Store(ENGINE.refund)
  body.get(slot).get(valueAt).call(callees.write)
  body.get(gas)
  return index
}

function pushIsEqual({ body }: WordWriter, a: Word, b: Word): void {
  a.forEach((limb, i) => {
    body.get(limb).get(present(b[i], 'limb')).i64Xor()
    if (i > 0) body.i64Or()
  })
  body.i64Eqz()
}

/** (address of the key) → loaded slot of transient storage, 0 when there is no place. */
function emitTransientSlot(module: ModuleWriter, host: number, find: number): number {
  const index = module.function(module.type([I32], [I32]), 'transientSlot')
  const body = module.body(index)
  const keyAt = 0
  const slot = body.local(I32)
  restartWhenFull(body, host)
  body.get(keyAt).i32Const(0).i32Load(FRAME.storageAccount).i32Const(TRANSIENT).i32Or().call(find).tee(slot)
  body.if(() => {
    body
      .get(slot)
      .i32Load(SLOT.flags)
      .i32Const(SLOT_FLAG.loaded)
      .i32And()
      .i32Eqz()
      .if(() => {
        body.i32Const(SLOT_OPERATION.loadTransient).get(slot).i32Const(0).call(host).drop()
        body.get(slot).i32Const(SLOT_FLAG.loaded).i32Store(SLOT.flags)
      })
  })
  body.get(slot)
  return index
}

function emitTransientLoad(module: ModuleWriter, transientSlot: number, host: number): number {
  const index = module.function(module.type([I32], []), 'transientLoad')
  const body = module.body(index)
  const keyAt = 0
  const slot = body.local(I32)
  body
    .get(keyAt)
    .call(transientSlot)
    .tee(slot)
    .if(
      () => {
        for (const half of [0, 16])
          body
            .get(keyAt)
            .get(slot)
            .v128Load(SLOT.value + half)
            .v128Store(half)
      },
      () => body.i32Const(0x5c).get(keyAt).i32Const(WORD_SIZE).i32Add().i32Const(0).call(host).drop(),
    )
  return index
}

function emitTransientStore(
  module: ModuleWriter,
  transientSlot: number,
  write: number,
  host: number,
): number {
  const index = module.function(module.type([I32], []), 'transientStore')
  const body = module.body(index)
  const sp = 0
  const slot = body.local(I32)
  body
    .get(sp)
    .i32Const(WORD_SIZE)
    .i32Sub()
    .call(transientSlot)
    .tee(slot)
    .if(
      () =>
        body
          .get(slot)
          .get(sp)
          .i32Const(2 * WORD_SIZE)
          .i32Sub()
          .call(write),
      () => body.i32Const(0x5d).get(sp).i32Const(0).call(host).drop(),
    )
  return index
}
