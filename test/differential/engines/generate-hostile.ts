/**
 * Random cases that no compiler writes and an engine must survive: limits of the stack, gas that ends anywhere, edges of
 * memory, jumps into data, webs of jumps, return data out of bounds, writes in static calls, recursion that reverts at
 * some depths, and arithmetic on every pair of edges, with operands that are constants and such that are not.
 */
import { bigintToFixedBytes, concatBytes, EMPTY_BYTES, WORD_MAX } from '../../../src/primitives/bytes.ts'
import { delegationTo } from '../../../src/chain/delegation.ts'
import { INSTRUCTION_SETS, type EvmFork } from '../../../runtime/evm/opcodes.ts'
import { FORKS } from '../../../src/chain/forks.ts'
import { pushOf } from '../../support/assembler.ts'
import type { Prng } from '../../support/prng.ts'
import { addressOfKey, type Blueprint, type BlueprintAccount } from '../blueprint.ts'
import type { CaseBlock } from '../case.ts'
import { contractAddress, ETHER, plainAccount } from '../generate-accounts.ts'
import type { Program } from '../program.ts'
import { randomWord } from '../values.ts'
import { arithmeticTable, arithmeticTrees } from './generate-arithmetic.ts'
import { jumpWeb } from './jump-web.ts'
import { callOf } from './plain-call.ts'
import { pointerWalk } from './pointer-walk.ts'

/** Contract 1 gives back these many bytes; contract 2 is a delegated account's code. */
const RETURNED = 45

type Lines = readonly string[]

export function hostileCase(prng: Prng, block: CaseBlock): Blueprint {
  const { evm, transactionGasMax } = FORKS[block.fork]
  // Only with so much gas is the depth of 1,024 within reach: nothing but a recursion ends then.
  if (transactionGasMax === null && prng.chance(0.04)) return deepCase(prng, block)
  if (prng.chance(0.002)) return longCase(prng, block)
  const code = prng.weighted<() => Lines>([
    [4, () => stackLimits(prng)],
    [6, () => memoryEdges(prng)],
    [4, () => strangeJumps(prng)],
    [10, () => jumpWeb(prng)],
    [3, () => returnDataBounds(prng)],
    [3, () => staticViolations(prng, evm)],
    [4, () => recursion(prng)],
    [3, () => creations(prng)],
    [6, () => warmAndCold(prng)],
    [2, () => storagePressure(prng)],
    [60, () => arithmeticTrees(prng, evm)],
    [6, () => pointerWalk(prng)],
    [4, () => arithmeticTable(prng, evm)],
    [8, () => gasWatch(prng)],
    [3, () => byteSoup(prng, evm)],
  ])()
  const gas = prng.pick([60_000n, 60_000n, 100_000n, 100_000n, 200_000n, 900_000n])
  const transactions = prng.times(prng.between(1, 3), (): Parameters<typeof callOf>[0] => ({
    to: prng.chance(0.1) ? addressOfKey(1) : contractAddress(0),
    value: prng.chance(0.2) ? 1n : 0n,
    // A third of them ends for want of gas, somewhere.
    gasLimit: prng.chance(0.65) ? gas : BigInt(21_500 + prng.below(1 << prng.between(6, 18))),
    data: concatBytes(
      ...prng.times(prng.pick([0, 1, 2, 2, 3]), () => bigintToFixedBytes(dataWord(prng), 32)),
    ),
  }))
  return {
    block: { ...block, baseFeePerGas: 0n },
    accounts: [contractOf(0, [{ kind: 'code', text: code.join(' ') }]), ...helpers(block)],
    transactions: transactions.map((transaction, index) => callOf(transaction, BigInt(index))),
  }
}

/** All ones fill what programs cut to a width: results are as wide as they can be. Noise has no bit like its neighbour. */
function dataWord(prng: Prng): bigint {
  return prng.weighted<() => bigint>([
    [2, () => WORD_MAX],
    [2, () => prng.integer(32)],
    [5, () => randomWord(prng)],
  ])()
}

