/** The engine's {@link Host} over the journal, with the block and transaction that run. */
import { ZERO_HASH, type Address, type Hash } from '../primitives/bytes.ts'
import type { PackedLogs } from '../chain/packed-logs.ts'
import { visibleCodeHash, type Journal } from '../state/journal.ts'
import type { BlockContext, Host, SlotAccess, TransactionContext } from '../../runtime/host.ts'
import type { BlockEnvironment } from './environment.ts'
import type { ExecutionTracer } from './tracing.ts'

/** How many ancestors BLOCKHASH reaches. */
const BLOCK_HASH_WINDOW = 256n

export class JournalHost implements Host {
  readonly block: BlockContext
  readonly transaction: TransactionContext
  private readonly journal: Journal
  private readonly environment: BlockEnvironment
  private readonly tracer: ExecutionTracer | undefined
  private readonly precompiles: ReadonlyMap<Address, unknown>
  /** Depth of the frame that runs, for tracers. */
  depth = 0

  constructor(
    journal: Journal,
    environment: BlockEnvironment,
    transaction: TransactionContext,
    precompiles: ReadonlyMap<Address, unknown>,
    tracer: ExecutionTracer | undefined,
  ) {
    this.journal = journal
    this.environment = environment
    this.transaction = transaction
    this.precompiles = precompiles
    this.tracer = tracer
    this.block = contextOf(environment)
  }

  accessAccount(address: Address): boolean {
    // Precompiles are warm in every transaction (EIP-2929): asked only here, they need not be marked in each.
    return this.journal.accessAccount(address) && !this.precompiles.has(address)
  }

  accessStorage(address: Address, slot: bigint): boolean {
    return this.journal.accessStorage(address, slot)
  }

  isEmptyAccount(address: Address): boolean {
    return this.journal.isEmpty(address)
  }

  balance(address: Address): bigint {
    return this.journal.balance(address)
  }

  code(address: Address): Uint8Array {
    return this.journal.codeOf(address)
  }

  codeHash(address: Address): Hash {
    return visibleCodeHash(this.journal, address)
  }

  storage(address: Address, slot: bigint): bigint {
    return this.journal.storage(address, slot)
  }

  originalStorage(address: Address, slot: bigint): bigint {
    return this.journal.originalStorage(address, slot)
  }

  accessSlot(address: Address, slot: bigint): SlotAccess {
    return this.journal.accessSlot(address, slot)
  }

  setStorage(address: Address, slot: bigint, value: bigint): void {
    this.journal.setStorage(address, slot, value)
  }

  transientStorage(address: Address, slot: bigint): bigint {
    return this.journal.transientStorage(address, slot)
  }

  setTransientStorage(address: Address, slot: bigint, value: bigint): void {
    this.journal.setTransientStorage(address, slot, value)
  }

  addRefund(gas: number): void {
    this.journal.addRefund(gas)
  }

  refund(): bigint {
    return BigInt(this.journal.refund)
  }

  log(address: Address, topics: readonly Hash[], data: Uint8Array): void {
    const log = { address, topics, data }
    this.journal.addLog(log)
    this.tracer?.log?.(log, this.depth)
  }

  packedLogs(logs: PackedLogs): void {
    if (this.tracer?.log === undefined) this.journal.addLog(logs)
    else for (const { address, topics, data } of logs.read()) this.log(address, topics, data)
  }

  /** EIP-6780: the balance always moves; the account goes only when it came into being in this transaction. */
  selfDestruct(address: Address, beneficiary: Address): void {
    const balance = this.journal.balance(address)
    this.traceSelfDestruct(address, beneficiary, balance)
    const isDoomed = this.journal.isCreatedInTransaction(address)
    if (beneficiary !== address || isDoomed) {
      // A doomed account that names itself burns what it has; any other one that names itself keeps it.
      this.journal.subtractBalance(address, balance)
      if (beneficiary !== address) this.journal.addBalance(beneficiary, balance)
    }
    if (isDoomed) this.journal.markDestroyed(address)
  }

  blockHash(number: bigint): Hash {
    const current = this.block.number
    if (number >= current || number + BLOCK_HASH_WINDOW < current) return ZERO_HASH
    return this.environment.blockHash(number)
  }

  private traceSelfDestruct(from: Address, to: Address, value: bigint): void {
    if (this.tracer === undefined) return
    const depth = this.depth + 1
    const input = new Uint8Array(0)
    this.tracer.enter?.({
      kind: 'selfdestruct',
      depth,
      from,
      to,
      codeAddress: to,
      gas: 0n,
      value,
      input,
      isPrecompile: false,
    })
    this.tracer.exit?.({ depth, gasUsed: 0n, output: input, failure: undefined })
  }
}

/** Of the environment that was asked for last: that of all transactions of a block. */
let lastContext: { readonly environment: BlockEnvironment; readonly context: BlockContext } | undefined

function contextOf(environment: BlockEnvironment): BlockContext {
  if (lastContext?.environment === environment) return lastContext.context
  const { number, timestamp, beneficiary, gasLimit, prevRandao, baseFeePerGas, blobBaseFee } = environment
  const { chainId } = environment.config
  const context = {
    number,
    timestamp,
    beneficiary,
    gasLimit,
    prevRandao,
    baseFeePerGas,
    blobBaseFee,
    chainId,
  }
  lastContext = { environment, context }
  return context
}
