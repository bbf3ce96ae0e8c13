/**
 * The network that is attacked: three executors and three witnesses as whole nodes of this process, over libp2p on
 * loopback, with databases and logs on the disk. The fourth of each is played by the attacker, with its key.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bls } from '../../../src/consensus/bls.ts'
import { REGIONAL_TIMING } from '../../../src/consensus/simplex/config.ts'
import type { Layer } from '../../../src/consensus/simplex/types.ts'
import { wireContext, type WireContext } from '../../../src/consensus/simplex/wire.ts'
import type { Committee } from '../../../src/consensus/committees/committee.ts'
import { createExecutor } from '../../../src/execution/engines.ts'
import { createLibp2pTransport, type NetworkTransport } from '../../../src/network/libp2p-transport.ts'
import { DiskLogs } from '../../../src/node/bft/instance-logs.ts'
import { SignatureVerifier } from '../../../src/node/bft/verifier.ts'
import { planNodes, throwAwayGenesis, type NodePlan } from '../../../src/node/devnet/throw-away-network.ts'
import { VoteGuard } from '../../../src/node/keys/vote-guard.ts'
import type { Log } from '../../../src/node/log.ts'
import { parseNetworkGenesis, type NetworkGenesis } from '../../../src/node/network-genesis.ts'
import { openNetworkNode, type NetworkNode, type SharedParts } from '../../../src/node/network-node.ts'
import { SenderRecovery } from '../../../src/node/sender-recovery.ts'
import { systemClock } from '../../../src/node/system-clock.ts'
import { TransactionDecoder } from '../../../src/node/transaction-gossip.ts'
import { present } from '../../../src/primitives/assert.ts'
import { keccak256 } from '../../../src/primitives/keccak.ts'
import { TapTransport } from './tap-transport.ts'

const SHAPE = { executors: 4, witnesses: 4, seed: 'attacked' } as const
/** The last one of each. */
const PLAYED = { execution: 3, witness: 7 } as const
/** Attackers and nodes have one address here; elsewhere each has its own. */
const CONNECTION_RATE_MAX = 500
const HISTORY_BLOCKS = 64
const NOT_RECORDED = 'evidence not recorded'

export interface LiveNetwork {
  readonly genesis: NetworkGenesis
  /** The node that is attacked is the first. */
  readonly nodes: readonly NetworkNode[]
  readonly tap: TapTransport
  readonly victimAddresses: readonly string[]
  /** The members that the attacker plays, with their keys. */
  readonly played: Readonly<Record<Layer, NodePlan>>
  /** Instances of consensus that the attacked node runs, by layer; the latest. */
  readonly instances: ReadonlyMap<string, Instance>
  /** Of the whole network: nodes that stopped, errors in logs. */
  readonly failures: string[]
  /** Warnings of the attacked node, by text. */
  readonly warnings: ReadonlyMap<string, number>
  close(): Promise<void>
}

export interface Instance {
  readonly committee: Committee
  readonly context: WireContext
}

export async function openLiveNetwork(): Promise<LiveNetwork> {
  const parts = new AsyncDisposableStack()
  const failures: string[] = []
  const warnings = new Map<string, number>()
  const directory = mkdtempSync(join(tmpdir(), 'aevir-live-'))
  parts.defer(() => rmSync(directory, { recursive: true, force: true }))
  const timestamp = BigInt(Math.floor(Date.now() / 1000))
  const parameters = { cycleBlocks: 96, windowBlocks: 24, rangeBlocks: 4 }
  const genesis = parseNetworkGenesis(throwAwayGenesis(SHAPE, { chainId: 31_337n, timestamp, parameters }))
  const plans = planNodes(SHAPE)
  const planAt = (index: number): NodePlan => present(plans[index], 'the plan of a member that is played')
  const played = { execution: planAt(PLAYED.execution), witness: planAt(PLAYED.witness) }
  const shared = openShared(parts, failures)
  const executor = await createExecutor('tier0')
  const instances = new Map<string, Instance>()
  const nodes: NetworkNode[] = []
  const transports: NetworkTransport[] = []
  let tap: TapTransport | undefined
  for (const plan of plans) {
    if (plan === played.execution || plan === played.witness) continue
    const isVictim = nodes.length === 0
    const inner = createLibp2pTransport({
      chain: { chainId: genesis.genesis.config.chainId, genesisHash: genesis.block.hash },
      signer: plan.signer,
      scheme: bls,
      clock: systemClock,
      identitySeed: keccak256(new TextEncoder().encode(plan.name)),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstrap: transports[0]?.addresses() ?? [],
      connectionRateMax: CONNECTION_RATE_MAX,
    })
    transports.push(inner)
    const transport = isVictim
      ? (tap = new TapTransport(inner, [played.execution.id, played.witness.id]))
      : inner
    const log = logOf(plan.name, failures, isVictim ? warnings : undefined)
    const home = join(directory, plan.name)
    const guard = await VoteGuard.open(join(home, 'votes'), plan.id)
    parts.defer(() => guard.close())
    const node = await openNetworkNode({
      network: genesis,
      directory: join(home, 'chain'),
      engine: executor,
      historyBlocks: HISTORY_BLOCKS,
      signer: plan.signer,
      logs: new DiskLogs(join(home, 'wal'), guard, log),
      operator: plan.operator,
      transport,
      timing: REGIONAL_TIMING,
      clientVersion: 'aevir/fuzz',
      log,
      shared,
      decorateHost: (host) => ({
        setCommittees: (committees) => host.setCommittees(committees),
        open: (instance) => {
          const { committee, domain } = instance
          const context = wireContext(committee.shape, domain)
          if (isVictim) instances.set(committee.layer, { committee, context })
          return host.open(instance)
        },
      }),
      onStopped: (error) => failures.push(`${plan.name} stopped: ${String(error)}`),
    })
    parts.defer(() => node.close())
    nodes.push(node)
  }
  return {
    genesis,
    nodes,
    tap: present(tap, 'the first node'),
    victimAddresses: present(transports[0], 'the first node').addresses(),
    played,
    instances,
    failures,
    warnings,
    close: () => parts.disposeAsync(),
  }
}

function openShared(parts: AsyncDisposableStack, failures: string[]): SharedParts {
  const senders = new SenderRecovery()
  parts.defer(() => senders.close())
  const verifier = new SignatureVerifier({ onThreadEnded: (error) => failures.push(error.message) })
  parts.defer(() => verifier.close())
  return { senders, verifier, decoder: new TransactionDecoder(senders) }
}

function logOf(name: string, failures: string[], warnings: Map<string, number> | undefined): Log {
  return {
    debug: () => {},
    info: () => {},
    warn: (message) => warnings?.set(message, (warnings.get(message) ?? 0) + 1),
    error: (message, fields) => {
      // With a machine that gives it no time, a report is given up: that is the machine's fault.
      if (message === NOT_RECORDED) {
        warnings?.set(message, (warnings.get(message) ?? 0) + 1)
        return
      }
      failures.push(
        `${name}: ${message} ${JSON.stringify(fields, (_, field: unknown) => (typeof field === 'bigint' ? `${field}` : field))}`,
      )
    },
  }
}
