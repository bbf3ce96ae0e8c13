/** RLPTests of ethereum/tests: values with their encoding, and encodings that must be refused. */
import { judgeRlpVector, type RlpVector } from '../../support/rlp-vectors.ts'
import { fixtureEntries } from '../fixture-files.ts'
import type { Suite } from '../suite.ts'

export const rlpSuite: Suite = {
  *cases({ files, slice }) {
    for (const file of files) {
      for (const [name, value] of fixtureEntries(file, slice)) {
        yield {
          id: `${file.label}/${name}`,
          run() {
            const problem = judgeRlpVector(value as RlpVector)
            if (problem !== undefined) throw new Error(problem)
          },
        }
      }
    }
  },
}
