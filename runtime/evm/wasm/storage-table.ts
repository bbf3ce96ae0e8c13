/**
 * Storage and transient storage as a table in linear memory: SLOAD and SSTORE (EIP-2200, EIP-2929, EIP-3529), TLOAD and
 * TSTORE (EIP-1153) that ask JavaScript only for a slot's first touch.
 *
 * The host stays the truth. A slot is read from it when it is first touched, and warmed by it whenever it is cold here.
 * What was written since is marked *dirty* and told to the host each time the frame leaves Wasm for the driver: so its
 * journal is exact whenever a checkpoint is taken, and any other engine may run the next frame. What the frame of a
 * failed call did is taken back by an undo log, to where it stood when the call began.
 *
 * Slots are found by hash with linear probing, at most {@link PROBES_MAX} steps: keys that collide on purpose find no
 * place and are asked of the host each time. An entry lives for an *epoch*; a new one empties the table at once.
 */
import { present } from '../../../src/primitives/assert.ts'
import { I32, I64, type FunctionBody } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../wasm/module-writer.ts'
import * as prices from '../gas.ts'
import {
  ENGINE,
  FRAME,
  SLOT,
  SLOT_FLAG,
  SLOT_SIZE,
  STORAGE_DIRTY,
  STORAGE_SLOTS,
  STORAGE_SLOTS_MAX,
  STORAGE_UNDO,
  STORAGE_UNDO_MAX,
  TRANSIENT,
  UNDO,
  UNDO_SIZE,
  WORD_SIZE,
} from './layout.ts'
import { WordWriter, type Word } from './words/word-writer.ts'

/** Slots looked at before a key is given up. */
const PROBES_MAX = 32
/** Odd, with bits all over: the golden ratio's. */
const [MULTIPLIER_LOW, MULTIPLIER_HIGH] = [0x7f4a7c15, 0x9e3779b9]
const HOST_GAS_MAX = 0x7fff_ffff

/** Operations of the host for the table, beside opcodes; they take the address of a slot in place of `sp`. */
export const SLOT_OPERATION = {
  /**
   * Warms the slot and loads it if it is not, its flags included. Answers 1 when it was cold; then it is loaded only
   * if the third parameter, 1 or 0, says that there is enough gas.
   */
  access: 0x100,
  /** Loads a slot of transient storage. */
  loadTransient: 0x101,
  /** The undo log is full: tells the host what is dirty and begins a new epoch. */
  restart: 0x102,
} as const

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
  const find = emitFind(module)
  const remember = emitRemember(module)
  const access = emitAccess(module, host, remember)
  const write = emitWrite(module, remember)
  const loadTransient = emitTransientSlot(module, host, find)
  return {
    storageLoad: emitLoad(module, { find, access, host }),
    storageStore: emitStore(module, { find, access, host, write }),
    transientLoad: emitTransientLoad(module, loadTransient, host),
    transientStore: emitTransientStore(module, loadTransient, write, host),
    undoStorage: emitUndo(module),
  }
}

/** (address of the key, account) → address of the slot, its epoch current; 0 when there is no place. */
function emitFind(module: ModuleWriter): number {
  const index = module.function(module.type([I32, I32], [I32]), 'findSlot')
  const body = module.body(index)
  const writer = new WordWriter(body)
  const [keyAt, account] = [0, 1]
  const key = writer.word()
  const hash = body.local(I64)
  const [slot, position, probes, epoch] = body.locals(I32, 4) as [Local, Local, Local, Local]
  writer.load(key, keyAt)
  body.i32Const(0).i32Load(ENGINE.storageEpoch).set(epoch)

  const mix = (limb: Local): void => {
    body.get(hash).get(limb).i64Xor().i64Const(MULTIPLIER_LOW, MULTIPLIER_HIGH).i64Mul().tee(hash)
    body.i64Const(32).i64Rotl().set(hash)
  }
  body.get(account).i64ExtendI32U().set(hash)
  for (const limb of key) mix(limb)
  body.get(hash).i64Const(MULTIPLIER_LOW, MULTIPLIER_HIGH).i64Mul().i64Const(40).i64ShrU().i32WrapI64()
  body.set(position)

  body.loop((again) => {
    body
      .get(position)
      .i32Const(STORAGE_SLOTS_MAX - 1)
      .i32And()
      .i32Const(SLOT_SIZE)
      .i32Mul()
    body
      .i32Const(STORAGE_SLOTS)
      .i32Add()
      .tee(slot)
      .i32Load(SLOT.epoch)
      .get(epoch)
      .i32Ne()
      .if(() => {
        writer.store(slot, key, SLOT.key)
        body.get(slot).get(account).i32Store(SLOT.account)
        body.get(slot).i32Const(0).i32Store(SLOT.flags)
        body.get(slot).get(epoch).i32Store(SLOT.epoch)
        body.get(slot).return()
      })
    for (const [i, limb] of key.entries()) {
      body
        .get(slot)
        .i64Load(SLOT.key + 8 * i)
        .get(limb)
        .i64Xor()
      if (i > 0) body.i64Or()
    }
    body.get(slot).i32Load(SLOT.account).get(account).i32Xor().i64ExtendI32U().i64Or().i64Eqz()
    body.if(() => body.get(slot).return())
    body.get(position).i32Const(1).i32Add().set(position)
    body.get(probes).i32Const(1).i32Add().tee(probes).i32Const(PROBES_MAX).i32LtU().brIf(again)
  })
  body.i32Const(0)
  return index
}

