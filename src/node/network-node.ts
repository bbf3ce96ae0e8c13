/**
 * The composition root of a node in a network: opens what it consists of, in order, and closes it in reverse. The same
 * node runs as a process of its own, and many times within one process; then what costs threads and time is shared.
 *
 * A node votes when it has a key and a seat. It follows otherwise, and answers users all the same.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Transaction } from '../chain/transaction.ts'
import { bls } from '../consensus/bls.ts'
import type { EvidenceReporter, Operator } from '../consensus/accountability/evidence-reporter.ts'
import type { ConsensusStore } from '../consensus/dual-bft/consensus-store.ts'
import type { ConsensusEvent, DualBft, DualBftFactory, Pacing } from '../consensus/dual-bft/dual-bft.ts'
import { createDualBft } from '../consensus/dual-bft/dual-bft.ts'
import type { InstanceHost } from '../consensus/dual-bft/instances.ts'
import { firstRandomness } from '../consensus/election/randomness.ts'
import type { Clock } from '../consensus/plugin.ts'
import type { SignatureScheme, Signer } from '../consensus/signature-scheme.ts'
import { REGIONAL_TIMING, type Timing } from '../consensus/simplex/config.ts'
import type { decodeMessage } from '../consensus/simplex/wire.ts'
import type { verifyBlock } from '../execution/block.ts'
import type { BlockAttributes } from '../execution/environment.ts'
import type { BlockExecutor } from '../execution/executor.ts'
import { COMMITTEE_POLICY } from '../execution/header-validation.ts'
import type { WritableLedger } from '../execution/ledger.ts'
import type { Transport } from '../network/transport.ts'
import type { PoolLimits } from '../pool/pool-limits.ts'
import { present } from '../primitives/assert.ts'
import { bytesToHex, ZERO_ADDRESS, type Address, type Hash } from '../primitives/bytes.ts'
import type { FaultControl } from '../rpc/fault-control.ts'
import { openConsensusStore } from '../storage/consensus-database.ts'
import type { KeyValueStore } from '../storage/key-value-store.ts'
import { NetworkInstances } from './bft/instance-host.ts'
import { directVerifier } from './bft/direct-verifier.ts'
import { noLog, type InstanceLogs } from './bft/instance-logs.ts'
import { SignatureVerifier } from './bft/verifier.ts'
import { Blockchain } from './blockchain.ts'
import { openChainStore } from './chain-store.ts'
import { openEvidenceReporter } from './evidence-reporting.ts'
import type { Log } from './log.ts'
import type { NetworkGenesis } from './network-genesis.ts'
import { NetworkEvents } from './network-events.ts'
import { NodeBackend } from './node-backend.ts'
import { NodeConsensusView } from './node-consensus-view.ts'
import { openNodeEngine, PROFILE_FILE_NAME } from './node-engine.ts'
import { NodeHaltedError, NodeFailedError } from './node-errors.ts'
import { SenderRecovery } from './sender-recovery.ts'
import { systemClock } from './system-clock.ts'
import { TransactionDecoder, TransactionGossip } from './transaction-gossip.ts'

/**
 * A transaction waits for half of the first on average, and for its seal for half of the second; below, machines spend
 * their time on the messages and flushes of blocks with next to nothing in them (`npm run bench -- finality`).
 */
const PACING: Pacing = { blockIntervalMs: 80, sealIntervalMs: 300 }

/**
 * With fewer, the thread that checks signatures competes with the one that waits for the answer: eleven nodes on two cores
 * made an eighth more blocks without it.
 */
const CORES_FOR_VERIFIER = 3

/** What all nodes of a process use together. Whoever made it closes it, after the last node. */
export interface SharedParts {
  readonly senders: SenderRecovery
  readonly decoder: TransactionDecoder
  readonly verifier: Pick<SignatureVerifier, 'open' | 'close'>
  /** That of the nodes' keys; the only other one is for many of them in one process. */
  readonly scheme?: SignatureScheme
  /** Reads messages of consensus. */
  readonly decode?: typeof decodeMessage
  readonly verifyBlock?: typeof verifyBlock
}

