/**
 * The `config` of a genesis file: which fork is active from when, with which blob parameters. The forks before Cancun
 * have no rules here, so that they may only name blocks and times that lie before the first block.
 */
import { ZERO_ADDRESS, type Address } from '../primitives/bytes.ts'
import { FORK_NAMES, FORKS, type BlobSchedule, type ChainConfig, type ForkName } from './forks.ts'
import {
  checkKeys,
  GenesisError,
  join,
  readFixedHex,
  readObject,
  readQuantity,
  UINT64_BITS,
  type JsonObject,
} from './genesis-json.ts'

const PATH = 'config'
/** Largest chain id whose legacy `v` still fits 64 bits (EIP-2294). */
const CHAIN_ID_MAX = (1n << 63n) - 37n
/** Blocks that mean nothing to a chain without proof of work, whatever their number. */
const IGNORED_BLOCKS: ReadonlySet<string> = new Set(['mergeNetsplitBlock', 'daoForkBlock'])
/** Bits of a blob count. Nothing near it is sensible; it keeps products with gas exact in doubles. */
const BLOB_COUNT_BITS = 16
const FRACTION_BITS = 63

/**
 * @param genesisTimestamp in seconds. Forks that are active then get the time 0, which says "from the start".
 * @throws GenesisError
 */
export function parseChainConfig(config: JsonObject, genesisTimestamp: bigint): ChainConfig {
  checkKeys(config, ['chainId', 'blobSchedule', 'depositContractAddress', ...FORK_NAMES.map(timeKey)], PATH)
  checkOtherForks(config, genesisTimestamp)
  const forks = readForks(config, genesisTimestamp)
  return {
    chainId: readChainId(config),
    forks,
    blobSchedule: readBlobSchedule(config, new Set(forks.map((fork) => fork.name))),
    // readFixedHex checked its 20 bytes.
    depositContractAddress:
      (readFixedHex(config, 'depositContractAddress', PATH, 20) as Address | undefined) ?? ZERO_ADDRESS,
  }
}

function timeKey(name: ForkName): string {
  return `${name}Time`
}

function readChainId(config: JsonObject): bigint {
  const chainId = readQuantity(config, 'chainId', PATH, UINT64_BITS)
  if (chainId === undefined)
    throw new GenesisError('config.chainId', 'is missing: set the number that wallets sign for')
  if (chainId === 0n || chainId > CHAIN_ID_MAX) {
    throw new GenesisError('config.chainId', `must be from 1 to ${CHAIN_ID_MAX}, not ${chainId}`)
  }
  return chainId
}

/** Forks that are older than ours must lie behind the first block, those that are newer must not be asked for. */
function checkOtherForks(config: JsonObject, genesisTimestamp: bigint): void {
  const ours: readonly string[] = FORK_NAMES.map(timeKey)
  for (const key of Object.keys(config)) {
    if (ours.includes(key) || IGNORED_BLOCKS.has(key)) continue
    const isBlock = key.endsWith('Block')
    if (!isBlock && !key.endsWith('Time')) continue
    const activation = readQuantity(config, key, PATH, UINT64_BITS)
    if (activation === undefined) continue
    if (!isBlock && key !== 'shanghaiTime') {
      const known = ['shanghaiTime', ...ours].join(', ')
      throw new GenesisError(
        join(PATH, key),
        `names a fork that is not supported: remove it (known: ${known})`,
      )
    }
    if (activation > (isBlock ? 0n : genesisTimestamp)) {
      throw new GenesisError(
        join(PATH, key),
        `is ${activation}, but the oldest supported fork is Cancun: set it to 0`,
      )
    }
  }
}

function readForks(config: JsonObject, genesisTimestamp: bigint): { name: ForkName; timestamp: bigint }[] {
  const forks: { name: ForkName; timestamp: bigint }[] = []
  let missing: ForkName | undefined
  for (const name of FORK_NAMES) {
    const key = join(PATH, timeKey(name))
    const timestamp = readQuantity(config, timeKey(name), PATH, UINT64_BITS)
    if (timestamp === undefined) {
      // Forks of blob parameters only may be left out: each stands for itself (EIP-7892).
      if (!name.startsWith('bpo')) missing ??= name
      continue
    }
    if (missing !== undefined) {
      throw new GenesisError(
        key,
        `needs "${timeKey(missing)}" before it: set that to ${timestamp} or earlier`,
      )
    }
    const previous = forks.at(-1)
    if (previous !== undefined && timestamp < previous.timestamp) {
      throw new GenesisError(
        key,
        `is ${timestamp}, before "${timeKey(previous.name)}" at ${previous.timestamp}: set it to that or later`,
      )
    }
    forks.push({ name, timestamp })
  }
  const first = forks[0]
  if (first === undefined || first.timestamp > genesisTimestamp) {
    throw new GenesisError(
      'config.cancunTime',
      `must be at most the first block's timestamp ${genesisTimestamp}: the oldest supported fork is Cancun, set it to 0`,
    )
  }
  return forks.map(({ name, timestamp }) => ({
    name,
    timestamp: timestamp <= genesisTimestamp ? 0n : timestamp,
  }))
}

/** The parameters that the file sets. A fork that does not change them keeps those of the fork before it. */
function readBlobSchedule(
  config: JsonObject,
  active: ReadonlySet<ForkName>,
): Partial<Record<ForkName, BlobSchedule>> {
  const value = config['blobSchedule']
  if (value === undefined || value === null) return {}
  const path = join(PATH, 'blobSchedule')
  const file = readObject(config, 'blobSchedule', PATH)
  checkKeys(file, FORK_NAMES, path)
  const schedule: Partial<Record<ForkName, BlobSchedule>> = {}
  let previous: ForkName | undefined
  for (const name of FORK_NAMES) {
    if (!active.has(name)) continue
    const isKept = previous !== undefined && FORKS[name].blobs === FORKS[previous].blobs
    const isGiven = file[name] !== undefined && file[name] !== null
    const kept = isKept && previous !== undefined ? schedule[previous] : undefined
    const blobs = isGiven ? readBlobs(readObject(file, name, path), join(path, name)) : kept
    if (blobs !== undefined) schedule[name] = blobs
    previous = name
  }
  return schedule
}

function readBlobs(entry: JsonObject, path: string): BlobSchedule {
  const target = positive(entry, 'target', path, BLOB_COUNT_BITS)
  const max = positive(entry, 'max', path, BLOB_COUNT_BITS)
  if (target > max)
    throw new GenesisError(join(path, 'target'), `is ${target}, above "max" at ${max}: lower it`)
  const baseFeeUpdateFraction = positive(entry, 'baseFeeUpdateFraction', path, FRACTION_BITS)
  return { target: Number(target), max: Number(max), baseFeeUpdateFraction }
}

function positive(entry: JsonObject, key: string, path: string, bits: number): bigint {
  const value = readQuantity(entry, key, path, bits)
  if (value === undefined)
    throw new GenesisError(join(path, key), 'is missing: each fork sets all of its blob parameters')
  if (value === 0n) throw new GenesisError(join(path, key), 'must be above 0')
  return value
}
