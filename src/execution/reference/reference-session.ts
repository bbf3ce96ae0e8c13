/**
 * Transactions and system calls by @ethereumjs/vm on one state. Everything that decides (validity, gas, fees, the EVM
 * itself) is the library's; this file translates what goes in and what comes out.
 */
import { createBlock, type Block } from '@ethereumjs/block'
import { EVMError, type ExecResult } from '@ethereumjs/evm'
import { createTxFromRLP, type TypedTransaction } from '@ethereumjs/tx'
import { Account as EthereumAccount, Address as EthereumAddress } from '@ethereumjs/util'
import { createVM, runTx, type RunTxResult, type VM } from '@ethereumjs/vm'
import { bytesToAddress, bytesToHash, EMPTY_BYTES, hexToBytes, type Address } from '../../primitives/bytes.ts'
import type { Log } from '../../chain/receipt.ts'
import type { StateDiff, StateReader } from '../../state/state-reader.ts'
import type { HaltReason } from '../../../runtime/outcome.ts'
import type { BlockEnvironment } from '../environment.ts'
import { InvalidTransactionError } from '../errors.ts'
import type { Offer } from '../executor.ts'
import { GAS_PER_BLOB } from '../fees.ts'
import type { TransactionResult } from '../message.ts'
import { SYSTEM_ADDRESS, SYSTEM_CALL_GAS } from '../system-calls.ts'
import type { TransactionSession } from '../transaction-session.ts'
import type { BlockAllowance } from '../validation.ts'
import { ethereumCommon } from './ethereum-common.ts'
import { ReferenceState } from './reference-state.ts'
import { refusalOf } from './refusals.ts'

/** The names that the library's exceptional halts have here. A precompile's own are many and mean one thing. */
const HALT_REASONS: Readonly<Partial<Record<string, HaltReason>>> = {
  [EVMError.errorMessages.OUT_OF_GAS]: 'outOfGas',
  [EVMError.errorMessages.CODESTORE_OUT_OF_GAS]: 'outOfGas',
  [EVMError.errorMessages.OUT_OF_RANGE]: 'outOfGas',
  [EVMError.errorMessages.STACK_UNDERFLOW]: 'stackUnderflow',
  [EVMError.errorMessages.STACK_OVERFLOW]: 'stackOverflow',
  [EVMError.errorMessages.INVALID_JUMP]: 'invalidJump',
  [EVMError.errorMessages.INVALID_OPCODE]: 'invalidOpcode',
  [EVMError.errorMessages.STATIC_STATE_CHANGE]: 'staticViolation',
  [EVMError.errorMessages.INITCODE_SIZE_VIOLATION]: 'invalidInitcodeSize',
  [EVMError.errorMessages.INVALID_BYTECODE_RESULT]: 'invalidCode',
  [EVMError.errorMessages.CODESIZE_EXCEEDS_MAXIMUM]: 'codeSizeExceeded',
  [EVMError.errorMessages.CREATE_COLLISION]: 'addressCollision',
}

export async function openReferenceSession(
  base: StateReader,
  environment: BlockEnvironment,
): Promise<ReferenceSession> {
  const state = new ReferenceState(base)
  const common = ethereumCommon(environment.config, environment.rules)
  const blockchain = ancestors(environment)
  const vm = await createVM({
    common,
    stateManager: state,
    evmOpts: { common, stateManager: state, blockchain },
  })
  return new ReferenceSession(vm, state, environment)
}

export class ReferenceSession implements TransactionSession {
  private readonly vm: VM
  private readonly state: ReferenceState
  private readonly environment: BlockEnvironment
  private readonly block: Block

  constructor(vm: VM, state: ReferenceState, environment: BlockEnvironment) {
    this.vm = vm
    this.state = state
    this.environment = environment
    this.block = createBlock({ header: headerOf(environment) }, { common: vm.common })
  }

  diff(): StateDiff {
    return this.state.diff()
  }

  async execute({ transaction, sender }: Offer, allowance: BlockAllowance): Promise<TransactionResult> {
    const tx = this.decode(transaction.bytes, sender)
    checkAllowance(tx, allowance)
    try {
      const result = await runTx(this.vm, { tx, block: this.block, skipHardForkValidation: true })
      return resultOf(tx, result, this.statusOf(tx, result.execResult))
    } catch (error) {
      const refusal = refusalOf(error)
      // The library names one minimum where there are two: the intrinsic gas and the floor of the call data.
      if (refusal.reason === 'intrinsicGasTooLow' && tx.gasLimit >= tx.getIntrinsicGas()) {
        throw new InvalidTransactionError('calldataFloorTooLow', refusal.message)
      }
      throw refusal
    }
  }

  /**
   * A call by the protocol. A contract that is missing returns nothing and changes nothing.
   * @returns the output, or `undefined` when the call failed.
   */
  async systemCall(contract: Address, data: Uint8Array): Promise<Uint8Array | undefined> {
    const to = ethereumAddress(contract)
    if ((await this.state.getCode(to)).length === 0) return EMPTY_BYTES
    const { execResult } = await this.vm.evm.runCall({
      block: this.block,
      caller: ethereumAddress(SYSTEM_ADDRESS),
      gasPrice: this.environment.baseFeePerGas,
      gasLimit: SYSTEM_CALL_GAS,
      to,
      data,
      skipNonceIncrement: true,
    })
    await this.endTransaction()
    return execResult.exceptionError === undefined ? execResult.returnValue : undefined
  }

