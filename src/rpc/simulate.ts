/**
 * eth_simulateV1 (execution-apis): blocks of calls on top of the chain, each as a real block would run, system calls
 * included, and none of them kept.
 */
import { bytesToHex, EMPTY_BYTES, ZERO_HASH, type Address, type Hash } from '../primitives/bytes.ts'
import { blockFromParts, EMPTY_OMMERS_HASH, transactionsRoot, withdrawalsRoot } from '../chain/block-codec.ts'
import type { Block, Header } from '../chain/block.ts'
import { mergeBlooms } from '../chain/bloom.ts'
import { receiptsRoot } from '../chain/receipt-codec.ts'
import type { Log, Receipt } from '../chain/receipt.ts'
import { transactionFromFields } from '../chain/transaction-codec.ts'
import type { Transaction } from '../chain/transaction.ts'
import { environmentAfter, type BlockEnvironment } from '../execution/environment.ts'
import { InvalidTransactionError, type TransactionRefusal } from '../execution/errors.ts'
import { receiptOf } from '../execution/executor.ts'
import { GAS_PER_BLOB } from '../execution/fees.ts'
import type { LedgerState } from '../execution/ledger.ts'
import type { CallMessage, TransactionResult } from '../execution/message.ts'
import { collectRequests, requestsHash } from '../execution/requests.ts'
import { beginBlock } from '../execution/system-calls.ts'
import { haltText } from '../execution/tracers/frame-errors.ts'
import { TransferTracer } from '../execution/tracers/transfer-tracer.ts'
import { runMessage } from '../execution/transaction.ts'
import { CALL_POLICY, type ExecutionPolicy } from '../execution/validation.ts'
import { present } from '../primitives/assert.ts'
import { Journal } from '../state/journal.ts'
import type { Engine } from '../../runtime/host.ts'
import { mergeDiffs, OverlayState } from '../state/overlay-state.ts'
import { commitState } from '../state/state-tree.ts'
import type { StateDiff, StateReader } from '../state/state-reader.ts'
import { CALL_GAS_MAX, messageOf, outputOf, pricedEnvironment } from './call.ts'
import { revertError, RPC_CODES, RpcError, type RpcCode } from './errors.ts'
import { formatBlock, formatLog, quantity, type JsonRecord } from './format.ts'
import { overrideDiff, overriddenPrecompiles, type PrecompileTable } from './overrides.ts'
import type { CallRequest } from './parse-call.ts'
import type { Pause } from './pause.ts'
import { planBlocks, type PlannedBlock, type SimulationRequest } from './simulate-request.ts'

/** What the simulation stands on. */
export interface SimulationBase {
  readonly header: Header
  readonly hash: Hash
  readonly state: StateReader
  /** The newest state whose trie is known. Its root and what was simulated make the state roots. */
  readonly committed: LedgerState
  hashOf(number: bigint): Hash | undefined
  /** `undefined`: tier 0. */
  readonly engine: Engine | undefined
}

/** As a real block, but for the rule that senders have no code. */
const VALIDATING_POLICY: ExecutionPolicy = { checkNonce: true, checkSender: false, checkFees: true }
const WEI_PER_GWEI = 1_000_000_000n
const ZERO_NONCE = new Uint8Array(8)

/** Everything that goes on from block to block. */
interface Simulation {
  readonly base: SimulationBase
  readonly request: SimulationRequest
  readonly config: BlockEnvironment['config']
  readonly pause: Pause
  /** Hashes of simulated blocks. */
  readonly hashes: Map<bigint, Hash>
  /** What the blocks so far changed. */
  diff: StateDiff
  /** Gas that all calls together may still use. */
  gasLeft: bigint
}

const NO_CHANGE: StateDiff = {
  accounts: new Map(),
  storage: new Map(),
  clearedStorage: new Set(),
  codes: new Map(),
}

/** @throws RpcError when a block or call may not be there at all; calls that fail are results. */
export async function simulate(
  base: SimulationBase,
  request: SimulationRequest,
  config: BlockEnvironment['config'],
  pause: Pause,
): Promise<JsonRecord[]> {
  const hashes = new Map([[base.header.number, base.hash]])
  const simulation: Simulation = {
    base,
    request,
    config,
    pause,
    hashes,
    diff: NO_CHANGE,
    gasLeft: CALL_GAS_MAX,
  }
  let parent: Pick<Block, 'header' | 'hash'> = base
  const shown: JsonRecord[] = []
  for (const planned of planBlocks(base.header, request.blocks)) {
    await pause()
    const { block, json } = await simulateBlock(simulation, planned, parent)
    hashes.set(block.header.number, block.hash)
    parent = block
    shown.push(json)
  }
  return shown
}

