/**
 * Programs that reach memory by pointers: words and bytes at a base that nobody knows plus constants, in branches and
 * loops, so that a compiler which remembers how far memory reaches has something to forget. MSIZE and gas tell on it.
 */
import { WORD_MAX } from '../../../src/primitives/bytes.ts'
import { pushOf } from '../../support/assembler.ts'
import type { Prng } from '../../support/prng.ts'

/** Where sizes and sums are kept: below all bases. */
const NOTES = 0x40
const BASE_MIN = 0x80

export function pointerWalk(prng: Prng): readonly string[] {
  // [a, b]: both stay on the stack all the time.
  return [
    ...[0, 32].map((offset) => base(prng, offset)),
    ...statements(prng, prng.between(2, 10), 2),
    `MSIZE PUSH0 MSTORE GAS PUSH1 32 MSTORE PUSH2 0x200 PUSH0 RETURN`,
  ]
}

/** Pushes a pointer: narrow, a word that may be near the end of all words, or a sum of two. */
function base(prng: Prng, offset: number): string {
  const data = `${pushOf(offset)} CALLDATALOAD`
  return prng.weighted<() => string>([
    [8, () => `${data} ${pushOf(prng.pick([0x1f, 0xff, 0x7ff]))} AND ${pushOf(BASE_MIN)} ADD`],
    [4, () => `${data} ${pushOf(prng.pick([0xff, 0x3ff]))} AND`],
    [2, () => `${data} ${pushOf(prng.pick([245, 248]))} SHR PUSH1 5 SHL`],
    // Wraps around with what is added to it.
    [1, () => `${pushOf(WORD_MAX - BigInt(prng.below(70)))} ${data} PUSH1 7 AND SUB`],
    [1, () => pushOf((1n << BigInt(prng.pick([31, 32, 33, 63, 64]))) - BigInt(prng.below(70)))],
  ])()
}

function statements(prng: Prng, count: number, nesting: number): string[] {
  return prng.times(count, () =>
    prng.weighted<() => string>([
      [8, () => access(prng)],
      [3, () => `MSIZE ${keep()}`],
      [nesting > 0 ? 3 : 0, () => branch(prng, nesting - 1)],
      [nesting > 0 ? 1 : 0, () => loop(prng, nesting - 1)],
      // Another pointer in the same place.
      [1, () => `SWAP1 POP ${base(prng, 32 * prng.below(3))}`],
      [1, () => `${pushOf(prng.below(40))} ADD`],
      [1, () => 'SWAP1'],
    ])(),
  )
}

/** Pushes an offset: a pointer, plus a constant mostly. */
function offset(prng: Prng, depth: number): string {
  const pointer = `DUP${depth + prng.between(1, 2)}`
  const delta = prng.pick([0, 1, 31, 32, 32, 64, prng.below(0x120)])
  if (delta === 0 && prng.chance(0.5)) return pointer
  return prng.chance(0.5)
    ? `${pointer} ${pushOf(delta)} ADD`
    : `${pushOf(delta)} ${pointer.replace(/\d+/, (number) => `${Number(number) + 1}`)} ADD`
}

function access(prng: Prng): string {
  return prng.weighted<() => string>([
    [4, () => `${offset(prng, 0)} MLOAD ${keep()}`],
    [3, () => `DUP1 ${offset(prng, 1)} MSTORE`],
    [2, () => `DUP1 ${offset(prng, 1)} MSTORE8`],
    [1, () => `${pushOf(prng.pick([0, 1, 32, 33]))} ${offset(prng, 1)} KECCAK256 ${keep()}`],
    [1, () => `${pushOf(prng.pick([0, 1, 32, 40]))} PUSH0 ${offset(prng, 2)} CALLDATACOPY`],
    [1, () => `${pushOf(prng.pick([0, 1, 32, 40]))} ${offset(prng, 1)} ${offset(prng, 2)} MCOPY`],
  ])()
}

/** Mixes the word on top into the notes. */
function keep(): string {
  return `${pushOf(NOTES)} MLOAD PUSH1 31 MUL ADD ${pushOf(NOTES)} MSTORE`
}

function branch(prng: Prng, nesting: number): string {
  const id = prng.uint32()
  const condition = prng.pick([
    `PUSH1 64 CALLDATALOAD ${pushOf(1 << prng.below(4))} AND`,
    'CALLDATASIZE',
    'DUP1 DUP3 LT',
    'GAS PUSH1 1 AND',
  ])
  const [taken, otherwise] = [1, 2].map(() => statements(prng, prng.below(3), nesting).join(' '))
  return `${condition} PUSH2 @t${id} JUMPI ${otherwise} PUSH2 @e${id} JUMP @t${id} ${taken} @e${id}`
}

/** A counter in memory, one for each depth, so that the pointers stay where they are. */
function loop(prng: Prng, nesting: number): string {
  const id = prng.uint32()
  const counter = pushOf(nesting > 0 ? 0x60 : 0x20)
  return [
    `${pushOf(prng.between(1, 4))} ${counter} MSTORE @l${id}`,
    ...statements(prng, prng.between(1, 3), nesting),
    `PUSH1 1 ${counter} MLOAD SUB DUP1 ${counter} MSTORE PUSH1 7 AND PUSH2 @l${id} JUMPI`,
  ].join(' ')
}