function deepCase(prng: Prng, block: CaseBlock): Blueprint {
  const gasLimit = 1n << BigInt(prng.pick([30, 33, 36, 38]))
  const call = callOf({ to: contractAddress(0), gasLimit, data: EMPTY_BYTES }, 0n)
  const accounts = [contractOf(0, [{ kind: 'code', text: recursion(prng).join(' ') }]), ...helpers(block)]
  return { block: { ...block, baseFeePerGas: 0n }, accounts, transactions: [call] }
}

/** A loop over a few words on the stack, longer than what compiled code runs in one go. */
function longCase(prng: Prng, block: CaseBlock): Blueprint {
  const height = prng.between(1, 5)
  const step = (): string =>
    prng.pick([
      `DUP${prng.between(1, height + 1)} ${prng.pick(['ADD', 'XOR', 'MUL', 'SUB'])}`,
      `SWAP${prng.between(1, height)} PUSH4 0xffffffff AND`,
      `PUSH1 ${prng.below(9)} SHR NOT`,
      'PUSH1 1 ADD PUSH1 7 MLOAD XOR DUP1 PUSH1 7 MSTORE',
      `DUP${height + 1} ISZERO ADD`,
    ])
  const inner = prng.chance(0.5)
    ? `PUSH1 ${prng.between(2, 30)} @inner ${prng.pick(['GAS POP', 'DUP2 POP', 'CALLER PUSH0 MSTORE'])} PUSH1 1 SWAP1 SUB DUP1 PUSH2 @inner JUMPI POP`
    : ''
  const text = [
    ...prng.times(height, () => pushOf(randomWord(prng))),
    // [words…, counter], the counter going down from more than there is gas for, or not.
    `${pushOf(prng.between(19_990, 60_000))} @loop ${prng.chance(0.5) ? 'SWAP1' : `SWAP${height}`}`,
    ...prng.times(prng.between(1, 4), step),
    inner,
    `SWAP${height} `.repeat(prng.below(2) * 2),
    'PUSH2 0x60 MLOAD PUSH1 1 ADD DUP1 PUSH2 0x60 MSTORE PUSH2 0xea60 GT PUSH2 @loop JUMPI',
    ...Array.from({ length: height + 1 }, (_, index) => `${pushOf(32 * index)} MSTORE`),
    'PUSH1 192 PUSH0 RETURN',
  ].join(' ')
  const call = callOf({ to: contractAddress(0), gasLimit: 1_500_000n, data: EMPTY_BYTES }, 0n)
  const accounts = [contractOf(0, [{ kind: 'code', text }]), ...helpers(block)]
  return { block: { ...block, baseFeePerGas: 0n }, accounts, transactions: [call] }
}

function contractOf(index: number, code: Program): BlueprintAccount {
  return { ...plainAccount(contractAddress(index), 7n), nonce: 1n, code, storage: [[1n, 1n]] }
}

/** What hostile code calls: one that returns, one that fails, one that calls back, an account with a delegation. */
function helpers(block: CaseBlock): BlueprintAccount[] {
  const back = `PUSH1 5 PUSH0 MSTORE8 PUSH1 32 PUSH0 PUSH1 1 PUSH0 PUSH0 CALLER PUSH2 5000 GAS DIV POP GAS CALL PUSH0 TLOAD ADD PUSH0 TSTORE`
  return [
    contractOf(1, [{ kind: 'code', text: `CALLER PUSH0 MSTORE ${pushOf(RETURNED)} PUSH0 RETURN` }]),
    contractOf(2, [
      { kind: 'code', text: `PUSH1 9 PUSH1 1 SSTORE PUSH1 9 PUSH0 TSTORE ${pushOf(RETURNED)} PUSH0 REVERT` },
    ]),
    contractOf(3, [{ kind: 'code', text: back }]),
    plainAccount(addressOfKey(0), ETHER),
    ...(FORKS[block.fork].hasSetCode
      ? [{ ...plainAccount(addressOfKey(1), 3n), nonce: 1n, code: delegationTo(contractAddress(1)) }]
      : []),
  ]
}