  async hasCode(address: Address): Promise<boolean> {
    return (await this.state.getCode(ethereumAddress(address))).length > 0
  }

  /** Credits an account outside of any transaction. {@link endTransaction} removes accounts that stay empty. */
  async addBalance(address: Address, wei: bigint): Promise<void> {
    const target = ethereumAddress(address)
    const account = (await this.state.getAccount(target)) ?? new EthereumAccount()
    account.balance += wei
    await this.vm.evm.journal.putAccount(target, account)
  }

  async endTransaction(): Promise<void> {
    await this.vm.evm.journal.cleanup()
    this.state.originalStorageCache.clear()
  }

  private statusOf(tx: TypedTransaction, { exceptionError }: ExecResult): TransactionResult['status'] {
    if (exceptionError === undefined) return 'succeeded'
    // Some of the library's precompiles call any failure a revert. It takes all gas: that is a halt.
    const isPrecompile = tx.to !== undefined && this.vm.evm.precompiles.has(tx.to.toString().slice(2))
    return exceptionError.error === EVMError.errorMessages.REVERT && !isPrecompile ? 'reverted' : 'halted'
  }

  /** The sender comes from the offer: on a development chain an impersonated account has no signature. */
  private decode(bytes: Uint8Array, sender: Address): TypedTransaction {
    try {
      const tx = createTxFromRLP(bytes, { common: this.vm.common, freeze: false })
      tx.getSenderAddress = () => ethereumAddress(sender)
      return tx
    } catch (error) {
      throw refusalOf(error)
    }
  }
}

function headerOf(environment: BlockEnvironment) {
  return {
    parentHash: hexToBytes(environment.parentHash),
    coinbase: ethereumAddress(environment.beneficiary),
    number: environment.number,
    gasLimit: environment.gasLimit,
    timestamp: environment.timestamp,
    mixHash: hexToBytes(environment.prevRandao),
    baseFeePerGas: environment.baseFeePerGas,
    excessBlobGas: environment.excessBlobGas,
    parentBeaconBlockRoot: hexToBytes(environment.parentBeaconBlockRoot),
  }
}

/** Where BLOCKHASH looks. */
function ancestors(environment: BlockEnvironment) {
  const blockchain = {
    getBlock: async (number: number) => {
      const hash = hexToBytes(environment.blockHash(BigInt(number)))
      return { hash: () => hash }
    },
    putBlock: async () => {},
    shallowCopy: () => blockchain,
  }
  return blockchain
}

/** What the library checks in whole blocks only. */
function checkAllowance(tx: TypedTransaction, allowance: BlockAllowance): void {
  if (tx.gasLimit > allowance.gas) {
    const text = `gas limit reached: gas limit ${tx.gasLimit}, left in the block ${allowance.gas}`
    throw new InvalidTransactionError('gasLimitAboveBlock', text)
  }
  const blobGas = 'blobVersionedHashes' in tx ? BigInt(tx.blobVersionedHashes.length) * GAS_PER_BLOB : 0n
  if (blobGas > allowance.blobGas) {
    const text = `blob gas limit reached: blob gas ${blobGas}, left in the block ${allowance.blobGas}`
    throw new InvalidTransactionError('blobGasAboveBlock', text)
  }
}

function resultOf(
  tx: TypedTransaction,
  result: RunTxResult,
  status: TransactionResult['status'],
): TransactionResult {
  const { execResult, totalGasSpent, amountSpent, createdAddress, blobGasUsed } = result
  const isSilent = status === 'halted' || (status === 'succeeded' && tx.to === undefined)
  return {
    status,
    haltReason: status === 'halted' ? haltReasonOf(execResult) : undefined,
    gasUsed: totalGasSpent,
    gasSpent: tx.getIntrinsicGas() + execResult.executionGasUsed,
    output: isSilent ? EMPTY_BYTES : execResult.returnValue,
    logs: (execResult.logs ?? []).map(logOf),
    contractAddress:
      status === 'succeeded' && createdAddress !== undefined ? bytesToAddress(createdAddress.bytes) : null,
    // No transaction uses no gas, and all gas has one price: the division leaves nothing.
    effectiveGasPrice: amountSpent / totalGasSpent,
    blobGasUsed: blobGasUsed ?? 0n,
  }
}

function haltReasonOf({ exceptionError }: ExecResult): HaltReason {
  // Some messages end in a location: "invalid JUMP at …".
  const error = (exceptionError?.error ?? '').replace(/ at .*$/, '')
  return HALT_REASONS[error] ?? 'precompileFailed'
}

function logOf([address, topics, data]: readonly [Uint8Array, readonly Uint8Array[], Uint8Array]): Log {
  return { address: bytesToAddress(address), topics: topics.map(bytesToHash), data }
}

function ethereumAddress(address: Address): EthereumAddress {
  return new EthereumAddress(hexToBytes(address))
}
