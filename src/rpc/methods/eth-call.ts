/** Calls that change nothing: `eth_call` and what is built on it. */
import { bytesToHex, type Hash } from '../../primitives/bytes.ts'
import { createAccessList } from '../access-list.ts'
import { CALL_GAS_MAX, callContext, callError, messageOf, runCall, type CallContext } from '../call.ts'
import { RPC_CODES, RpcError } from '../errors.ts'
import { estimateGas } from '../estimate-gas.ts'
import { formatAccessListEntry, quantity } from '../format.ts'
import type { MethodTable } from '../method.ts'
import { parseCallBlockOverride, parseStateOverride } from '../overrides.ts'
import { optional } from '../parse.ts'
import { parseBlockId, requireBlock, stateOf, type BlockId } from '../parse-block.ts'
import { parseCallRequest } from '../parse-call.ts'
import { pauseOf } from '../pause.ts'
import type { Backend } from '../backend.ts'
import { parseSimulation } from '../simulate-request.ts'
import { simulate, type SimulationBase } from '../simulate.ts'

export const methods = {
  eth_call: {
    params: [1, 4],
    run: async ([call, ...rest], { backend }) => {
      const request = parseCallRequest(call, 'transaction')
      const context = await contextOf(backend, rest)
      const message = messageOf(request, backend.config.chainId, CALL_GAS_MAX)
      const ran = runCall(context, message)
      if (ran.result.status !== 'succeeded') throw callError(context, message, ran)
      return bytesToHex(ran.output)
    },
  },
  eth_estimateGas: {
    params: [1, 4],
    run: async ([call, ...rest], methodContext) => {
      const { backend } = methodContext
      const request = parseCallRequest(call, 'transaction')
      const context = await contextOf(backend, rest)
      // No gas means as much as there can be, which the estimation knows better.
      const message = messageOf({ ...request, gas: request.gas ?? 0n }, backend.config.chainId, CALL_GAS_MAX)
      return quantity(await estimateGas(context, message, CALL_GAS_MAX, pauseOf(methodContext)))
    },
  },
  eth_createAccessList: {
    params: [1, 3],
    run: async ([call, ...rest], methodContext) => {
      const { backend } = methodContext
      const request = parseCallRequest(call, 'transaction')
      const context = await contextOf(backend, rest)
      const message = messageOf(request, backend.config.chainId, CALL_GAS_MAX)
      const found = await createAccessList(context, message, pauseOf(methodContext))
      return {
        accessList: found.accessList.map(formatAccessListEntry),
        ...(found.error !== undefined && { error: found.error }),
        gasUsed: quantity(found.gasUsed),
      }
    },
  },
  eth_simulateV1: {
    params: [1, 2],
    run: async ([options, block], methodContext) => {
      const { backend } = methodContext
      const request = parseSimulation(options, 'options')
      const base = await simulationBase(backend, parseBlockId(block, 'block'))
      return simulate(base, request, backend.config, pauseOf(methodContext))
    },
  },
} as const satisfies MethodTable

/** From the params behind the call: block, state overrides, block overrides. */
function contextOf(backend: Backend, [block, state, blockFields]: readonly unknown[]): Promise<CallContext> {
  return callContext(backend, parseBlockId(block, 'block'), {
    state: optional(state, 'stateOverrides', parseStateOverride),
    block: optional(blockFields, 'blockOverrides', parseCallBlockOverride),
  })
}

async function simulationBase(backend: Backend, id: BlockId): Promise<SimulationBase> {
  const { ledger, engine } = backend
  const hashOf = (number: bigint): Hash | undefined => ledger.hashOf(number)
  const number = requireBlock(ledger, id)
  if (number === 'pending') {
    const { block, state } = await backend.pendingBlock()
    const committed = ledger.stateAt(ledger.head().number)
    return { header: block.header, hash: block.hash, state, committed, hashOf, engine }
  }
  const header = ledger.header(number)
  const hash = ledger.hashOf(number)
  if (header === undefined || hash === undefined) {
    throw new RpcError(RPC_CODES.notFound, `header not found: block ${number}`)
  }
  const state = await stateOf(backend, id)
  return { header, hash, state, committed: ledger.stateAt(number), hashOf, engine }
}