/** Pushes the address of a helper or of the contract itself. */
function someCallee(prng: Prng): string {
  return prng.pick([
    ...[0, 1, 2, 3].map((index) => `PUSH4 ${contractAddress(index)}`),
    `PUSH20 ${addressOfKey(1)}`,
    'ADDRESS',
    pushOf(prng.between(1, 20)),
  ])
}

function anyCall(prng: Prng): string {
  const kind = prng.pick(['CALL', 'CALLCODE', 'DELEGATECALL', 'STATICCALL'])
  const value = kind.startsWith('CALL') ? pushOf(prng.pick([0, 0, 1, 8])) : ''
  const [out, input] = [range(prng), range(prng)]
  const gas = prng.pick(['GAS', 'PUSH2 5000', 'PUSH0', 'PUSH1 2 GAS DIV', pushOf(WORD_MAX)])
  return `${out} ${input} ${value} ${someCallee(prng)} ${gas} ${kind}`
}

/** Pushes a size and an offset: small, at the edge of what there is, or beyond all gas. */
function range(prng: Prng): string {
  const size = prng.weighted<() => bigint>([
    [4, () => BigInt(prng.below(70))],
    [2, () => 0n],
    [1, () => edge(prng)],
  ])()
  const offset = size === 0n || prng.chance(0.1) ? edge(prng) : BigInt(prng.below(200))
  return `${pushOf(size)} ${pushOf(offset)}`
}

function edge(prng: Prng): bigint {
  const near = BigInt(prng.between(-33, 33))
  const base = prng.pick([
    32n,
    64n,
    1024n,
    4096n,
    65_536n,
    1n << 31n,
    1n << 32n,
    (1n << 64n) - 32n,
    1n << 64n,
    WORD_MAX,
  ])
  const sum = base + near
  return sum < 0n ? 0n : sum > WORD_MAX ? WORD_MAX : sum
}

// Kinds of programs ---------------------------------------------------------------------------------------------------

function stackLimits(prng: Prng): Lines {
  const height = prng.pick([0, 1, 2, 15, 16, 17, 1007, 1008, 1022, 1023, 1024, 1025])
  const filler = prng.pick(['PUSH0', 'PC', 'GAS', 'CALLER'])
  const grow =
    prng.chance(0.5) || height < 40
      ? [`${filler} `.repeat(height)]
      : // As many in rounds of ten, the rest one by one; the counter is in memory.
        [
          `${pushOf(Math.floor(height / 10))} PUSH0 MSTORE @fill ${`${filler} `.repeat(10)}`,
          'PUSH1 1 PUSH0 MLOAD SUB DUP1 PUSH0 MSTORE PUSH2 @fill JUMPI',
          `${filler} `.repeat(height % 10),
        ]
  const moves = prng.times(prng.between(1, 8), () =>
    prng.pick([
      `DUP${prng.between(1, 16)}`,
      `SWAP${prng.between(1, 16)}`,
      'POP',
      'ADD',
      'ADDMOD',
      'PUSH0',
      'PUSH32 0x1234',
      'CALLDATASIZE',
      'MLOAD',
      'SLOAD',
      'POP POP PUSH1 1',
      `PUSH2 @on JUMP @on`.replaceAll('@on', `@on${prng.uint32()}`),
    ]),
  )
  return [...grow, ...moves, 'PUSH0 MSTORE PUSH1 64 PUSH0 RETURN']
}

