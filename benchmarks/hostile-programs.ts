/**
 * Code that nobody writes but to hurt: for compilers, that much comes of little; for interpreters, that each unit of gas
 * takes long; for memory, that little gas fills it. Each runs until its gas is gone.
 */
import { assemble } from '../test/support/assembler.ts'
import { bytesToHex, type Hex } from '../src/primitives/bytes.ts'
import type { PlacedAccount } from './evm-calls.ts'

export interface HostileProgram {
  readonly name: string
  /** The first one is called. */
  readonly accounts: readonly [PlacedAccount, ...PlacedAccount[]]
}

const CODE_SIZE_MAX = 24_576
const INITCODE_SIZE_MAX = 49_152
const SELF: Hex = `0xc0${'00'.repeat(18)}aa`
const CHILD: Hex = `0xc0${'00'.repeat(18)}bb`
const NOBODY: Hex = `0xc0${'00'.repeat(18)}cc`
const IDENTITY: Hex = `0x${'00'.repeat(19)}04`
const BN254_ADD: Hex = `0x${'00'.repeat(19)}06`
const BLAKE2F: Hex = `0x${'00'.repeat(19)}09`
/** 256 KB. Memory of that size costs 150,000 gas, once. */
const LARGE = 'PUSH3 262144'
/** Size and offset. */
const LARGE_INPUT = `${LARGE} PUSH0`
const ONES = `PUSH32 0x${'f'.repeat(64)}`
/** Without pattern, of four limbs. */
const [A, B, N] = [
  'PUSH32 0x9e3779b97f4a7c15f39cc0605cedc8341082276bf3a27251f86c6a11d0c18e95',
  'PUSH32 0xbb67ae8584caa73b2b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da5',
  'PUSH32 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
] as const
/** Multiplier of a generator of pseudo-random numbers. */
const STEP = 'PUSH4 0x5851f42d MUL PUSH1 13 ADD'

export const HOSTILE_PROGRAMS: readonly HostileProgram[] = [
  program('24 KB of JUMPDEST', filled('', 'JUMPDEST', 'PUSH0 JUMP')),
  program('24 KB of MLOAD', filled('JUMPDEST PUSH0', 'MLOAD', 'POP PUSH0 JUMP')),
  program('24 KB of MSTORE', filled('JUMPDEST PUSH0', 'DUP1 DUP1 MSTORE', 'POP PUSH0 JUMP')),
  program('24 KB of LOG0', filled('JUMPDEST', 'PUSH0 PUSH0 LOG0', 'PUSH0 JUMP')),
  program(
    '24 KB of MULMOD',
    filled(`JUMPDEST ${N} ${B} ${A}`, 'DUP3 DUP3 DUP3 MULMOD POP', 'POP POP POP PUSH0 JUMP'),
  ),
  program(
    '24 KB of SDIV',
    filled(`JUMPDEST PUSH24 0x${'7f'.repeat(24)} ${A}`, 'DUP2 DUP2 SDIV POP', 'POP POP PUSH0 JUMP'),
  ),
  program('24 KB of EXP', filled(`JUMPDEST ${ONES} ${A}`, 'DUP2 DUP2 EXP POP', 'POP POP PUSH0 JUMP')),
  program('24 KB of KECCAK256', filled('JUMPDEST PUSH1 136', 'DUP1 PUSH0 KECCAK256 POP', 'POP PUSH0 JUMP')),
  program('web of JUMPI', webOfBranches()),
  program('web of computed jumps', webOfJumps()),
  program('3,000 returns to their callers', manyReturns()),
  program('48 KB of initcode: JUMPDEST', creating('5b')),
  program('48 KB of initcode: MLOAD', creating('51')),
  program(
    'recursion',
    assemble('@again PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS CALL POP PUSH1 @again JUMP'),
  ),
  program(
    'recursion that holds memory',
    assemble(
      '@again PUSH3 0xffff MLOAD POP PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS CALL POP PUSH1 @again JUMP',
    ),
  ),
  program(
    'calls that grow memory',
    assemble(`@again PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 PUSH20 ${CHILD} GAS CALL POP PUSH1 @again JUMP`),
    assemble('PUSH2 0x3fe0 MLOAD STOP'),
  ),
  program('memory as large as gas allows', assemble('PUSH3 3900000 MLOAD', '@again PUSH1 @again JUMP')),
  program('MCOPY of 1 MB', assemble('@again PUSH3 1000000 PUSH1 32 PUSH0 MCOPY PUSH1 @again JUMP')),
  program(
    'EXTCODECOPY of 24 KB',
    filled('@again PUSH2 24576 PUSH0 PUSH0 ADDRESS EXTCODECOPY PUSH0 JUMP', '00', ''),
  ),
  program('calls with 256 KB of call data', calling(CHILD, LARGE_INPUT), assemble('STOP')),
  program('256 KB of call data, read a little', calling(CHILD, LARGE_INPUT), assemble('PUSH0 CALLDATALOAD')),
  program('256 KB of call data for an account without code', calling(NOBODY, LARGE_INPUT)),
  program('256 KB of call data for a precompile that reads 128 bytes', calling(BN254_ADD, LARGE_INPUT)),
  program('256 KB of call data for a precompile without gas', calling(BLAKE2F, LARGE_INPUT, 'PUSH0')),
  program('256 KB of call data in a call that cannot pay its value', calling(CHILD, LARGE_INPUT, 'GAS', 1)),
  program('256 KB through the identity precompile', calling(IDENTITY, LARGE_INPUT)),
  program('256 KB of return data', calling(CHILD, 'PUSH0 PUSH0'), assemble(`${LARGE} PUSH0 RETURN`)),
  program('256 KB of revert data', calling(CHILD, 'PUSH0 PUSH0'), assemble(`${LARGE} PUSH0 REVERT`)),
  program('transient storage', assemble('PUSH0 @again PUSH1 1 ADD DUP1 DUP1 TSTORE PUSH1 @again JUMP')),
  // Equal in their lowest 64 bits, which is all that V8 takes of a bigint to find it.
  program(
    'transient storage, keys that collide',
    assemble('PUSH0 @again PUSH1 1 ADD DUP1 DUP1 PUSH1 64 SHL TSTORE PUSH1 @again JUMP'),
  ),
  program(
    'storage, keys that collide',
    assemble('PUSH0 @again PUSH1 1 ADD DUP1 PUSH1 64 SHL SLOAD POP PUSH1 @again JUMP'),
  ),
]

