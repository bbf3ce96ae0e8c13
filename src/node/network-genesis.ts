/**
 * The genesis of a network: the genesis of its chain, the parameters of its consensus, and the nodes that its first
 * committees are elected from. The file is a genesis file as every client reads it (`chain/genesis.ts`) with one more key:
 *
 *     "aevir": {
 *       "parameters": { "executorSeats": 4, "witnessSeats": 7, … },        what is left out has its default
 *       "nodes": [{ "id", "proofOfPossession", "stake", "points", "payout" }, …]
 *     }
 *
 * Nodes that disagree about any of this would fork at the first election. So the first header carries, as its extra data,
 * the hash of parameters and nodes: the hash of the genesis covers them, and whoever has others is on another chain.
 */
import { bls } from '../consensus/bls.ts'
import { DEFAULT_PARAMETERS, type ConsensusParameters } from '../consensus/committees/parameters.ts'
import type { NodeRegistry, RegisteredNode } from '../consensus/committees/registry.ts'
import { firstSeats } from '../consensus/committees/schedule.ts'
import { ElectionError } from '../consensus/election/election.ts'
import type { BlockReference } from '../consensus/plugin.ts'
import { verifyPossession } from '../consensus/signature-scheme.ts'
import { systemContracts } from '../consensus/system-contracts/table.ts'
import { CommitteeSizeError, committeeShape, LIMITS } from '../consensus/simplex/config.ts'
import { SEAL_BLOCKS_MAX } from '../consensus/witness-layer/seal-codec.ts'
import {
  GenesisError,
  join,
  parseGenesisJson,
  readFixedHex,
  readObject,
  readQuantity,
  WORD_BITS,
  type JsonObject,
} from '../chain/genesis-json.ts'
import { parseGenesis, type Genesis } from '../chain/genesis.ts'
import {
  bytesToHex,
  EMPTY_BYTES,
  equalBytes,
  hexToBytes,
  ZERO_HASH,
  type Address,
} from '../primitives/bytes.ts'
import { keccak256 } from '../primitives/keccak.ts'
import { encodeRlp, rlpFromUint } from '../primitives/rlp.ts'
import { nearestName } from '../rpc/nearest-name.ts'
import { executedGenesis } from './genesis-ledger.ts'

export interface NetworkGenesis {
  /** Its extra data commits to everything below. */
  readonly genesis: Genesis
  readonly parameters: ConsensusParameters
  readonly nodes: readonly RegisteredNode[]
  /** The same nodes at every block. */
  readonly registry: NodeRegistry
  /** The first block. */
  readonly block: BlockReference
}

const TAG = new TextEncoder().encode('aevir-network/1')
const ID_SIZE = 48
const PROOF_SIZE = 96
const ADDRESS_SIZE = 20
/** More than any committee has candidates; each costs a check of a signature at every start. */
const NODES_MAX = 10_000
const PARAMETER_BITS = 31
const NODE_KEYS = ['id', 'proofOfPossession', 'stake', 'points', 'payout']
// The keys of the defaults are the parameters.
const PARAMETER_NAMES = Object.keys(DEFAULT_PARAMETERS) as readonly (keyof ConsensusParameters)[]

const PATH = 'aevir'
const PARAMETERS_PATH = 'aevir.parameters'
const NODES_PATH = 'aevir.nodes'

/** Reads the genesis file of a network. @param text its JSON. @throws GenesisError */
export function parseNetworkGenesis(text: string): NetworkGenesis {
  const file = parseGenesisJson(text)
  if (file[PATH] === undefined) {
    throw new GenesisError(
      PATH,
      'is missing: a network needs its nodes there; make a network with aevir init',
    )
  }
  const aevir = readObject(file, PATH, '')
  refuseUnknown(aevir, ['parameters', 'nodes'], PATH)
  const given = aevir['parameters'] === undefined ? {} : readObject(aevir, 'parameters', PATH)
  return makeNetworkGenesis(parseGenesis(text), readParameters(given), readNodes(aevir['nodes']))
}

/**
 * A network of these parts, all of them checked.
 * @param genesis without extra data, or with exactly that which commits to the rest.
 * @throws GenesisError
 */
