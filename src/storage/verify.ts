/**
 * Checks everything a database holds against everything else in it, down to the state root of the newest block. Reads
 * only, needs memory for one block and some cached nodes, and goes on after a finding: it lists what is wrong.
 */
import { CorruptDatabaseError } from './database-errors.ts'
import { Findings, type VerifyProgress } from './findings.ts'
import type { KeyValueStore } from './key-value-store.ts'
import { readHead, readIdentity, readOldestState } from './meta-records.ts'
import { verifyChain } from './verify-chain.ts'
import { verifyConsensus } from './verify-consensus.ts'
import { verifyHistory } from './verify-history.ts'
import { verifyState } from './verify-state.ts'

export interface VerifyReport {
  /** Number of the newest block. */
  readonly head: bigint
  readonly blocks: number
  readonly transactions: number
  readonly accounts: number
  readonly slots: number
  readonly trieNodes: number
  readonly historyRecords: number
  /** Final proposals of both layers of consensus. */
  readonly proposals: number
  readonly seals: number
  /** What is wrong, readable; at most FINDINGS_LISTED_MAX. Empty when the database is sound. */
  readonly findings: readonly string[]
  readonly findingCount: number
}

/**
 * @param onProgress called every now and then.
 * @throws DatabaseError when the store has another format, or holds too little to know what to check
 */
export function verifyLedger(
  store: KeyValueStore,
  onProgress: (progress: VerifyProgress) => void = () => undefined,
): VerifyReport {
  const identity = readIdentity(store)
  if (identity === undefined) throw new CorruptDatabaseError('it holds no chain')
  const { header } = readHead(store)
  const oldestState = readOldestState(store)
  const findings = new Findings()
  const chain = verifyChain({ store, identity, head: header.number, findings, onProgress })
  const { genesisNumber } = identity
  const state = verifyState({ store, head: header, genesisNumber, findings, onProgress })
  const historyRecords = verifyHistory({ store, oldestState, head: header.number, findings, onProgress })
  const consensus = verifyConsensus({ store, genesisHash: identity.genesisHash, findings, onProgress })
  return {
    head: header.number,
    ...chain,
    ...state,
    historyRecords,
    ...consensus,
    findings: findings.listed,
    findingCount: findings.count,
  }
}
