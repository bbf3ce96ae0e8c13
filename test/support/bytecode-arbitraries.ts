/** Random bytecode for tests of analyses and compilers: instructions rather than bytes, with jumps that often land. */
import fc from 'fast-check'
import { INSTRUCTION_SETS } from '../../runtime/evm/opcodes.ts'
import { assemble, pushOf } from './assembler.ts'

const NAMES = INSTRUCTION_SETS.osaka.flatMap((instruction) =>
  instruction === undefined || instruction.immediateSize > 0 ? [] : [instruction.name],
)
const LABELS = 6

const jump = fc.tuple(fc.nat(LABELS - 1), fc.constantFrom('JUMP', 'JUMPI')).map(([label, name]) => {
  const condition = name === 'JUMPI' ? 'DUP1 ' : ''
  return `${condition}PUSH2 @label${label} ${name}`
})
/** Hands a return address to a piece of code elsewhere, as compilers do for internal functions. */
const internalCall = fc
  .tuple(fc.nat(LABELS - 1), fc.nat(LABELS - 1))
  .map(([target, back]) => `PUSH2 @label${back} PUSH2 @label${target} JUMP`)
const push = fc
  .oneof(fc.nat(300), fc.bigInt(0n, (1n << 256n) - 1n), fc.constantFrom(1n, 32n, (1n << 160n) - 1n))
  .map((value) => pushOf(value))

const statement = fc.oneof(
  { weight: 6, arbitrary: push },
  { weight: 8, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 3, arbitrary: fc.constantFrom('DUP1', 'DUP2', 'DUP3', 'SWAP1', 'SWAP2', 'POP', 'ADD', 'AND') },
  { weight: 2, arbitrary: jump },
  { weight: 1, arbitrary: internalCall },
)

/** Code with a few labels that jumps go to. */
export const structuredCode: fc.Arbitrary<Uint8Array> = fc
  .array(fc.array(statement, { maxLength: 12 }), { minLength: LABELS, maxLength: LABELS })
  .map((sections) => assemble(...sections.map((lines, label) => `@label${label} ${lines.join(' ')}`)))

/** Any bytes at all. */
export const anyCode: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 300 })
