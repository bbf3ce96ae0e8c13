/**
 * What development nodes let tools do to the chain, once. `evm_`, `hardhat_` and `anvil_` are names for the same
 * operations that differ in what they answer: Hardhat says `true` where anvil says `null`. Params are read as loosely as
 * those tools read theirs: numbers as JSON numbers, decimal or hex text.
 */
import { present } from '../primitives/assert.ts'
import { bytesToHex, UINT64_MAX, WORD_MAX, wordToHash, type Address, type Hash } from '../primitives/bytes.ts'
import { GAS_LIMIT_MAX } from '../execution/header-validation.ts'
import type { DevControls } from './backend.ts'
import { invalidParams, RPC_CODES, RpcError } from './errors.ts'
import { blockJson, viewBlock } from './chain-view.ts'
import { quantity, type Json, type JsonRecord } from './format.ts'
import type { Method, MethodContext } from './method.ts'
import {
  isAbsent,
  parseAddress,
  parseBoolean,
  parseData,
  parseHash,
  parseLooseNumber,
  parseLooseQuantity,
  parseObject,
} from './parse.ts'

/** Blocks of one call to mine. */
const MINE_MAX = 100_000
const REORG_MAX = 10_000
const INTERVAL_MAX_MS = 24 * 3_600_000
const SECONDS_MAX = 1n << 40n

export interface DevOperation {
  readonly params: Method['params']
  readonly run: (params: readonly unknown[], dev: DevControls, context: MethodContext) => unknown
}

/** A method that does the operation and answers what it gives. */
export function devMethod({ params, run }: DevOperation): Method {
  return {
    params,
    // Mining many blocks or loading a state takes as long as it takes.
    hasOwnTimeout: true,
    run: (values, context) => run(values, present(context.backend.dev, 'development controls'), context),
  }
}

/** A method that does the operation and always gives the same answer. */
export function devMethodAnswering(answer: Json, { params, run }: DevOperation): Method {
  return devMethod({
    params,
    run: async (values, dev, context) => {
      await run(values, dev, context)
      return answer
    },
  })
}

/** A method of other nodes that this one cannot have, and why. */
export function unsupportedMethod(why: string): Method {
  return {
    params: [0, 8],
    run: () => {
      throw new RpcError(RPC_CODES.notSupported, `not supported: ${why}`)
    },
  }
}

export const setBalance: DevOperation = {
  params: [2, 2],
  run: ([address, wei], dev) =>
    dev.setBalance(parseAddress(address, 'address'), parseLooseQuantity(wei, 'balance')),
}

export const addBalance: DevOperation = {
  params: [2, 2],
  run: ([address, wei], dev, { backend }) => {
    const of = parseAddress(address, 'address')
    const balance = backend.latestState().account(of)?.balance ?? 0n
    dev.setBalance(of, balance + parseLooseQuantity(wei, 'amount', WORD_MAX - balance))
  },
}

export const setCode: DevOperation = {
  params: [2, 2],
  run: ([address, code], dev) => dev.setCode(parseAddress(address, 'address'), parseData(code, 'code')),
}

export const setNonce: DevOperation = {
  params: [2, 2],
  run: ([address, nonce], dev) =>
    dev.setNonce(parseAddress(address, 'address'), parseLooseQuantity(nonce, 'nonce', UINT64_MAX - 1n)),
}

export const setStorageAt: DevOperation = {
  params: [3, 3],
  run: ([address, slot, value], dev) =>
    dev.setStorage(
      parseAddress(address, 'address'),
      parseLooseQuantity(slot, 'slot'),
      parseLooseQuantity(value, 'value'),
    ),
}

export const impersonate: DevOperation = {
  params: [1, 1],
  run: ([address], dev) => dev.impersonate(parseAddress(address, 'address')),
}

/** The answer: whether the account was impersonated. */
export const stopImpersonating: DevOperation = {
  params: [1, 1],
  run: ([address], dev) => {
    const account: Address = parseAddress(address, 'address')
    const wasImpersonated = dev.isImpersonated(account)
    dev.stopImpersonating(account)
    return wasImpersonated
  },
}

export const setAutoImpersonate: DevOperation = {
  params: [1, 1],
  run: ([enabled], dev) => dev.setAutoImpersonate(parseBoolean(enabled, 'enabled')),
}

/** Hashes of the blocks. */
export const mine: DevOperation = {
  params: [0, 2],
  run: ([blocks, interval], dev) => {
    const count = isAbsent(blocks) ? 1 : parseLooseNumber(blocks, 'blocks', MINE_MAX)
    const seconds = isAbsent(interval) ? undefined : parseLooseQuantity(interval, 'interval', SECONDS_MAX)
    return mineBlocks(dev, count, seconds)
  },
}

export const mineWithOptions: DevOperation = {
  params: [0, 1],
  run: ([options], dev) => mineByOptions(dev, options),
}

