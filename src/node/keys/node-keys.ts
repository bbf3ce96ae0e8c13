/**
 * A node's keys in their directory: the consensus key, a BLS secret in an ERC-2335 keystore named by its public key, and
 * the network key, the 32 bytes that the libp2p identity is made from, in the clear. The network key proves nothing but
 * that a connection comes from the same machine as before; who steals it cannot vote.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { bls } from '../../consensus/bls.ts'
import type { NodeId } from '../../consensus/election/election.ts'
import { InvalidKeyError } from '../../consensus/signature-scheme.ts'
import { bytesToBigint, bytesToHex, bigintToFixedBytes } from '../../primitives/bytes.ts'
import {
  KeyExistsError,
  KeyFileMissingError,
  KeyFormatError,
  KeystoreFormatError,
  SeveralKeysError,
  WrongKeyError,
  WrongPasswordError,
} from './key-errors.ts'
import { readKeyFile, readSecretFile, writeSecretFile } from './key-files.ts'
import { keystoreToJson, lockKeystore, openKeystore, parseKeystore, type Strength } from './keystore.ts'

const KEYSTORE_NAME = /^consensus-[0-9a-f]{16}\.json$/
const NETWORK_KEY_NAME = 'network.key'
const NETWORK_KEY_PATTERN = /^[0-9a-f]{64}\n?$/
const SECRET_KEY_SIZE = 32
const NETWORK_KEY_SIZE = 32
/** Order of the groups of BLS12-381. */
const ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n

/** Everything that makes a node who it is. */
export interface NodeKeys {
  readonly node: NodeId
  /** 32 bytes. */
  readonly consensusSecret: Uint8Array
  /** 32 bytes, for `identitySeed` of the transport. */
  readonly networkSeed: Uint8Array
}

export interface StoredKey {
  readonly node: NodeId
  readonly file: string
  readonly description: string
}

/** Keys of the directory, by file name; files that are no keystores are errors, not gaps. */
export function listKeys(directory: string): readonly StoredKey[] {
  if (!existsSync(directory)) return []
  const names = readdirSync(directory).filter((name) => KEYSTORE_NAME.test(name))
  return names.toSorted().map((name) => {
    const file = join(directory, name)
    const { publicKey, description } = parseKeystore(readKeyFile('keystore', file, 'list again'))
    if (publicKey === undefined) throw new KeystoreFormatError(`${file} names no public key`)
    return { node: publicKey, file, description }
  })
}

/** A new consensus key. */
export function generateSecretKey(): Uint8Array {
  // 16 bytes more than the order has: what is left of the bias is below 2⁻¹²⁸.
  const wide = bytesToBigint(randomBytes(SECRET_KEY_SIZE + 16))
  return bigintToFixedBytes((wide % (ORDER - 1n)) + 1n, SECRET_KEY_SIZE)
}

export interface AddKeyOptions {
  readonly directory: string
  readonly secret: Uint8Array
  readonly password: string
  readonly description?: string
  readonly strength?: Strength
}

/** Stores a consensus key. @throws KeyExistsError, InvalidKeyError */
export async function addKey(options: AddKeyOptions): Promise<StoredKey> {
  const { directory, secret, password, description = '', strength = 'standard' } = options
  const node = nodeOf(secret)
  const file = join(directory, `consensus-${node.slice(2, 18)}.json`)
  // Said before a second is spent on the password.
  if (existsSync(file)) throw new KeyExistsError(file)
  const keystore = await lockKeystore({ secret, publicKey: node, password, description, strength })
  writeSecretFile(file, keystoreToJson(keystore))
  openNetworkKey(directory)
  return { node, file, description }
}

/**
 * The keys of a node.
 * @param node which, where the directory holds several.
 * @throws KeyError
 */
export async function openNodeKeys(directory: string, password: string, node?: NodeId): Promise<NodeKeys> {
  const keys = listKeys(directory)
  const fitting = keys.filter((key) => node === undefined || key.node === node)
  const [key] = fitting
  if (key === undefined) {
    throw new KeyFileMissingError(
      'consensus key',
      directory,
      'make one with aevir keys new, or name another directory',
    )
  }
  if (fitting.length > 1)
    throw new SeveralKeysError(
      directory,
      fitting.map((other) => other.node),
    )
  const networkSeed = openNetworkKey(directory)
  const consensusSecret = await openKeyFile(key.file, password)
  return { node: key.node, consensusSecret, networkSeed }
}

/** The secret key in a keystore file, wherever it lies. @throws KeyError */
export async function openKeyFile(file: string, password: string): Promise<Uint8Array> {
  const keystore = parseKeystore(readKeyFile('keystore', file, 'check the path'))
  const secret = await openKeystore(keystore, password)
  if (secret === undefined) throw new WrongPasswordError(file)
  const found = nodeOf(secret, file)
  if (keystore.publicKey !== undefined && keystore.publicKey !== found) {
    throw new WrongKeyError(file, keystore.publicKey, found)
  }
  return secret
}

/**
 * The network key, 32 bytes. Made where there is none: losing it costs a node nothing but that others, who knew the old
 * identity, have to be told the new one.
 * @throws KeyError
 */
export function openNetworkKey(directory: string): Uint8Array {
  const file = join(directory, NETWORK_KEY_NAME)
  if (!existsSync(file)) writeSecretFile(file, `${randomBytes(NETWORK_KEY_SIZE).toHex()}\n`)
  const text = readSecretFile('network key', file, 'start again')
  if (!NETWORK_KEY_PATTERN.test(text)) throw new KeyFormatError(file, 'network key (64 hex digits)')
  return Uint8Array.fromHex(text.trim())
}

/** The node id of a secret key. @throws KeyFormatError when it is none. */
export function nodeOf(secret: Uint8Array, file = 'the input'): NodeId {
  try {
    return bytesToHex(bls.signer(secret).publicKey)
  } catch (error) {
    if (error instanceof InvalidKeyError) throw new KeyFormatError(file, 'BLS secret key')
    throw error
  }
}
