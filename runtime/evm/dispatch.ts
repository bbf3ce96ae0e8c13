/**
 * The table made executable: for each fork and opcode the handler, the fixed gas and the bounds of the stack, laid out
 * for the interpreter's loop. A row of the table without a handler fails at start.
 */
import { present } from '../../src/primitives/assert.ts'
import * as arithmetic from './instructions/arithmetic.ts'
import * as environment from './instructions/environment.ts'
import * as flow from './instructions/flow.ts'
import { log } from './instructions/log.ts'
import * as memory from './instructions/memory.ts'
import * as storage from './instructions/storage.ts'
import * as system from './instructions/system.ts'
import type { Handler } from './machine.ts'
import { INSTRUCTION_SETS, STACK_LIMIT, type EvmFork } from './opcodes.ts'

/** By opcode, 256 entries each. */
export interface Dispatch {
  readonly handlers: readonly Handler[]
  readonly gas: Uint16Array
  /** Fewest words the stack must hold. */
  readonly stackMin: Uint8Array
  /** Most words the stack may hold. */
  readonly stackMax: Uint16Array
}

/** By name of the instruction. */
const HANDLERS: Readonly<Record<string, Handler>> = {
  STOP: flow.stop,
  ADD: arithmetic.add,
  MUL: arithmetic.mul,
  SUB: arithmetic.sub,
  DIV: arithmetic.div,
  SDIV: arithmetic.sdiv,
  MOD: arithmetic.mod,
  SMOD: arithmetic.smod,
  ADDMOD: arithmetic.addmod,
  MULMOD: arithmetic.mulmod,
  EXP: arithmetic.exp,
  SIGNEXTEND: arithmetic.signextend,
  LT: arithmetic.lt,
  GT: arithmetic.gt,
  SLT: arithmetic.slt,
  SGT: arithmetic.sgt,
  EQ: arithmetic.eq,
  ISZERO: arithmetic.iszero,
  AND: arithmetic.and,
  OR: arithmetic.or,
  XOR: arithmetic.xor,
  NOT: arithmetic.not,
  BYTE: arithmetic.byte,
  SHL: arithmetic.shl,
  SHR: arithmetic.shr,
  SAR: arithmetic.sar,
  CLZ: arithmetic.clz,
  KECCAK256: memory.keccak256,
  ADDRESS: environment.address,
  BALANCE: environment.balance,
  ORIGIN: environment.origin,
  CALLER: environment.caller,
  CALLVALUE: environment.callvalue,
  CALLDATALOAD: memory.calldataload,
  CALLDATASIZE: environment.calldatasize,
  CALLDATACOPY: memory.calldatacopy,
  CODESIZE: environment.codesize,
  CODECOPY: memory.codecopy,
  GASPRICE: environment.gasprice,
  EXTCODESIZE: environment.extcodesize,
  EXTCODECOPY: memory.extcodecopy,
  RETURNDATASIZE: environment.returndatasize,
  RETURNDATACOPY: memory.returndatacopy,
  EXTCODEHASH: environment.extcodehash,
  BLOCKHASH: environment.blockhash,
  COINBASE: environment.coinbase,
  TIMESTAMP: environment.timestamp,
  NUMBER: environment.number,
  PREVRANDAO: environment.prevrandao,
  GASLIMIT: environment.gaslimit,
  CHAINID: environment.chainid,
  SELFBALANCE: environment.selfbalance,
  BASEFEE: environment.basefee,
  BLOBHASH: environment.blobhash,
  BLOBBASEFEE: environment.blobbasefee,
  POP: flow.discard,
  MLOAD: memory.mload,
  MSTORE: memory.mstore,
  MSTORE8: memory.mstore8,
  SLOAD: storage.sload,
  SSTORE: storage.sstore,
  JUMP: flow.jump,
  JUMPI: flow.jumpi,
  PC: flow.pc,
  MSIZE: memory.msize,
  GAS: flow.gas,
  JUMPDEST: flow.jumpdest,
  TLOAD: storage.tload,
  TSTORE: storage.tstore,
  MCOPY: memory.mcopy,
  PUSH0: flow.push0,
  PUSH1: flow.push1,
  ...family('PUSH', 2, 32, flow.pushBytes),
  ...family('DUP', 1, 16, flow.dup),
  ...family('SWAP', 1, 16, flow.swap),
  ...family('LOG', 0, 4, log),
  CREATE: system.create,
  CALL: system.call,
  CALLCODE: system.callcode,
  RETURN: flow.returnOutput,
  DELEGATECALL: system.delegatecall,
  CREATE2: system.create2,
  STATICCALL: system.staticcall,
  REVERT: flow.revert,
  INVALID: flow.invalid,
  SELFDESTRUCT: system.selfdestruct,
}

function family(
  name: string,
  first: number,
  last: number,
  of: (index: number) => Handler,
): Record<string, Handler> {
  const handlers: Record<string, Handler> = {}
  for (let i = first; i <= last; i++) handlers[`${name}${i}`] = of(i)
  return handlers
}

export const DISPATCH: Readonly<Record<EvmFork, Dispatch>> = {
  cancun: resolve('cancun'),
  prague: resolve('prague'),
  osaka: resolve('osaka'),
}

function resolve(fork: EvmFork): Dispatch {
  const handlers = Array.from({ length: 256 }, (): Handler => flow.invalid)
  const gas = new Uint16Array(256)
  const stackMin = new Uint8Array(256)
  const stackMax = new Uint16Array(256).fill(STACK_LIMIT)
  for (const instruction of INSTRUCTION_SETS[fork]) {
    if (instruction === undefined) continue
    const { byte, name, inputs, outputs } = instruction
    handlers[byte] = present(HANDLERS[name], `handler of ${name}`)
    gas[byte] = instruction.gas
    stackMin[byte] = inputs
    // What it takes makes room for what it leaves; one that shrinks the stack fits on a full one.
    stackMax[byte] = STACK_LIMIT - Math.max(0, outputs - inputs)
  }
  return { handlers, gas, stackMin, stackMax }
}
