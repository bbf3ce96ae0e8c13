/**
 * The JavaScript side of linear memory: views of it, words and addresses in and out, code in its cache, and the stack of
 * frames that have their state in it. One machine serves one engine on one thread, one tree of frames at a time.
 */
import { assert } from '../../../src/primitives/assert.ts'
import { EMPTY_BYTES, UINT64_MAX, type Address, type Hash } from '../../../src/primitives/bytes.ts'
import type { BlockContext, Host, SlotAccess } from '../../host.ts'
import type { FinalOutcome } from '../../outcome.ts'
import { copyBytes } from '../memory.ts'
import type { EvmFork } from '../opcodes.ts'
import { AddressBook, wordOfAccount, writeAddress } from './address-book.ts'
import { ByteSlab } from './byte-slab.ts'
import { CodeArea, type PlacedCode } from './code-area.ts'
import { FrameTree, type ResidentFrame } from './frame-tree.ts'
import { operate } from './host-operations.ts'
import type { ResidentCall, ResidentEnding } from './resident-values.ts'
import { beginStorageEpoch } from './storage-state.ts'
import { WordBook } from './word-book.ts'
import {
  ARENA,
  BLOB_HASHES,
  BLOB_HASHES_MAX,
  CONTEXT,
  ENGINE,
  FRAME,
  FRAME_RECORD_SIZE,
  FRAMES_MAX,
  MEMORY_END,
  MEMORY_PAGES_MAX,
  MEMORY_PAGES_MIN,
  PAGE_SIZE,
  RETURN_DATA,
  RETURN_DATA_MAX,
  SAVED_FRAMES,
  STACKS,
  WORD_SIZE,
} from './layout.ts'

/** A memory above this is not kept when no frame runs, in bytes. */
const IDLE_MEMORY_MAX = ARENA + 64 * 1024 * 1024
/** The arena grows by at least this much, in bytes. */
const ARENA_GROWTH = 1024 * 1024

/** What tier 1's module exports to JavaScript. Functions are told where they are emitted. */
export interface MachineExports {
  prepareCode(code: number, size: number): void
  undoStorage(mark: number): void
  beginFrame(
    saved: number,
    stack: number,
    code: number,
    codeSize: number,
    jumpTargets: number,
    input: number,
    inputSize: number,
    memoryBase: number,
    isStatic: number,
    account: number,
    selfWord: number,
    callerWord: number,
    gas: bigint,
  ): void
  beginCallee(
    saved: number,
    code: number,
    codeSize: number,
    jumpTargets: number,
    input: number,
    inputSize: number,
    memoryBase: number,
    account: number,
  ): void
  resumeFrame(saved: number, returnDataSize: number, result: number, gas: bigint): void
  resumeCaller(saved: number, result: number): void
  restoreFrame(saved: number): void
  takeCallGas(price: number, requestedAt: number, stipend: number): number
  /** Runs the frame whose record is in place. @returns a status of `layout.ts`. */
  readonly interpret: Readonly<Record<EvmFork, () => number>>
}

/** The import `host.operation`: see `host-operations.ts`. */
export type HostOperation = (opcode: number, sp: number, gas: number) => number

/** Instantiates the modules over a new memory. */
export type Instantiate = (memory: WebAssembly.Memory, operation: HostOperation) => MachineExports

export class Machine {
  readonly memory: WebAssembly.Memory
  readonly exports: MachineExports
  readonly addresses = new AddressBook()
  private readonly words = new WordBook()
  readonly codes = new CodeArea(this)
  /** What the host said of slots in the storage table when they were loaded, in this epoch. */
  readonly loadedSlots: SlotAccess[] = []
  bytes: Uint8Array
  i32: Int32Array
  u64: BigUint64Array
  /** Where stack and arena of the frame begin that entered last. */
  stackStart = STACKS
  arenaStart = ARENA
  private tree = new FrameTree()
  private readonly logSlab = new ByteSlab()
  private host: Host | undefined
  private block: BlockContext | undefined

  /** @param pagesMax for tests, which make memory scarce. */
  constructor(instantiate: Instantiate, pagesMax = MEMORY_PAGES_MAX) {
    this.memory = new WebAssembly.Memory({ initial: MEMORY_PAGES_MIN, maximum: pagesMax })
    this.bytes = new Uint8Array(this.memory.buffer)
    this.i32 = new Int32Array(this.memory.buffer)
    this.u64 = new BigUint64Array(this.memory.buffer)
    this.exports = instantiate(this.memory, (opcode, sp, gas) =>
      operate(this, this.tree.last as ResidentFrame, opcode, sp, gas),
    )
  }

