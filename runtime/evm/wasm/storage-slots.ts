/**
 * Slots of the storage table (`storage-table.ts`) one by one: found or given a place, loaded, written, and taken back. What an
 * instruction charges is not known here.
 */
import { I32, I64 } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import type { ModuleWriter } from '../../wasm/module-writer.ts'
import {
  ENGINE,
  SLOT,
  SLOT_FLAG,
  SLOT_SIZE,
  STORAGE_DIRTY,
  STORAGE_SLOTS,
  STORAGE_SLOTS_MAX,
  STORAGE_UNDO,
  UNDO,
  UNDO_SIZE,
} from './layout.ts'
import { WordWriter } from './words/word-writer.ts'

/** Slots looked at before a key is given up. */
const PROBES_MAX = 32
/** Once a key finds no place, the table becomes so many times larger, unless it is as large as it can be. */
const TABLE_GROWTH = 8
/** Odd, with bits all over: the golden ratio's. */
const [MULTIPLIER_LOW, MULTIPLIER_HIGH] = [0x7f4a7c15, 0x9e3779b9]
/** Operations of the host for the table, beside opcodes; they take the address of a slot in place of `sp`. */
export const SLOT_OPERATION = {
  /**
   * Warms the slot and loads it if it is not, its flags included. Answers 1 when it was cold; then it is loaded only
   * if the third parameter, 1 or 0, says that there is enough gas.
   */
  access: 0x100,
  /** Loads a slot of transient storage. */
  loadTransient: 0x101,
  /** The undo log or the table is full: tells the host what is dirty and begins a new epoch. */
  restart: 0x102,
} as const

/** Indices of functions. */
export interface SlotFunctions {
  /** (address of the key, account: i32) → address of the slot, its epoch current; 0 when there is no place. */
  readonly find: number
  /** (slot, whether a cold access can be paid: i32) → whether it was cold. Loaded and warm afterwards, if it was paid. */
  readonly access: number
  /** (slot, address of the value: i32): remembers the old value and marks the new one as dirty. */
  readonly write: number
  /** (entries: i32): takes back what was done since the undo log had so many. */
  readonly undo: number
}

export function emitSlotFunctions(module: ModuleWriter, host: number): SlotFunctions {
  const remember = emitRemember(module)
  return {
    find: emitFind(module, host),
    access: emitAccess(module, host, remember),
    write: emitWrite(module, remember),
    undo: emitUndo(module),
  }
}

function emitFind(module: ModuleWriter, host: number): number {
  const index = module.function(module.type([I32, I32], [I32]), 'findSlot')
  const body = module.body(index)
  const writer = new WordWriter(body)
  const [keyAt, account] = [0, 1]
  const key = writer.word()
  const hash = body.local(I64)
  const [slot, position, probes, epoch, mask] = body.locals(I32, 5) as [Local, Local, Local, Local, Local]
  writer.load(key, keyAt)
  body.i32Const(0).i32Load(ENGINE.storageEpoch).set(epoch)
  body.i32Const(0).i32Load(ENGINE.slotMask).set(mask)

  const mix = (limb: Local): void => {
    body.get(hash).get(limb).i64Xor().i64Const(MULTIPLIER_LOW, MULTIPLIER_HIGH).i64Mul().tee(hash)
    body.i64Const(32).i64Rotl().set(hash)
  }
  body.get(account).i64ExtendI32U().set(hash)
  for (const limb of key) mix(limb)
  body.get(hash).i64Const(MULTIPLIER_LOW, MULTIPLIER_HIGH).i64Mul().i64Const(40).i64ShrU().i32WrapI64()
  body.set(position)

  body.loop((again) => {
    body.get(position).get(mask).i32And().i32Const(SLOT_SIZE).i32Mul()
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
  body
    .get(mask)
    .i32Const(STORAGE_SLOTS_MAX - 1)
    .i32Ne()
    .if(() => {
      body.i32Const(SLOT_OPERATION.restart).i32Const(0).i32Const(0).call(host).drop()
      body.i32Const(0).get(mask).i32Const(1).i32Add().i32Const(TABLE_GROWTH).i32Mul()
      body.i32Const(1).i32Sub().i32Store(ENGINE.slotMask)
      body.get(keyAt).get(account).returnCall(index)
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
