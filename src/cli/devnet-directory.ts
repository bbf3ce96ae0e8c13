/** The directory of a network of processes: as `aevir init` makes it, or one that is there already. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConsensusParameters } from '../consensus/committees/parameters.ts'
import { peerIdOf } from '../network/peer-id.ts'
import type { PreparedNode } from '../node/devnet/process-devnet.ts'
import { listKeys, openNetworkKey } from '../node/keys/node-keys.ts'
import { parseNetworkGenesis, type NetworkGenesis } from '../node/network-genesis.ts'
import { present } from '../primitives/assert.ts'
import { AevirError } from '../primitives/errors.ts'
import { createNetwork } from './init.ts'
import { readTextFile } from './read-text-file.ts'

const GENESIS_FILE = 'genesis.json'
const CONFIG_FILE = 'aevir.toml'
/** Stand in the configurations; each start of the network chooses others. */
const PORTS = { networkPort: 30_303, rpcPort: 8545 }

/** The directory is none of a network of this size. */
class DevnetDirectoryError extends AevirError {
  override readonly code = 'DEVNET_DIRECTORY'
}

export interface DirectoryOptions {
  /** `undefined` for one that ends with the network. */
  readonly directory: string | undefined
  readonly executors: number
  readonly witnesses: number
  readonly chainId: bigint
  readonly parameters: Partial<ConsensusParameters>
}

export interface DevnetDirectory {
  readonly nodes: readonly PreparedNode[]
  readonly chainId: bigint
  /** Removes it if it was not to be kept. */
  dispose(): void
}

/** @throws AevirError */
export async function prepareDirectory(options: DirectoryOptions): Promise<DevnetDirectory> {
  const { executors, witnesses } = options
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'aevir-devnet.'))
  const dispose = (): void => {
    if (options.directory === undefined) rmSync(directory, { recursive: true, force: true })
  }
  try {
    const genesisFile = join(directory, GENESIS_FILE)
    if (!existsSync(genesisFile)) {
      const counts = { executor: executors, witness: witnesses }
      await createNetwork(directory, counts, { chainId: options.chainId, ...PORTS }, options.parameters)
    }
    const text = await readTextFile(genesisFile, 'the genesis file', 'name another directory')
    const network = parseNetworkGenesis(text)
    checkShape(network, options, directory)
    return { nodes: await readNodes(network, directory), chainId: network.genesis.config.chainId, dispose }
  } catch (error) {
    dispose()
    throw error
  }
}

function checkShape(
  { parameters: { executorSeats, witnessSeats } }: NetworkGenesis,
  { executors, witnesses }: DirectoryOptions,
  directory: string,
): void {
  if (executorSeats === executors && witnessSeats === witnesses) return
  throw new DevnetDirectoryError(
    `${directory} holds a network of ${executorSeats} executors and ${witnessSeats} witnesses, ` +
      `not of ${executors} and ${witnesses}: name another directory, or say so with --executors and --witnesses`,
  )
}

/** Those whose keys are there, named by their roles. */
async function readNodes({ nodes }: NetworkGenesis, directory: string): Promise<PreparedNode[]> {
  const stakes = new Map(nodes.map(({ id, stake }) => [id, stake]))
  const counts = { executor: 0, witness: 0 }
  const found: PreparedNode[] = []
  for (let number = 1; number <= nodes.length; number++) {
    const own = join(directory, `node-${number}`)
    const keys = join(own, 'keys')
    const [key] = listKeys(keys)
    const stake = key === undefined ? undefined : stakes.get(key.node)
    if (stake === undefined) {
      throw new DevnetDirectoryError(`${own} has no key that ${GENESIS_FILE} names: name another directory`)
    }
    const role = stake > 0n ? 'executor' : 'witness'
    found.push({
      name: `${role}-${++counts[role]}`,
      id: present(key, 'a key').node,
      config: join(own, CONFIG_FILE),
      peerId: await peerIdOf(openNetworkKey(keys)),
    })
  }
  return found
}
