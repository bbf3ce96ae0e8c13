/**
 * Transactions one at a time on one state, without a block around them: no system calls, withdrawals or requests. State
 * tests and differential tests are written against this; blocks are made by a `BlockExecutor`.
 */
import { Journal } from '../state/journal.ts'
import type { StateDiff, StateReader } from '../state/state-reader.ts'
import type { Engine } from '../../runtime/host.ts'
import type { BlockEnvironment } from './environment.ts'
import type { Offer } from './executor.ts'
import type { TransactionResult } from './message.ts'
import { executeTransaction } from './transaction.ts'
import type { BlockAllowance } from './validation.ts'

/** One caller, one transaction after the other. */
export interface TransactionSession {
  /** @throws InvalidTransactionError when it may not be in this block; nothing changed then. */
  execute(offer: Offer, allowance: BlockAllowance): Promise<TransactionResult>
  /** What all transactions so far changed in the state that the session began on. */
  diff(): StateDiff
}

export type OpenSession = (state: StateReader, environment: BlockEnvironment) => Promise<TransactionSession>

/** Sessions of our own execution over an EVM engine. */
export function nativeSessions(engine: Engine): OpenSession {
  return async (state, environment) => {
    const journal = new Journal(state)
    return {
      execute: async ({ transaction, sender }, allowance) =>
        executeTransaction(journal, environment, transaction, sender, allowance, { engine }),
      diff: () => journal.diff(),
    }
  }
}