/** (slot, whether it became warm): adds to the undo log, the value included. There is room. */
function emitRemember(module: ModuleWriter): number {
  const index = module.function(module.type([I32, I32], []), 'rememberSlot')
  const body = module.body(index)
  const [slot, isWarming] = [0, 1]
  const [count, entry] = body.locals(I32, 2) as [Local, Local]
  body.i32Const(0).i32Load(ENGINE.undoCount).tee(count).i32Const(UNDO_SIZE).i32Mul()
  body.i32Const(STORAGE_UNDO).i32Add().set(entry)
  body.get(entry).get(slot).i32Store(UNDO.slot).get(entry).get(isWarming).i32Store(UNDO.isWarming)
  for (const half of [0, 16]) {
    body
      .get(entry)
      .get(slot)
      .v128Load(SLOT.value + half)
      .v128Store(UNDO.value + half)
  }
  body.i32Const(0).get(count).i32Const(1).i32Add().i32Store(ENGINE.undoCount)
  return index
}

/** (slot, whether a cold access can be paid) → whether it was cold. Loaded and warm afterwards, if it was paid. */
function emitAccess(module: ModuleWriter, host: number, remember: number): number {
  const index = module.function(module.type([I32, I32], [I32]), 'accessSlot')
  const body = module.body(index)
  const [slot, canPay] = [0, 1]
  const isCold = body.local(I32)
  body
    .get(slot)
    .i32Load(SLOT.flags)
    .i32Const(SLOT_FLAG.warm)
    .i32And()
    .if(() => body.i32Const(0).return())
  body.i32Const(SLOT_OPERATION.access).get(slot).get(canPay).call(host).tee(isCold)
  body.if(() => body.get(slot).i32Const(1).call(remember))
  body.get(isCold)
  return index
}

interface Callees {
  readonly find: number
  readonly access: number
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
function emitStore(module: ModuleWriter, callees: Callees & { readonly write: number }): number {
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

/** (slot, address of the value): remembers the old value and marks the new one as dirty. */
function emitWrite(module: ModuleWriter, remember: number): number {
  const index = module.function(module.type([I32, I32], []), 'writeSlot')
  const body = module.body(index)
  const [slot, valueAt] = [0, 1]
  const count = body.local(I32)
  body.get(slot).i32Const(0).call(remember)
  body
    .get(slot)
    .i32Load(SLOT.flags)
    .i32Const(SLOT_FLAG.dirty)
    .i32And()
    .i32Eqz()
    .if(() => {
      body.get(slot).get(slot).i32Load(SLOT.flags).i32Const(SLOT_FLAG.dirty).i32Or().i32Store(SLOT.flags)
      body.i32Const(0).i32Load(ENGINE.dirtyCount).tee(count).i32Const(4).i32Mul().get(slot)
      body.i32Store(STORAGE_DIRTY)
      body.i32Const(0).get(count).i32Const(1).i32Add().i32Store(ENGINE.dirtyCount)
    })
  for (const half of [0, 16])
    body
      .get(slot)
      .get(valueAt)
      .v128Load(half)
      .v128Store(SLOT.value + half)
  return index
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

function emitUndo(module: ModuleWriter): number {
  const index = module.function(module.type([I32], []), 'undoStorage')
  const body = module.body(index)
  const mark = 0
  const [count, entry, slot] = body.locals(I32, 3) as [Local, Local, Local]
  body.i32Const(0).i32Load(ENGINE.undoCount).set(count)
  body.block((done) => {
    body.loop((again) => {
      body.get(count).get(mark).i32LeU().brIf(done)
      body.get(count).i32Const(1).i32Sub().tee(count).i32Const(UNDO_SIZE).i32Mul()
      body.i32Const(STORAGE_UNDO).i32Add().tee(entry).i32Load(UNDO.slot).set(slot)
      body
        .get(entry)
        .i32Load(UNDO.isWarming)
        .if(
          () => {
            body.get(slot).get(slot).i32Load(SLOT.flags).i32Const(~SLOT_FLAG.warm).i32And()
            body.i32Store(SLOT.flags)
          },
          () => {
            for (const half of [0, 16]) {
              body
                .get(slot)
                .get(entry)
                .v128Load(UNDO.value + half)
                .v128Store(SLOT.value + half)
            }
          },
        )
      body.br(again)
    })
  })
  body.i32Const(0).get(count).i32Store(ENGINE.undoCount)
  return index
}