export function makeNetworkGenesis(
  genesis: Genesis,
  parameters: ConsensusParameters,
  nodes: readonly RegisteredNode[],
): NetworkGenesis {
  checkParameters(parameters)
  checkNodes(nodes, parameters)
  checkSystemContracts(genesis)
  const commitment = commitmentOf(parameters, nodes)
  const { extraData } = genesis.header
  if (extraData.length > 0 && !equalBytes(extraData, commitment)) {
    throw new GenesisError(
      'extraData',
      `is ${bytesToHex(extraData)}, but holds the hash of "aevir" in a network, ${bytesToHex(commitment)}: remove the key`,
    )
  }
  const committed: Genesis = { ...genesis, header: { ...genesis.header, extraData: commitment } }
  const { hash } = executedGenesis(committed).block
  return {
    genesis: committed,
    parameters,
    nodes,
    registry: { at: () => nodes },
    block: { number: 0n, hash },
  }
}

/** The value of the key `aevir`, for writing a genesis file. */
export function networkGenesisKey(parameters: ConsensusParameters, nodes: readonly RegisteredNode[]): object {
  return {
    parameters,
    nodes: nodes.map(({ id, proofOfPossession, stake, points, payout }) => ({
      id,
      proofOfPossession: bytesToHex(proofOfPossession),
      stake: `${stake}`,
      points: `${points}`,
      payout,
    })),
  }
}

/** 32 bytes. Nodes stand in the order of their ids, whatever the file's is. */
function commitmentOf(parameters: ConsensusParameters, nodes: readonly RegisteredNode[]): Uint8Array {
  const numbers = PARAMETER_NAMES.toSorted().map((name) => rlpFromUint(BigInt(parameters[name])))
  const inOrder = nodes.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const rows = inOrder.map(({ id, proofOfPossession, stake, points, payout }) => [
    hexToBytes(id),
    proofOfPossession,
    rlpFromUint(stake),
    rlpFromUint(points),
    hexToBytes(payout),
  ])
  return keccak256(encodeRlp([TAG, numbers, rows]))
}

function readParameters(file: JsonObject): ConsensusParameters {
  refuseUnknown(file, PARAMETER_NAMES, PARAMETERS_PATH)
  const given = PARAMETER_NAMES.flatMap((name) => {
    const value = readQuantity(file, name, PARAMETERS_PATH, PARAMETER_BITS)
    return value === undefined ? [] : [[name, Number(value)] as const]
  })
  return { ...DEFAULT_PARAMETERS, ...Object.fromEntries(given) }
}

/**
 * What nodes could not bear: a window holds blocks that are certified and not final, of which the core keeps so many, and
 * some more stand above it while witnesses are drawn anew; a seal has room for so many hashes.
 */
const PARAMETERS_MAX: readonly (readonly [keyof ConsensusParameters, number])[] = [
  ['windowBlocks', LIMITS.blocks - 32],
  ['rangeBlocks', SEAL_BLOCKS_MAX],
]

/**
 * Committees that are over are needed until some blocks of the next epoch are final (`dual-bft/running.ts`). In shorter
 * cycles nodes would never get rid of them.
 */
const CYCLE_BLOCKS_MIN = 8

function checkParameters(parameters: ConsensusParameters): void {
  for (const name of PARAMETER_NAMES) {
    if (parameters[name] > 0) continue
    throw new GenesisError(join(PARAMETERS_PATH, name), 'must be above 0: leave it out for the default')
  }
  for (const name of ['executorSeats', 'witnessSeats'] as const) {
    try {
      committeeShape(parameters[name])
    } catch (error) {
      if (!(error instanceof CommitteeSizeError)) throw error
      throw new GenesisError(join(PARAMETERS_PATH, name), `has no quorum: ${error.message}`, { cause: error })
    }
  }
  for (const [name, max] of PARAMETERS_MAX) {
    if (parameters[name] <= max) continue
    throw new GenesisError(join(PARAMETERS_PATH, name), `is ${parameters[name]}, and can be ${max} at most`)
  }
  const { cycleBlocks, windowBlocks } = parameters
  if (cycleBlocks < CYCLE_BLOCKS_MIN) {
    throw new GenesisError(
      join(PARAMETERS_PATH, 'cycleBlocks'),
      `is ${cycleBlocks}, but must be ${CYCLE_BLOCKS_MIN} at least: elections need time to take effect`,
    )
  }
  if (windowBlocks >= cycleBlocks) {
    throw new GenesisError(
      join(PARAMETERS_PATH, 'windowBlocks'),
      `is ${windowBlocks}, but must be below "cycleBlocks" at ${cycleBlocks}: lower it, or make cycles longer`,
    )
  }
}

