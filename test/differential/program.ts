/**
 * Random programs as trees: text of the assembler with structure around it, so that a program can be made smaller and
 * still be a program. Jump targets and positions of data follow when it is encoded.
 */
import { bytesToHex, type Hex } from '../../src/primitives/bytes.ts'
import { assemble, pushOf } from '../support/assembler.ts'

export type Program = readonly Statement[]

export type Statement =
  /** Instructions that leave the stack as they found it. `$data` in them is where {@link data} stands in the code. */
  | { readonly kind: 'code'; readonly text: string; readonly data?: Hex }
  | { readonly kind: 'if'; readonly condition: string; readonly body: Program }
  | { readonly kind: 'loop'; readonly count: number; readonly body: Program }
  /** Creates a contract with `program` as initcode; `after` uses the word it pushes. */
  | {
      readonly kind: 'create'
      readonly value: string
      /** Pushes the salt of a CREATE2; `undefined` is CREATE. */
      readonly salt: string | undefined
      readonly program: Program
      readonly after: string
    }
  /** Ends initcode with `program` as the contract's code. */
  | { readonly kind: 'deploy'; readonly program: Program }

/** Where initcode and code to deploy are put in memory: above what programs use otherwise. */
const SCRATCH_OFFSET = 0x400

interface Encoding {
  readonly lines: string[]
  readonly data: string[]
}

export function encodeProgram(program: Program): Uint8Array {
  const encoding: Encoding = { lines: [], data: [] }
  for (const statement of program) encode(encoding, statement)
  return assemble(...encoding.lines, 'STOP', ...encoding.data)
}

function encode(encoding: Encoding, statement: Statement): void {
  const { lines } = encoding
  switch (statement.kind) {
    case 'code':
      lines.push(
        statement.data === undefined
          ? statement.text
          : statement.text.replaceAll('$data', addData(encoding, statement.data)),
      )
      break
    case 'if': {
      const end = `@if${lines.length}`
      lines.push(`${statement.condition} ISZERO PUSH2 ${end} JUMPI`)
      for (const inner of statement.body) encode(encoding, inner)
      lines.push(end)
      break
    }
    case 'loop': {
      const start = `@loop${lines.length}`
      lines.push(`${pushOf(statement.count)} ${start}`)
      for (const inner of statement.body) encode(encoding, inner)
      lines.push(`PUSH1 1 SWAP1 SUB DUP1 PUSH2 ${start} JUMPI POP`)
      break
    }
    case 'create': {
      const size = copyProgram(encoding, statement.program)
      const salt = statement.salt === undefined ? '' : statement.salt
      const instruction = statement.salt === undefined ? 'CREATE' : 'CREATE2'
      lines.push(
        `${salt} ${size} ${pushOf(SCRATCH_OFFSET)} ${statement.value} ${instruction} ${statement.after}`,
      )
      break
    }
    case 'deploy':
      lines.push(`${copyProgram(encoding, statement.program)} ${pushOf(SCRATCH_OFFSET)} RETURN`)
      break
  }
}

/** Copies a program's code into memory; the result pushes its size. */
function copyProgram(encoding: Encoding, program: Program): string {
  const code = encodeProgram(program)
  const label = addData(encoding, bytesToHex(code))
  const size = pushOf(code.length)
  encoding.lines.push(`${size} PUSH2 ${label} ${pushOf(SCRATCH_OFFSET)} CODECOPY`)
  return size
}

function addData({ data }: Encoding, bytes: Hex): string {
  const label = `:data${data.length}`
  data.push(`${label} ${bytes}`)
  return label
}