function memoryEdges(prng: Prng): Lines {
  const access = (): string =>
    prng.weighted<() => string>([
      [4, () => `${pushOf(randomWord(prng))} ${pushOf(edge(prng) & 0xffffn)} MSTORE`],
      [2, () => `${pushOf(randomWord(prng))} ${pushOf(edge(prng) & 0xffffn)} MSTORE8`],
      [4, () => `${pushOf(edge(prng) & 0x3fffn)} MLOAD PUSH0 MLOAD XOR PUSH0 MSTORE`],
      [1, () => `${pushOf(edge(prng))} MLOAD PUSH0 MSTORE`],
      [1, () => `${pushOf(1)} ${pushOf(edge(prng))} MSTORE`],
      [3, () => `${pushOf(prng.below(300))} ${pushOf(prng.below(300))} ${pushOf(prng.below(300))} MCOPY`],
      [1, () => `${range(prng)} ${pushOf(edge(prng))} MCOPY`],
      [2, () => `${range(prng)} ${pushOf(prng.below(400))} ${prng.pick(['CODECOPY', 'CALLDATACOPY'])}`],
      [1, () => `${range(prng)} ${pushOf(edge(prng))} ${prng.pick(['CODECOPY', 'CALLDATACOPY'])}`],
      [1, () => `${range(prng)} ${pushOf(prng.below(99))} ${someCallee(prng)} EXTCODECOPY`],
      [2, () => `${range(prng)} KECCAK256 PUSH1 32 MSTORE`],
      // Around the 136 bytes that are hashed at a time.
      [
        1,
        () =>
          `${pushOf(136 * prng.between(1, 3) + prng.between(-1, 1))} ${pushOf(prng.below(99))} KECCAK256 PUSH1 32 MSTORE`,
      ],
      [2, () => `MSIZE ${pushOf(32 * prng.below(20))} MSTORE`],
      [1, () => `${pushOf(prng.below(5))} ${pushOf(prng.below(5))} ${range(prng)} LOG2`],
      [1, () => `${anyCall(prng)} PUSH1 96 MSTORE`],
      [1, () => `${range(prng)} ${pushOf(prng.below(2))} CREATE PUSH1 64 MSTORE`],
    ])()
  const end = prng.pick([
    'MSIZE PUSH0 RETURN',
    'MSIZE PUSH0 KECCAK256 PUSH0 MSTORE PUSH1 32 PUSH0 RETURN',
    `${range(prng)} RETURN`,
    `${range(prng)} REVERT`,
  ])
  return [...prng.times(prng.between(1, 12), access), end]
}

function strangeJumps(prng: Prng): Lines {
  const target = (): string =>
    prng.weighted<() => string>([
      [4, () => 'PUSH2 @land'],
      [2, () => 'PUSH2 :data'],
      [1, () => 'PUSH1 1 PUSH2 :data ADD'],
      [2, () => 'PUSH1 1 PUSH2 @land SUB PUSH1 1 ADD'],
      [2, () => `PUSH1 1 ${pushOf(prng.pick([16, 31, 32, 33, 63, 64, 255]))} SHL PUSH2 @land OR`],
      [1, () => 'CODESIZE'],
      [1, () => pushOf(randomWord(prng))],
      [1, () => 'PUSH0 CALLDATALOAD'],
      [1, () => 'PUSH1 1 CODESIZE SUB'],
    ])()
  const jump = (): string =>
    prng.pick([
      `${target()} JUMP`,
      `${pushOf(prng.pick([0n, 1n, 1n << 64n, 1n << 255n]))} ${target()} JUMPI`,
      `PUSH0 CALLDATALOAD ${target()} JUMPI`,
      `${target()} PUSH1 1 SWAP1 JUMPI`,
    ])
  const count = 'PUSH0 MLOAD PUSH1 1 ADD DUP1 PUSH0 MSTORE'
  return [
    ...prng.times(prng.between(0, 3), jump),
    // A JUMPDEST within the data of a PUSH, one behind it, and a bounded way back.
    `PUSH4 :data 0x635b5b5b5b POP @land ${count} PUSH1 5 LT PUSH2 @out JUMPI`,
    ...prng.times(prng.between(1, 3), jump),
    '@out PUSH1 32 PUSH0 RETURN',
    prng.pick(['@end', '0x5b', '0x605b', '0x7f5b5b', '0x5b60', 'STOP']),
  ]
}

