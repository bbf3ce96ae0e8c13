/**
 * The reference engine: whole blocks by @ethereumjs/vm, an implementation that is not ours. Some hundred times slower;
 * it is there to be compared with, in tests and by whoever wants to check a chain with other eyes.
 */
import { hexToBytes, type Address } from '../../primitives/bytes.ts'
import {
  BEACON_ROOTS_ADDRESS,
  CONSOLIDATION_REQUESTS_ADDRESS,
  HISTORY_STORAGE_ADDRESS,
  WITHDRAWAL_REQUESTS_ADDRESS,
} from '../../chain/system-contracts.ts'
import type { Receipt } from '../../chain/receipt.ts'
import type { Transaction } from '../../chain/transaction.ts'
import type { BlockEnvironment } from '../environment.ts'
import { InvalidBlockError, InvalidTransactionError } from '../errors.ts'
import { receiptOf, type BlockEffects, type BlockExecutor, type BlockRun, type Offer } from '../executor.ts'
import { GAS_PER_BLOB } from '../fees.ts'
import type { TransactionResult } from '../message.ts'
import { depositsOf, listRequests } from '../requests.ts'
import type { BlockAllowance } from '../validation.ts'
import { openReferenceSession, type ReferenceSession } from './reference-session.ts'

const WEI_PER_GWEI = 1_000_000_000n

export const referenceExecutor: BlockExecutor = {
  name: 'reference',

  async run({ state, environment, source, withdrawals }: BlockRun): Promise<BlockEffects> {
    const session = await openReferenceSession(state, environment)
    await beginBlock(session, environment)
    const applied = await applyTransactions(session, environment, source)
    for (const { address, amount } of withdrawals) await session.addBalance(address, amount * WEI_PER_GWEI)
    await session.endTransaction()
    const requests = await collectRequests(session, environment, applied.receipts)
    return { ...applied, requests, diff: session.diff() }
  },
}

async function beginBlock(session: ReferenceSession, environment: BlockEnvironment): Promise<void> {
  if (environment.number === 0n) return
  await session.systemCall(BEACON_ROOTS_ADDRESS, hexToBytes(environment.parentBeaconBlockRoot))
  if (!environment.rules.hasHistoryContract) return
  await session.systemCall(HISTORY_STORAGE_ADDRESS, hexToBytes(environment.parentHash))
}

async function applyTransactions(
  session: ReferenceSession,
  environment: BlockEnvironment,
  source: BlockRun['source'],
): Promise<Omit<BlockEffects, 'requests' | 'diff'>> {
  const transactions: Transaction[] = []
  const senders: Address[] = []
  const receipts: Receipt[] = []
  let gasUsed = 0n
  let blobGasUsed = 0n
  for (;;) {
    const allowance = {
      gas: environment.gasLimit - gasUsed,
      blobGas: BigInt(environment.rules.blobs.max) * GAS_PER_BLOB - blobGasUsed,
    }
    const offer = source.next(allowance)
    if (offer === undefined) return { transactions, senders, receipts, gasUsed, blobGasUsed }
    const result = await attempt(session, source, offer, allowance)
    if (result === undefined) continue
    gasUsed += result.gasUsed
    blobGasUsed += result.blobGasUsed
    transactions.push(offer.transaction)
    senders.push(offer.sender)
    receipts.push(receiptOf(offer.transaction, result, gasUsed))
  }
}

async function attempt(
  session: ReferenceSession,
  source: BlockRun['source'],
  offer: Offer,
  allowance: BlockAllowance,
): Promise<TransactionResult | undefined> {
  try {
    return await session.execute(offer, allowance)
  } catch (error) {
    if (!(error instanceof InvalidTransactionError)) throw error
    source.refused(offer, error)
    return undefined
  }
}

async function collectRequests(
  session: ReferenceSession,
  environment: BlockEnvironment,
  receipts: readonly Receipt[],
): Promise<readonly Uint8Array[]> {
  if (!environment.rules.hasRequests) return []
  const deposits = depositsOf(receipts, environment)
  const withdrawals = await takeRequests(session, WITHDRAWAL_REQUESTS_ADDRESS)
  const consolidations = await takeRequests(session, CONSOLIDATION_REQUESTS_ADDRESS)
  return listRequests(deposits, withdrawals, consolidations)
}

async function takeRequests(session: ReferenceSession, contract: Address): Promise<Uint8Array> {
  if (!(await session.hasCode(contract))) {
    throw new InvalidBlockError('systemCall', `the system contract at ${contract} has no code`)
  }
  const output = await session.systemCall(contract, new Uint8Array(0))
  if (output === undefined) {
    throw new InvalidBlockError('systemCall', `the system contract at ${contract} failed`)
  }
  return output
}
