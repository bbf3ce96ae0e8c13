/**
 * `aevir init`: the directory of a node for a network that exists, or a whole new network for this machine: a genesis, and
 * a directory for each node with keys and a configuration that finds the others.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bls } from '../consensus/bls.ts'
import type { ConsensusParameters } from '../consensus/committees/parameters.ts'
import type { NodeId } from '../consensus/election/election.ts'
import { provePossession } from '../consensus/signature-scheme.ts'
import { peerIdOf } from '../network/peer-id.ts'
import { formatNodeConfig, type ConfigOverrides } from '../node/config/node-config.ts'
import { writeSecretFile } from '../node/keys/key-files.ts'
import type { Strength } from '../node/keys/keystore.ts'
import { addKey, generateSecretKey, openNetworkKey } from '../node/keys/node-keys.ts'
import { openOperator } from '../node/keys/operator-key.ts'
import { readPassword } from '../node/keys/password.ts'
import { newNetworkGenesis, type Role } from '../node/new-network.ts'
import { parseNetworkGenesis } from '../node/network-genesis.ts'
import { systemClock } from '../node/system-clock.ts'
import { AevirError } from '../primitives/errors.ts'
import { bytesToHex, type Address } from '../primitives/bytes.ts'
import { readTextFile } from './read-text-file.ts'
import { printJson } from './terminal.ts'

const CONFIG_FILE = 'aevir.toml'
const GENESIS_FILE = 'genesis.json'
const PASSWORD_FILE = 'password'
const PASSWORD_SIZE = 24
/** Nodes whose addresses each node begins with; the others' it learns from them. */
const BOOTSTRAP_COUNT = 3
const PORT_MAX = 65_535

class InitError extends AevirError {
  override readonly code = 'INIT'
}

export interface InitOptions {
  /** Genesis file of the network to join. */
  readonly network?: string
  /** Nodes of a new network. */
  readonly executors?: number
  readonly witnesses?: number
  readonly chainId: bigint
  readonly cycleBlocks?: number
  /** The first port of each kind; every node has the next. */
  readonly networkPort: number
  readonly rpcPort: number
  readonly bootstrap?: readonly string[]
  readonly passwordFile?: string
  readonly json?: boolean
}

/** A node's directory as it was made. */
export interface MadeNode {
  readonly name: string
  readonly directory: string
  readonly config: string
  readonly node: NodeId
  readonly operator: Address
  /** Where it will listen, with its peer id. */
  readonly address: string
  readonly rpc: string
}

/** @throws AevirError with nothing written when the options do not fit each other. */
export async function runInit(directory: string, options: InitOptions): Promise<void> {
  const { network, executors, witnesses } = options
  const isNew = executors !== undefined || witnesses !== undefined
  if (isNew === (network !== undefined)) {
    throw new InitError(
      'say which network: --network GENESIS to join one, or --executors N --witnesses M for a new one',
    )
  }
  refuseUsed(directory)
  if (network !== undefined) await joinNetwork(directory, network, options)
  else await makeNetwork(directory, { executor: executors ?? 0, witness: witnesses ?? 0 }, options)
}

function refuseUsed(directory: string): void {
  if (!existsSync(directory) || readdirSync(directory).length === 0) return
  throw new InitError(`${directory} is not empty: name a new directory, or remove what is there`)
}

// ---- A new network ---------------------------------------------------------------------------------------------------

async function makeNetwork(
  directory: string,
  counts: Readonly<Record<Role, number>>,
  options: InitOptions,
): Promise<void> {
  const made = await createNetwork(directory, counts, options)
  if (options.json === true) printJson({ genesis: join(directory, GENESIS_FILE), nodes: made })
  else process.stdout.write(`${summary(directory, made)}\n`)
}

/** Executors first. @throws AevirError with nothing written when the options do not fit each other. */
export async function createNetwork(
  directory: string,
  counts: Readonly<Record<Role, number>>,
  options: InitOptions,
  parameters: Partial<ConsensusParameters> = parametersOf(options),
): Promise<readonly MadeNode[]> {
  const roles: readonly Role[] = [
    ...Array.from({ length: counts.executor }, () => 'executor' as const),
    ...Array.from({ length: counts.witness }, () => 'witness' as const),
  ]
  if (Math.max(options.networkPort, options.rpcPort) + roles.length - 1 > PORT_MAX)
    throw new InitError('not that many ports: choose lower --network-port and --rpc-port')
  const secrets = roles.map((role) => ({ role, secret: generateSecretKey() }))
  const timestamp = BigInt(Math.floor(systemClock.nowMs() / 1000))
  const genesisOf = (operators: readonly Address[]): string =>
    newNetworkGenesis({
      chainId: options.chainId,
      timestamp,
      parameters,
      nodes: secrets.map((node, index) => ({ ...node, operator: operators[index] ?? NOBODY })),
    })
  // Whatever is wrong with the numbers is found out before anything is written.
  parseNetworkGenesis(genesisOf([]))

  const made: MadeNode[] = []
  for (const [index, { role, secret }] of secrets.entries()) {
    const name = `node-${index + 1}`
    const place = placeOf(options, index, join(directory, name))
    made.push(await makeNode(name, secret, { ...place, description: role, strength: 'quick' }))
  }
  writeFileSync(join(directory, GENESIS_FILE), genesisOf(made.map(({ operator }) => operator)))
  for (const node of made) {
    const others = made.filter((other) => other !== node).slice(0, BOOTSTRAP_COUNT)
    writeConfig(node, {
      genesis: join('..', GENESIS_FILE),
      bootstrap: others.map(({ address }) => address),
      listen: [listenAddressOf(node)],
      rpcPort: Number(new URL(node.rpc).port),
    })
  }
  return made
}