export interface NetworkNodeOptions {
  readonly network: NetworkGenesis
  /** Directory of the database; `undefined` keeps everything in memory. */
  readonly directory: string | undefined
  /** Used instead of a database in {@link directory}, and closed with the node. */
  readonly store?: KeyValueStore
  /** Name of the engine, or one that several nodes use. */
  readonly engine: string | BlockExecutor
  /** Blocks behind the head whose state is kept. */
  readonly historyBlocks?: number
  readonly poolLimits?: Partial<PoolLimits>
  /** Votes; `undefined` for a node that only follows. */
  readonly signer: Signer | undefined
  /** Where what the node says is remembered; not needed by one that follows. */
  readonly logs: InstanceLogs | undefined
  /** Pays for reports of broken rules; nothing is reported without it. */
  readonly operator: Operator | undefined
  /** Not started yet; the node stops it. */
  readonly transport: Transport
  /** Regional by default. */
  readonly timing?: Timing
  readonly clientVersion: string
  readonly clock?: Clock
  readonly log: Log
  readonly shared?: SharedParts
  /** On development networks. */
  readonly faults?: FaultControl
  /** Puts something between consensus and its network, such as a fault. */
  readonly decorateHost?: (host: InstanceHost) => InstanceHost
  readonly createConsensus?: DualBftFactory
  /** The node could not go on and has closed itself; it may be opened again. Its log says why. */
  onStopped(error: unknown): void
}

export interface NetworkNode {
  readonly backend: NodeBackend
  readonly chain: Blockchain
  readonly consensus: DualBft
  readonly view: NodeConsensusView
  readonly store: ConsensusStore
  readonly transport: Transport
  /** Resolves when nothing of the node is left. Also after it closed itself. */
  close(): Promise<void>
}

/** @throws AevirError for what is expected to go wrong, with nothing left open. */
export async function openNetworkNode(options: NetworkNodeOptions): Promise<NetworkNode> {
  const { network, directory, engine, historyBlocks } = options
  const parts = new AsyncDisposableStack()
  try {
    const profile = directory === undefined ? undefined : join(directory, PROFILE_FILE_NAME)
    const onError = (error: unknown): void => options.log.warn(String(error))
    const opened = await openNodeEngine(engine, { profile, onError })
    parts.defer(() => opened.close())
    const { executor } = opened
    const chainStore = {
      genesis: network.genesis,
      directory,
      ...(historyBlocks === undefined ? {} : { historyBlocks }),
    }
    const { store, ledger } = await openChainStore(chainStore, options.store)
    parts.defer(() => ledger.close())
    const node = await openOn({ options, executor, ledger, store: openConsensusStore(store) }, parts)
    await opened.warmUp(node.chain.latestState())
    return node
  } catch (error) {
    await parts.disposeAsync()
    throw error
  }
}

interface Foundation {
  readonly options: NetworkNodeOptions
  readonly executor: BlockExecutor
  readonly ledger: WritableLedger
  readonly store: ConsensusStore
}

