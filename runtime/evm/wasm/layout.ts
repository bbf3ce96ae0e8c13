/**
 * The one linear memory in which Wasm engines keep what a running EVM touches: every region, record and code, shared by
 * all tiers, so that a frame can move between them at any instruction boundary.
 *
 * Words are 32 bytes, little-endian: four limbs of 64 bits, lowest first. Memory, code, call data of the EVM are bytes
 * as the EVM sees them. Addresses are `i32` read as unsigned; gas is `i64`, signed, and below 2⁶².
 *
 *     0x0000_0100  CONTEXT        block and transaction, a word each; fixed while one host is served
 *     0x0000_0280  ENGINE         what all frames share: storage epoch, undo log, refund
 *     0x0000_0300  FRAME          the record of the frame that runs
 *     0x0000_0400  SCRATCH        of functions that call nothing, such as keccak's state; what is left there means nothing
 *     0x0000_0800  DIVISORS       what divisions remember of divisors: nothing else writes there
 *     0x0000_1000  BLOB_HASHES    of the transaction
 *     0x0000_2000  BLOCK_HASHES   of 256 blocks, as far as they are known, by number modulo 256
 *     0x0001_0000  SAVED_FRAMES   records of suspended frames, by depth
 *     0x0005_1000  RETURN_DATA    of the frame that runs, unless it is large
 *     0x0006_0000  ACCOUNT_WORDS  addresses of accounts whose code ran, by number
 *     0x0010_0000  STORAGE_SLOTS  open addressing, see `storage-table.ts`
 *     0x0050_0000  STORAGE_UNDO   what to take back when a frame fails
 *     0x0090_0000  STORAGE_DIRTY  addresses of slots that the host does not know the value of
 *     0x0094_0000  LOGS           that the host does not know yet, see `logs.ts`
 *     0x0098_0000  HASHES         of inputs, remembered where an engine is told to, see `keccak.ts`
 *     0x00a0_0000  CODE           code with its map of jump targets, by hash
 *     0x0200_0000  STACKS         EVM stacks: a callee's begins where its caller's live words end
 *     0x0410_0000  ARENA          for each frame: call data, code that is not kept, then EVM memory, which grows
 *
 * Stacks and arena are stacks of frames: only the frame on top runs, so only its memory grows. Nothing below the
 * highest frame moves, and a suspended frame needs its record only.
 */
import type { HaltReason } from '../../outcome.ts'

export const WORD_SIZE = 32
export const PAGE_SIZE = 65_536

/** Words of the block and the transaction, by the instruction that reads them. */
export const CONTEXT = {
  ORIGIN: 0x100,
  GASPRICE: 0x120,
  COINBASE: 0x140,
  TIMESTAMP: 0x160,
  NUMBER: 0x180,
  PREVRANDAO: 0x1a0,
  GASLIMIT: 0x1c0,
  CHAINID: 0x1e0,
  BASEFEE: 0x200,
  BLOBBASEFEE: 0x220,
} as const

/** Fields that all frames share. */
export const ENGINE = {
  /** i64: what the host's refund counter lacks; may be negative. */
  refund: 0x280,
  /** i32: entries of the storage table with another epoch are free. */
  storageEpoch: 0x288,
  /** i32: entries in the undo log in this epoch. */
  undoCount: 0x290,
  /** i32: entries in the list of dirty slots. */
  dirtyCount: 0x294,
  /** i32: of the transaction. */
  blobHashCount: 0x29c,
  /** i32: of the host that is served. */
  hostEpoch: 0x2a0,
  /** i32: index in `EVM_FORKS` of the fork that the interpreter runs. */
  fork: 0x2a4,
  /** i32: bytes that records of logs take up. */
  logsSize: 0x2a8,
  /** i32: slots of the storage table that are in use in this epoch, a power of two, less 1. */
  slotMask: 0x2b0,
  /** i64: what the call that was asked for last gives to its callee. */
  callGas: 0x2b8,
  /** i32: 1 when hashes of short inputs are remembered. */
  remembersHashes: 0x2b4,
  /** i32: jumps after which the interpreter answers `STATUS.switch`; 0 for never. */
  turnJumps: 0x298,
} as const