/** Stands in while the numbers are checked. */
const NOBODY = `0x${'00'.repeat(20)}` as Address

function parametersOf({ cycleBlocks }: InitOptions): Partial<ConsensusParameters> {
  return cycleBlocks === undefined ? {} : { cycleBlocks }
}

function summary(directory: string, nodes: readonly MadeNode[]): string {
  const lines = nodes.map(({ name, rpc, node }) => `${name}  ${rpc}  ${node.slice(0, 18)}…`)
  const [first] = nodes
  return [
    `${nodes.length} nodes in ${directory}:`,
    ...lines,
    '',
    'Start each of them, in terminals of their own:',
    `  aevir start --config ${first?.config ?? CONFIG_FILE}`,
    '',
    'The development accounts have coins; their keys are known to everybody (aevir dev shows them).',
  ].join('\n')
}

// ---- A node for a network that exists --------------------------------------------------------------------------------

async function joinNetwork(directory: string, genesisPath: string, options: InitOptions): Promise<void> {
  const text = await readTextFile(genesisPath, 'the genesis file', 'copy it from another node of the network')
  parseNetworkGenesis(text)
  const secret = generateSecretKey()
  const place = placeOf(options, 0, directory)
  const made = await makeNode('node', secret, { ...place, description: '', strength: 'standard' })
  writeFileSync(join(directory, GENESIS_FILE), text)
  writeConfig(made, {
    genesis: GENESIS_FILE,
    // The key is new: the network cannot know it.
    follow: true,
    bootstrap: options.bootstrap ?? [],
    listen: [`/ip4/0.0.0.0/tcp/${options.networkPort}`],
    rpcPort: options.rpcPort,
  })
  const registration = {
    id: made.node,
    proofOfPossession: bytesToHex(provePossession(bls.signer(secret))),
    payout: made.operator,
  }
  if (options.json === true) {
    printJson({ ...made, registration })
    return
  }
  process.stdout.write(
    `A node that follows, in ${directory}. Start it with:\n  aevir start --config ${made.config}\n\n` +
      'For a seat, its registration must stand in the genesis of a network, with stake or points:\n' +
      `${JSON.stringify(registration, undefined, 2)}\n`,
  )
}

// ---- What both have in common ----------------------------------------------------------------------------------------

interface Place {
  readonly directory: string
  readonly networkPort: number
  readonly rpcPort: number
  readonly passwordFile: string | undefined
}

function placeOf(
  { networkPort, rpcPort, passwordFile }: InitOptions,
  index: number,
  directory: string,
): Place {
  return { directory, networkPort: networkPort + index, rpcPort: rpcPort + index, passwordFile }
}

async function makeNode(
  name: string,
  secret: Uint8Array,
  place: Place & { readonly description: string; readonly strength: Strength },
): Promise<MadeNode> {
  const { directory, description, strength } = place
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const keys = join(directory, 'keys')
  const { node } = await addKey({
    directory: keys,
    secret,
    password: passwordFor(place),
    description,
    strength,
  })
  const peerId = await peerIdOf(openNetworkKey(keys))
  return {
    name,
    directory,
    config: join(directory, CONFIG_FILE),
    node,
    operator: openOperator(keys).address,
    address: `/ip4/127.0.0.1/tcp/${place.networkPort}/p2p/${peerId}`,
    rpc: `http://127.0.0.1:${place.rpcPort}`,
  }
}

/** The one that was named, or a new one in a file beside the keys. */
function passwordFor({ directory, passwordFile }: Place): string {
  const isNamed = passwordFile !== undefined || process.env['AEVIR_PASSWORD'] !== undefined
  if (isNamed) return readPassword(passwordFile, process.env)
  const password = randomBytes(PASSWORD_SIZE).toBase64({ alphabet: 'base64url' })
  writeSecretFile(join(directory, PASSWORD_FILE), `${password}\n`)
  return password
}

function writeConfig({ directory, config }: MadeNode, settings: ConfigOverrides): void {
  const own = join(directory, PASSWORD_FILE)
  writeFileSync(
    config,
    formatNodeConfig({
      data: 'data',
      keys: 'keys',
      ...(existsSync(own) ? { passwordFile: PASSWORD_FILE } : {}),
      rpcHost: '127.0.0.1',
      ...settings,
    }),
  )
}

function listenAddressOf({ address }: MadeNode): string {
  return address.replace(/\/p2p\/.*$/, '')
}
