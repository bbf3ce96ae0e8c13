/** `aevir keys`: makes, lists and imports the keys of a node. */
import { peerIdOf } from '../network/peer-id.ts'
import { KeyFormatError } from '../node/keys/key-errors.ts'
import { readKeyFile, readSecretFile } from '../node/keys/key-files.ts'
import {
  addKey,
  generateSecretKey,
  listKeys,
  openKeyFile,
  openNetworkKey,
  type StoredKey,
} from '../node/keys/node-keys.ts'
import { readPassword } from '../node/keys/password.ts'
import { printJson } from './terminal.ts'

export interface KeysOptions {
  readonly keys: string
  readonly json?: boolean
}

export interface NewKeyOptions extends KeysOptions {
  readonly passwordFile?: string
  readonly description?: string
}

export interface ImportKeyOptions extends NewKeyOptions {
  readonly fromPasswordFile?: string
}

const HEX_SECRET = /^(?:0x)?([0-9a-fA-F]{64})\s*$/

/** Makes a consensus key, and a network key where there is none. */
export async function runNewKey(options: NewKeyOptions): Promise<void> {
  await store(options, generateSecretKey(), readPassword(options.passwordFile, process.env))
}

/** Takes over a key: an ERC-2335 keystore of any program, or 64 hex digits. */
export async function runImportKey(file: string, options: ImportKeyOptions): Promise<void> {
  const password = readPassword(options.passwordFile, process.env)
  const text = readKeyFile('key', file, 'check the path')
  if (text.trimStart().startsWith('{')) {
    const oldPassword =
      options.fromPasswordFile === undefined ? password : readPassword(options.fromPasswordFile, process.env)
    await store(options, await openKeyFile(file, oldPassword), password)
    return
  }
  const hex = HEX_SECRET.exec(readSecretFile('key', file, 'check the path'))?.[1]
  if (hex === undefined)
    throw new KeyFormatError(file, 'keystore (ERC-2335) and no secret key of 64 hex digits')
  await store(options, Uint8Array.fromHex(hex), password)
}

export async function runListKeys(options: KeysOptions): Promise<void> {
  const keys = listKeys(options.keys)
  if (keys.length === 0) {
    if (options.json === true) printJson({ peerId: null, keys: [] })
    else process.stdout.write(`no keys in ${options.keys}: make one with aevir keys new\n`)
    return
  }
  await print(options, keys)
}

async function store(options: NewKeyOptions, secret: Uint8Array, password: string): Promise<void> {
  const { keys: directory, description } = options
  const key = await addKey({
    directory,
    secret,
    password,
    ...(description === undefined ? {} : { description }),
  })
  await print(options, [key])
}

async function print({ keys: directory, json }: KeysOptions, keys: readonly StoredKey[]): Promise<void> {
  const peerId = await peerIdOf(openNetworkKey(directory))
  if (json === true) {
    printJson({ peerId, keys })
    return
  }
  for (const { node, file, description } of keys) {
    process.stdout.write(
      `node     ${node}\nfile     ${file}\n${description === '' ? '' : `about    ${description}\n`}`,
    )
  }
  process.stdout.write(`peer id  ${peerId}\n`)
}
