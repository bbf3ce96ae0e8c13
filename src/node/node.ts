/**
 * The composition root: opens what a node consists of, in order, and closes it in reverse. Nothing else in the code
 * base knows more than its own layer.
 */
import { join } from 'node:path'
import type { Address } from '../primitives/bytes.ts'
import { present } from '../primitives/assert.ts'
import type { Transaction } from '../chain/transaction.ts'
import { SoloSealer } from '../consensus/solo-sealer.ts'
import type { Clock } from '../consensus/plugin.ts'
import type { BlockExecutor } from '../execution/executor.ts'
import type { WritableLedger } from '../execution/ledger.ts'
import type { PoolLimits } from '../pool/pool-limits.ts'
import type { Backend, UnsignedTransaction } from '../rpc/backend.ts'
import { Blockchain } from './blockchain.ts'
import { openChainStore, type ChainStoreOptions } from './chain-store.ts'
import { DevAccounts } from './dev/dev-accounts.ts'
import { DevNode } from './dev/dev-controls.ts'
import { NodeBackend } from './node-backend.ts'
import { openNodeEngine, PROFILE_FILE_NAME } from './node-engine.ts'
import { SenderRecovery } from './sender-recovery.ts'
import { systemClock } from './system-clock.ts'

export interface NodeOptions extends ChainStoreOptions {
  /** Name of the engine, see `execution/engines.ts`. */
  readonly engine: string
  readonly poolLimits?: Partial<PoolLimits>
  readonly mining: { readonly automine: boolean; readonly intervalMs: number }
  /** Accounts the node signs for; their presence makes it a development node. */
  readonly devAccounts: ConstructorParameters<typeof DevAccounts>[0] | undefined
  readonly clientVersion: string
  readonly clock?: Clock
  /** Something failed that no caller waits for. */
  onError(error: unknown): void
}

export interface Node {
  readonly backend: Backend
  readonly chain: Blockchain
  readonly sealer: SoloSealer
  close(): Promise<void>
}

/** @throws DatabaseError | DevSettingsError | UnknownEngineError, with nothing left open. */
export async function openNode(options: NodeOptions): Promise<Node> {
  const { directory, onError } = options
  const profile = directory === undefined ? undefined : join(directory, PROFILE_FILE_NAME)
  const engine = await openNodeEngine(options.engine, { profile, onError })
  const { ledger } = await openChainStore(options)
  try {
    const node = await openOn(ledger, engine.executor, options)
    await engine.warmUp(node.chain.latestState())
    const close = async (): Promise<void> => {
      await node.close()
      await engine.close()
    }
    return { ...node, close }
  } catch (error) {
    await ledger.close()
    await engine.close()
    throw error
  }
}

async function openOn(ledger: WritableLedger, executor: BlockExecutor, options: NodeOptions): Promise<Node> {
  const { genesis, clock = systemClock } = options
  const senders = new SenderRecovery()
  const accounts = new DevAccounts(options.devAccounts ?? [])
  const parts: { chain?: Blockchain; sealer?: SoloSealer; backend?: Backend } = {}
  const admit = async (transaction: Transaction, sender: Address): Promise<void> => {
    const chain = present(parts.chain, 'chain')
    const sealer = present(parts.sealer, 'sealer')
    const pooled = chain.pool.add(transaction, sender)
    chain.emit({ kind: 'transaction', pooled })
    sealer.onTransaction()
    if (sealer.automine) await mined(sealer, chain, transaction)
  }
  const estimateGas = async (unsigned: UnsignedTransaction): Promise<bigint> => {
    const { estimateGasOf } = await import('./dev/estimate.ts')
    return estimateGasOf(present(parts.backend, 'backend'), unsigned)
  }
  const instanceSeed = new TextEncoder().encode(`${clock.nowMs()}`)
  const dev = new DevNode({ accounts, nowMs: () => clock.nowMs(), instanceSeed, admit, estimateGas })
  const attributes = () => dev.attributes(ledger.head().timestamp, ledger.headHash())
  const chain = new Blockchain({
    config: genesis.config,
    ledger,
    executor,
    senders,
    policy: { hasFreeLimits: options.devAccounts !== undefined },
    poolLimits: options.poolLimits ?? {},
    attributes,
  })
  const sealer = new SoloSealer(chain, clock, { ...options.mining, attributes, onError: options.onError })
  dev.attach(chain, sealer)
  const backend = new NodeBackend({
    clientVersion: options.clientVersion,
    chain,
    senders,
    accounts: () => accounts.addresses(),
    dev: options.devAccounts === undefined ? undefined : dev,
    admit,
  })
  Object.assign(parts, { chain, sealer, backend })
  await sealer.start()
  const close = async (): Promise<void> => {
    await sealer.stop()
    await senders.close()
    await ledger.close()
  }
  return { backend, chain, sealer, close }
}

/**
 * With automine whoever sends a transaction can read its effects right after. When its block could not be made (the
 * disk is full), its sender is told, and it does not wait in the pool to take effect behind the sender's back.
 */
async function mined(sealer: SoloSealer, chain: Blockchain, { hash }: Transaction): Promise<void> {
  try {
    await sealer.settled()
  } catch (error) {
    if (chain.pool.remove(hash)) throw error
  }
}
