/**
 * THE table of EVM instructions. Interpreters, compilers, disassembler, assembler, tests and documents derive from it.
 *
 * Sources: yellow paper appendix H as of Cancun, EIP-7939 (CLZ, Osaka). A fork lists only what it brings (`since`) and
 * what it prices anew (`repriced`).
 */
import type { ForkRules } from '../../src/chain/forks.ts'

/** Names an instruction set. */
export type EvmFork = ForkRules['evm']

/** From old to new. */
export const EVM_FORKS: readonly EvmFork[] = ['cancun', 'prague', 'osaka']

/** Most words on a stack. */
export const STACK_LIMIT = 1024

/** An instruction as one fork has it. */
export interface Instruction {
  readonly byte: number
  readonly name: string
  /** Charged whatever the operands and the state: for accesses, what the warm one costs. */
  readonly gas: number
  /** Words that must be on the stack. DUP and SWAP count what they look at. */
  readonly inputs: number
  /** Words in their place afterwards. */
  readonly outputs: number
  /** Bytes of code behind the opcode that belong to it. */
  readonly immediateSize: number
}

/** A line of the table. */
interface Row extends Instruction {
  /** The first supported fork that has it. */
  readonly since: EvmFork
  /** Fixed gas from a fork on, where it is not what it was. */
  readonly repriced?: Partial<Record<EvmFork, number>>
}

function row(
  byte: number,
  name: string,
  gas: number,
  inputs: number,
  outputs: number,
  rest?: Partial<Row>,
): Row {
  return { byte, name, gas, inputs, outputs, immediateSize: 0, since: 'cancun', ...rest }
}

/** Rows of a family such as PUSH1 … PUSH32. */
function family(first: number, last: number, of: (index: number) => Row): Row[] {
  return Array.from({ length: last - first + 1 }, (_, index) => of(first + index))
}

