/** TransactionTests of ethereum/tests and of execution-spec-tests: signed bytes, each with a sender or an exception. */
import {
  hasKnownFork,
  judgeTransactionVector,
  type TransactionVector,
} from '../../support/transaction-vectors.ts'
import { fixtureEntries } from '../fixture-files.ts'
import { SkippedCase, type Suite } from '../suite.ts'

export const transactionSuite: Suite = {
  *cases({ files, slice }) {
    for (const file of files) {
      for (const [name, value] of fixtureEntries(file, slice)) {
        yield {
          id: `${file.label}/${name}`,
          run() {
            const vector = value as TransactionVector
            if (!hasKnownFork(vector)) throw new SkippedCase('transactions by rules of before London only')
            const problem = judgeTransactionVector(vector)
            if (problem !== undefined) throw new Error(problem)
          },
        }
      }
    }
  },
}