  /** After anything that may have grown the memory: views of the old buffer have length 0. */
  refresh(): void {
    if (this.bytes.length > 0) return
    this.bytes = new Uint8Array(this.memory.buffer)
    this.i32 = new Int32Array(this.memory.buffer)
    this.u64 = new BigUint64Array(this.memory.buffer)
  }

  // Fields and words.

  field(address: number): number {
    return this.i32[address >> 2] as number
  }

  setField(address: number, value: number): void {
    this.i32[address >> 2] = value
  }

  /** Of 64 bits, unsigned. */
  longField(address: number): bigint {
    return this.u64[address >> 3] as bigint
  }

  setLongField(address: number, value: bigint): void {
    this.u64[address >> 3] = value
  }

  word(address: number): bigint {
    const { i32, u64 } = this
    const index = address >> 3
    const low = u64[index] as bigint
    // Casts: the index is inside of the memory.
    let high = 0
    for (let i = 4; i < 8; i++) high |= i32[2 * index + i] as number
    if (high === 0) {
      // Amounts of tokens have more than 64 bits, and seldom more than 128.
      if (((i32[2 * index + 2] as number) | (i32[2 * index + 3] as number)) === 0) return low
      return ((u64[index + 1] as bigint) << 64n) | low
    }
    // Halves first: 6 operations on short numbers.
    const upper = ((u64[index + 3] as bigint) << 64n) | (u64[index + 2] as bigint)
    return (upper << 128n) | (((u64[index + 1] as bigint) << 64n) | low)
  }

  /** {@link word} of one that comes by often. */
  knownWord(address: number): bigint {
    const known = this.words.wordAt(this.i32, address)
    if (known !== undefined) return known
    const word = this.word(address)
    this.words.learn(this.i32, address, word)
    return word
  }

  isZero(address: number): boolean {
    const { i32 } = this
    const index = address >> 2
    let bits = 0
    for (let i = 0; i < 8; i++) bits |= i32[index + i] as number
    return bits === 0
  }

  setWord(address: number, word: bigint): void {
    const { u64 } = this
    const index = address >> 3
    u64[index] = word
    const isSmall = word <= UINT64_MAX
    u64[index + 1] = isSmall ? 0n : word >> 64n
    u64[index + 2] = isSmall ? 0n : word >> 128n
    u64[index + 3] = isSmall ? 0n : word >> 192n
  }

  addressAt(word: number): Address {
    return this.addresses.addressAt(this.i32, word)
  }

  // Frames.

  /** Before a frame begins: finds where its stack and arena are. Frames that are none of its callers are evicted. */
  prepare(frame: ResidentFrame): void {
    // The last frame may have grown the memory and then trapped: nobody came back to look.
    this.refresh()
    const { host, message } = frame
    const { last } = this.tree
    this.keepEnding()
    if (last !== undefined && (last.host !== host || last.message.depth >= message.depth))
      this.evictAbove(undefined)
    const caller = this.tree.last
    if (caller === undefined) {
      this.addresses.trim()
      this.stackStart = STACKS
      this.arenaStart = ARENA
      beginStorageEpoch(this)
      // Of a frame that the host broke off.
      this.setField(ENGINE.logsSize, 0)
    } else {
      this.restore(caller)
      this.stackStart = this.field(FRAME.sp)
      this.arenaStart = this.field(FRAME.zeroEnd)
    }
    if (this.host !== host) this.setHost(host)
  }

  /**
   * Puts a prepared frame on top of its caller, with its record in place. Its call data is where the arena starts.
   * @returns `false` when there is no room.
   */
  begin(frame: ResidentFrame, code: PlacedCode, inputSize: number, memoryBase: number): boolean {
    const { message } = frame
    const { frameCount } = this.tree
    const self = this.addresses.numberOf(message.address, this.i32)
    const caller = this.addresses.numberOf(message.caller, this.i32)
    if (self === undefined || caller === undefined || frameCount === FRAMES_MAX) return false
    this.exports.beginFrame(
      frameCount === 0 ? 0 : savedRecord(frameCount - 1),
      this.stackStart,
      code.address,
      code.size,
      code.jumpTargets,
      this.arenaStart,
      inputSize,
      memoryBase,
      message.isStatic ? 1 : 0,
      self,
      wordOfAccount(self),
      wordOfAccount(caller),
      message.gas,
    )
    if (message.value !== 0n) this.setWord(FRAME.value, message.value)
    this.cover(frame)
    return true
  }

