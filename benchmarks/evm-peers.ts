/**
 * Everybody who can be measured here: our engines by name, `@ethereumjs/evm`, and the nodes that are installed, set up so
 * that none of their limits is reached.
 */
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ENGINE_VARIANTS, OWN_ENGINES } from './evm-engines.ts'
import { NodeContestant, WorkerContestant, type NodePeer } from './evm-contestant.ts'
import { findPeers, type Peer } from './peers.ts'
import type { Command } from './processes.ts'
import type { Progress } from './suite.ts'

/** Above the gas of all programs. */
const NODE_GAS_LIMIT = 1_000_000_000_000_000
const NODE_MEMORY_LIMIT = 4 * 1024 ** 3

export interface Field {
  /** The engine that others are compared with; its subject is `aevir`. */
  readonly ours: WorkerContestant
  /** Our other engines. */
  readonly tiers: readonly WorkerContestant[]
  /** The default engine with other options. */
  readonly variants: readonly WorkerContestant[]
  readonly nodes: readonly NodeContestant[]
  readonly versions: Readonly<Record<string, string>>
  /** Who is missing, and why. */
  readonly notes: readonly string[]
  close(): Promise<void>
}

/** @param engine the one of ours that others are compared with. */
export async function openField(engine: string, options: NodeOptions, progress: Progress): Promise<Field> {
  const ours = await WorkerContestant.open('aevir', engine)
  const tiers: WorkerContestant[] = []
  for (const name of OWN_ENGINES) {
    if (name !== engine) tiers.push(await WorkerContestant.open(`aevir ${name}`, name))
  }
  const variants: WorkerContestant[] = []
  for (const name of ENGINE_VARIANTS) variants.push(await WorkerContestant.open(`aevir ${name}`, name))
  const found = await openNodes(options, progress)
  return {
    ours,
    tiers,
    variants,
    ...found,
    close: async () => {
      for (const contestant of [ours, ...tiers, ...variants, ...found.nodes]) await contestant.close()
    },
  }
}

export interface NodeOptions {
  /** Fetches what is missing first. */
  readonly install: boolean
  /** Names of those that are wanted. */
  readonly nodes: readonly string[]
}

/** The nodes that are installed and start. */
export async function openNodes(
  options: NodeOptions,
  progress: Progress,
): Promise<Pick<Field, 'nodes' | 'versions' | 'notes'>> {
  const found = await findPeers(options)
  const notes = typeof found === 'string' ? [`without anvil and Hardhat: ${found}`] : []
  const versions: Record<string, string> = {}
  const nodes: NodeContestant[] = []
  for (const peer of typeof found === 'string' ? [] : found) {
    if (!options.nodes.includes(peer.name)) continue
    progress(`starting ${peer.name}`)
    try {
      nodes.push(await NodeContestant.open(unlimited(peer)))
      versions[peer.name] = peer.version
    } catch (error) {
      notes.push(`without ${peer.name}: ${error instanceof Error ? error.message : ''}`)
    }
  }
  return { nodes, versions, notes }
}

function unlimited(peer: Peer): NodePeer {
  if (peer.name === 'anvil') {
    const more = [
      '--gas-limit',
      `${NODE_GAS_LIMIT}`,
      '--memory-limit',
      `${NODE_MEMORY_LIMIT}`,
      '--disable-code-size-limit',
      '--silent',
    ]
    const command = (port: number): Command => {
      const { file, args } = peer.command(port)
      return { file, args: [...args, ...more] }
    }
    return { name: peer.name, prefix: 'anvil', command }
  }
  return { name: peer.name, prefix: 'hardhat', command: (port) => inProject(peer.command(port)) }
}

/** Hardhat takes its limits from a project's configuration only. */
function inProject({ file, args, cwd = '.' }: Command): Command {
  const folder = join(cwd, '../evm-project')
  cpSync(cwd, folder, { recursive: true })
  const network = {
    type: 'edr-simulated',
    blockGasLimit: NODE_GAS_LIMIT,
    hardfork: 'prague',
    allowUnlimitedContractSize: true,
    loggingEnabled: false,
  }
  writeFileSync(
    join(folder, 'hardhat.config.js'),
    `export default { networks: { node: ${JSON.stringify(network)} } }\n`,
  )
  return { file, args, cwd: folder }
}
