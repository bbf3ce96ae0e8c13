/** Operations on memory, storage, the frame and the host as WebAssembly; `emit-arithmetic.ts` and `emit-bits.ts` have those on words alone. */
import { assert, present } from '../../../src/primitives/assert.ts'
import { CALL_STIPEND, COPY_WORD, EXP_BYTE, KECCAK_WORD, LOG_DATA_BYTE } from '../gas.ts'
import { CONTEXT, FRAME } from '../wasm/layout.ts'

import { ARITHMETIC_EMITTERS } from './emit-arithmetic.ts'
import { BIT_EMITTERS } from './emit-bits.ts'
import { isZeroLimb, localOfLimb, type Held } from './held-values.ts'
import { OPERATIONS, type Operation, type Value } from './ir.ts'
import { knownSize, type Place, type RegionWriter } from './region-writer.ts'

/** Emits one value of a node, and notes where it is held. */
export function emitValue(writer: RegionWriter, value: Value): void {
  if (OPERATIONS[value.operation].kind === 'pure' && value.useCount === 0) return
  const { values, words } = writer
  const operands = value.operands.map((operand) => values.of(operand))
  const onWords = WORD_EMITTERS[value.operation]
  const result =
    onWords === undefined
      ? present(EMITTERS[value.operation], value.operation)(writer, operands, value)
      : onWords(words, pair(operands), value.bits)
  if (result !== undefined) {
    if (value.useCount > 0) values.define(value, result)
    else release(writer, result)
  }
  for (const operand of value.operands) values.used(operand)
}

function release({ values }: RegionWriter, held: Held): void {
  if (held.kind === 'bool') values.releaseBool(held.local)
  if (held.kind === 'limbs') for (const local of held.limbs) values.releaseLimb(local)
}

const WORD_EMITTERS = { ...ARITHMETIC_EMITTERS, ...BIT_EMITTERS }

type Emitter = (writer: RegionWriter, operands: readonly Held[], value: Value) => Held | undefined

/** Operands as the table's arity says there are. */
function pair(operands: readonly Held[]): [Held, Held] {
  return operands as unknown as [Held, Held]
}

function triple(operands: readonly Held[]): [Held, Held, Held] {
  return operands as unknown as [Held, Held, Held]
}

/** Addresses of words by the opcode that reads them. */
const CONTEXT_WORDS: Readonly<Record<number, number>> = {
  0x30: FRAME.address,
  0x32: CONTEXT.ORIGIN,
  0x33: FRAME.caller,
  0x34: FRAME.value,
  0x3a: CONTEXT.GASPRICE,
  0x41: CONTEXT.COINBASE,
  0x42: CONTEXT.TIMESTAMP,
  0x43: CONTEXT.NUMBER,
  0x44: CONTEXT.PREVRANDAO,
  0x45: CONTEXT.GASLIMIT,
  0x46: CONTEXT.CHAINID,
  0x48: CONTEXT.BASEFEE,
  0x4a: CONTEXT.BLOBBASEFEE,
}
const CALLDATASIZE = 0x36