function returnDataBounds(prng: Prng): Lines {
  const bound = (): string =>
    pushOf(
      prng.pick([
        0,
        1,
        RETURNED - 1,
        RETURNED,
        RETURNED + 1,
        32,
        (1n << 64n) - 1n,
        (1n << 32n) - 5n,
        WORD_MAX,
      ]),
    )
  const copy = (): string => `${bound()} ${bound()} ${pushOf(prng.below(64))} RETURNDATACOPY`
  return prng
    .times(prng.between(2, 6), () =>
      prng.pick([
        `${anyCall(prng)} PUSH1 64 MSTORE`,
        'RETURNDATASIZE PUSH1 96 MSTORE',
        `PUSH1 1 RETURNDATASIZE SUB PUSH1 1 PUSH0 RETURNDATACOPY`,
        copy(),
        'PUSH0 PUSH0 PUSH0 CREATE POP',
      ]),
    )
    .concat('PUSH1 128 PUSH0 RETURN')
}

/** Calls itself statically and there does what is forbidden, the stack being as it should or too small. */
function staticViolations(prng: Prng, evm: EvmFork): Lines {
  const names = ['SSTORE', 'TSTORE', 'LOG0', 'LOG3', 'CREATE', 'CREATE2', 'SELFDESTRUCT', 'CALL', 'CALLCODE']
  const name = prng.pick(names)
  const inputs = INSTRUCTION_SETS[evm].find((instruction) => instruction?.name === name)?.inputs ?? 0
  const operands = `${pushOf(prng.pick([0n, 1n, edge(prng)]))} `.repeat(
    prng.chance(0.9) ? inputs : inputs - 1,
  )
  return [
    `CALLER ADDRESS EQ PUSH2 @inside JUMPI PUSH1 32 PUSH0 PUSH0 PUSH0 ADDRESS ${prng.pick(['GAS', 'PUSH2 20000'])} STATICCALL`,
    'PUSH1 32 MSTORE GAS PUSH1 64 MSTORE PUSH1 96 PUSH0 RETURN',
    `@inside ${prng.chance(0.5) ? 'PUSH1 7 SLOAD POP' : ''} ${operands} ${name} PUSH1 1 PUSH0 MSTORE PUSH1 32 PUSH0 RETURN`,
  ]
}

/** As deep as gas goes, or a few frames; writes on the way down and up, and reverts at some depths. */
function recursion(prng: Prng): Lines {
  const depth = prng.pick([3, 10, 40, 200, 1500])
  const keep = prng.pick(['SSTORE', 'TSTORE'])
  const kind = prng.pick(['CALL', 'CALL', 'DELEGATECALL', 'CALLCODE', 'STATICCALL'])
  const value = kind.startsWith('CALL') ? 'PUSH0' : ''
  const write = kind === 'STATICCALL' ? 'POP POP' : keep
  const fails = pushOf(prng.pick([2, 3, 7, 100]))
  return [
    `PUSH0 CALLDATALOAD PUSH2 0x7ff AND DUP1 ${pushOf(depth)} EQ PUSH2 @bottom JUMPI`,
    // [n]: slot n % 4 = n + 1
    `DUP1 PUSH1 1 ADD DUP2 PUSH1 3 AND ${write} DUP1 PUSH1 1 ADD PUSH0 MSTORE`,
    `PUSH1 32 PUSH1 32 PUSH1 32 PUSH0 ${value} ADDRESS ${prng.pick(['GAS', 'PUSH1 2 GAS DIV', 'PUSH2 60000'])} ${kind}`,
    `PUSH1 32 MLOAD ADD PUSH0 MSTORE ${fails} DUP2 MOD ISZERO PUSH2 @fail JUMPI`,
    `DUP1 PUSH1 1 AND ${prng.pick(['SLOAD', 'TLOAD'])} PUSH0 MLOAD XOR PUSH0 MSTORE`,
    'PUSH1 32 PUSH0 RETURN @fail PUSH1 32 PUSH0 REVERT',
    `@bottom ${prng.pick(['STOP', 'INVALID', 'GAS PUSH0 MSTORE PUSH1 32 PUSH0 RETURN', 'PUSH1 1 PUSH0 REVERT', 'CALLER SELFDESTRUCT'])}`,
  ]
}

