/** Where each suite's code is. Loaded on demand: a run of one suite does not wait for the modules of the others. */
import type { Suite, SuiteName } from './suite.ts'

const LOADERS: Readonly<Record<SuiteName, () => Promise<Suite>>> = {
  rlp: async () => (await import('./suites/rlp.ts')).rlpSuite,
  transaction: async () => (await import('./suites/transaction.ts')).transactionSuite,
  trie: async () => (await import('./suites/trie.ts')).trieSuite,
  instructions: async () => (await import('./suites/instructions.ts')).instructionSuite,
  precompiles: async () => (await import('./suites/precompiles.ts')).precompileSuite,
  state: async () => (await import('./suites/state.ts')).stateSuite,
  blockchain: async () => (await import('./suites/blockchain.ts')).blockchainSuite,
  rpc: async () => (await import('./suites/rpc.ts')).rpcSuite,
  kzg: async () => (await import('./suites/kzg.ts')).kzgSuite,
  wycheproof: async () => (await import('./suites/wycheproof.ts')).wycheproofSuite,
}

export function loadSuite(name: SuiteName): Promise<Suite> {
  return LOADERS[name]()
}