async function openOn(foundation: Foundation, parts: AsyncDisposableStack): Promise<NetworkNode> {
  const { options, store } = foundation
  const { network, transport, log, clock = systemClock } = options
  const shared = options.shared ?? openShared(parts, log)
  const stopping = stopper(parts, options)
  warnOfFuture(network, clock, log)
  const chain = openChain(foundation, shared)
  const chainId = network.genesis.config.chainId
  const running: { consensus?: DualBft; reporter?: EvidenceReporter; isStarted: boolean } = {
    isStarted: false,
  }
  const self = options.signer === undefined ? undefined : transport.self
  const view = new NodeConsensusView({
    store,
    ledger: chain.ledger,
    parameters: network.parameters,
    registry: network.registry,
    genesisHash: network.block.hash,
    self,
    ...(options.faults === undefined ? {} : { faults: options.faults }),
    status: () => (running.isStarted ? running.consensus?.status() : undefined),
    peerCount: () => transport.peers().length,
  })
  const gossip = new TransactionGossip({
    network: transport,
    clock,
    decoder: shared.decoder,
    pool: chain.pool,
    sendToExecutors: (bytes) => transport.broadcast('pool', bytes, instances.executors()) > 0,
    admit: (transaction, sender) => admit(transaction, sender),
  })
  parts.defer(() => gossip.stop())
  const admit = (transaction: Transaction, sender: Address): void => {
    const pooled = chain.pool.add(transaction, sender)
    chain.emit({ kind: 'transaction', pooled })
    running.consensus?.onTransaction()
  }
  const backend = new NodeBackend({
    clientVersion: options.clientVersion,
    chain,
    senders: shared.senders,
    accounts: () => [],
    dev: undefined,
    consensus: view,
    admit: async (transaction, sender) => {
      admit(transaction, sender)
      gossip.announce(transaction)
    },
  })
  const onEvent = (event: ConsensusEvent): void => {
    view.onEvent(event)
    logEvent(log, event)
    if (event.kind === 'evidence') running.reporter?.onEvidence(event.committee, event.evidence)
    if (event.kind === 'halted') stopping.stop(new NodeHaltedError(present(view.halted(), 'a reason')))
  }
  const instances = new NetworkInstances({
    network: transport,
    verifier: shared.verifier,
    ...(shared.decode === undefined ? {} : { decode: shared.decode }),
    logs: options.logs ?? { open: async () => noLog() },
    clock,
    answerFromArchive: (bytes) => running.consensus?.answerFromArchive(bytes),
    onLogFailure: (error) => stopping.stop(error),
  })
  const consensus = (options.createConsensus ?? createDualBft)(chain, clock, {
    chainId,
    genesis: network.block,
    parameters: network.parameters,
    registry: network.registry,
    scheme: shared.scheme ?? bls,
    signer: options.signer,
    timing: options.timing ?? REGIONAL_TIMING,
    pacing: PACING,
    store,
    host: options.decorateHost?.(instances) ?? instances,
    beneficiary: payoutOf(network, options.signer),
    onEvent,
    onError: (error) => stopping.stop(error),
  })
  if (options.operator !== undefined) {
    running.reporter = openEvidenceReporter({
      backend,
      clock,
      log,
      operator: options.operator,
      self,
      onError: (error) => stopping.stop(error),
    })
    parts.defer(() => running.reporter?.stop())
  }
  parts.defer(() => transport.stop())
  await transport.start(
    new NetworkEvents({
      instances,
      gossip,
      log,
      clock,
      report: (peer, offence) => transport.report(peer, offence),
    }),
  )
  parts.defer(() => consensus.stop())
  running.consensus = consensus
  await consensus.start()
  running.isStarted = true
  stopping.begin()
  return { backend, chain, consensus, view, store, transport, close: () => stopping.close() }
}

/** Blocks cannot be older than their parents: the first ones would all have the time of the genesis block. */
function warnOfFuture({ genesis }: NetworkGenesis, clock: Clock, log: Log): void {
  const { timestamp } = genesis.header
  const secondsAhead = timestamp - BigInt(Math.floor(clock.nowMs() / 1000))
  if (secondsAhead <= 0n) return
  log.warn('the genesis lies in the future: until then the time of blocks stands still', {
    timestamp,
    secondsAhead,
  })
}

function openShared(parts: AsyncDisposableStack, log: Log): SharedParts {
  const senders = new SenderRecovery()
  parts.defer(() => senders.close())
  const verifier =
    availableParallelism() >= CORES_FOR_VERIFIER
      ? new SignatureVerifier({ onThreadEnded: (error) => log.warn(error.message) })
      : directVerifier(bls)
  parts.defer(() => verifier.close())
  return { senders, decoder: new TransactionDecoder(senders), verifier }
}