/** {@link mineWithOptions}, which gives the blocks with their transactions. */
export const mineDetailed: DevOperation = {
  params: [0, 1],
  run: async ([options], dev, context) => {
    const hashes = await mineByOptions(dev, options)
    const views = hashes.map((hash) => viewBlock(context.backend, { kind: 'hash', hash }))
    return (await Promise.all(views)).map((view) => blockJson(context, present(view, 'mined block'), true))
  },
}

/** As `evm_mine` has it: a timestamp, or an object with `timestamp` and `blocks`. */
function mineByOptions(dev: DevControls, options: unknown): Promise<readonly Hash[]> {
  const { timestamp, blocks } =
    typeof options === 'object' && options !== null
      ? parseObject(options, 'options')
      : { timestamp: options, blocks: undefined }
  const count = isAbsent(blocks) ? 1 : parseLooseNumber(blocks, 'options.blocks', MINE_MAX)
  if (!isAbsent(timestamp)) setNextTimestamp(dev, timestamp)
  return mineBlocks(dev, count)
}

async function mineBlocks(dev: DevControls, count: number, seconds?: bigint): Promise<readonly Hash[]> {
  if (count === 0) return []
  return seconds === undefined ? dev.mine(count) : dev.mine(count, seconds)
}

export const setAutomine: DevOperation = {
  params: [1, 1],
  run: ([enabled], dev) => dev.setAutomine(parseBoolean(enabled, 'enabled')),
}

/** Intervals below are seconds: nobody makes ten blocks a second by the clock. */
const INTERVAL_MS_FROM = 100

/**
 * Hardhat takes milliseconds or a range of them, of which this is the middle. anvil takes seconds under the same name,
 * and its clients use it: 12 is not to be a block every 12 ms.
 */
export const setIntervalMiningEither: DevOperation = {
  params: [1, 1],
  run: ([interval], dev) => {
    if (!Array.isArray(interval)) {
      const number = parseLooseNumber(interval, 'interval', INTERVAL_MAX_MS)
      dev.setIntervalMining(number < INTERVAL_MS_FROM ? 1_000 * number : number)
      return
    }
    const [min, max] = interval as readonly unknown[]
    const from = parseLooseNumber(min, 'interval[0]', INTERVAL_MAX_MS)
    dev.setIntervalMining(Math.floor((from + parseLooseNumber(max, 'interval[1]', INTERVAL_MAX_MS)) / 2))
  },
}

export const setIntervalMiningSeconds: DevOperation = {
  params: [1, 1],
  run: ([interval], dev) =>
    dev.setIntervalMining(1_000 * parseLooseNumber(interval, 'interval', INTERVAL_MAX_MS / 1_000)),
}

/** The snapshot's number. */
export const snapshot: DevOperation = { params: [0, 0], run: (_, dev) => quantity(dev.snapshot()) }

/** Whether there was such a snapshot. */
export const revert: DevOperation = {
  params: [1, 1],
  run: ([id], dev) => {
    const number = parseLooseQuantity(id, 'snapshot')
    return number <= BigInt(Number.MAX_SAFE_INTEGER) && dev.revert(Number(number))
  },
}

/** Seconds by which the node's clock is ahead of the machine's now. */
export const increaseTime: DevOperation = {
  params: [1, 1],
  run: ([seconds], dev) =>
    Number(inRange(() => dev.increaseTime(parseLooseQuantity(seconds, 'seconds', SECONDS_MAX)))),
}

export const setNextBlockTimestamp: DevOperation = {
  params: [1, 1],
  run: ([timestamp], dev) => setNextTimestamp(dev, timestamp),
}

function setNextTimestamp(dev: DevControls, timestamp: unknown): void {
  const seconds = parseLooseQuantity(timestamp, 'timestamp', SECONDS_MAX)
  inRange(() => {
    dev.setNextBlockTimestamp(seconds)
  })
}

/** Times from here on are milliseconds: as seconds they would lie in the year 5138 or later. */
const MILLISECONDS_FROM = 100_000_000_000n

/** Sets the clock; ganache's clients send milliseconds, others seconds. Seconds it is ahead of the machine's. */
export const setTime: DevOperation = {
  params: [1, 1],
  run: ([timestamp], dev) => {
    const time = parseLooseQuantity(timestamp, 'timestamp', 1_000n * SECONDS_MAX)
    return Number(inRange(() => dev.setTime(time >= MILLISECONDS_FROM ? time / 1_000n : time)))
  },
}

export const setBlockTimestampInterval: DevOperation = {
  params: [1, 1],
  run: ([seconds], dev) => dev.setBlockTimestampInterval(parseLooseQuantity(seconds, 'seconds', SECONDS_MAX)),
}

export const removeBlockTimestampInterval: DevOperation = {
  params: [0, 0],
  run: (_, dev) => dev.setBlockTimestampInterval(undefined),
}

