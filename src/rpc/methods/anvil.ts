/** `anvil_`: what forge, cast and the test clients of viem and alloy call. Changes answer `null`. */
import { rulesAt } from '../../chain/forks.ts'
import type { DevControls } from '../backend.ts'
import {
  addBalance,
  automine,
  devMethod,
  devMethodAnswering,
  dropAllTransactions,
  dropTransaction,
  dropTransactionsOf,
  dumpState,
  impersonate,
  increaseTime,
  loadState,
  metadata,
  mine,
  mineDetailed,
  removeBlockTimestampInterval,
  reorg,
  reset,
  revert,
  setAutoImpersonate,
  setAutomine,
  setBalance,
  setBlockGasLimit,
  setBlockTimestampInterval,
  setCode,
  setCoinbase,
  setIntervalMiningSeconds,
  setLogging,
  setMinGasPrice,
  setNextBlockBaseFee,
  setNextBlockTimestamp,
  setNonce,
  setPrevRandao,
  setStorageAt,
  setTime,
  snapshot,
  stopImpersonating,
  unsupportedMethod,
  type DevOperation,
} from '../dev-operations.ts'
import { quantity, type JsonRecord } from '../format.ts'
import type { MethodContext, MethodTable } from '../method.ts'

/** The hash, when the pool had the transaction. */
const dropByHash: DevOperation = {
  params: dropTransaction.params,
  run: (params, dev, context) => (dropTransaction.run(params, dev, context) === true ? params[0] : null),
}

export const methods = {
  anvil_mine: devMethodAnswering(null, mine),
  anvil_mine_detailed: devMethod(mineDetailed),
  anvil_reset: devMethodAnswering(null, reset),
  anvil_setBalance: devMethodAnswering(null, setBalance),
  anvil_addBalance: devMethodAnswering(null, addBalance),
  anvil_setCode: devMethodAnswering(null, setCode),
  anvil_setNonce: devMethodAnswering(null, setNonce),
  anvil_setStorageAt: devMethodAnswering(true, setStorageAt),
  anvil_impersonateAccount: devMethodAnswering(null, impersonate),
  anvil_stopImpersonatingAccount: devMethodAnswering(null, stopImpersonating),
  anvil_autoImpersonateAccount: devMethodAnswering(null, setAutoImpersonate),
  anvil_dropTransaction: devMethod(dropByHash),
  anvil_dropAllTransactions: devMethodAnswering(null, dropAllTransactions),
  anvil_removePoolTransactions: devMethodAnswering(null, dropTransactionsOf),
  anvil_setCoinbase: devMethodAnswering(null, setCoinbase),
  anvil_setNextBlockBaseFeePerGas: devMethodAnswering(null, setNextBlockBaseFee),
  anvil_setPrevRandao: devMethodAnswering(null, setPrevRandao),
  anvil_setMinGasPrice: devMethodAnswering(null, setMinGasPrice),
  anvil_setBlockGasLimit: devMethodAnswering(true, setBlockGasLimit),
  anvil_setLoggingEnabled: devMethodAnswering(null, setLogging),
  anvil_getAutomine: devMethod(automine),
  anvil_setAutomine: devMethodAnswering(null, setAutomine),
  anvil_setIntervalMining: devMethodAnswering(null, setIntervalMiningSeconds),
  anvil_getIntervalMining: devMethod({ params: [0, 0], run: (_, dev) => intervalSeconds(dev) }),
  anvil_snapshot: devMethod(snapshot),
  anvil_revert: devMethod(revert),
  anvil_increaseTime: devMethod(increaseTime),
  anvil_setTime: devMethod(setTime),
  anvil_setNextBlockTimestamp: devMethodAnswering(null, setNextBlockTimestamp),
  anvil_setBlockTimestampInterval: devMethodAnswering(null, setBlockTimestampInterval),
  anvil_removeBlockTimestampInterval: devMethodAnswering(true, removeBlockTimestampInterval),
  anvil_dumpState: devMethod(dumpState),
  anvil_loadState: devMethodAnswering(true, loadState),
  anvil_reorg: devMethodAnswering(null, reorg),
  anvil_metadata: devMethod({
    params: metadata.params,
    run: (params, dev, context) => ({
      ...metadata.run(params, dev, context),
      snapshots: {},
    }),
  }),
  anvil_nodeInfo: devMethod({ params: [0, 0], run: (_, dev, context) => nodeInfo(dev, context) }),
  anvil_setRpcUrl: unsupportedMethod('this node does not fork another network'),
  anvil_setChainId: unsupportedMethod('the chain id is fixed by the genesis; start with --chain-id'),
  anvil_rollback: unsupportedMethod('use evm_snapshot and evm_revert, or anvil_reorg'),
  anvil_enableTraces: unsupportedMethod('trace with debug_traceTransaction'),
} as const satisfies MethodTable

/** `null` when blocks are not mined by time. */
function intervalSeconds(dev: DevControls): number | null {
  const { intervalMs } = dev.info()
  return intervalMs === 0 ? null : Math.ceil(intervalMs / 1_000)
}

/** The shape that alloy's `NodeInfo` has. */
function nodeInfo(dev: DevControls, { backend }: MethodContext): JsonRecord {
  const head = backend.ledger.head()
  const next = backend.nextEnvironment()
  const info = dev.info()
  return {
    currentBlockNumber: quantity(head.number),
    currentBlockTimestamp: Number(head.timestamp),
    currentBlockHash: backend.ledger.headHash(),
    hardFork: rulesAt(backend.config, head.timestamp).name,
    transactionOrder: 'fees',
    environment: {
      baseFee: quantity(next.baseFeePerGas),
      chainId: Number(backend.config.chainId),
      gasLimit: quantity(info.blockGasLimit),
      gasPrice: quantity(info.minGasPrice > next.baseFeePerGas ? info.minGasPrice : next.baseFeePerGas),
    },
    forkConfig: { forkUrl: null, forkBlockNumber: null, forkRetryBackoff: null },
  }
}
