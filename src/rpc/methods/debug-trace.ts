/** Transactions run again under a tracer: what debuggers, explorers and test frameworks ask for. */
import { present } from '../../primitives/assert.ts'
import type { Address } from '../../primitives/bytes.ts'
import { decodeBlock } from '../../chain/block-codec.ts'
import type { Block } from '../../chain/block.ts'
import { recoverSender } from '../../chain/transaction-signature.ts'
import { environmentOf, type BlockEnvironment } from '../../execution/environment.ts'
import { replayBlock } from '../../execution/replay.ts'
import { TraceBudget, type Tracer } from '../../execution/tracers/tracer.ts'
import type { StateReader } from '../../state/state-reader.ts'
import type { Backend } from '../backend.ts'
import { CALL_GAS_MAX, messageOf, overriddenContext, runCall } from '../call.ts'
import { locateTransaction } from '../chain-view.ts'
import { invalidParams, RPC_CODES, RpcError } from '../errors.ts'
import type { MethodTable } from '../method.ts'
import { parseCallBlockOverride, parseStateOverride } from '../overrides.ts'
import { isAbsent, optional, parseData, parseHash, parseLooseNumber, parseObject } from '../parse.ts'
import { blockNotFound, parseBlockId, parseBlockNumber, requireBlock, type BlockId } from '../parse-block.ts'
import { parseCallRequest } from '../parse-call.ts'
import { parseTraceConfig, type TracerFactory } from '../trace-config.ts'

export const methods = {
  debug_traceTransaction: {
    params: [1, 2],
    run: ([hash, config], { backend }) => {
      const wanted = parseHash(hash, 'hash')
      const factory = parseTraceConfig(config, 'config')
      const located = locateTransaction(backend, wanted)
      if (located === undefined) throw new RpcError(RPC_CODES.server, 'transaction not found')
      let tracer: Tracer | undefined
      replayBlock({
        ...storedReplay(backend, located.view.block),
        count: located.index + 1,
        tracerOf: (index, firstLogIndex) => {
          if (index === located.index) tracer = factory({ budget: new TraceBudget(), firstLogIndex })
          return tracer
        },
      })
      return present(tracer, 'tracer of the transaction').result()
    },
  },
  debug_traceBlockByNumber: {
    params: [1, 2],
    run: ([block, config], { backend }) =>
      traceStored(backend, parseBlockNumber(block, 'block'), parseTraceConfig(config, 'config')),
  },
  debug_traceBlockByHash: {
    params: [1, 2],
    run: ([hash, config], { backend }) => {
      const id: BlockId = { kind: 'hash', hash: parseHash(hash, 'hash') }
      return traceStored(backend, id, parseTraceConfig(config, 'config'))
    },
  },
  debug_traceBlock: {
    params: [1, 2],
    run: ([bytes, config], { backend }) => {
      const block = decodeBlock(parseData(bytes, 'block'))
      return traceBlock(givenBlock(backend, block), parseTraceConfig(config, 'config'))
    },
  },
  debug_traceCall: {
    params: [1, 3],
    run: ([call, block, config], { backend }) => {
      const request = parseCallRequest(call, 'transaction')
      const id = parseBlockId(block, 'block')
      const factory = parseTraceConfig(config, 'config')
      const fields = isAbsent(config) ? {} : parseObject(config, 'config')
      const { state, environment } = placeOf(backend, id, fields['txIndex'])
      const context = overriddenContext(state, environment, {
        state: optional(fields['stateOverrides'], 'config.stateOverrides', parseStateOverride),
        block: optional(fields['blockOverrides'], 'config.blockOverrides', parseCallBlockOverride),
      })
      const tracer = factory({ budget: new TraceBudget(), firstLogIndex: 0 })
      runCall(context, messageOf(request, backend.config.chainId, CALL_GAS_MAX), tracer)
      return tracer.result()
    },
  },
} as const satisfies MethodTable

/** A block with all that its transactions need to run again. */
interface ReplayableBlock {
  readonly block: Block
  readonly senders: readonly Address[]
  readonly environment: BlockEnvironment
  readonly state: StateReader
}

