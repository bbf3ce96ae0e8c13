/** The params of eth_simulateV1 (execution-apis), brought into order: every block has a number and a time. */
import type { Header } from '../chain/block.ts'
import { invalidParams, RPC_CODES, RpcError } from './errors.ts'
import {
  parseBlockOverride,
  parseStateOverride,
  type BlockOverride,
  type StateOverride,
} from './overrides.ts'
import { optional, parseArray, parseBoolean, parseObject } from './parse.ts'
import { parseCallRequest, type CallRequest } from './parse-call.ts'

/** Blocks of one request, those that only fill gaps included. */
export const SIMULATED_BLOCKS_MAX = 256
/** Calls of one request, all blocks together. */
export const SIMULATED_CALLS_MAX = 5_000
/** Between blocks whose time is not given. */
const BLOCK_INTERVAL_SECONDS = 12n

export interface SimulationRequest {
  readonly blocks: readonly SimulatedBlock[]
  /** Shows moves of coins as logs. */
  readonly tracesTransfers: boolean
  /** Nonces, fees and balances must be as for a real block. */
  readonly validates: boolean
  /** Transactions are given whole, not as hashes. */
  readonly hasBodies: boolean
}

export interface SimulatedBlock {
  readonly block: BlockOverride
  readonly state: StateOverride | undefined
  readonly calls: readonly CallRequest[]
}

/** A block that knows where it stands. */
export interface PlannedBlock extends SimulatedBlock {
  readonly timestamp: bigint
}

const NOTHING_OTHER: BlockOverride = {
  number: undefined,
  timestamp: undefined,
  gasLimit: undefined,
  beneficiary: undefined,
  prevRandao: undefined,
  baseFeePerGas: undefined,
  blobBaseFee: undefined,
  beaconRoot: undefined,
  withdrawals: undefined,
}

export function parseSimulation(value: unknown, where: string): SimulationRequest {
  const options = parseObject(value, where)
  const list = options['blockStateCalls']
  if (Array.isArray(list) && list.length > SIMULATED_BLOCKS_MAX) throw tooManyBlocks()
  const blocks = parseArray(list, `${where}.blockStateCalls`, SIMULATED_BLOCKS_MAX, parseSimulatedBlock)
  if (blocks.length === 0) throw invalidParams('empty input: blockStateCalls has no block')
  const callCount = blocks.reduce((count, { calls }) => count + calls.length, 0)
  if (callCount > SIMULATED_CALLS_MAX) {
    throw new RpcError(RPC_CODES.clientLimitExceeded, `too many calls: ${callCount} > ${SIMULATED_CALLS_MAX}`)
  }
  const flag = (name: string): boolean => optional(options[name], `${where}.${name}`, parseBoolean) ?? false
  return {
    blocks,
    tracesTransfers: flag('traceTransfers'),
    validates: flag('validation'),
    hasBodies: flag('returnFullTransactions'),
  }
}

function parseSimulatedBlock(value: unknown, where: string): SimulatedBlock {
  const block = parseObject(value, where)
  return {
    block: optional(block['blockOverrides'], `${where}.blockOverrides`, parseBlockOverride) ?? NOTHING_OTHER,
    state: optional(block['stateOverrides'], `${where}.stateOverrides`, parseStateOverride),
    calls:
      optional(block['calls'], `${where}.calls`, (calls, path) =>
        parseArray(calls, path, SIMULATED_CALLS_MAX, parseCallRequest),
      ) ?? [],
  }
}

/** The blocks after `base` in order, without gaps. @throws RpcError when numbers or times do not ascend. */
export function planBlocks(base: Header, blocks: readonly SimulatedBlock[]): PlannedBlock[] {
  const planned: PlannedBlock[] = []
  let { number, timestamp } = base
  const add = (simulated: SimulatedBlock): void => {
    number += 1n
    timestamp = simulated.block.timestamp ?? timestamp + BLOCK_INTERVAL_SECONDS
    planned.push({ ...simulated, timestamp })
  }
  for (const simulated of blocks) {
    const wanted = simulated.block.number ?? number + 1n
    if (wanted <= number) {
      const text = `block numbers must be in order: ${wanted} <= ${number}`
      throw new RpcError(RPC_CODES.blockNumberInvalid, text)
    }
    if (wanted - base.number > BigInt(SIMULATED_BLOCKS_MAX)) throw tooManyBlocks()
    for (let gap = number + 1n; gap < wanted; gap++)
      add({ block: NOTHING_OTHER, state: undefined, calls: [] })
    const time = simulated.block.timestamp
    if (time !== undefined && time <= timestamp) {
      const text = `block timestamps must be in order: ${time} <= ${timestamp}`
      throw new RpcError(RPC_CODES.blockTimestampInvalid, text)
    }
    add(simulated)
  }
  return planned
}

function tooManyBlocks(): RpcError {
  const text = `too many blocks: at most ${SIMULATED_BLOCKS_MAX}, gaps included`
  return new RpcError(RPC_CODES.clientLimitExceeded, text)
}
