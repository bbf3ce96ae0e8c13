/**
 * Turns mnemonics into bytecode, by the opcode table: `assemble('PUSH1 0x2a', 'PUSH0', 'SSTORE')`. Lines hold one or
 * more instructions; `@name` marks a JUMPDEST, and `PUSH2 @name` pushes its offset. `:name` marks a place without an
 * instruction, pushed alike; hex that belongs to no PUSH stands for itself.
 */
import { AevirError } from '../../src/primitives/errors.ts'
import { concatBytes, hexToBytes } from '../../src/primitives/bytes.ts'
import { INSTRUCTION_SETS, type Instruction } from '../../runtime/evm/opcodes.ts'

export class AssemblerError extends AevirError {
  override readonly code = 'INVALID_ASSEMBLY'
}

const BY_NAME: ReadonlyMap<string, Instruction> = new Map(
  INSTRUCTION_SETS.osaka.flatMap((instruction) =>
    instruction === undefined ? [] : [[instruction.name, instruction]],
  ),
)

/** @throws AssemblerError on an unknown mnemonic, or an immediate that is missing or too wide. */
export function assemble(...lines: readonly string[]): Uint8Array {
  const tokens = lines.join(' ').split(/\s+/).filter(Boolean)
  const labels = new Map<string, number>()
  // The size of code does not depend on where labels are: one pass finds them, a second one uses them.
  encode(tokens, labels)
  return encode(tokens, labels)
}

/** `PUSH` of a number in as few bytes as it takes. */
export function pushOf(value: bigint | number): string {
  const digits = BigInt(value).toString(16)
  if (digits === '0') return 'PUSH0'
  return `PUSH${Math.ceil(digits.length / 2)} 0x${digits}`
}

function encode(tokens: readonly string[], labels: Map<string, number>): Uint8Array {
  const parts: Uint8Array[] = []
  let size = 0
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] ?? ''
    if (token.startsWith('@') || token.startsWith(':')) labels.set(token, size)
    if (token.startsWith(':')) continue
    if (token.startsWith('0x')) {
      const bytes = hexToBytes(token)
      parts.push(bytes)
      size += bytes.length
      continue
    }
    const instruction = BY_NAME.get(token.startsWith('@') ? 'JUMPDEST' : token)
    if (instruction === undefined) throw new AssemblerError(`unknown mnemonic ${token}`)
    parts.push(Uint8Array.of(instruction.byte))
    if (instruction.immediateSize > 0) {
      i += 1
      parts.push(immediate(tokens[i], instruction, labels))
    }
    size += 1 + instruction.immediateSize
  }
  return concatBytes(...parts)
}

function immediate(
  token: string | undefined,
  instruction: Instruction,
  labels: ReadonlyMap<string, number>,
): Uint8Array {
  if (token === undefined) throw new AssemblerError(`${instruction.name} lacks its immediate`)
  const value = /^[@:]/.test(token) ? BigInt(labels.get(token) ?? 0) : BigInt(token)
  const digits = value.toString(16).padStart(2 * instruction.immediateSize, '0')
  if (digits.length > 2 * instruction.immediateSize) {
    throw new AssemblerError(`${token} does not fit ${instruction.name}`)
  }
  return hexToBytes(`0x${digits}`)
}