function storedReplay(backend: Backend, block: Block): ReplayableBlock {
  const { number } = block.header
  return {
    block,
    senders: present(backend.ledger.senders(number), `senders of block ${number}`),
    environment: backend.environmentOf(number),
    state: backend.stateBefore(number),
  }
}

function traceStored(backend: Backend, id: BlockId, factory: TracerFactory): unknown {
  return traceBlock(storedReplay(backend, storedBlock(backend, id)), factory)
}

function storedBlock(backend: Backend, id: BlockId): Block {
  const number = requireTraceable(backend, id)
  if (number === 0n) throw new RpcError(RPC_CODES.server, 'genesis is not traceable')
  return present(backend.ledger.block(number), `block ${number}`)
}

function requireTraceable(backend: Backend, id: BlockId): bigint {
  const number = requireBlock(backend.ledger, id)
  if (number !== 'pending') return number
  const cure = 'use latest, with overrides where needed'
  throw new RpcError(RPC_CODES.server, `tracing on top of pending is not supported: ${cure}`)
}

/** A block that a client gives may do so much more than its parent: running it stops everything else. */
const GAS_LIMIT_GROWTH_MAX = 2n
/** The least that any transaction costs. */
const TRANSACTION_GAS_MIN = 21_000n

/** A block that a client gives whole; its parent must be on the chain. */
function givenBlock(backend: Backend, block: Block): ReplayableBlock {
  const { ledger, config } = backend
  const parent = ledger.numberOf(block.header.parentHash)
  if (parent === undefined || parent + 1n !== block.header.number) {
    throw blockNotFound(ledger, { kind: 'hash', hash: block.header.parentHash })
  }
  const gasMax = GAS_LIMIT_GROWTH_MAX * present(ledger.header(parent), `header ${parent}`).gasLimit
  if (block.header.gasLimit > gasMax) {
    throw invalidParams(
      `block: its gas limit ${block.header.gasLimit} is above ${gasMax}, twice its parent's`,
    )
  }
  const count = block.transactions.length
  const countMax = block.header.gasLimit / TRANSACTION_GAS_MIN
  if (count > countMax) {
    throw invalidParams(`block: ${count} transactions, at most ${countMax} fit under its gas limit`)
  }
  const senders = block.transactions.map((transaction) => {
    const sender = recoverSender(transaction)
    if (sender === undefined)
      throw invalidParams(`block: no sender fits the signature of ${transaction.hash}`)
    return sender
  })
  const environment = environmentOf(block.header, config, (number) => ledger.hashOf(number))
  const isStored = ledger.hashOf(block.header.number) === block.hash
  const state = isStored ? backend.stateBefore(block.header.number) : backend.stateAt(parent)
  return { block, senders, environment, state }
}

/** Traces of all transactions of a block, in its order. */
function traceBlock(input: ReplayableBlock, factory: TracerFactory): unknown {
  const budget = new TraceBudget()
  const tracers: Tracer[] = []
  replayBlock({
    ...input,
    tracerOf: (_index, firstLogIndex) => {
      const tracer = factory({ budget, firstLogIndex })
      tracers.push(tracer)
      return tracer
    },
  })
  return tracers.map((tracer, index) => ({
    txHash: input.block.transactions[index]?.hash,
    result: tracer.result(),
  }))
}

/** Where a traced call runs: after a block, or inside of it before the transaction with `txIndex`. */
function placeOf(
  backend: Backend,
  id: BlockId,
  txIndex: unknown,
): Pick<ReplayableBlock, 'state' | 'environment'> {
  if (isAbsent(txIndex)) {
    const number = requireTraceable(backend, id)
    return { state: backend.stateAt(number), environment: backend.environmentOf(number) }
  }
  const stored = storedReplay(backend, storedBlock(backend, id))
  const count = parseLooseNumber(txIndex, 'config.txIndex', stored.block.transactions.length)
  return {
    state: replayBlock({ ...stored, count, tracerOf: () => undefined }),
    environment: stored.environment,
  }
}
