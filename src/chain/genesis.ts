/**
 * Genesis files as geth and most other clients read them: the chain's configuration, the fields of its first header
 * and the accounts that exist from the start. Every mistake is named by its key, with the cure.
 */
import {
  bigintToFixedBytes,
  EMPTY_BYTES,
  toAddress,
  ZERO_ADDRESS,
  ZERO_HASH,
  type Address,
  type Hash,
} from '../primitives/bytes.ts'
import { blockFromParts, EMPTY_OMMERS_HASH, EMPTY_REQUESTS_HASH } from './block-codec.ts'
import type { Block, Header } from './block.ts'
import { BLOOM_SIZE } from './bloom.ts'
import { rulesAt, type ChainConfig } from './forks.ts'
import { parseChainConfig } from './genesis-config.ts'
import {
  checkKeys,
  GenesisError,
  join,
  parseGenesisJson,
  parseStorageWord,
  readBytes,
  readFixedHex,
  readObject,
  readQuantity,
  UINT64_BITS,
  WORD_BITS,
  type JsonObject,
} from './genesis-json.ts'
import { EMPTY_TRIE_ROOT } from './ordered-trie.ts'

export interface GenesisAccount {
  /** In wei. */
  readonly balance: bigint
  readonly nonce: bigint
  readonly code: Uint8Array
  /** Slots that are not 0. */
  readonly storage: ReadonlyMap<bigint, bigint>
}

export interface Genesis {
  readonly config: ChainConfig
  /** The first header but for the root of the state that {@link alloc} makes. */
  readonly header: Omit<Header, 'stateRoot'>
  readonly alloc: ReadonlyMap<Address, GenesisAccount>
}

/** What a genesis chooses of its header; the rest follows from the fork that is active then. */
export type GenesisHeaderFields = Pick<Header, 'gasLimit' | 'timestamp'> &
  Partial<
    Pick<
      Header,
      | 'parentHash'
      | 'beneficiary'
      | 'difficulty'
      | 'gasUsed'
      | 'extraData'
      | 'prevRandao'
      | 'nonce'
      | 'baseFeePerGas'
      | 'blobGasUsed'
      | 'excessBlobGas'
      | 'parentBeaconBlockRoot'
    >
  >

/** In wei per gas, where a genesis does not say (EIP-1559). */
const INITIAL_BASE_FEE = 1_000_000_000n
const NONCE_SIZE = 8
/** The smallest gas limit that a block may have (yellow paper, 4.3.4). */
const GAS_LIMIT_MIN = 5_000n

/** Keys of a genesis file. `number` must be 0; the roots that tools write beside them follow from the rest. */
const GENESIS_KEYS = [
  'config',
  'alloc',
  'nonce',
  'timestamp',
  'extraData',
  'gasLimit',
  'gasUsed',
  'number',
  'parentHash',
  'difficulty',
  'mixHash',
  'coinbase',
  'baseFeePerGas',
  'blobGasUsed',
  'excessBlobGas',
  'parentBeaconBlockRoot',
]
const ACCOUNT_KEYS = ['balance', 'nonce', 'code', 'storage']

/** Reads a genesis file. @param text its JSON. @throws GenesisError */
export function parseGenesis(text: string): Genesis {
  const file = parseGenesisJson(text)
  checkKeys(file, GENESIS_KEYS, '')
  const timestamp = readQuantity(file, 'timestamp', '', UINT64_BITS) ?? 0n
  const number = readQuantity(file, 'number', '', UINT64_BITS) ?? 0n
  if (number !== 0n)
    throw new GenesisError('number', `the first block has number 0, not ${number}: remove the key`)
  const config = parseChainConfig(readObject(file, 'config', ''), timestamp)
  const header = genesisHeader(config, readHeaderFields(file, timestamp))
  return { config, header, alloc: parseAlloc(readObject(file, 'alloc', '')) }
}

/** The first block of a chain. @param stateRoot root of the state that the genesis' accounts make. */
export function genesisBlock(genesis: Genesis, stateRoot: Hash): Block {
  return blockFromParts({ ...genesis.header, stateRoot }, [], [])
}