async function simulateBlock(
  simulation: Simulation,
  planned: PlannedBlock,
  parent: Pick<Block, 'header' | 'hash'>,
): Promise<{ readonly block: Block; readonly json: JsonRecord }> {
  const { base } = simulation
  const environment = environmentFor(simulation, planned, parent)
  if (planned.state !== undefined) {
    const before = new OverlayState(base.state, simulation.diff)
    simulation.diff = mergeDiffs(simulation.diff, overrideDiff(before, planned.state))
  }
  const journal = new Journal(new OverlayState(base.state, simulation.diff))
  beginBlock(journal, environment)
  const run = new BlockRun(
    simulation,
    journal,
    environment,
    overriddenPrecompiles(environment, planned.state),
  )
  for (const call of planned.calls) {
    await simulation.pause()
    run.add(call)
  }

  const withdrawals = planned.block.withdrawals ?? []
  for (const { address, amount } of withdrawals) journal.addBalance(address, amount * WEI_PER_GWEI)
  journal.endTransaction()
  const { receipts, transactions, senders } = run
  const requests = collectRequests(journal, environment, receipts)
  simulation.diff = mergeDiffs(simulation.diff, journal.diff())
  const header: Header = {
    parentHash: environment.parentHash,
    ommersHash: EMPTY_OMMERS_HASH,
    beneficiary: environment.beneficiary,
    stateRoot: commitState(base.committed, base.committed.stateRoot, simulation.diff).root,
    transactionsRoot: transactionsRoot(transactions),
    receiptsRoot: receiptsRoot(receipts),
    logsBloom: mergeBlooms(receipts.map(({ logsBloom }) => logsBloom)),
    difficulty: 0n,
    number: environment.number,
    gasLimit: environment.gasLimit,
    gasUsed: run.gasUsed,
    timestamp: environment.timestamp,
    extraData: EMPTY_BYTES,
    prevRandao: environment.prevRandao,
    nonce: ZERO_NONCE,
    baseFeePerGas: environment.baseFeePerGas,
    withdrawalsRoot: withdrawalsRoot(withdrawals),
    blobGasUsed: run.blobGasUsed,
    excessBlobGas: environment.excessBlobGas,
    parentBeaconBlockRoot: environment.parentBeaconBlockRoot,
    ...(environment.rules.hasRequests && { requestsHash: requestsHash(requests) }),
  }
  const block = blockFromParts(header, transactions, withdrawals)
  const shown = formatBlock(block, simulation.request.hasBodies ? { senders } : {})
  return { block, json: { ...shown, calls: run.formatCalls(block) } }
}

function environmentFor(
  { base, request, config, hashes }: Simulation,
  { block, timestamp }: PlannedBlock,
  parent: Pick<Block, 'header' | 'hash'>,
): BlockEnvironment {
  // Without validation most calls name no price: a base fee would refuse them all.
  const baseFeePerGas = block.baseFeePerGas ?? (request.validates ? undefined : 0n)
  const environment = environmentAfter(
    parent.header,
    parent.hash,
    {
      timestamp,
      beneficiary: block.beneficiary ?? parent.header.beneficiary,
      prevRandao: block.prevRandao ?? ZERO_HASH,
      ...(block.gasLimit !== undefined && { gasLimit: block.gasLimit }),
      ...(baseFeePerGas !== undefined && { baseFeePerGas }),
      parentBeaconBlockRoot: block.beaconRoot ?? ZERO_HASH,
    },
    config,
    (number) => hashes.get(number) ?? (number < base.header.number ? base.hashOf(number) : undefined),
  )
  return block.blobBaseFee === undefined ? environment : { ...environment, blobBaseFee: block.blobBaseFee }
}

/** A call that ran. */
interface SimulatedCall {
  readonly result: TransactionResult
  readonly output: Uint8Array
  readonly logs: readonly Log[]
  /** Whether it had less gas than it asked for. */
  readonly isCapped: boolean
}

/** The calls of one block as they run. */
class BlockRun {
  readonly transactions: Transaction[] = []
  readonly senders: Address[] = []
  readonly receipts: Receipt[] = []
  gasUsed = 0n
  blobGasUsed = 0n
  private readonly calls: SimulatedCall[] = []
  private readonly simulation: Simulation
  private readonly journal: Journal
  private readonly environment: BlockEnvironment
  private readonly precompiles: PrecompileTable | undefined

  constructor(
    simulation: Simulation,
    journal: Journal,
    environment: BlockEnvironment,
    precompiles: PrecompileTable | undefined,
  ) {
    this.simulation = simulation
    this.journal = journal
    this.environment = environment
    this.precompiles = precompiles
  }

  /** @throws RpcError when the call may not be in the block. */
  add(request: CallRequest): void {
    const { simulation, journal, precompiles } = this
    const wanted = this.gasFor(request)
    const message = messageOf({ ...request, gas: wanted }, simulation.config.chainId, simulation.gasLeft)
    const transaction = unsignedTransaction(
      request,
      message,
      journal.nonce(message.from),
      simulation.config.chainId,
    )
    const tracer = new TransferTracer(simulation.request.tracesTransfers)
    const result = this.run(message, { tracer, precompiles, engine: simulation.base.engine })
    simulation.gasLeft -= result.gasUsed
    this.gasUsed += result.gasUsed
    this.blobGasUsed += result.blobGasUsed
    this.transactions.push(transaction)
    this.senders.push(message.from)
    this.receipts.push(receiptOf(transaction, result, this.gasUsed))
    const isCapped = message.gasLimit < wanted
    this.calls.push({ result, output: outputOf(result, journal), logs: tracer.logs, isCapped })
  }

