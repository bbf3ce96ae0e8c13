/** Random expressions: text of the assembler that pushes exactly one word, or does something with words and leaves none. */
import type { Address } from '../../src/primitives/bytes.ts'
import { EVM_FORKS, type EvmFork } from '../../runtime/evm/opcodes.ts'
import { pushOf } from '../support/assembler.ts'
import type { Prng } from '../support/prng.ts'
import {
  push,
  pushAddress,
  randomOffset,
  randomSize,
  randomSlot,
  randomWord,
  strangeAddress,
} from './values.ts'

export interface Scope {
  readonly prng: Prng
  readonly evm: EvmFork
  /** Addresses worth touching: accounts of the state, precompiles, contracts to be. */
  readonly addresses: readonly Address[]
  /** Contracts to call. Each contract has those behind it, so that most calls come to an end. */
  readonly callees: readonly Address[]
  readonly blockNumber: bigint
  /** Writes nothing but memory: such programs get far in static calls. */
  readonly isQuiet: boolean
}

const NULLARY =
  'ADDRESS ORIGIN CALLER CALLVALUE CALLDATASIZE CODESIZE GASPRICE RETURNDATASIZE COINBASE TIMESTAMP NUMBER PREVRANDAO ' +
  'GASLIMIT CHAINID SELFBALANCE BASEFEE BLOBBASEFEE PC MSIZE GAS'
const NULLARY_NAMES = NULLARY.split(' ')
const BINARY_NAMES =
  'ADD MUL SUB DIV SDIV MOD SMOD EXP SIGNEXTEND LT GT SLT SGT EQ AND OR XOR BYTE SHL SHR SAR'.split(' ')
/** Their first operand selects bits or bytes: a random word selects none. */
const SELECTING_NAMES = new Set(['SIGNEXTEND', 'BYTE', 'SHL', 'SHR', 'SAR'])
/** Around the last bit and the last byte of a word. */
const SELECTORS = [0, 1, 7, 8, 15, 30, 31, 32, 127, 128, 248, 254, 255, 256, 257]
const DUP_MAX = 16

/** Pushes one word. @param depth how deep expressions nest. */
export function expression(scope: Scope, depth = 2): string {
  const { prng } = scope
  if (depth === 0) return leaf(scope)
  return prng.weighted([
    [4, leaf],
    [2, unary],
    [6, binary],
    [1, ternary],
    [3, access],
  ])(scope, depth - 1)
}

/** An address on the stack, mostly one that means something. */
export function addressExpression(scope: Scope): string {
  const { prng, addresses } = scope
  if (prng.chance(0.06)) return pushAddress(prng, strangeAddress(prng))
  if (prng.chance(0.06)) return prng.pick(['ADDRESS', 'CALLER', 'ORIGIN', 'COINBASE'])
  return pushAddress(prng, prng.pick(addresses))
}

/** An address to call. */
export function calleeExpression(scope: Scope): string {
  const { prng, callees } = scope
  return callees.length > 0 && prng.chance(0.7)
    ? pushAddress(prng, prng.pick(callees))
    : addressExpression(scope)
}

function leaf({ prng }: Scope): string {
  return prng.chance(0.6) ? push(prng, randomWord(prng)) : prng.pick(NULLARY_NAMES)
}

function unary(scope: Scope, depth: number): string {
  const { prng, evm } = scope
  const hasClz = EVM_FORKS.indexOf(evm) >= EVM_FORKS.indexOf('osaka')
  // Before Osaka CLZ is no instruction: now and then that is what happens.
  const name = prng.pick(hasClz || prng.chance(0.01) ? ['NOT', 'ISZERO', 'CLZ'] : ['NOT', 'ISZERO'])
  return `${expression(scope, depth)} ${name}`
}