/**
 * Fields of a frame's record. A tier keeps `pc`, `sp`, `gas` and `memorySize` in locals and stores them when it leaves;
 * the other fields change only outside.
 */
export const FRAME = {
  /** i32: offset in the code of the next instruction. */
  pc: 0x300,
  /** i32: address behind the top word of the stack. */
  sp: 0x304,
  /** i64. */
  gas: 0x308,
  /** i32: address of the stack's first word. */
  stackBase: 0x310,
  /** i32: address of the EVM memory's first byte. */
  memoryBase: 0x314,
  /** i32: size of the EVM memory in bytes, a multiple of 32. */
  memorySize: 0x318,
  /** i32: address up to which everything behind the EVM memory is zero; a callee's arena begins here. */
  zeroEnd: 0x31c,
  /** i32: address of the code. {@link CODE_PADDING} zeros follow it. */
  code: 0x320,
  /** i32, in bytes. */
  codeSize: 0x324,
  /** i32: address of what is known of jump targets, {@link JUMP_TARGETS}. */
  jumpTargets: 0x328,
  /** i32: address of the call data. */
  input: 0x32c,
  /** i32, in bytes. */
  inputSize: 0x330,
  /** i32, in bytes: see {@link RETURN_DATA}. */
  returnDataSize: 0x334,
  /** i32: 1 in a static call. */
  isStatic: 0x338,
  /** i32: number of the account whose storage the frame works on. */
  storageAccount: 0x33c,
  /** i32: offset in EVM memory of what RETURN or REVERT hands over, or where the output of a call goes. */
  outputOffset: 0x340,
  /** i32, in bytes. */
  outputSize: 0x344,
  /** i32: opcode of the call or creation that suspended the frame; its operands are still on the stack. */
  operation: 0x348,
  /** i32: address of its lowest operand, where the result goes. */
  resultAt: 0x354,
  /** i32: {@link ENGINE.undoCount} when the frame was last suspended. */
  undoMark: 0x34c,
  /** i32: {@link ENGINE.storageEpoch} then. */
  undoEpoch: 0x350,
  /** i32: 1 when {@link FRAME.balance} holds. */
  isBalanceKnown: 0x358,
  /** A word. */
  address: 0x360,
  /** A word. */
  caller: 0x380,
  /** A word. */
  value: 0x3a0,
  /** A word: the account's balance, until something else runs. */
  balance: 0x3c0,
} as const

export const FRAME_RECORD = 0x300
export const FRAME_RECORD_SIZE = 0x100

/** Words; more of them than this are asked of the host. */
export const BLOB_HASHES = 0x1000
export const BLOB_HASHES_MAX = 128
export const BLOCK_HASHES = 0x2000
/** i32 for each: {@link ENGINE.hostEpoch} when the hash is there. */
export const BLOCK_HASHES_KNOWN = 0x4000
/** How many ancestors BLOCKHASH reaches. */
export const BLOCK_HASHES_COUNT = 256

export const SCRATCH = 0x400
export const SCRATCH_SIZE = 0x400

export const DIVISORS = 0x800
export const DIVISORS_SIZE = 0x400

/** Frames at depth 0 … 1,024. */
export const FRAMES_MAX = 1025
export const SAVED_FRAMES = 0x1_0000

/**
 * Return data of the frame that runs: no other frame can read its own any more, as what it waits for will replace it.
 * More than {@link RETURN_DATA_MAX} bytes are on the host's side.
 */
export const RETURN_DATA = 0x5_1000
export const RETURN_DATA_MAX = 0x8000

/** Words of addresses by the number that an account has in a machine. */
export const ACCOUNT_WORDS = 0x6_0000
export const ACCOUNTS_MAX = 16_384

export const STORAGE_SLOTS = 0x10_0000
/** Powers of two. The table begins small with each epoch: slots all over 4 MiB would cost a page fault each. */
export const STORAGE_SLOTS_MIN = 512
export const STORAGE_SLOTS_MAX = 32_768
/** Fields of a slot, relative to its address. */
export const SLOT = {
  /** A word. */
  key: 0,
  /** A word. */
  value: 32,
  /** A word: the value when the transaction began. */
  original: 64,
  /** i32: see {@link ENGINE}. */
  epoch: 96,
  /** i32: number of the account; {@link TRANSIENT} is set for transient storage. */
  account: 100,
  /** i32: of {@link SLOT_FLAG}. */
  flags: 104,
  /** i32: index of what JavaScript knows of the slot, once it is loaded. */
  known: 108,
} as const
export const SLOT_SIZE = 128
export const SLOT_FLAG = { warm: 1, dirty: 2, loaded: 4 } as const
/** Makes an account's number that of its transient storage. */
export const TRANSIENT = 0x8000_0000

