/**
 * This chain's own: who agreed on a block, who serves in a cycle, and how consensus is doing. A chain that one node makes
 * alone answers what is true of it: its blocks are sealed at once, by nobody's certificate.
 */
import type { Backend } from '../backend.ts'
import type { ConsensusView } from '../consensus-view.ts'
import { RPC_CODES, RpcError } from '../errors.ts'
import { commitStateOf, quantity, type JsonRecord } from '../format.ts'
import { formatCycle, formatExecution, formatSeal, formatStatus } from '../format-consensus.ts'
import type { MethodTable } from '../method.ts'
import { isAbsent, parseLooseNumber } from '../parse.ts'
import { findBlock, parseBlockId } from '../parse-block.ts'

/** As far as numbers of cycles are exact. */
const CYCLE_MAX = 2 ** 48 - 1

export const methods = {
  /** `null` where there is no such block; `execution` before it is final here, `seal` before it is sealed. */
  aevir_getBlockCertificates: {
    params: [0, 1],
    run: ([block], { backend }) => {
      const number = findBlock(backend.ledger, parseBlockId(block, 'block'))
      return number === undefined || number === 'pending' ? null : blockCertificates(backend, number)
    },
  },
  aevir_getCommittees: {
    params: [0, 1],
    run: ([cycle], { backend }) => {
      const consensus = requireCommittees(backend)
      const latest = consensus.latestCycle()
      const isLatest = isAbsent(cycle) || cycle === 'latest'
      const wanted = isLatest ? latest : parseLooseNumber(cycle, 'cycle', CYCLE_MAX)
      const view = consensus.cycle(wanted)
      if (view !== undefined) return formatCycle(view)
      throw new RpcError(
        RPC_CODES.notFound,
        `committees of cycle ${wanted} are not known: the newest cycle is ${latest}`,
      )
    },
  },
  aevir_consensusStatus: { params: [0, 0], run: (_, { backend }) => consensusStatus(backend) },
} as const satisfies MethodTable

function blockCertificates(backend: Backend, number: bigint): JsonRecord {
  const { consensus, ledger } = backend
  const execution = consensus?.executionOf(number)
  const seal = consensus?.sealOf(number)
  return {
    blockNumber: quantity(number),
    blockHash: ledger.hashOf(number) ?? null,
    commitState: commitStateOf(ledger, number),
    execution: execution === undefined ? null : formatExecution(execution),
    seal: seal === undefined ? null : formatSeal(seal),
  }
}

function requireCommittees({ consensus }: Backend): ConsensusView {
  if (consensus !== undefined) return consensus
  throw new RpcError(
    RPC_CODES.notSupported,
    'not supported: one node makes this chain alone, it has no committees; aevir devnet starts a network that has',
  )
}

function consensusStatus({ consensus, ledger }: Backend): JsonRecord {
  const blocks = {
    preconfirmed: quantity(ledger.head().number),
    final: quantity(ledger.committed('final')),
    sealed: quantity(ledger.committed('sealed')),
  }
  return consensus === undefined
    ? { consensus: 'solo', isSynced: true, halted: null, peerCount: '0x0', canBreak: false, blocks }
    : { ...formatStatus(consensus), blocks }
}
