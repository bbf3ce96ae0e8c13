/**
 * Blocks: building one out of what was executed, and verifying somebody else's by executing it and comparing. Both end
 * in an {@link ExecutedBlock}, which the ledger takes whole.
 */
import { equalBytes, type Address, type Hash } from '../primitives/bytes.ts'
import type { Block, Header, Withdrawal } from '../chain/block.ts'
import { blockFromParts, EMPTY_OMMERS_HASH, transactionsRoot, withdrawalsRoot } from '../chain/block-codec.ts'
import { mergeBlooms } from '../chain/bloom.ts'
import { rulesAt, type ChainConfig } from '../chain/forks.ts'
import { receiptsRoot } from '../chain/receipt-codec.ts'
import { mergeDiffs, OverlayState } from '../state/overlay-state.ts'
import { commitState, type StateCommit } from '../state/state-tree.ts'
import type { StateDiff, StateReader, TrieNodeReader } from '../state/state-reader.ts'
import { environmentOf, type BlockEnvironment, type BlockHashes } from './environment.ts'
import { InvalidBlockError, type BlockRefusal } from './errors.ts'
import { exactly, type BlockEffects, type BlockExecutor, type TransactionSource } from './executor.ts'
import { validateBody, validateHeader, type HeaderPolicy } from './header-validation.ts'
import type { ExecutedBlock } from './ledger.ts'
import { requestsHash } from './requests.ts'

const ZERO_NONCE = new Uint8Array(8)

/** The block that a new one is built on, with its state. */
export interface ParentBlock {
  readonly header: Header
  readonly hash: Hash
  readonly state: StateReader & TrieNodeReader
}

export interface BuildInput {
  readonly parent: ParentBlock
  readonly environment: BlockEnvironment
  readonly source: TransactionSource
  readonly withdrawals: readonly Withdrawal[]
  readonly extraData: Uint8Array
  /** Development only: changes of state that enter with this block without a transaction. */
  readonly overlay?: StateDiff | undefined
}

/** Executes what the source offers and makes a block of it. */
export async function buildBlock(executor: BlockExecutor, input: BuildInput): Promise<ExecutedBlock> {
  const { parent, environment, overlay, source, withdrawals } = input
  const state = overlay === undefined ? parent.state : new OverlayState(parent.state, overlay)
  const effects = await executor.run({ state, environment, source, withdrawals })
  const diff = overlay === undefined ? effects.diff : mergeDiffs(overlay, effects.diff)
  const commit = commitState(parent.state, parent.header.stateRoot, diff)
  const header = headerOf(input, effects, commit.root)
  return executedBlock(blockFromParts(header, effects.transactions, withdrawals), effects, diff, commit)
}

function headerOf(
  { environment, withdrawals, extraData }: BuildInput,
  effects: BlockEffects,
  stateRoot: Hash,
): Header {
  const { rules } = environment
  return {
    parentHash: environment.parentHash,
    ommersHash: EMPTY_OMMERS_HASH,
    beneficiary: environment.beneficiary,
    stateRoot,
    transactionsRoot: transactionsRoot(effects.transactions),
    receiptsRoot: receiptsRoot(effects.receipts),
    logsBloom: mergeBlooms(effects.receipts.map(({ logsBloom }) => logsBloom)),
    difficulty: 0n,
    number: environment.number,
    gasLimit: environment.gasLimit,
    gasUsed: effects.gasUsed,
    timestamp: environment.timestamp,
    extraData,
    prevRandao: environment.prevRandao,
    nonce: ZERO_NONCE,
    baseFeePerGas: environment.baseFeePerGas,
    withdrawalsRoot: withdrawalsRoot(withdrawals),
    blobGasUsed: effects.blobGasUsed,
    excessBlobGas: environment.excessBlobGas,
    parentBeaconBlockRoot: environment.parentBeaconBlockRoot,
    ...(rules.hasRequests ? { requestsHash: requestsHash(effects.requests) } : {}),
  }
}

function executedBlock(
  block: Block,
  effects: BlockEffects,
  stateDiff: StateDiff,
  commit: StateCommit,
): ExecutedBlock {
  const { senders, receipts } = effects
  return { block, senders, receipts, stateDiff, trieDiff: commit.nodes, accounts: commit.accounts }
}

export interface VerifyInput {
  readonly parent: ParentBlock
  readonly block: Block
  /** Sender of each transaction, recovered already; `undefined` where the signature is invalid. */
  readonly senders: readonly (Address | undefined)[]
  readonly config: ChainConfig
  readonly hashes: BlockHashes
  readonly policy: HeaderPolicy
}

/**
 * Checks a block against every rule and executes it.
 * @throws InvalidBlockError naming the rule; nothing was changed.
 */
export async function verifyBlock(executor: BlockExecutor, input: VerifyInput): Promise<ExecutedBlock> {
  const { parent, block, config, policy } = input
  if (block.header.parentHash !== parent.hash) {
    throw new InvalidBlockError(
      'parent',
      `invalid block: parent ${block.header.parentHash}, expected ${parent.hash}`,
    )
  }
  validateHeader(block.header, parent.header, config, policy)
  validateBody(block, config)
  const environment = environmentOf(block.header, config, (number) =>
    number === parent.header.number ? parent.hash : input.hashes(number),
  )
  const effects = await executor.run({
    state: parent.state,
    environment,
    source: exactly(block.transactions, knownSenders(block, input.senders)),
    withdrawals: block.withdrawals ?? [],
  })
  compareEffects(block.header, effects, rulesAt(config, block.header.timestamp).hasRequests)
  const commit = commitState(parent.state, parent.header.stateRoot, effects.diff)
  compare('stateRoot', 'state root', block.header.stateRoot, commit.root)
  return executedBlock(block, effects, effects.diff, commit)
}

function knownSenders(block: Block, senders: readonly (Address | undefined)[]): readonly Address[] {
  return block.transactions.map(({ hash }, index) => {
    const sender = senders[index]
    if (sender === undefined) {
      throw new InvalidBlockError(
        'transaction',
        `transaction ${index} (${hash}) is invalid: no sender fits its signature`,
      )
    }
    return sender
  })
}

function compareEffects(header: Header, effects: BlockEffects, hasRequests: boolean): void {
  compare('gasUsed', 'gas used', header.gasUsed, effects.gasUsed)
  compare('blobGasUsed', 'blob gas used', header.blobGasUsed, effects.blobGasUsed)
  compare('receiptsRoot', 'receipts root', header.receiptsRoot, receiptsRoot(effects.receipts))
  const bloom = mergeBlooms(effects.receipts.map(({ logsBloom }) => logsBloom))
  if (!equalBytes(header.logsBloom, bloom))
    throw new InvalidBlockError('logsBloom', 'invalid block: wrong logs bloom')
  if (hasRequests) compare('requests', 'requests hash', header.requestsHash, requestsHash(effects.requests))
}

function compare(
  reason: BlockRefusal,
  what: string,
  claimed: bigint | Hash | undefined,
  computed: bigint | Hash,
): void {
  if (claimed !== computed)
    throw new InvalidBlockError(reason, `invalid block: ${what} ${claimed}, computed ${computed}`)
}