function binary(scope: Scope, depth: number): string {
  const { prng } = scope
  const name = prng.pick(BINARY_NAMES)
  // The first operand is on top of the stack: it comes last.
  const first =
    SELECTING_NAMES.has(name) && prng.chance(0.8)
      ? push(prng, BigInt(prng.chance(0.5) ? prng.pick(SELECTORS) : prng.below(260)))
      : expression(scope, depth)
  return `${expression(scope, depth)} ${first} ${name}`
}

function ternary(scope: Scope, depth: number): string {
  const operands = scope.prng.times(3, () => expression(scope, depth)).join(' ')
  return `${operands} ${scope.prng.pick(['ADDMOD', 'MULMOD'])}`
}

/** Reads something: memory, data, storage, accounts, blocks. */
function access(scope: Scope, depth: number): string {
  const { prng, blockNumber } = scope
  return prng.weighted<() => string>([
    [4, () => `${push(prng, randomOffset(prng))} MLOAD`],
    [4, () => `${push(prng, BigInt(32 * prng.below(4)))} CALLDATALOAD`],
    [1, () => `${expression(scope, depth)} CALLDATALOAD`],
    [6, () => `${push(prng, randomSlot(prng))} SLOAD`],
    [4, () => `${push(prng, randomSlot(prng))} TLOAD`],
    [2, () => `${addressExpression(scope)} BALANCE`],
    [2, () => `${addressExpression(scope)} EXTCODESIZE`],
    [2, () => `${addressExpression(scope)} EXTCODEHASH`],
    [2, () => `${push(prng, randomSize(prng))} ${push(prng, randomOffset(prng))} KECCAK256`],
    [1, () => `${push(prng, randomSlot(prng))} PUSH0 MSTORE PUSH1 32 PUSH0 KECCAK256`],
    [3, () => `${push(prng, blockNumberNear(prng, blockNumber))} BLOCKHASH`],
    [1, () => `${push(prng, BigInt(prng.below(4)))} BLOBHASH`],
  ])()
}

function blockNumberNear(prng: Prng, blockNumber: bigint): bigint {
  const distance = BigInt(prng.pick([-1, 0, 1, 2, 100, 255, 256, 257, 300]))
  return distance > blockNumber ? 0n : blockNumber - distance
}

/** Many operations on words near edges, each of which shows in the result. */
export function arithmeticExercise(scope: Scope): string {
  const { prng } = scope
  const rounds = prng.times(prng.between(4, 16), () => `${operation(scope)} SWAP1 PUSH1 31 MUL ADD`)
  return `PUSH0 ${rounds.join(' ')} ${keep(scope)}`
}

function operation(scope: Scope): string {
  return scope.prng.weighted([
    [8, binary],
    [2, unary],
    [1, ternary],
    [2, leaf],
    [1, access],
  ])(scope, 0)
}

/** Many words, moved about by DUP and SWAP and folded into one. */
export function stackExercise(scope: Scope): string {
  const { prng } = scope
  const height = prng.between(2, DUP_MAX + 1)
  const words = prng.times(height, () => expression(scope, 0))
  const moves = prng.times(prng.between(1, 8), () => {
    const depth = prng.chance(0.2) ? height - 1 : prng.between(1, height - 1)
    // A DUP adds a word; the XOR takes it away again.
    return prng.chance(0.5) ? `SWAP${depth}` : `DUP${Math.min(depth + 1, DUP_MAX)} XOR`
  })
  return `${words.join(' ')} ${moves.join(' ')} ${'ADD '.repeat(height - 1)}${keep(scope)}`
}

/** Puts the word on top of the stack somewhere where it shows. */
export function keep({ prng, isQuiet }: Scope): string {
  return prng.weighted<() => string>([
    [10, () => `${pushOf(32 * prng.below(16))} MSTORE`],
    [2, () => `${push(prng, randomOffset(prng))} MSTORE8`],
    [isQuiet ? 0 : 3, () => `${push(prng, randomSlot(prng))} TSTORE`],
    [isQuiet ? 0 : 3, () => `${push(prng, randomSlot(prng))} SSTORE`],
    [1, () => 'POP'],
  ])()
}