export const setNextBlockBaseFee: DevOperation = {
  params: [1, 1],
  run: ([wei], dev) => dev.setNextBlockBaseFee(parseLooseQuantity(wei, 'baseFeePerGas')),
}

/** Shorter values are padded on the left, as Hardhat does. */
export const setPrevRandao: DevOperation = {
  params: [1, 1],
  run: ([value], dev) => dev.setNextPrevRandao(wordToHash(parseLooseQuantity(value, 'prevRandao'))),
}

export const setBlockGasLimit: DevOperation = {
  params: [1, 1],
  run: ([gas], dev) =>
    inRange(() => {
      dev.setBlockGasLimit(parseLooseQuantity(gas, 'gasLimit', GAS_LIMIT_MAX))
    }),
}

export const setCoinbase: DevOperation = {
  params: [1, 1],
  run: ([address], dev) => dev.setCoinbase(parseAddress(address, 'address')),
}

export const setMinGasPrice: DevOperation = {
  params: [1, 1],
  run: ([wei], dev) => dev.setMinGasPrice(parseLooseQuantity(wei, 'gasPrice')),
}

/** Whether the pool had the transaction. */
export const dropTransaction: DevOperation = {
  params: [1, 1],
  run: ([hash], dev) => dev.dropTransaction(parseHash(hash, 'hash')),
}

export const dropAllTransactions: DevOperation = {
  params: [0, 0],
  run: (_, dev) => dev.dropAllTransactions(),
}

/** Takes all transactions of a sender out of the pool. */
export const dropTransactionsOf: DevOperation = {
  params: [1, 1],
  run: ([address], dev, { backend: { pool } }) => {
    const sender = parseAddress(address, 'address')
    const all = [...(pool.pending().get(sender) ?? []), ...(pool.queued().get(sender) ?? [])]
    for (const { transaction } of all) dev.dropTransaction(transaction.hash)
  },
}

/** Back to the genesis; what other nodes take here is a network to fork from. */
export const reset: DevOperation = {
  params: [0, 1],
  run: ([options], dev) => {
    const { forking, jsonRpcUrl } = isAbsent(options) ? {} : parseObject(options, 'options')
    // viem sends a `forking` that names no network when it is told of none.
    const fork = isAbsent(forking) ? {} : parseObject(forking, 'options.forking')
    if (!isAbsent(jsonRpcUrl) || Object.values(fork).some((member) => !isAbsent(member))) {
      throw new RpcError(
        RPC_CODES.notSupported,
        'not supported: this node cannot fork another network; call reset without params',
      )
    }
    return dev.reset()
  },
}

/** A depth, or an object with one. Transactions to put into the new blocks are not taken. */
export const reorg: DevOperation = {
  params: [1, 2],
  run: ([options, pairs], dev, { backend }) => {
    const object =
      typeof options === 'object' && options !== null ? parseObject(options, 'options') : undefined
    const transactions = object === undefined ? pairs : object['txBlockPairs']
    if (!isAbsent(transactions) && !(Array.isArray(transactions) && transactions.length === 0)) {
      throw new RpcError(RPC_CODES.notSupported, 'not supported: the replacing blocks of a reorg are empty')
    }
    const depth = parseLooseNumber(object === undefined ? options : object['depth'], 'depth', REORG_MAX)
    const head = backend.ledger.head().number
    if (BigInt(depth) > head) throw invalidParams(`depth: the chain has ${head} blocks after the genesis`)
    return dev.reorg(depth)
  },
}

/** The whole state; only {@link loadState} knows what the bytes mean. */
export const dumpState: DevOperation = { params: [0, 1], run: (_, dev) => bytesToHex(dev.dumpState()) }

export const loadState: DevOperation = {
  params: [1, 1],
  run: ([dump], dev) => dev.loadState(parseData(dump, 'state')),
}

export const automine: DevOperation = { params: [0, 0], run: (_, dev) => dev.automine() }

/** The members that Hardhat and anvil share. */
export const metadata = {
  params: [0, 0],
  run: (_, dev, { backend }): JsonRecord => ({
    clientVersion: backend.clientVersion,
    chainId: Number(backend.config.chainId),
    instanceId: dev.info().instanceId satisfies Hash,
    latestBlockNumber: Number(backend.ledger.head().number),
    latestBlockHash: backend.ledger.headHash(),
  }),
} as const satisfies DevOperation

/** Accepts a switch that this node does not have: what it logs is decided where it is started. */
export const setLogging: DevOperation = {
  params: [1, 1],
  run: ([enabled]) => {
    parseBoolean(enabled, 'enabled')
  },
}

/** Says of a value that the node refuses as out of range that it is the client's. */
function inRange<T>(change: () => T): T {
  try {
    return change()
  } catch (error) {
    if (error instanceof RangeError) throw invalidParams(error.message)
    throw error
  }
}