const TABLE: readonly Row[] = [
  //  byte  name             gas  in out
  row(0x00, 'STOP', 0, 0, 0),
  row(0x01, 'ADD', 3, 2, 1),
  row(0x02, 'MUL', 5, 2, 1),
  row(0x03, 'SUB', 3, 2, 1),
  row(0x04, 'DIV', 5, 2, 1),
  row(0x05, 'SDIV', 5, 2, 1),
  row(0x06, 'MOD', 5, 2, 1),
  row(0x07, 'SMOD', 5, 2, 1),
  row(0x08, 'ADDMOD', 8, 3, 1),
  row(0x09, 'MULMOD', 8, 3, 1),
  row(0x0a, 'EXP', 10, 2, 1),
  row(0x0b, 'SIGNEXTEND', 5, 2, 1),

  row(0x10, 'LT', 3, 2, 1),
  row(0x11, 'GT', 3, 2, 1),
  row(0x12, 'SLT', 3, 2, 1),
  row(0x13, 'SGT', 3, 2, 1),
  row(0x14, 'EQ', 3, 2, 1),
  row(0x15, 'ISZERO', 3, 1, 1),
  row(0x16, 'AND', 3, 2, 1),
  row(0x17, 'OR', 3, 2, 1),
  row(0x18, 'XOR', 3, 2, 1),
  row(0x19, 'NOT', 3, 1, 1),
  row(0x1a, 'BYTE', 3, 2, 1),
  row(0x1b, 'SHL', 3, 2, 1),
  row(0x1c, 'SHR', 3, 2, 1),
  row(0x1d, 'SAR', 3, 2, 1),
  row(0x1e, 'CLZ', 5, 1, 1, { since: 'osaka' }),

  row(0x20, 'KECCAK256', 30, 2, 1),

  row(0x30, 'ADDRESS', 2, 0, 1),
  row(0x31, 'BALANCE', 100, 1, 1),
  row(0x32, 'ORIGIN', 2, 0, 1),
  row(0x33, 'CALLER', 2, 0, 1),
  row(0x34, 'CALLVALUE', 2, 0, 1),
  row(0x35, 'CALLDATALOAD', 3, 1, 1),
  row(0x36, 'CALLDATASIZE', 2, 0, 1),
  row(0x37, 'CALLDATACOPY', 3, 3, 0),
  row(0x38, 'CODESIZE', 2, 0, 1),
  row(0x39, 'CODECOPY', 3, 3, 0),
  row(0x3a, 'GASPRICE', 2, 0, 1),
  row(0x3b, 'EXTCODESIZE', 100, 1, 1),
  row(0x3c, 'EXTCODECOPY', 100, 4, 0),
  row(0x3d, 'RETURNDATASIZE', 2, 0, 1),
  row(0x3e, 'RETURNDATACOPY', 3, 3, 0),
  row(0x3f, 'EXTCODEHASH', 100, 1, 1),

  row(0x40, 'BLOCKHASH', 20, 1, 1),
  row(0x41, 'COINBASE', 2, 0, 1),
  row(0x42, 'TIMESTAMP', 2, 0, 1),
  row(0x43, 'NUMBER', 2, 0, 1),
  row(0x44, 'PREVRANDAO', 2, 0, 1),
  row(0x45, 'GASLIMIT', 2, 0, 1),
  row(0x46, 'CHAINID', 2, 0, 1),
  row(0x47, 'SELFBALANCE', 5, 0, 1),
  row(0x48, 'BASEFEE', 2, 0, 1),
  row(0x49, 'BLOBHASH', 3, 1, 1),
  row(0x4a, 'BLOBBASEFEE', 2, 0, 1),

  row(0x50, 'POP', 2, 1, 0),
  row(0x51, 'MLOAD', 3, 1, 1),
  row(0x52, 'MSTORE', 3, 2, 0),
  row(0x53, 'MSTORE8', 3, 2, 0),
  row(0x54, 'SLOAD', 100, 1, 1),
  row(0x55, 'SSTORE', 0, 2, 0),
  row(0x56, 'JUMP', 8, 1, 0),
  row(0x57, 'JUMPI', 10, 2, 0),
  row(0x58, 'PC', 2, 0, 1),
  row(0x59, 'MSIZE', 2, 0, 1),
  row(0x5a, 'GAS', 2, 0, 1),
  row(0x5b, 'JUMPDEST', 1, 0, 0),
  row(0x5c, 'TLOAD', 100, 1, 1),
  row(0x5d, 'TSTORE', 100, 2, 0),
  row(0x5e, 'MCOPY', 3, 3, 0),

  row(0x5f, 'PUSH0', 2, 0, 1),
  ...family(1, 32, (size) => row(0x5f + size, `PUSH${size}`, 3, 0, 1, { immediateSize: size })),
  ...family(1, 16, (depth) => row(0x7f + depth, `DUP${depth}`, 3, depth, depth + 1)),
  ...family(1, 16, (depth) => row(0x8f + depth, `SWAP${depth}`, 3, depth + 1, depth + 1)),
  ...family(0, 4, (topics) => row(0xa0 + topics, `LOG${topics}`, 375 * (topics + 1), 2 + topics, 0)),

  row(0xf0, 'CREATE', 32_000, 3, 1),
  row(0xf1, 'CALL', 100, 7, 1),
  row(0xf2, 'CALLCODE', 100, 7, 1),
  row(0xf3, 'RETURN', 0, 2, 0),
  row(0xf4, 'DELEGATECALL', 100, 6, 1),
  row(0xf5, 'CREATE2', 32_000, 4, 1),
  row(0xfa, 'STATICCALL', 100, 6, 1),
  row(0xfd, 'REVERT', 0, 2, 0),
  row(0xfe, 'INVALID', 0, 0, 0),
  row(0xff, 'SELFDESTRUCT', 5000, 1, 0),
]

/** Instructions of each fork by opcode: 256 entries, `undefined` where there is none. */
export const INSTRUCTION_SETS: Readonly<Record<EvmFork, readonly (Instruction | undefined)[]>> = {
  cancun: resolve('cancun'),
  prague: resolve('prague'),
  osaka: resolve('osaka'),
}

function resolve(fork: EvmFork): (Instruction | undefined)[] {
  const active = EVM_FORKS.slice(0, EVM_FORKS.indexOf(fork) + 1)
  const set = Array.from({ length: 256 }, (): Instruction | undefined => undefined)
  for (const { since, repriced, ...instruction } of TABLE) {
    if (!active.includes(since)) continue
    const gas = active.reduce((price, name) => repriced?.[name] ?? price, instruction.gas)
    set[instruction.byte] = { ...instruction, gas }
  }
  return set
}
