/**
 * Collects the logs of a transaction in the order of their emission and, when asked, moves of coins among them as if
 * they were ERC-20 transfers of the address that ERC-7528 gives to the chain's coin (eth_simulateV1, `traceTransfers`).
 */
import { bigintToFixedBytes, toAddress, toHash, wordToHash, type Address } from '../../primitives/bytes.ts'
import { present } from '../../primitives/assert.ts'
import type { Log } from '../../chain/receipt.ts'
import type { ExecutionTracer, FrameEntry, FrameExit } from '../tracing.ts'

const COIN_ADDRESS: Address = toAddress('0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee')
/** keccak256 of `Transfer(address,address,uint256)`. */
const TRANSFER_TOPIC = toHash('0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef')

export class TransferTracer implements ExecutionTracer {
  private readonly tracesTransfers: boolean
  /** Logs of each open frame that may still be taken back. */
  private readonly open: Log[][] = []
  private kept: Log[] = []

  constructor(tracesTransfers: boolean) {
    this.tracesTransfers = tracesTransfers
  }

  /** Of the transaction, once it is over; none when it failed. */
  get logs(): readonly Log[] {
    return this.kept
  }

  enter({ kind, from, to, value }: FrameEntry): void {
    this.open.push([])
    const moves = kind !== 'delegatecall' && kind !== 'callcode' && value > 0n
    if (this.tracesTransfers && moves) this.add(transferLog(from, to, value))
  }

  log(log: Log): void {
    this.add(log)
  }

  exit({ failure }: FrameExit): void {
    const logs = present(this.open.pop(), 'frame that ends')
    if (failure !== undefined) return
    const caller = this.open.at(-1)
    if (caller === undefined) this.kept = logs
    else for (const log of logs) caller.push(log)
  }

  private add(log: Log): void {
    present(this.open.at(-1), 'frame of a log').push(log)
  }
}

function transferLog(from: Address, to: Address, value: bigint): Log {
  const topics = [TRANSFER_TOPIC, wordToHash(BigInt(from)), wordToHash(BigInt(to))]
  return { address: COIN_ADDRESS, topics, data: bigintToFixedBytes(value, 32) }
}
