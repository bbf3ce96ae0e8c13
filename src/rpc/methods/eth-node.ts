/** The node and its chain: identity, accounts it holds, what it can answer. */
import type { Backend } from '../backend.ts'
import { quantity, type Json, type JsonRecord } from '../format.ts'
import { formatSyncing } from '../format-syncing.ts'
import type { MethodTable } from '../method.ts'

export const methods = {
  eth_chainId: { params: [0, 0], run: (_, { backend }) => quantity(backend.config.chainId) },
  eth_syncing: { params: [0, 0], run: (_, { backend }) => formatSyncing(backend) },
  eth_accounts: { params: [0, 0], run: (_, { backend }) => backend.accounts() },
  eth_requestAccounts: { params: [0, 0], run: (_, { backend }) => backend.accounts() },
  eth_coinbase: { params: [0, 0], run: (_, { backend }) => backend.nextEnvironment().beneficiary },
  eth_mining: { params: [0, 0], run: () => false },
  eth_hashrate: { params: [0, 0], run: () => '0x0' },
  /** The last version of eth/ that had a meaning here; clients only look whether there is an answer. */
  eth_protocolVersion: { params: [0, 0], run: () => '0x44' },
  eth_capabilities: { params: [0, 0], run: (_, { backend }) => capabilities(backend) },
} as const satisfies MethodTable

/** How far back the node can answer what. Blocks are never pruned, states are. */
function capabilities({ ledger }: Backend): JsonRecord {
  const all: Json = { disabled: false, oldestBlock: '0x0' }
  const kept: Json = { disabled: false, oldestBlock: quantity(ledger.oldestState()) }
  return {
    head: { number: quantity(ledger.head().number), hash: ledger.headHash() },
    state: kept,
    tx: all,
    logs: all,
    receipts: all,
    blocks: all,
    stateproofs: kept,
  }
}