function openChain({ options, executor, ledger, store }: Foundation, shared: SharedParts): Blockchain {
  const { network, clock = systemClock } = options
  const beneficiary = payoutOf(network, options.signer)
  /** As the next block would most probably have them: which seal it refers to is its leader's choice. */
  const attributes = (): BlockAttributes => {
    const { timestamp } = ledger.head()
    const seconds = BigInt(Math.floor(clock.nowMs() / 1000))
    const seal = store.latestSeal()
    const lastSealed: Hash | undefined = seal?.seal.blocks.at(-1)
    return {
      timestamp: seconds > timestamp ? seconds : timestamp,
      beneficiary,
      prevRandao: seal?.randomness ?? firstRandomness(network.block.hash),
      parentBeaconBlockRoot: lastSealed ?? network.block.hash,
    }
  }
  return new Blockchain({
    config: network.genesis.config,
    ledger,
    executor,
    senders: shared.senders,
    ...(shared.verifyBlock === undefined ? {} : { verifyBlock: shared.verifyBlock }),
    policy: COMMITTEE_POLICY,
    poolLimits: options.poolLimits ?? {},
    attributes,
  })
}

/** Where the fees of a node's blocks go. */
function payoutOf({ nodes }: NetworkGenesis, signer: Signer | undefined): Address {
  const self = signer === undefined ? undefined : bytesToHex(signer.publicKey)
  return nodes.find(({ id }) => id === self)?.payout ?? ZERO_ADDRESS
}

interface Stopper {
  /** From now on the owner is told when the node stops. */
  begin(): void
  /** The node cannot go on. Only the first reason counts. */
  stop(error: unknown): void
  close(): Promise<void>
}

function stopper(parts: AsyncDisposableStack, { log, onStopped }: NetworkNodeOptions): Stopper {
  let closing: Promise<void> | undefined
  let reason: { readonly error: unknown } | undefined
  let hasBegun = false
  const close = (): Promise<void> => (closing ??= parts.disposeAsync())
  const finish = async ({ error }: { readonly error: unknown }): Promise<void> => {
    try {
      await close()
    } catch (error) {
      log.error('the node did not close in order', { reason: new NodeFailedError(error).message })
    }
    onStopped(error)
  }
  return {
    begin: () => {
      hasBegun = true
      if (reason !== undefined) void finish(reason)
    },
    stop: (error) => {
      // What fails while the node is being closed is a consequence of that.
      if (reason !== undefined || closing !== undefined) return
      reason = { error }
      log.error('the node stops', { reason: new NodeFailedError(error).message })
      if (hasBegun) void finish(reason)
    },
    close,
  }
}

function logEvent(log: Log, event: ConsensusEvent): void {
  switch (event.kind) {
    case 'epoch': {
      const { layer, epoch, members } = event.committee
      log.info('an epoch begins', { layer, epoch, members: members.length })
      break
    }
    case 'sealed':
      log.debug('blocks are sealed', { first: event.first, last: event.last })
      break
    case 'conflict':
      log.error('executors made another block final than the one that is final here', {
        number: event.number,
      })
      break
    case 'refused':
      log.error('executors made a block final that is invalid here: waiting for the witnesses', {
        number: event.number,
        hash: event.hash,
      })
      break
    case 'rejected': {
      const { number, hash, wasFinal } = event
      log.error('the witnesses rejected a final block, and other executors go on', { number, hash })
      if (wasFinal)
        log.error('this node executed that block without a fault: update it, or look for a defect', {
          number,
        })
      break
    }
    case 'reset':
      log.error('nothing was sealed for too long: other witnesses take over', {
        cycle: event.cycle,
        attempt: event.attempt,
      })
      break
    case 'evidence':
    case 'halted':
      // The reporter tells of the one, whoever stops the node of the other.
      break
  }
}
