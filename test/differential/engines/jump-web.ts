/**
 * Programs that are all control flow: blocks that jump to each other at random, also by computed targets and by return
 * addresses on the stack, into loops from the side, with blocks that leave the stack higher or lower than they found it.
 * A counter in memory and the gas end them.
 */
import { pushOf } from '../../support/assembler.ts'
import type { Prng } from '../../support/prng.ts'
import { randomWord } from '../values.ts'

const ROUNDS = [5, 20, 20, 100]

export function jumpWeb(prng: Prng): readonly string[] {
  const count = prng.between(2, 12)
  const label = (): string => `@b${prng.below(count)}`
  // The state of a small generator of random numbers is the word at 32, blocks left to run the one at 0.
  const random =
    'PUSH1 32 MLOAD PUSH8 6364136223846793005 MUL PUSH8 1442695040888963407 ADD DUP1 PUSH1 32 MSTORE'
  const blocks = Array.from({ length: count }, (_, index) =>
    [`@b${index} ${tick(prng)}`, ...body(prng), exit(prng, index, count, label, random)].join(' '),
  )
  const words = prng.times(prng.between(2, 20), () => pushOf(randomWord(prng)))
  return [
    `${pushOf(prng.pick(ROUNDS))} PUSH0 MSTORE ${pushOf(randomWord(prng))} PUSH0 CALLDATALOAD XOR PUSH1 32 MSTORE`,
    words.join(' '),
    ...blocks,
    '@end PUSH1 64 MSTORE PUSH1 96 MSTORE PUSH1 128 PUSH0 RETURN',
  ]
}

function tick(prng: Prng): string {
  // Most blocks count; a ring of those that do not ends with the gas.
  return prng.chance(0.85) ? 'PUSH0 MLOAD DUP1 ISZERO PUSH2 @end JUMPI PUSH1 1 SWAP1 SUB PUSH0 MSTORE' : ''
}

/** Mostly leaves the height of the stack as it is. */
function body(prng: Prng): string[] {
  return prng.times(prng.below(6), () =>
    prng.weighted<() => string>([
      [
        4,
        () => `DUP${prng.between(1, 4)} ${prng.pick(['ADD', 'XOR', 'SUB', 'MUL', 'AND', 'OR', 'LT', 'SGT'])}`,
      ],
      [3, () => `SWAP${prng.between(1, 3)}`],
      [2, () => `${pushOf(randomWord(prng))} ${prng.pick(['ADD', 'AND', 'XOR', 'SHR', 'MUL'])}`],
      [1, () => 'DUP1 PUSH1 64 MLOAD ADD PUSH1 64 MSTORE'],
      [1, () => `DUP1 ${pushOf(prng.below(3))} ${prng.pick(['SSTORE', 'TSTORE', 'TSTORE'])}`],
      [1, () => `${pushOf(prng.below(3))} ${prng.pick(['SLOAD', 'TLOAD'])} XOR`],
      [1, () => 'GAS XOR'],
      [1, () => 'PUSH0'],
      [1, () => 'POP'],
      [1, () => 'DUP2 DUP2'],
      [1, () => 'NOT ISZERO'],
    ])(),
  )
}

function exit(prng: Prng, index: number, count: number, label: () => string, random: string): string {
  const condition = prng.pick([
    'DUP1',
    'DUP1 PUSH1 1 AND',
    `${random} PUSH1 1 AND`,
    'DUP2 DUP2 LT',
    'PUSH0',
    'PUSH1 1',
  ])
  return prng.weighted<() => string>([
    [4, () => `PUSH2 ${label()} JUMP`],
    [6, () => `${condition} PUSH2 ${label()} JUMPI PUSH2 ${label()} JUMP`],
    // Falls into the block behind.
    [3, () => `${condition} PUSH2 ${label()} JUMPI`],
    [1, () => ''],
    // One of two targets, chosen by arithmetic.
    [
      2,
      () =>
        `PUSH2 ${label()} PUSH2 ${label()} ${random} PUSH1 1 AND PUSH2 @x${index} JUMPI SWAP1 @x${index} POP JUMP`,
    ],
    // Calls a block that returns.
    [2, () => `PUSH2 ${label()} PUSH2 ${label()} JUMP`],
    [1, () => 'DUP1 PUSH2 @end LT PUSH2 @end JUMPI JUMP'],
    // Sometimes to what is no target.
    [1, () => `PUSH2 ${label()} ${pushOf(prng.pick([0, 0, 0, 1]))} ADD JUMP`],
    // From a table.
    [
      1,
      () => `PUSH1 ${count} ${random} PUSH1 32 SHR MOD PUSH2 @b0 PUSH2 @b0 SUB MUL PUSH2 ${label()} ADD JUMP`,
    ],
  ])()
}