function program(name: string, code: Uint8Array, child?: Uint8Array): HostileProgram {
  const self = { address: SELF, code: bytesToHex(code) }
  return {
    name,
    accounts: child === undefined ? [self] : [self, { address: CHILD, code: bytesToHex(child) }],
  }
}

/** Calls again and again, without room for output. */
function calling(callee: Hex, input: string, gas = 'GAS', value = 0): Uint8Array {
  return assemble(
    `@again PUSH0 PUSH0 ${input} PUSH1 ${value} PUSH20 ${callee} ${gas} CALL POP PUSH1 @again JUMP`,
  )
}

/** As many units as fit into a contract. A unit of hex stands for itself. */
function filled(begin: string, unit: string, end: string): Uint8Array {
  const isHex = /^[0-9a-f]+$/.test(unit)
  const text = isHex ? `0x${unit}` : unit
  const count = Math.floor((CODE_SIZE_MAX - assemble(begin, end).length) / assemble(text).length)
  return assemble(begin, ...Array<string>(count).fill(text), end)
}

/** Blocks that go on to the next one or to any other, by bits of a number that changes with each. */
function webOfBranches(): Uint8Array {
  const count = 1_150
  const blocks = Array.from({ length: count }, (_, i) => {
    const target = (i * 7_919 + 17) % count
    return `@b${i} ${STEP} DUP1 PUSH1 ${64 + (i % 128)} SHR PUSH1 1 AND PUSH2 @b${target} JUMPI`
  })
  return assemble('PUSH1 1', ...blocks, 'PUSH2 @b0 JUMP')
}

/** Blocks that each compute which one is next. */
function webOfJumps(): Uint8Array {
  const count = 512
  const begin = 2
  const block = `JUMPDEST ${STEP} DUP1 PUSH1 100 SHR PUSH2 ${count - 1} AND PUSH1 SIZE MUL PUSH1 ${begin} ADD JUMP`
  const size = assemble(block.replace('SIZE', '0')).length
  return assemble('PUSH1 1', ...Array<string>(count).fill(block.replace('SIZE', `${size}`)))
}

/** A function that is called from everywhere. */
function manyReturns(): Uint8Array {
  const calls = Array.from({ length: 3_000 }, (_, i) => `PUSH2 @r${i} PUSH2 @function JUMP @r${i}`)
  return assemble('@again', ...calls, 'PUSH1 @again JUMP', '@function JUMP')
}

/** Fills memory with one instruction and runs it as initcode again and again. */
function creating(instruction: string): Uint8Array {
  // MLOAD needs something to load from.
  const prefix = instruction === '5b' ? instruction : '5f'
  return assemble(
    `PUSH0 @fill PUSH32 0x${instruction.repeat(32)} DUP2 MSTORE PUSH1 32 ADD PUSH2 ${INITCODE_SIZE_MAX} DUP2 LT PUSH1 @fill JUMPI`,
    `PUSH1 0x${prefix} PUSH0 MSTORE8`,
    `@again PUSH2 ${INITCODE_SIZE_MAX} PUSH0 PUSH0 CREATE POP PUSH1 @again JUMP`,
  )
}
