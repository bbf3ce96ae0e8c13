/**
 * Kills a node while it mines under load, again and again, and looks after each restart whether anything is missing that
 * a client has seen. Used by `crash.test.ts` (a few kills) and `crash-main.ts` (as many as one likes).
 *
 * What must hold: a receipt that a client was given is there after the restart, the same to the last digit, in a block
 * that is on the chain under the same number and hash; and the database is sound.
 */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { LoadAccount, type Call } from '../../benchmarks/load-accounts.ts'
import { NodeGoneError, RpcConnection } from '../../benchmarks/rpc-connection.ts'
import { DEV_ACCOUNTS } from '../../src/chain/dev-genesis.ts'
import { hexToBytes, wordToAddress } from '../../src/primitives/bytes.ts'
import { verifyLedger } from '../../src/storage/verify.ts'
import { openLmdbStore } from '../../src/storage/lmdb-store.ts'
import { startDevNode, type DevNode } from '../support/dev-node.ts'
import { Prng } from '../support/prng.ts'

/** Receipts after which a kill is due, at most, and time that passes on top. */
const RECEIPTS_BEFORE_KILL_MAX = 120
const DELAY_MS_MAX = 30
/** Stores three slots and makes a contract without code. */
const STORING_INITCODE = hexToBytes('0x602a5f55602b600155602c60025500')

export interface KillOptions {
  readonly directory: string
  readonly kills: number
  /** What is sent and when a kill comes follow from it, as far as a race can be repeated at all. */
  readonly seed: string
  readonly onRound?: (round: Round) => void
}

export interface Round {
  readonly kill: number
  readonly head: number
  /** Receipts that clients have seen in all rounds so far. */
  readonly receipts: number
}

interface Receipt {
  readonly transactionHash: string
  readonly blockHash: string
  readonly blockNumber: string
}

/** @returns what happened in the last round. @throws AssertionError when anything is missing */
export async function killRepeatedly(options: KillOptions): Promise<Round> {
  const { directory, kills, seed, onRound } = options
  const random = new Prng(seed)
  const seen: Receipt[] = []
  let last: Round = { kill: 0, head: 0, receipts: 0 }
  for (let kill = 1; kill <= kills; kill++) {
    const node = await startDevNode({ directory })
    const before = seen.length
    try {
      await loadUntilKilled(node, random, seen)
    } finally {
      await node.kill()
    }
    assertSound(directory)
    const head = await checkReceipts(directory, seen.slice(before))
    last = { kill, head, receipts: seen.length }
    onRound?.(last)
  }
  await checkReceipts(directory, seen)
  return last
}

/** Every account sends and reads on a connection of its own, until the node is gone. */
async function loadUntilKilled(node: DevNode, random: Prng, seen: Receipt[]): Promise<void> {
  const enough = seen.length + random.between(1, RECEIPTS_BEFORE_KILL_MAX)
  const { promise: isEnough, resolve } = Promise.withResolvers<void>()
  const onReceipt = (receipt: Receipt): void => {
    seen.push(receipt)
    if (seen.length >= enough) resolve()
  }
  const clients = DEV_ACCOUNTS.map(({ privateKey }) =>
    sendUntilGone(node.port, hexToBytes(privateKey), onReceipt),
  )
  const ended = Promise.all(clients)
  // A client that fails for another reason than the kill ends the race, and the test with it.
  await Promise.race([isEnough, ended])
  await delay(random.below(DELAY_MS_MAX))
  await node.kill()
  await ended
}

async function sendUntilGone(
  port: number,
  privateKey: Uint8Array,
  onReceipt: (receipt: Receipt) => void,
): Promise<void> {
  try {
    await sendForever(await RpcConnection.open(port), privateKey, onReceipt)
  } catch (error) {
    if (!(error instanceof NodeGoneError)) throw error
  }
}

async function sendForever(
  connection: RpcConnection,
  privateKey: Uint8Array,
  onReceipt: (receipt: Receipt) => void,
): Promise<never> {
  const { address } = new LoadAccount(privateKey)
  const nonce = BigInt(await connection.call<string>('eth_getTransactionCount', [address, 'latest']))
  const account = new LoadAccount(privateKey, nonce)
  for (let number = Number(nonce); ; number++) {
    const { raw, hash } = account.sign(callOf(number))
    await connection.call('eth_sendRawTransaction', [raw])
    const receipt = await connection.call<Receipt | null>('eth_getTransactionReceipt', [hash])
    assert.ok(receipt, 'with automine an accepted transaction has a receipt')
    onReceipt(receipt)
  }
}

function callOf(number: number): Call {
  if (number % 3 === 0) return { to: null, data: STORING_INITCODE, gasLimit: 200_000n }
  return { to: wordToAddress(0x1000_0000n + BigInt(number % 500)), value: 1n, gasLimit: 21_000n }
}

function assertSound(directory: string): void {
  const store = openLmdbStore(directory)
  try {
    const { findings, findingCount } = verifyLedger(store)
    assert.deepEqual([findingCount, ...findings], [0])
  } finally {
    void store.close()
  }
}

/** Asks a new process for each receipt and its block. @returns the number of the newest block */
async function checkReceipts(directory: string, receipts: readonly Receipt[]): Promise<number> {
  const node = await startDevNode({ directory, args: ['--no-mining'] })
  try {
    const connection = await RpcConnection.open(node.port)
    for (const receipt of receipts) {
      const kept = await connection.call<Receipt | null>('eth_getTransactionReceipt', [
        receipt.transactionHash,
      ])
      assert.deepEqual(kept, receipt)
      const block = await connection.call<{ hash: string }>('eth_getBlockByNumber', [
        receipt.blockNumber,
        false,
      ])
      assert.equal(block.hash, receipt.blockHash)
    }
    const head = Number(await connection.call<string>('eth_blockNumber'))
    connection.close()
    return head
  } finally {
    await node.stop()
  }
}
