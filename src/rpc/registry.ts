/**
 * THE list of JSON-RPC methods, by the module that implements them. Modules are loaded when one of their methods is first
 * called: a node answers its first request within half a second of its start, and most never trace anything.
 * Everything that must know all methods (suggestions, `rpc_modules`, tests, documentation) derives from this list.
 */
import type { Method, MethodTable } from './method.ts'

interface MethodModule<Name extends string> {
  readonly methods: Readonly<Record<Name, Method>>
}

interface MethodGroup {
  readonly names: readonly string[]
  /** Development nodes only: these change the chain at will or use keys that the node holds. */
  readonly isDevOnly: boolean
  readonly load: () => Promise<{ readonly methods: MethodTable }>
}

/** The compiler checks that the module has each of the names; a test that it has no others. */
function group<Name extends string>(
  load: () => Promise<MethodModule<Name>>,
  names: readonly Name[],
  isDevOnly = false,
): MethodGroup {
  let loading: Promise<MethodModule<Name>> | undefined
  // Importing again would give the same, but each time it costs as much as a small request.
  return { load: () => (loading ??= load()), names, isDevOnly }
}

const DEV_ONLY = true

const GROUPS: readonly MethodGroup[] = [
  group(
    () => import('./methods/net-web3.ts'),
    ['net_version', 'net_listening', 'net_peerCount', 'web3_clientVersion', 'web3_sha3', 'rpc_modules'],
  ),
  group(
    () => import('./methods/eth-state.ts'),
    [
      'eth_getBalance',
      'eth_getCode',
      'eth_getStorageAt',
      'eth_getTransactionCount',
      'eth_getAccountInfo',
      'eth_getProof',
    ],
  ),
  group(
    () => import('./methods/eth-block.ts'),
    [
      'eth_blockNumber',
      'eth_getBlockByNumber',
      'eth_getBlockByHash',
      'eth_getBlockReceipts',
      'eth_getBlockTransactionCountByNumber',
      'eth_getBlockTransactionCountByHash',
      'eth_getHeaderByNumber',
      'eth_getHeaderByHash',
      'eth_getUncleCountByBlockNumber',
      'eth_getUncleCountByBlockHash',
      'eth_getUncleByBlockNumberAndIndex',
      'eth_getUncleByBlockHashAndIndex',
    ],
  ),
  group(
    () => import('./methods/eth-transaction.ts'),
    [
      'eth_getTransactionByHash',
      'eth_getTransactionByBlockNumberAndIndex',
      'eth_getTransactionByBlockHashAndIndex',
      'eth_getTransactionReceipt',
      'eth_getRawTransactionByHash',
      'eth_getRawTransactionByBlockNumberAndIndex',
      'eth_getRawTransactionByBlockHashAndIndex',
      'eth_pendingTransactions',
      'eth_sendRawTransaction',
      'eth_sendRawTransactionSync',
    ],
  ),
  group(
    () => import('./methods/eth-log.ts'),
    [
      'eth_getLogs',
      'eth_newFilter',
      'eth_newBlockFilter',
      'eth_newPendingTransactionFilter',
      'eth_getFilterChanges',
      'eth_getFilterLogs',
      'eth_uninstallFilter',
    ],
  ),
  group(
    () => import('./methods/eth-fee.ts'),
    ['eth_gasPrice', 'eth_maxPriorityFeePerGas', 'eth_baseFee', 'eth_blobBaseFee', 'eth_feeHistory'],
  ),
  group(
    () => import('./methods/eth-node.ts'),
    [
      'eth_chainId',
      'eth_syncing',
      'eth_accounts',
      'eth_requestAccounts',
      'eth_coinbase',
      'eth_mining',
      'eth_hashrate',
      'eth_protocolVersion',
      'eth_capabilities',
    ],
  ),
  group(
    () => import('./methods/eth-call.ts'),
    ['eth_call', 'eth_estimateGas', 'eth_createAccessList', 'eth_simulateV1'],
  ),
  group(() => import('./methods/eth-config.ts'), ['eth_config']),
  group(() => import('./methods/eth-subscribe.ts'), ['eth_subscribe', 'eth_unsubscribe']),
  group(
    () => import('./methods/eth-account.ts'),
    [
      'eth_sign',
      'personal_sign',
      'eth_signTypedData_v4',
      'eth_signTypedData',
      'eth_signTransaction',
      'eth_sendTransaction',
    ],
    DEV_ONLY,
  ),
  group(
    () => import('./methods/txpool.ts'),
    ['txpool_content', 'txpool_contentFrom', 'txpool_inspect', 'txpool_status'],
  ),
  group(
    () => import('./methods/debug-raw.ts'),
    ['debug_getRawBlock', 'debug_getRawHeader', 'debug_getRawReceipts', 'debug_getRawTransaction'],
  ),
  group(
    () => import('./methods/debug-trace.ts'),
    [
      'debug_traceTransaction',
      'debug_traceBlockByNumber',
      'debug_traceBlockByHash',
      'debug_traceBlock',
      'debug_traceCall',
    ],
  ),
  group(
    () => import('./methods/aevir.ts'),
    ['aevir_getTransactionStatus', 'aevir_sendRawTransactionAndWait'],
  ),
  group(
    () => import('./methods/consensus.ts'),
    ['aevir_getBlockCertificates', 'aevir_getCommittees', 'aevir_consensusStatus'],
  ),
  group(() => import('./methods/offences.ts'), ['aevir_getOffences']),
  // Whether a network can be broken on purpose is not known by the methods of its nodes: they say so when asked.
  group(() => import('./methods/faults.ts'), ['aevir_setFault', 'aevir_getFaults']),
  group(
    () => import('./methods/evm.ts'),
    [
      'evm_snapshot',
      'evm_revert',
      'evm_mine',
      'evm_mine_detailed',
      'evm_increaseTime',
      'evm_setNextBlockTimestamp',
      'evm_setTime',
      'evm_setAutomine',
      'evm_setIntervalMining',
      'evm_setBlockGasLimit',
      'evm_setAccountNonce',
    ],
    DEV_ONLY,
  ),
  group(
    () => import('./methods/hardhat.ts'),
    [
      'hardhat_mine',
      'hardhat_intervalMine',
      'hardhat_reset',
      'hardhat_setBalance',
      'hardhat_setCode',
      'hardhat_setNonce',
      'hardhat_setStorageAt',
      'hardhat_impersonateAccount',
      'hardhat_stopImpersonatingAccount',
      'hardhat_autoImpersonateAccount',
      'hardhat_dropTransaction',
      'hardhat_dropAllTransactions',
      'hardhat_setCoinbase',
      'hardhat_setNextBlockBaseFeePerGas',
      'hardhat_setPrevRandao',
      'hardhat_setMinGasPrice',
      'hardhat_setLoggingEnabled',
      'hardhat_getAutomine',
      'hardhat_metadata',
      'hardhat_dumpState',
      'hardhat_loadState',
    ],
    DEV_ONLY,
  ),
  group(
    () => import('./methods/anvil.ts'),
    [
      'anvil_mine',
      'anvil_mine_detailed',
      'anvil_reset',
      'anvil_setBalance',
      'anvil_addBalance',
      'anvil_setCode',
      'anvil_setNonce',
      'anvil_setStorageAt',
      'anvil_impersonateAccount',
      'anvil_stopImpersonatingAccount',
      'anvil_autoImpersonateAccount',
      'anvil_dropTransaction',
      'anvil_dropAllTransactions',
      'anvil_removePoolTransactions',
      'anvil_setCoinbase',
      'anvil_setNextBlockBaseFeePerGas',
      'anvil_setPrevRandao',
      'anvil_setMinGasPrice',
      'anvil_setBlockGasLimit',
      'anvil_setLoggingEnabled',
      'anvil_getAutomine',
      'anvil_setAutomine',
      'anvil_setIntervalMining',
      'anvil_getIntervalMining',
      'anvil_snapshot',
      'anvil_revert',
      'anvil_increaseTime',
      'anvil_setTime',
      'anvil_setNextBlockTimestamp',
      'anvil_setBlockTimestampInterval',
      'anvil_removeBlockTimestampInterval',
      'anvil_dumpState',
      'anvil_loadState',
      'anvil_reorg',
      'anvil_metadata',
      'anvil_nodeInfo',
      'anvil_setRpcUrl',
      'anvil_setChainId',
      'anvil_rollback',
      'anvil_enableTraces',
    ],
    DEV_ONLY,
  ),
]

/** Where a method is, before its module is loaded. */
export interface MethodEntry {
  readonly isDevOnly: boolean
  readonly load: () => Promise<Method>
}

/** All methods by name. */
export const METHODS: ReadonlyMap<string, MethodEntry> = new Map(
  GROUPS.flatMap(({ names, isDevOnly, load }) =>
    names.map((name): [string, MethodEntry] => [name, { isDevOnly, load: () => loadMethod(load, name) }]),
  ),
)

/** Every method that a module implements, for the test that compares it with {@link METHODS}. */
export async function implementedMethods(): Promise<MethodTable[]> {
  return Promise.all(GROUPS.map(async ({ load }) => (await load()).methods))
}

async function loadMethod(load: MethodGroup['load'], name: string): Promise<Method> {
  const { methods } = await load()
  // `group` made the compiler check that the module has it.
  return methods[name] as Method
}