  formatCalls(block: Block): JsonRecord[] {
    let logIndex = 0
    return this.calls.map(({ result, output, logs, isCapped }, index) => ({
      returnData: bytesToHex(output),
      logs: logs.map((log) => formatLog(log, block, index, logIndex++, false)),
      gasUsed: quantity(result.gasUsed),
      maxUsedGas: quantity(result.gasSpent),
      status: result.status === 'succeeded' ? '0x1' : '0x0',
      ...(result.status !== 'succeeded' && { error: callFailure(result, output, isCapped) }),
    }))
  }

  private gasFor(request: CallRequest): bigint {
    const { simulation, environment } = this
    const remaining = environment.gasLimit - this.gasUsed
    if (request.gas !== undefined && request.gas > remaining) {
      const text = `block gas limit reached: remaining: ${remaining}, required: ${request.gas}`
      throw new RpcError(RPC_CODES.blockGasLimitReached, text)
    }
    if (simulation.gasLeft === 0n) {
      const text = `the calls of a simulation can use ${CALL_GAS_MAX} gas together: split it`
      throw new RpcError(RPC_CODES.clientLimitExceeded, text)
    }
    if (request.gas !== undefined) return request.gas
    // Without validation EIP-7825 does not bound a transaction.
    const most = simulation.request.validates ? environment.rules.transactionGasMax : null
    return most !== null && most < remaining ? most : remaining
  }

  private run(message: CallMessage, options: Parameters<typeof runMessage>[5]): TransactionResult {
    const { simulation, journal, environment } = this
    const { validates } = simulation.request
    const blobGas = BigInt(environment.rules.blobs.max) * GAS_PER_BLOB - this.blobGasUsed
    const allowance = { gas: environment.gasLimit - this.gasUsed, blobGas }
    try {
      const seen = validates ? environment : pricedEnvironment(environment, message)
      const policy = validates ? VALIDATING_POLICY : CALL_POLICY
      return runMessage(journal, seen, message, allowance, policy, options)
    } catch (error) {
      if (!(error instanceof InvalidTransactionError)) throw error
      throw new RpcError(REFUSAL_CODES[error.reason] ?? RPC_CODES.invalidParams, error.message)
    }
  }
}

/** Codes that execution-apis gives to refusals; all others are invalid params. */
const REFUSAL_CODES: Readonly<Partial<Record<TransactionRefusal, RpcCode>>> = {
  nonceTooLow: RPC_CODES.nonceTooLow,
  nonceTooHigh: RPC_CODES.nonceTooHigh,
  feeCapBelowBaseFee: RPC_CODES.baseFeeTooLow,
  intrinsicGasTooLow: RPC_CODES.intrinsicGasTooLow,
  calldataFloorTooLow: RPC_CODES.intrinsicGasTooLow,
  insufficientFunds: RPC_CODES.insufficientFunds,
  gasLimitAboveBlock: RPC_CODES.blockGasLimitReached,
  senderNotExternal: RPC_CODES.senderNotExternal,
  initcodeTooLarge: RPC_CODES.initcodeTooLarge,
}

function callFailure(result: TransactionResult, output: Uint8Array, isCapped: boolean): JsonRecord {
  if (result.status === 'reverted') {
    const { rpcCode, message } = revertError(output)
    return { message, code: rpcCode, data: bytesToHex(output) }
  }
  const reason = haltText(present(result.haltReason, 'reason of a halt'))
  const hint = isCapped ? ` (its gas was capped: all calls together can use ${CALL_GAS_MAX})` : ''
  return { message: `${reason}${hint}`, code: RPC_CODES.executionFailed }
}

/** The transaction that the call would be, without a signature. */
function unsignedTransaction(
  request: CallRequest,
  message: CallMessage,
  nextNonce: bigint,
  chainId: bigint,
): Transaction {
  const { to, gasLimit, value, data, maxFeePerGas, maxPriorityFeePerGas, accessList } = message
  const nonce = message.nonce ?? nextNonce
  const common = { nonce, gasLimit, value, data, chainId, yParity: 0, r: 0n, s: 0n } as const
  const fees = { maxFeePerGas, maxPriorityFeePerGas, accessList }
  if (request.gasPrice !== undefined) {
    return transactionFromFields({ type: 0, ...common, to, gasPrice: request.gasPrice })
  }
  if (to !== null && request.authorizationList !== undefined) {
    const { authorizationList } = request
    return transactionFromFields({ type: 4, ...common, ...fees, to, authorizationList })
  }
  if (to !== null && request.blobVersionedHashes !== undefined) {
    const { blobVersionedHashes, maxFeePerBlobGas } = message
    return transactionFromFields({ type: 3, ...common, ...fees, to, maxFeePerBlobGas, blobVersionedHashes })
  }
  return transactionFromFields({ type: 2, ...common, ...fees, to })
}