/** Creates, calls and creates again at the same address what destroys itself or returns odd code. */
function creations(prng: Prng): Lines {
  const initcode = prng.pick([
    '33ff', // destroys itself at once
    '6233ff00600052600360 1df3'.replace(' ', ''), // its code destroys it when called
    '60ef60005360016000f3', // reserved
    '5f5ffd',
    '5f5ff3',
    '3660005260206000f3',
    '60015f555f54600160005260206000f3',
    '5b5f56', // spins until gas ends
    'fe',
  ])
  const size = initcode.length / 2
  const create = (): string => {
    const salt = prng.chance(0.6) ? pushOf(prng.below(2)) : undefined
    const operands = `${pushOf(prng.chance(0.9) ? size : prng.below(70))} ${pushOf(32 - size)} ${pushOf(prng.pick([0, 0, 1, 99]))}`
    return `${salt ?? ''} ${operands} ${salt === undefined ? 'CREATE' : 'CREATE2'} PUSH1 32 MSTORE`
  }
  const call = (): string =>
    `PUSH0 PUSH0 PUSH0 PUSH0 ${pushOf(prng.below(2))} PUSH1 32 MLOAD ${prng.pick(['GAS', 'PUSH2 9000'])} CALL PUSH1 64 MSTORE`
  const look = (): string =>
    `PUSH1 32 MLOAD ${prng.pick(['EXTCODESIZE', 'EXTCODEHASH', 'BALANCE'])} RETURNDATASIZE ADD PUSH1 96 MLOAD XOR PUSH1 96 MSTORE`
  const steps = prng.times(prng.between(2, 8), () => prng.pick([create, call, look])())
  const push = `PUSH${size} 0x${initcode} PUSH0 MSTORE`
  return [push, create(), ...steps, 'GAS PUSH1 128 MSTORE PUSH1 160 PUSH0 RETURN']
}

/** Slots and accounts, warm or cold, written to and back, in frames that fail. Every price and refund has its turn. */
function warmAndCold(prng: Prng): Lines {
  const slot = (): string =>
    pushOf(
      prng.weighted<bigint>([
        [9, BigInt(prng.below(3))],
        [1, randomWord(prng)],
      ]),
    )
  const touch = (): string =>
    prng.weighted<() => string>([
      [4, () => `${pushOf(prng.below(3))} ${slot()} SSTORE`],
      [1, () => `${pushOf(randomWord(prng))} ${slot()} ${prng.pick(['SSTORE', 'TSTORE'])}`],
      [3, () => `${slot()} SLOAD POP`],
      [2, () => `${pushOf(prng.below(3))} ${slot()} TSTORE`],
      [2, () => `${slot()} TLOAD ${slot()} TSTORE`],
      [1, () => `${someCallee(prng)} ${prng.pick(['BALANCE', 'EXTCODESIZE', 'EXTCODEHASH'])} POP`],
      [1, () => `GAS ${slot()} TSTORE`],
    ])()
  const touches = (): string => prng.times(prng.between(1, 5), touch).join(' ')
  const self = `PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS ${prng.pick(['GAS', 'PUSH2 30000', 'PUSH2 8000'])} CALL`
  const count = 'PUSH1 9 TLOAD PUSH1 1 ADD DUP1 PUSH1 9 TSTORE'
  return [
    touches(),
    `${count} ${pushOf(prng.between(1, 4))} LT PUSH2 @last JUMPI`,
    `${self} ${touches()} POP ${self} POP ${touches()}`,
    prng.pick(['STOP', 'PUSH0 PUSH0 REVERT', 'INVALID', 'GAS PUSH0 MSTORE PUSH1 32 PUSH0 RETURN']),
    `@last ${touches()} ${prng.pick(['STOP', 'PUSH0 PUSH0 REVERT', 'INVALID'])}`,
  ]
}

