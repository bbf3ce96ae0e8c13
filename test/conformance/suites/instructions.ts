/** Vectors of single EVM instructions with two operands, one file an instruction: `testcases_add.json` and the like. */
import { INSTRUCTION_SETS } from '../../../runtime/evm/opcodes.ts'
import { evaluate } from '../../support/fake-host.ts'
import { fixtureEntries } from '../fixture-files.ts'
import { expectEqual, SkippedCase, type Suite } from '../suite.ts'

/** Words in hex without prefix; Y lies on top of X. */
interface InstructionVector {
  readonly X: string
  readonly Y: string
  readonly Expected: string
}

/** File names that are not the instruction's own. */
const FULL_NAMES: Readonly<Record<string, string>> = { SIGNEXT: 'SIGNEXTEND' }
const NAMES = new Set(INSTRUCTION_SETS.osaka.map((instruction) => instruction?.name))

export const instructionSuite: Suite = {
  *cases({ files, slice }) {
    for (const file of files) {
      const short = /testcases_(\w+)\.json/.exec(file.label)?.[1]?.toUpperCase() ?? ''
      const name = FULL_NAMES[short] ?? short
      for (const [id, value] of fixtureEntries(file, slice)) {
        yield { id, run: () => runVector(name, value as InstructionVector) }
      }
    }
  },
}

function runVector(name: string, { X, Y, Expected }: InstructionVector): void {
  if (!NAMES.has(name)) throw new SkippedCase(`no instruction is named ${name}`)
  expectEqual(evaluate(`PUSH32 0x${X} PUSH32 0x${Y} ${name}`), BigInt(`0x${Expected}`), name)
}