  /** {@link begin} the callee of the frame on top, whose record is in place. */
  beginCallee(frame: ResidentFrame, call: ResidentCall, code: PlacedCode, memoryBase: number): boolean {
    const { addresses } = this
    const { frameCount } = this.tree
    const keepsAddress = call.kind === 'callcode' || call.kind === 'delegatecall'
    const account = keepsAddress
      ? this.field(FRAME.storageAccount)
      : addresses.numberOfKnown(call.named, this.i32)
    if (account === undefined || frameCount === FRAMES_MAX) return false
    this.exports.beginCallee(
      savedRecord(frameCount - 1),
      code.address,
      code.size,
      code.jumpTargets,
      call.inputAt,
      call.inputSize,
      memoryBase,
      account,
    )
    call.begin()
    this.cover(frame)
    return true
  }

  private cover(frame: ResidentFrame): void {
    const { tree } = this
    frame.below = tree.last
    tree.last = frame
    tree.frameCount += 1
    tree.isRecordInPlace = true
  }

  /** Puts the frame's record in place. Frames above it are evicted. */
  restore(frame: ResidentFrame): void {
    if (this.tree.last !== frame) this.uncover(frame)
    if (this.tree.isRecordInPlace) return
    this.keepEnding()
    this.exports.restoreFrame(savedRecord(this.tree.frameCount - 1))
    this.tree.isRecordInPlace = true
  }

  /** {@link restore}, and completes the call or creation that the frame waits for; of a new contract, all but its address. */
  resume(frame: ResidentFrame, ended: FinalOutcome, isCreation: boolean): void {
    const { tree } = this
    if (tree.last !== frame) this.uncover(frame)
    const { ending } = tree
    const result = ended.kind === 'return' && !isCreation ? 1 : 0
    frame.largeReturnData = undefined
    if (ending !== undefined && ended === ending && !isCreation) {
      if (ending.size > RETURN_DATA_MAX) frame.largeReturnData = ending.output
      this.exports.resumeCaller(savedRecord(tree.frameCount - 1), result)
      ending.end()
      tree.ending = undefined
      tree.isRecordInPlace = true
      ending.frame.below = tree.idle
      tree.idle = ending.frame
      return
    }
    this.keepEnding()
    const [gas, output] = ended.kind === 'halt' ? [0n, EMPTY_BYTES] : [ended.gasLeft, ended.output]
    const returnData = isCreation && ended.kind === 'return' ? EMPTY_BYTES : output
    const saved = tree.isRecordInPlace ? 0 : savedRecord(tree.frameCount - 1)
    this.exports.resumeFrame(saved, returnData.length, result, gas)
    tree.isRecordInPlace = true
    if (returnData.length === 0) return
    this.setReturnData(frame, returnData)
    // The instruction has paid for so many bytes; behind less, all stays.
    const size = Math.min(returnData.length, this.field(FRAME.outputSize) >>> 0)
    const address = this.field(FRAME.memoryBase) + (this.field(FRAME.outputOffset) >>> 0)
    if (size > 0) copyBytes(this.bytes, address, returnData, 0, size)
  }

  /** Of the frame in place, from elsewhere. */
  setReturnData(frame: ResidentFrame, returnData: Uint8Array): void {
    this.setField(FRAME.returnDataSize, returnData.length)
    if (returnData.length > RETURN_DATA_MAX) frame.largeReturnData = returnData
    else copyBytes(this.bytes, RETURN_DATA, returnData, 0, returnData.length)
  }

  /** The frame that runs has ended: what it leaves lies where it is until something else happens here. */
  leaveEnding(ending: ResidentEnding): void {
    this.tree.ending = ending
  }

  /** A frame to use again. */
  takeIdle(): ResidentFrame | undefined {
    const { tree } = this
    const { idle } = tree
    if (idle !== undefined) tree.idle = idle.below
    return idle
  }

  private keepEnding(): void {
    const { ending } = this.tree
    if (ending === undefined) return
    ending.keep()
    this.tree.ending = undefined
  }

  /** Takes the last frame out. */
  leave(frame: ResidentFrame): void {
    const { tree } = this
    assert(tree.last === frame, 'frames end from the innermost one')
    tree.last = frame.below
    tree.frameCount -= 1
    tree.isRecordInPlace = false
    if (tree.last === undefined) {
      this.keepEnding()
      this.tree = new FrameTree()
      // Whoever waits for the next transaction holds no state.
      this.host = undefined
    }
  }

  /** Whether frames run, on code that must stay where it is. */
  get isBusy(): boolean {
    return this.tree.last !== undefined
  }