/** Fills tables of slots, keys that collide among them, in a frame that fails and in one that does not, and reads back. */
function storagePressure(prng: Prng): Lines {
  const count = prng.weighted([
    [10, 10],
    [10, 100],
    [3, 700],
    [1, 9000],
  ])
  const shift = prng.pick([0, 0, 5, 32, 40, 64, 128, 192, 240])
  const [store, load] = prng.pick([
    ['SSTORE', 'SLOAD'],
    ['TSTORE', 'TLOAD'],
    ['TSTORE', 'TLOAD'],
  ])
  const key = prng.pick([
    `${pushOf(shift)} SHL`,
    'PUSH0 MSTORE PUSH1 32 PUSH0 KECCAK256',
    'NOT',
    'PUSH1 7 AND',
  ])
  const loop = (body: string): string =>
    `${pushOf(count)} @l DUP1 ${key} ${body} PUSH1 1 SWAP1 SUB DUP1 PUSH2 @l JUMPI POP`.replaceAll(
      '@l',
      `@l${prng.uint32()}`,
    )
  const self = `PUSH0 PUSH0 PUSH1 1 PUSH0 PUSH0 ADDRESS ${prng.pick(['GAS', 'PUSH1 2 GAS DIV', 'PUSH1 9 GAS DIV'])} CALL`
  const read = loop(`${load} PUSH1 64 MLOAD PUSH1 3 MUL ADD PUSH1 64 MSTORE`)
  return [
    'CALLDATASIZE PUSH1 1 EQ PUSH2 @inner JUMPI',
    prng.chance(0.7) ? loop(`DUP2 SWAP1 ${store}`) : '',
    `${self} PUSH1 96 MSTORE ${read} PUSH1 128 PUSH0 RETURN`,
    `@inner ${loop(`GAS SWAP1 ${store}`)} ${read} ${prng.pick(['STOP', 'PUSH1 128 PUSH0 REVERT', 'INVALID'])}`,
  ]
}

/** Looks at its gas between other things: what was charged ahead would show. */
function gasWatch(prng: Prng): Lines {
  const line = (): string =>
    prng.pick([
      'GAS PUSH1 32 MLOAD PUSH1 7 MUL ADD PUSH1 32 MSTORE',
      'GAS PUSH1 1 AND PUSH2 @skip JUMPI PUSH1 1 PUSH0 SSTORE @skip'.replaceAll(
        '@skip',
        `@skip${prng.uint32()}`,
      ),
      `${pushOf(prng.below(3))} ${pushOf(prng.below(2))} SSTORE`,
      `${pushOf(prng.below(2))} SLOAD POP`,
      `GAS ${pushOf(32 * prng.below(40))} MSTORE`,
      `${anyCall(prng)} POP`,
      `PUSH1 ${prng.below(256)} GAS EXP PUSH1 64 MSTORE`,
      `GAS PUSH1 63 AND PUSH0 KECCAK256 PUSH1 96 MSTORE`,
      'MSIZE GAS PUSH0 LOG1',
      // Close to the end of a block.
      `GAS ${prng.pick(['', 'DUP1 POP', 'PUSH0 POP', 'PC POP'])} @end PUSH1 32 MLOAD PUSH1 5 MUL ADD PUSH1 32 MSTORE`.replaceAll(
        '@end',
        `@end${prng.uint32()}`,
      ),
      'GAS PUSH1 32 MSTORE',
      `${pushOf(prng.pick([2300, 2300, 2301, 2400, 5000]))} ${prng.pick(['', 'GAS POP'])} PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS DUP7 CALL POP POP`,
    ])
  return [...prng.times(prng.between(3, 25), line), 'PUSH1 128 PUSH0 RETURN']
}

/** Instructions and bytes without sense; a few words are there for them. */
function byteSoup(prng: Prng, evm: EvmFork): Lines {
  const known = INSTRUCTION_SETS[evm].filter(
    (instruction) => instruction !== undefined && !['INVALID', 'STOP'].includes(instruction.name),
  )
  const byte = (): string => {
    const chosen = prng.chance(0.97) ? (prng.pick(known)?.byte ?? 0) : prng.below(256)
    return chosen.toString(16).padStart(2, '0')
  }
  const words = prng.times(prng.between(0, 20), () =>
    pushOf(prng.chance(0.7) ? prng.below(64) : randomWord(prng)),
  )
  return [...words, `0x${prng.times(prng.between(1, 60), byte).join('')}`]
}
