/**
 * A world of contracts without a chain: transactions run one after the other on one journal in memory, free of charge.
 * Encoding is viem's, so that contract tests also see what users' libraries see.
 */
import {
  decodeErrorResult,
  decodeFunctionResult,
  encodeDeployData,
  encodeFunctionData,
  parseEventLogs,
  type Abi,
} from 'viem'
import { present } from '../../src/primitives/assert.ts'
import {
  bytesToHex,
  hexToBytes,
  toAddress,
  ZERO_ADDRESS,
  ZERO_HASH,
  type Address,
} from '../../src/primitives/bytes.ts'
import { FORKS } from '../../src/chain/forks.ts'
import type { Log } from '../../src/chain/receipt.ts'
import type { BlockEnvironment } from '../../src/execution/environment.ts'
import type { TransactionResult } from '../../src/execution/message.ts'
import { runMessage } from '../../src/execution/transaction.ts'
import { CALL_POLICY } from '../../src/execution/validation.ts'
import { Journal } from '../../src/state/journal.ts'
import { MemoryState } from '../../src/state/memory-state.ts'
import { artifactOf, compileContracts, type ContractArtifacts } from '../../contracts/build/compile.ts'

/** A transaction of a contract that failed: the custom error it named, with its arguments. */
export class ContractFailure extends Error {
  readonly errorName: string
  readonly args: readonly unknown[]
  constructor(errorName: string, args: readonly unknown[]) {
    super(`${errorName}(${args.join(', ')})`)
    this.errorName = errorName
    this.args = args
  }
}

export interface Contract {
  readonly name: string
  readonly address: Address
}

export interface ContractEvent {
  readonly eventName: string
  readonly args: Readonly<Record<string, unknown>>
}

export const ALICE: Address = toAddress(`0x${'a1'.repeat(20)}`)
export const BOB: Address = toAddress(`0x${'b0'.repeat(20)}`)

const GAS_LIMIT = 30_000_000n

export class ContractWorld {
  /** Seconds; what the next transactions see. */
  timestamp = 1_800_000_000n
  /** Events of the last transaction, as far as its contract's interface knows them. */
  events: readonly ContractEvent[] = []
  private readonly artifacts: ContractArtifacts
  private readonly abi: Abi
  private readonly journal = new Journal(new MemoryState())

  private constructor(artifacts: ContractArtifacts) {
    this.artifacts = artifacts
    // Errors and events may come from any contract that a call reaches.
    this.abi = [...artifacts.values()].flatMap(({ abi }) => abi as Abi)
  }

  static async create(): Promise<ContractWorld> {
    return new ContractWorld(await compileContracts())
  }

  deploy(name: string, args: readonly unknown[] = [], from: Address = ALICE): Contract {
    const { abi, bytecode } = artifactOf(this.artifacts, name)
    const data = encodeDeployData({ abi: abi as Abi, bytecode, args: [...args] })
    const { contractAddress } = this.run(from, null, hexToBytes(data))
    return { name, address: present(contractAddress, 'the new contract') }
  }

  /** Gives an account code without running any. */
  setCode(address: Address, code: Uint8Array): void {
    this.journal.setCode(address, code)
  }

  storage(address: Address, slot: bigint): bigint {
    return this.journal.storage(address, slot)
  }

  /** Sends a transaction and returns what the function returned. @throws ContractFailure */
  send(
    contract: Contract,
    functionName: string,
    args: readonly unknown[] = [],
    from: Address = ALICE,
  ): unknown {
    const abi = artifactOf(this.artifacts, contract.name).abi as Abi
    const input = encodeFunctionData({ abi, functionName, args: [...args] })
    const result = this.run(from, contract.address, hexToBytes(input))
    this.events = eventsOf(this.abi, result.logs)
    return decodeFunctionResult({ abi, functionName, data: bytesToHex(result.output) })
  }

  private run(from: Address, to: Address | null, data: Uint8Array): TransactionResult {
    const environment = environmentAt(this.timestamp)
    const message = {
      from,
      to,
      gasLimit: GAS_LIMIT,
      maxFeePerGas: 0n,
      maxPriorityFeePerGas: 0n,
      value: 0n,
      data,
      nonce: undefined,
      accessList: [],
      blobVersionedHashes: [],
      maxFeePerBlobGas: 0n,
      authorizationList: [],
    }
    const result = runMessage(
      this.journal,
      environment,
      message,
      { gas: GAS_LIMIT, blobGas: 0n },
      CALL_POLICY,
    )
    if (result.status === 'halted') throw new ContractFailure(result.haltReason ?? 'halted', [])
    if (result.status === 'reverted') throw this.failureOf(result.output)
    return result
  }

  private failureOf(output: Uint8Array): ContractFailure {
    if (output.length === 0) return new ContractFailure('reverted', [])
    const { errorName, args = [] } = decodeErrorResult({ abi: this.abi, data: bytesToHex(output) })
    return new ContractFailure(errorName, args)
  }
}

function eventsOf(abi: Abi, logs: readonly Log[]): ContractEvent[] {
  const rpcLogs = logs.map(({ address, topics, data }) => ({
    address,
    topics: topics as [] | [`0x${string}`, ...`0x${string}`[]],
    data: bytesToHex(data),
    blockHash: ZERO_HASH,
    blockNumber: 1n,
    logIndex: 0,
    transactionHash: ZERO_HASH,
    transactionIndex: 0,
    removed: false,
  }))
  return parseEventLogs({ abi, logs: rpcLogs }).map(({ eventName, args }) => ({
    eventName: eventName ?? '',
    args: args as Readonly<Record<string, unknown>>,
  }))
}

function environmentAt(timestamp: bigint): BlockEnvironment {
  return {
    config: {
      chainId: 31_337n,
      forks: [{ name: 'osaka', timestamp: 0n }],
      blobSchedule: {},
      depositContractAddress: ZERO_ADDRESS,
    },
    rules: FORKS.osaka,
    parentHash: ZERO_HASH,
    number: 1n,
    timestamp,
    beneficiary: ZERO_ADDRESS,
    gasLimit: GAS_LIMIT,
    prevRandao: ZERO_HASH,
    baseFeePerGas: 7n,
    excessBlobGas: 0n,
    blobBaseFee: 1n,
    parentBeaconBlockRoot: ZERO_HASH,
    blockHash: () => ZERO_HASH,
  }
}

/** For `assert.throws`: the failure has this name and, where given, these arguments. */
export function fails(errorName: string, ...args: readonly unknown[]): (error: unknown) => boolean {
  return (error) =>
    error instanceof ContractFailure &&
    error.errorName === errorName &&
    args.every((arg, index) => String(error.args[index]).toLowerCase() === String(arg).toLowerCase())
}
