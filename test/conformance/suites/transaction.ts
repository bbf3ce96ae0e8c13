/** TransactionTests of ethereum/tests and of execution-spec-tests: signed bytes, each with a sender or an exception. */
import { judgeTransactionVector, type TransactionVector } from '../../support/transaction-vectors.ts'
import { fixtureEntries } from '../fixture-files.ts'
import type { Suite } from '../suite.ts'

export const transactionSuite: Suite = {
  *cases({ files, slice }) {
    for (const file of files) {
      for (const [name, value] of fixtureEntries(file, slice)) {
        yield {
          id: `${file.label}/${name}`,
          run() {
            const problem = judgeTransactionVector(value as TransactionVector)
            if (problem !== undefined) throw new Error(problem)
          },
        }
      }
    }
  },
}
