/**
 * A load on a node: many connections, each with accounts of its own, that send transactions one after the other and read
 * as clients do in between. What is sent depends on the number of the transaction only.
 */
import { wordToAddress, type Hash } from '../src/primitives/bytes.ts'
import type { Call, LoadAccount } from './load-accounts.ts'
import type { Market } from './market.ts'
import type { RpcConnection } from './rpc-connection.ts'

/** Accounts that are sent coins and tokens: some new, most known after a while. */
const RECIPIENTS = 20_000
/** Transactions that a connection sends before it waits for the last of them. */
const UNCONFIRMED_MAX = 200
const RECEIPT_POLL_MS = 20
const LOG_BLOCKS = 20
const READS_AT_ONCE = 3

/** Of every 20 transactions. */
export const MIX = '9 transfers, 6 token transfers (the owner mints instead), 4 swaps, 1 deployment'
export const READS =
  'a receipt for each transaction, and for every tenth one eth_call, one eth_getLogs over 20 blocks, and one full block'

export interface Load {
  readonly market: Market
  readonly owner: LoadAccount
  readonly traders: readonly LoadAccount[]
  readonly connections: readonly RpcConnection[]
  readonly count: number
  /** Whether a transaction is in a block when its request has been answered. */
  readonly isAutomined: boolean
  /** Told after each transaction. */
  readonly onSent: (sent: number) => void
}

export interface LoadResult {
  readonly sent: number
  readonly reads: number
  /** Transactions whose receipt says that they failed. */
  readonly failed: number
}

/** Resolves when all transactions have been sent and confirmed. @throws RpcRefusal */
export async function runLoad(load: Load): Promise<LoadResult> {
  const counts = { sent: 0, reads: 0, failed: 0 }
  await Promise.all(load.connections.map((connection, index) => drive(load, connection, index, counts)))
  return counts
}

async function drive(
  load: Load,
  connection: RpcConnection,
  index: number,
  counts: { sent: number; reads: number; failed: number },
): Promise<void> {
  const { connections, count, isAutomined, onSent, traders } = load
  const own = traders.filter((_, trader) => trader % connections.length === index)
  let unconfirmed: Hash[] = []
  for (let turn = 0, number = index; number < count; turn++, number += connections.length) {
    const trader = own[turn % own.length] as LoadAccount
    const { raw, hash } = trader.sign(callOf(load, trader, number))
    await connection.call('eth_sendRawTransaction', [raw])
    counts.sent += 1
    unconfirmed.push(hash)
    onSent(counts.sent)
    const isLast = number + connections.length >= count
    if (isAutomined || isLast || unconfirmed.length === UNCONFIRMED_MAX) {
      const failed = await confirm(connection, unconfirmed)
      counts.failed += failed
      counts.reads += unconfirmed.length
      unconfirmed = []
    }
    if (turn % 10 === 0) {
      await read(load, connection, trader)
      counts.reads += READS_AT_ONCE
    }
  }
}

function callOf({ market, owner }: Load, trader: LoadAccount, number: number): Call {
  const kind = number % 20
  // Multiplied by a number without common factors, so that neighbours differ.
  const recipient = wordToAddress(0x1000_0000n + BigInt((number * 7919) % RECIPIENTS))
  const amount = BigInt((number % 1000) + 1)
  if (kind < 9) return { to: recipient, value: amount, gasLimit: 21_000n }
  if (kind < 15) {
    return trader === owner
      ? market.mint(recipient, amount)
      : market.tokenTransfer(market.gold, recipient, amount)
  }
  if (kind < 19) {
    return market.swap(trader.address, kind % 2 === 0 ? market.gold : market.silver, amount * 10n ** 15n)
  }
  return market.deployment()
}

/** Waits for the receipts. @returns how many say that the transaction failed. */
async function confirm(connection: RpcConnection, hashes: readonly Hash[]): Promise<number> {
  let failed = 0
  // The last one first: when it is in a block, so are those before it.
  for (const hash of hashes.toReversed()) {
    for (;;) {
      const receipt = await connection.call<{ status: string } | null>('eth_getTransactionReceipt', [hash])
      if (receipt?.status === '0x0') failed += 1
      if (receipt !== null) break
      await new Promise((resolve) => setTimeout(resolve, RECEIPT_POLL_MS))
    }
  }
  return failed
}

/** Makes {@link READS_AT_ONCE} requests. */
async function read({ market }: Load, connection: RpcConnection, { address }: LoadAccount): Promise<void> {
  await connection.call('eth_call', [market.balanceOf(market.gold, address), 'latest'])
  const block = await connection.call<{ number: string }>('eth_getBlockByNumber', ['latest', true])
  const from = Math.max(0, Number(block.number) - LOG_BLOCKS)
  await connection.call('eth_getLogs', [
    { address: market.gold, fromBlock: `0x${from.toString(16)}`, toBlock: 'latest' },
  ])
}