const EMITTERS: Partial<Record<Operation, Emitter>> = {
  context(writer, _, value) {
    if (value.immediate === CALLDATASIZE) return number32(writer, FRAME.inputSize)
    const address = present(CONTEXT_WORDS[value.immediate], 'word of the context')
    const limbs = writer.values.takeLimbs(Math.ceil(value.bits / 64))
    for (const [i, local] of limbs.entries()) {
      writer.body
        .i32Const(0)
        .i64Load(address + 8 * i)
        .set(local)
    }
    return { kind: 'limbs', limbs }
  },
  narrow(writer, operands) {
    const [held] = pair(operands)
    const local = localOfLimb(held, 0)
    if (local !== undefined) return { kind: 'limbs', limbs: [writer.values.share(local)] }
    writer.words.limb(held, 0)
    return { kind: 'limbs', limbs: [writer.words.toLimb()] }
  },
  returndatasize: (writer) => number32(writer, FRAME.returnDataSize),
  msize(writer) {
    writer.body.get(writer.memorySize)
    return { kind: 'limbs', limbs: [writer.words.toLimb()] }
  },
  gas(writer, _, value) {
    writer.body.get(writer.gas)
    if (value.immediate > 0) writer.body.i64Const(value.immediate).i64Add()
    return { kind: 'limbs', limbs: [writer.words.toLimb()] }
  },
  charge(writer, _, value) {
    writer.charge(value.immediate)
    return undefined
  },
  writable(writer) {
    writer.body.i32Const(0).i32Load(FRAME.isStatic)
    writer.haltIf('staticViolation')
    return undefined
  },
  exp(writer, operands) {
    const [base, exponent] = pair(operands)
    const { body, words } = writer
    // The bytes of the exponent: ⌈(256 − leading zeros) ÷ 8⌉.
    body.i64Const(256 + 7)
    words.word(exponent)
    body.call(words.functions.clz).i64Sub().i64Const(3).i64ShrU().i64Const(EXP_BYTE).i64Mul()
    writer.chargeAmount()
    words.word(base)
    words.word(exponent)
    body.call(words.functions.exp)
    return words.toWord(256)
  },
  mload(writer, operands, value) {
    return loadReversed(writer, writer.touch(operands[0] as Held, value))
  },
  mstore(writer, operands, value) {
    const [offset, word] = pair(operands)
    storeReversed(writer, writer.touch(offset, value), word)
    return undefined
  },
  mstore8(writer, operands, value) {
    const [offset, word] = pair(operands)
    const place = writer.touch(offset, value)
    writer.body.get(place.base)
    writer.words.limb(word, 0).i64Store8(place.offset)
    return undefined
  },
  mcopy(writer, operands) {
    const [target, source, size] = triple(operands)
    const { body, values } = writer
    const [to, from] = [values.takeBool(), values.takeBool()]
    // Growing over both ranges costs as much as growing over the farther one.
    writer.touchRange(target, size, to)
    writer.touchRange(source, size, from)
    writer.chargeWords(COPY_WORD, size)
    body.get(to).get(from)
    writer.words.limb(size, 0).i32WrapI64().memoryCopy()
    values.releaseBool(to)
    values.releaseBool(from)
    return undefined
  },
  calldataload(writer, [offset]) {
    return loadCallData(writer, present(offset, 'offset'))
  },
  calldatacopy: (writer, operands) => copy(writer, operands, FRAME.input, FRAME.inputSize),
  codecopy: (writer, operands) => copy(writer, operands, FRAME.code, FRAME.codeSize),
  keccak256(writer, operands) {
    const [offset, size] = pair(operands)
    const { body, words } = writer
    writer.touchRange(offset, size, writer.address)
    writer.chargeWords(KECCAK_WORD, size)
    body.get(writer.address)
    words.limb(size, 0).i32WrapI64()
    const known = knownSize(size)
    const isShort = known === 32 || known === 64
    body.call(words.functions[isShort ? 'keccak256Short' : 'keccak256'])
    return words.toWord(256)
  },
  sload(writer, operands) {
    placeOperands(writer, operands)
    writer.pushOperandAddress(0)
    writer.callCharging('storageLoad')
    return writer.loadSlot(writer.region.growth, 256)
  },
  sstore(writer, operands) {
    // A callee that has the stipend only must not be able to write (EIP-2200).
    writer.body.get(writer.gas).i64Const(CALL_STIPEND).i64LeS()
    writer.haltIf('outOfGas')
    placeOperands(writer, operands)
    writer.pushOperandAddress(2)
    writer.callCharging('storageStore')
    return undefined
  },
  tload(writer, operands) {
    placeOperands(writer, operands)
    writer.pushOperandAddress(0)
    writer.body.call(writer.callees.runtime.transientLoad)
    return writer.loadSlot(writer.region.growth, 256)
  },
  tstore(writer, operands) {
    placeOperands(writer, operands)
    writer.pushOperandAddress(2)
    writer.body.call(writer.callees.runtime.transientStore)
    return undefined
  },
  host: (writer, operands, value) => askHost(writer, value.immediate, operands, value.bits),
  hostEffect(writer, operands, value) {
    if (value.immediate >= LOG0 && value.immediate <= LOG4) return appendLog(writer, operands)
    prepareMemory(writer, value.immediate, operands)
    return askHost(writer, value.immediate, operands, undefined)
  },
}

function number32(writer: RegionWriter, address: number): Held {
  writer.body.i32Const(0).i64Load32U(address)
  return { kind: 'limbs', limbs: [writer.words.toLimb()] }
}

/** 32 big-endian bytes. */
function loadReversed(writer: RegionWriter, { base, offset }: Place): Held {
  const { body, half, reversal, values } = writer
  const limbs = values.takeLimbs(4)
  for (const [from, first] of [
    [16, 0],
    [0, 2],
  ] as const) {
    body
      .get(base)
      .v128Load(offset + from)
      .get(reversal)
      .i8x16Swizzle()
      .tee(half)
    body.i64x2ExtractLane(0).set(present(limbs[first], 'limb'))
    body
      .get(half)
      .i64x2ExtractLane(1)
      .set(present(limbs[first + 1], 'limb'))
  }
  return { kind: 'limbs', limbs }
}

function storeReversed(writer: RegionWriter, { base, offset }: Place, held: Held): void {
  const { body, reversal, words, zero } = writer
  for (const [to, first] of [
    [16, 0],
    [0, 2],
  ] as const) {
    body.get(base)
    if (isZeroLimb(held, first) && isZeroLimb(held, first + 1)) {
      body.get(zero)
    } else if (held.kind === 'constant') {
      body.v128Const(bigEndianHalf(held, first))
    } else {
      words.limb(held, first).i64x2Splat()
      words.limb(held, first + 1)
      body.i64x2ReplaceLane(1).get(reversal).i8x16Swizzle()
    }
    body.v128Store(offset + to)
  }
}

/** 16 bytes of a constant from two limbs on, the highest first. */
function bigEndianHalf(held: Extract<Held, { kind: 'constant' }>, limb: number): Uint8Array {
  const { pieces } = held.constant
  return Uint8Array.from({ length: 16 }, (_, i) => {
    const byte = 8 * limb + 15 - i
    return ((pieces[byte >> 2] as number) >>> (8 * (byte & 3))) & 0xff
  })
}