export const STORAGE_UNDO = 0x50_0000
export const STORAGE_UNDO_MAX = 65_536
/** Fields of an entry, relative to its address. */
export const UNDO = {
  /** i32: address of the slot. */
  slot: 0,
  /** i32: 1 when the slot became warm, 0 when its value changed. */
  isWarming: 4,
  /** A word: the value before. */
  value: 32,
} as const
export const UNDO_SIZE = 64

export const STORAGE_DIRTY = 0x90_0000

export const LOGS = 0x94_0000
export const LOGS_SIZE = 0x4_0000

export const HASHES = 0x98_0000
/** There are 2 to the power of so many entries. */
export const HASHES_BITS = 11
export const HASH_SIZE = 128
/** Fields of an entry, relative to its address. */
export const HASH = {
  /** 9 limbs: 32 or 64 bytes, then a bit, then zeros. All zero when there is nothing. */
  input: 0,
  /** A word. */
  word: 96,
} as const

export const CODE = 0xa0_0000
export const CODE_END = 0x200_0000
/** Zeros before code: a PUSH reads the 32 bytes that end with its immediate, the search for jump targets those before. */
export const CODE_MARGIN = 32
/** Zeros behind code: a PUSH32 as the last byte, its immediate, and a STOP. */
export const CODE_PADDING = 33
/** What follows them, relative to its address. */
export const JUMP_TARGETS = {
  /** i32: how often a target may be looked for (`jump-targets.ts`); 0 as soon as the map is there. */
  searchesLeft: 0,
  /** Bit `pc & 7` of byte `pc >> 3`. */
  map: 4,
} as const

export const STACKS = 0x200_0000
/** No address of a stack is above: each of {@link FRAMES_MAX} frames has at most 1,024 words. */
export const STACKS_END = STACKS + FRAMES_MAX * 1024 * WORD_SIZE

export const ARENA = 0x410_0000
/** Most the memory may have in bytes: a frame that needs more goes on in tier 0. */
export const MEMORY_END = 0x4000_0000
/** Pages at first: everything below the arena, and 1 MiB of it. */
export const MEMORY_PAGES_MIN = (ARENA + 0x10_0000) / PAGE_SIZE
export const MEMORY_PAGES_MAX = MEMORY_END / PAGE_SIZE
/** EVM memory is zeroed ahead in steps of this many bytes: filling 32 bytes at a time costs a call each. */
export const ZERO_AHEAD = 1024

/** How a tier leaves a frame; the record is complete then. Statuses from {@link STATUS.halt} on are halts. */
export const STATUS = {
  /** STOP, RETURN, SELFDESTRUCT: over, with its output. */
  return: 0,
  revert: 1,
  /** A member of the CALL family is at {@link FRAME.operation}; `pc` is behind it, its operands are on the stack. */
  call: 2,
  /** CREATE or CREATE2, likewise. */
  create: 3,
  /** Before the instruction at `pc`: more memory than the arena has. Tier 0 goes on. */
  leave: 4,
  /** Before the instruction at `pc`: another tier goes on, by the tier's own reasons. */
  switch: 5,
  /** Plus an index in {@link HALTS}. */
  halt: 16,
} as const

/** Reasons of halts by status less {@link STATUS.halt}. */
export const HALTS = [
  'outOfGas',
  'stackUnderflow',
  'stackOverflow',
  'invalidJump',
  'invalidOpcode',
  'staticViolation',
  'returnDataOutOfBounds',
  'invalidInitcodeSize',
] as const satisfies readonly HaltReason[]

/** The status of a halt. */
export function haltStatus(reason: (typeof HALTS)[number]): number {
  return STATUS.halt + HALTS.indexOf(reason)
}