/** The first header of a chain; what `fields` leave out has the value that Ethereum's clients agree on. */
export function genesisHeader(config: ChainConfig, fields: GenesisHeaderFields): Omit<Header, 'stateRoot'> {
  const rules = rulesAt(config, fields.timestamp)
  return {
    parentHash: ZERO_HASH,
    ommersHash: EMPTY_OMMERS_HASH,
    beneficiary: ZERO_ADDRESS,
    transactionsRoot: EMPTY_TRIE_ROOT,
    receiptsRoot: EMPTY_TRIE_ROOT,
    logsBloom: new Uint8Array(BLOOM_SIZE),
    difficulty: 0n,
    number: 0n,
    gasUsed: 0n,
    extraData: EMPTY_BYTES,
    prevRandao: ZERO_HASH,
    nonce: new Uint8Array(NONCE_SIZE),
    baseFeePerGas: INITIAL_BASE_FEE,
    withdrawalsRoot: EMPTY_TRIE_ROOT,
    blobGasUsed: 0n,
    excessBlobGas: 0n,
    parentBeaconBlockRoot: ZERO_HASH,
    ...(rules.hasRequests && { requestsHash: EMPTY_REQUESTS_HASH }),
    ...fields,
  }
}

function readHeaderFields(file: JsonObject, timestamp: bigint): GenesisHeaderFields {
  const gasLimit = readQuantity(file, 'gasLimit', '', UINT64_BITS)
  if (gasLimit === undefined)
    throw new GenesisError('gasLimit', 'is missing: set it, for example to "0x1c9c380"')
  if (gasLimit < GAS_LIMIT_MIN)
    throw new GenesisError('gasLimit', `must be at least ${GAS_LIMIT_MIN}, not ${gasLimit}`)
  const nonce = readQuantity(file, 'nonce', '', UINT64_BITS)
  // The casts to Hash and Address: readFixedHex checks the sizes.
  const given = {
    parentHash: readFixedHex(file, 'parentHash', '', 32) as Hash | undefined,
    beneficiary: readFixedHex(file, 'coinbase', '', 20) as Address | undefined,
    difficulty: readQuantity(file, 'difficulty', '', WORD_BITS),
    gasUsed: readQuantity(file, 'gasUsed', '', UINT64_BITS),
    extraData: readBytes(file, 'extraData', ''),
    prevRandao: readFixedHex(file, 'mixHash', '', 32) as Hash | undefined,
    nonce: nonce === undefined ? undefined : bigintToFixedBytes(nonce, NONCE_SIZE),
    baseFeePerGas: readQuantity(file, 'baseFeePerGas', '', WORD_BITS),
    blobGasUsed: readQuantity(file, 'blobGasUsed', '', UINT64_BITS),
    excessBlobGas: readQuantity(file, 'excessBlobGas', '', UINT64_BITS),
    parentBeaconBlockRoot: readFixedHex(file, 'parentBeaconBlockRoot', '', 32) as Hash | undefined,
  }
  return { timestamp, gasLimit, ...defined(given) }
}

/** The fields that are there. */
function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  // Leaving out what is undefined is what the type says.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}

function parseAlloc(file: JsonObject): Map<Address, GenesisAccount> {
  const alloc = new Map<Address, GenesisAccount>()
  for (const key of Object.keys(file)) {
    const path = join('alloc', key)
    const digits = key.startsWith('0x') ? key.slice(2) : key
    if (!/^[0-9a-fA-F]{40}$/.test(digits)) {
      throw new GenesisError(path, 'must be an address: 40 hex digits, with or without 0x')
    }
    const address = toAddress(`0x${digits}`)
    if (alloc.has(address)) throw new GenesisError(path, 'names an account twice: remove one of the two')
    alloc.set(address, parseAccount(readObject(file, key, 'alloc'), path))
  }
  return alloc
}

function parseAccount(file: JsonObject, path: string): GenesisAccount {
  checkKeys(file, ACCOUNT_KEYS, path)
  const hasStorage = file['storage'] !== undefined && file['storage'] !== null
  const storage = new Map<bigint, bigint>()
  const slots = hasStorage ? readObject(file, 'storage', path) : {}
  for (const [key, value] of Object.entries(slots)) {
    const slotPath = join(join(path, 'storage'), key)
    const word = parseStorageWord(value, slotPath)
    if (word !== 0n) storage.set(parseStorageWord(key, slotPath), word)
  }
  return {
    balance: readQuantity(file, 'balance', path, WORD_BITS) ?? 0n,
    nonce: readQuantity(file, 'nonce', path, UINT64_BITS) ?? 0n,
    code: readBytes(file, 'code', path) ?? EMPTY_BYTES,
    storage,
  }
}