/** Call data that reaches over the whole word is read in place. */
function loadCallData(writer: RegionWriter, offset: Held): Held {
  const { body, words, values, wide, address } = writer
  words.saturated(offset)
  body.tee(wide).i64Const(0x7fff_ffff).i64LtU().get(wide).i64Const(32).i64Add()
  body.i32Const(0).i64Load32U(FRAME.inputSize).i64LeU().i32And()
  const limbs = values.takeLimbs(4)
  body.if(
    () => {
      body.i32Const(0).i32Load(FRAME.input).get(wide).i32WrapI64().i32Add().set(address)
      const loaded = loadReversed(writer, { base: address, offset: 0 })
      assert(loaded.kind === 'limbs', 'a loaded word is in locals')
      for (const [i, local] of loaded.limbs.entries()) {
        body.get(local).set(present(limbs[i], 'limb'))
        values.releaseLimb(local)
      }
    },
    () => {
      body.get(wide).call(words.functions.callDataLoad)
      for (const local of limbs.toReversed()) body.set(local)
    },
  )
  return { kind: 'limbs', limbs }
}

function copy(
  writer: RegionWriter,
  operands: readonly Held[],
  source: number,
  sourceSize: number,
): undefined {
  const [target, offset, size] = triple(operands)
  const { body, words } = writer
  writer.touchRange(target, size, writer.address)
  writer.chargeWords(COPY_WORD, size)
  body.get(writer.address).i32Const(0).i32Load(source).i32Const(0).i32Load(sourceSize)
  words.saturated(offset)
  words.limb(size, 0).i32WrapI64().call(words.functions.copyPadded)
}

const RETURNDATACOPY = 0x3e
const EXTCODECOPY = 0x3c
const LOG0 = 0xa0
const LOG4 = 0xa4

/** What an instruction with a range of memory pays and needs before the host does it. */
function prepareMemory(writer: RegionWriter, opcode: number, operands: readonly Held[]): void {
  const { body, words, wide, address } = writer
  if (opcode === RETURNDATACOPY) {
    const [target, offset, size] = triple(operands)
    // Reading behind the end is an error, whatever the size (EIP-211).
    const end = writer.values.takeLimb()
    words.saturated(size)
    body.set(end)
    words.saturated(offset)
    body.tee(wide).get(end).i64Or().i64Const(32).i64ShrU().i64Const(0).i64Ne()
    writer.haltIf('returnDataOutOfBounds')
    body.get(wide).get(end).i64Add().i32Const(0).i64Load32U(FRAME.returnDataSize).i64GtU()
    writer.haltIf('returnDataOutOfBounds')
    writer.values.releaseLimb(end)
    writer.touchRange(target, size, address)
    writer.chargeWords(COPY_WORD, size)
  } else if (opcode === EXTCODECOPY) {
    const [target, size] = [present(operands[1], 'target'), present(operands[3], 'size')]
    writer.touchRange(target, size, address)
    writer.chargeWords(COPY_WORD, size)
  }
}

function appendLog(writer: RegionWriter, operands: readonly Held[]): undefined {
  const { body, words, address } = writer
  const [offset, size] = pair(operands)
  const topics = operands.slice(2)
  writer.touchRange(offset, size, address)
  writer.chargeBytes(LOG_DATA_BYTE, size)
  placeOperands(writer, topics)
  body.get(address)
  words.limb(size, 0).i32WrapI64()
  writer.pushOperandAddress(topics.length)
  body.i32Const(topics.length).call(words.functions.appendLog)
}

/** Operands go to the stack above all that the region has on it, the last one lowest, as instructions find them. */
function placeOperands(writer: RegionWriter, operands: readonly Held[]): void {
  const lowest = writer.region.growth
  for (const [i, operand] of operands.entries()) writer.storeSlot(lowest + operands.length - 1 - i, operand)
}

/** @param bits width of a result, if there is one. */
function askHost(
  writer: RegionWriter,
  opcode: number,
  operands: readonly Held[],
  bits: number | undefined,
): Held | undefined {
  placeOperands(writer, operands)
  writer.callHost(opcode, operands.length)
  // The result stands in the place of the lowest operand.
  return bits === undefined ? undefined : writer.loadSlot(writer.region.growth, bits)
}

/** Whether a value needs the frame's memory in locals. */
export function usesMemory({ operation }: Value): boolean {
  return MEMORY_OPERATIONS.has(operation)
}

const MEMORY_OPERATIONS: ReadonlySet<Operation> = new Set([
  'mload',
  'mstore',
  'mstore8',
  'mcopy',
  'msize',
  'calldatacopy',
  'codecopy',
  'keccak256',
  'hostEffect',
] as const)

/** Whether a value needs the order in which {@link RegionWriter.reversal} puts bytes. */
export function reversesBytes({ operation }: Value): boolean {
  return operation === 'mload' || operation === 'mstore' || operation === 'calldataload'
}
