/**
 * The call that is measured, and the empty one that tells what a call costs before its program begins. Programs that are
 * over sooner than any request over HTTP are called many times by a contract, within one request.
 */
import { assemble } from '../test/support/assembler.ts'
import { bigintToFixedBytes, bytesToHex, concatBytes, hexToBytes, type Hex } from '../src/primitives/bytes.ts'
import type { Program } from './evm-program-files.ts'

export interface PlacedAccount {
  readonly address: Hex
  readonly code: Hex
  readonly storage?: Readonly<Record<string, string>>
}

export interface EvmCall {
  readonly from: Hex
  readonly to: Hex
  readonly data: Hex
  readonly gas: number
}

/** What a sample is the difference of, divided by `count`. */
export interface EvmTask {
  readonly accounts: readonly PlacedAccount[]
  readonly call: EvmCall
  readonly empty: EvmCall
  /** How often the program runs in one call. */
  readonly count: number
}

/** Calls everything, and holds nothing. */
const ORIGIN: Hex = `0x0a${'00'.repeat(18)}0e`
const STOP: Hex = '0x00'
/** Addresses of programs and of empty contracts; what follows counts up. */
const COLD_PROGRAMS = 0xf1n << 152n
const COLD_EMPTIES = 0xe1n << 152n
const EMPTY = addressOf(COLD_EMPTIES)

/**
 * Calls `count` contracts, whose addresses begin at `first` and are `stride` apart, with the payload and all gas, and
 * returns what the last one did. Call data: first, stride, count, payload.
 */
const REPEATER = bytesToHex(
  assemble(
    'PUSH1 96 CALLDATASIZE SUB DUP1 PUSH1 96 PUSH0 CALLDATACOPY PUSH0 CALLDATALOAD PUSH1 64 CALLDATALOAD',
    // size address count
    '@loop PUSH0 PUSH0 DUP5 PUSH0 PUSH0 DUP7 GAS CALL ISZERO PUSH1 @fail JUMPI',
    'SWAP1 PUSH1 32 CALLDATALOAD ADD SWAP1 PUSH1 1 SWAP1 SUB DUP1 PUSH1 @loop JUMPI',
    'RETURNDATASIZE PUSH0 PUSH0 RETURNDATACOPY RETURNDATASIZE PUSH0 RETURN',
    '@fail PUSH0 PUSH0 REVERT',
  ),
)

/** The program at its own address, called once or again and again: its code is known after the first time. */
export function steadyTask(program: Program, count: number): EvmTask {
  const { address, caller, calldata, gas, code, storage = {} } = program
  const accounts = [
    { address, code, storage },
    { address: EMPTY, code: STOP },
  ]
  if (count === 1) return directTask(accounts, { from: caller, to: address, data: calldata, gas })
  const call = (to: Hex): EvmCall => repeated(program, to, 0n, count)
  return {
    accounts: [...accounts, { address: caller, code: REPEATER }],
    call: call(address),
    empty: call(EMPTY),
    count,
  }
}

let coldCount = 0n

/** Copies of the program that differ from each other and from all before, each called once. */
export function coldTask(program: Program, count: number): EvmTask {
  const { caller, calldata, gas, storage = {} } = program
  const start = coldCount
  coldCount += BigInt(count)
  const copies = Array.from({ length: count }, (_, i) => start + BigInt(i))
  const accounts = copies.flatMap((id) => [
    { address: addressOf(COLD_PROGRAMS + id), code: distinct(program.code, id), storage },
    { address: addressOf(COLD_EMPTIES + id), code: distinct(STOP, id) },
  ])
  const [copy, empty] = [addressOf(COLD_PROGRAMS + start), addressOf(COLD_EMPTIES + start)]
  if (count === 1) {
    const call = { from: caller, to: copy, data: calldata, gas }
    return { accounts, call, empty: { ...call, to: empty }, count }
  }
  return {
    accounts: [...accounts, { address: caller, code: REPEATER }],
    call: repeated(program, copy, 1n, count),
    empty: repeated(program, empty, 1n, count),
    count,
  }
}

function directTask(accounts: readonly PlacedAccount[], call: EvmCall): EvmTask {
  return { accounts, call, empty: { ...call, to: EMPTY }, count: 1 }
}

function repeated({ caller, calldata, gas }: Program, first: Hex, stride: bigint, count: number): EvmCall {
  const words = [BigInt(first), stride, BigInt(count)].map((word) => bigintToFixedBytes(word, 32))
  return { from: ORIGIN, to: caller, data: bytesToHex(concatBytes(...words, hexToBytes(calldata))), gas }
}

/** The same program under another hash. It may end by running off its end: a STOP stands there in its place. */
function distinct(code: Hex, id: bigint): Hex {
  return `${code}00${bytesToHex(bigintToFixedBytes(id, 8)).slice(2)}`
}

function addressOf(value: bigint): Hex {
  return bytesToHex(bigintToFixedBytes(value, 20))
}
