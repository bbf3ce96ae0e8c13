/** Random bytecode for tests of analyses and compilers: instructions rather than bytes, with jumps that often land. */
import fc from 'fast-check'
import { INSTRUCTION_SETS } from '../../runtime/evm/opcodes.ts'
import { assemble, pushOf } from './assembler.ts'

const NAMES = INSTRUCTION_SETS.osaka.flatMap((instruction) =>
  instruction === undefined || instruction.immediateSize > 0 ? [] : [instruction.name],
)
const LABELS = 6

/** Mostly with a condition that ends loops while there is gas. */
const jump = fc
  .tuple(
    fc.nat(LABELS - 1),
    fc.constantFrom('DUP1 ', 'PUSH3 0x020000 GAS GT ', 'DUP2 DUP2 LT ', 'PUSH1 31 GAS AND '),
    fc.nat(9),
  )
  .map(([label, condition, kind]) =>
    kind === 0 ? `PUSH2 @label${label} JUMP` : `${condition}PUSH2 @label${label} JUMPI`,
  )
/** Hands a return address to a piece of code elsewhere, as compilers do for internal functions. */
const internalCall = fc
  .tuple(fc.nat(LABELS - 1), fc.nat(LABELS - 1))
  .map(([target, back]) => `PUSH2 @label${back} PUSH2 @label${target} JUMP`)
const push = fc
  .oneof(fc.nat(300), fc.bigInt(0n, (1n << 256n) - 1n), fc.constantFrom(1n, 32n, (1n << 160n) - 1n))
  .map((value) => pushOf(value))

/** Memory at offsets that are computed, used again and added to. */
const pointer = fc.constantFrom(
  'PUSH2 0x3ff AND',
  'PUSH2 0x3ff AND DUP1 MLOAD',
  'DUP1 MLOAD',
  'DUP1 PUSH1 0x20 ADD MLOAD',
  'PUSH1 0x20 ADD',
  'DUP2 DUP2 MSTORE',
  'DUP2 DUP2 PUSH1 5 ADD MSTORE',
  'DUP1 DUP1 MSTORE8',
  'PUSH1 4 SWAP1 SUB',
  'PUSH1 9 PUSH0 MSTORE',
  'PUSH1 32 PUSH0 KECCAK256',
)

const statement = fc.oneof(
  { weight: 6, arbitrary: push },
  { weight: 8, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 3, arbitrary: fc.constantFrom('DUP1', 'DUP2', 'DUP3', 'SWAP1', 'SWAP2', 'POP', 'ADD', 'AND') },
  { weight: 2, arbitrary: jump },
  { weight: 1, arbitrary: internalCall },
  { weight: 3, arbitrary: pointer },
)

/** To begin with: random code takes more than it puts. */
const WORDS =
  'CALLER CALLVALUE PUSH0 CALLDATALOAD PUSH1 7 CALLDATALOAD DUP2 NOT PUSH1 3 CALLDATASIZE DUP3 DUP3'

/** Hands over three words of the stack and memory. */
const RESULT = 'PUSH0 MSTORE PUSH1 32 MSTORE PUSH1 64 MSTORE PUSH2 0x500 PUSH0 RETURN'

/** Code with a few labels that jumps go to. */
export const structuredCode: fc.Arbitrary<Uint8Array> = fc
  .array(fc.array(statement, { maxLength: 12 }), { minLength: LABELS, maxLength: LABELS })
  .map((sections) =>
    assemble(WORDS, ...sections.map((lines, label) => `@label${label} ${lines.join(' ')}`), RESULT),
  )

/** Any bytes at all. */
export const anyCode: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 300 })