  /** Whether the memory is better dropped than kept, no frame being in it. */
  isTooLarge(): boolean {
    return this.tree.last === undefined && this.bytes.length > IDLE_MEMORY_MAX
  }

  private uncover(frame: ResidentFrame): void {
    let above = this.tree.last
    while (above !== undefined && above !== frame) above = above.below
    assert(above !== undefined, 'only a frame that is in the machine can be resumed')
    this.evictAbove(frame)
  }

  private evictAbove(kept: ResidentFrame | undefined): void {
    while (this.tree.last !== undefined && this.tree.last !== kept) {
      const frame = this.tree.last
      this.restore(frame)
      frame.evict()
      this.leave(frame)
    }
  }

  // Bytes of the frame in place.

  /** A copy of what it hands over. */
  copyOutput(): Uint8Array {
    const size = this.field(FRAME.outputSize) >>> 0
    const start = this.field(FRAME.memoryBase) + (this.field(FRAME.outputOffset) >>> 0)
    return size === 0 ? EMPTY_BYTES : this.bytes.slice(start, start + size)
  }

  /** A copy of records of logs, which lives until somebody has read them. */
  copyLogs(start: number, size: number): Uint8Array {
    return this.logSlab.cut(this.bytes, this.i32, start, size)
  }

  // Gas of the frame in place.

  /** As a double: exact below 2⁵³, and above that still larger than any price. */
  gasLeft(): number {
    return this.field(FRAME.gas + 4) * 2 ** 32 + (this.field(FRAME.gas) >>> 0)
  }

  /** What initcode may have: all but one 64th. */
  takeAllGas(): bigint {
    const left = this.longField(FRAME.gas)
    const kept = left / 64n
    this.setLongField(FRAME.gas, kept)
    return left - kept
  }

  /** Makes linear memory reach to `end`; `false` when that is more than there may be. */
  reserve(end: number): boolean {
    if (end <= this.bytes.length) return true
    if (end > MEMORY_END) return false
    const target = Math.min(end + ARENA_GROWTH, MEMORY_END)
    try {
      this.memory.grow(Math.ceil((target - this.bytes.length) / PAGE_SIZE))
    } catch (error) {
      // The machine has no more: whoever asked goes on without Wasm.
      if (error instanceof RangeError) return false
      throw error
    }
    this.refresh()
    return true
  }

  /** Hot: once a transaction, and within a block most of it is as it was. */
  private setHost(host: Host): void {
    this.host = host
    const { block, transaction } = host
    const before = this.block
    if (before !== block && (before === undefined || !agreesWith(before, block))) this.setBlock(block)
    writeAddress(this.i32, CONTEXT.ORIGIN, transaction.origin)
    this.setWord(CONTEXT.GASPRICE, transaction.gasPrice)
    const hashes = transaction.blobVersionedHashes
    for (let i = 0; i < hashes.length && i < BLOB_HASHES_MAX; i++) {
      this.setWord(BLOB_HASHES + WORD_SIZE * i, BigInt(hashes[i] as Hash))
    }
    this.setField(ENGINE.blobHashCount, hashes.length)
    // Hashes of blocks were those of another host.
    this.setField(ENGINE.hostEpoch, this.field(ENGINE.hostEpoch) + 1)
  }

  private setBlock(block: BlockContext): void {
    this.block = block
    writeAddress(this.i32, CONTEXT.COINBASE, block.beneficiary)
    this.setWord(CONTEXT.TIMESTAMP, block.timestamp)
    this.setWord(CONTEXT.NUMBER, block.number)
    this.setWord(CONTEXT.PREVRANDAO, BigInt(block.prevRandao))
    this.setWord(CONTEXT.GASLIMIT, block.gasLimit)
    this.setWord(CONTEXT.CHAINID, block.chainId)
    this.setWord(CONTEXT.BASEFEE, block.baseFeePerGas)
    this.setWord(CONTEXT.BLOBBASEFEE, block.blobBaseFee)
  }
}

function agreesWith(a: BlockContext, b: BlockContext): boolean {
  return (
    a.number === b.number &&
    a.timestamp === b.timestamp &&
    a.beneficiary === b.beneficiary &&
    a.gasLimit === b.gasLimit &&
    a.prevRandao === b.prevRandao &&
    a.baseFeePerGas === b.baseFeePerGas &&
    a.blobBaseFee === b.blobBaseFee &&
    a.chainId === b.chainId
  )
}

function savedRecord(position: number): number {
  return SAVED_FRAMES + FRAME_RECORD_SIZE * position
}