function readNodes(value: unknown): readonly RegisteredNode[] {
  if (!Array.isArray(value)) {
    throw new GenesisError(NODES_PATH, 'must be a list of the nodes that committees are elected from')
  }
  if (value.length > NODES_MAX)
    throw new GenesisError(NODES_PATH, `must name at most ${NODES_MAX} nodes, not ${value.length}`)
  return value.map((_, index) => readNode(value, index))
}

function readNode(list: readonly unknown[], index: number): RegisteredNode {
  const path = join(NODES_PATH, `${index}`)
  // readObject asks for a key of an object; a list has its indexes as keys.
  const file = readObject(list as unknown as JsonObject, `${index}`, NODES_PATH)
  refuseUnknown(file, NODE_KEYS, path)
  const proof = fixed(file, 'proofOfPossession', path, PROOF_SIZE)
  return {
    id: fixed(file, 'id', path, ID_SIZE),
    proofOfPossession: hexToBytes(proof),
    stake: readQuantity(file, 'stake', path, WORD_BITS) ?? 0n,
    points: readQuantity(file, 'points', path, WORD_BITS) ?? 0n,
    isJailed: false,
    // The size was just checked.
    payout: fixed(file, 'payout', path, ADDRESS_SIZE) as Address,
  }
}

function fixed(file: JsonObject, key: string, path: string, size: number): `0x${string}` {
  const value = readFixedHex(file, key, path, size)
  if (value === undefined) throw new GenesisError(join(path, key), `is missing: add its ${size} bytes as hex`)
  return value
}

function checkNodes(nodes: readonly RegisteredNode[], parameters: ConsensusParameters): void {
  const seen = new Map<string, number>()
  for (const [index, { id, proofOfPossession }] of nodes.entries()) {
    const path = join(NODES_PATH, `${index}`)
    const before = seen.get(id)
    if (before !== undefined)
      throw new GenesisError(join(path, 'id'), `is also that of ${join(NODES_PATH, `${before}`)}: remove one`)
    seen.set(id, index)
    if (!verifyPossession(bls, hexToBytes(id), proofOfPossession)) {
      throw new GenesisError(
        join(path, 'proofOfPossession'),
        'does not prove that somebody has the secret of "id": take both from the owner of the node again',
      )
    }
  }
  try {
    // Whether there are enough of each kind does not depend on chance.
    firstSeats(nodes, parameters, ZERO_HASH)
  } catch (error) {
    if (!(error instanceof ElectionError)) throw error
    throw new GenesisError(NODES_PATH, `cannot fill the committees: ${error.message}`, { cause: error })
  }
}

/** Offences are recorded by a contract: a network without it would let them pass. */
function checkSystemContracts({ alloc }: Genesis): void {
  for (const [address, { code }] of systemContracts()) {
    if (equalBytes(alloc.get(address)?.code ?? EMPTY_BYTES, code)) continue
    throw new GenesisError(
      join('alloc', address),
      'must be the system contract of that address: make the file with aevir init, and add your accounts to it',
    )
  }
}

function refuseUnknown(file: JsonObject, known: readonly string[], path: string): void {
  for (const key of Object.keys(file)) {
    if (known.includes(key)) continue
    const meant = nearestName(key, known)
    const hint = meant === undefined ? `remove it (known: ${known.join(', ')})` : `did you mean "${meant}"?`
    throw new GenesisError(join(path, key), `is unknown: ${hint}`)
  }
}
