/**
 * The directory of a development chain. Its genesis follows from a few numbers, the time it was made among them, which
 * are kept beside the database: without them nobody could open it again.
 */
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AevirError } from '../primitives/errors.ts'
import { devGenesis, type DevGenesisOptions } from '../chain/dev-genesis.ts'
import type { Genesis } from '../chain/genesis.ts'
import { PROFILE_FILE_NAME } from '../node/node-engine.ts'
import { ForeignDatabaseError } from '../storage/database-errors.ts'
import { errorCode, explainError } from '../storage/file-errors.ts'
import { checkLmdbFile, DATA_FILE_NAME } from '../storage/lmdb-file.ts'
import { lockDirectory } from '../storage/lock-file.ts'

const CHAIN_FILE = 'chain.json'
/** What a node keeps in its directory, its lock apart. */
const FILES = [CHAIN_FILE, DATA_FILE_NAME, 'lock.mdb', PROFILE_FILE_NAME]

/** What a development genesis is made of. */
export type NewChain = Required<DevGenesisOptions>

/** The directory cannot be used as it is asked for. */
export class DevChainError extends AevirError {
  override readonly code = 'DEV_CHAIN'
}

/** A number that was asked for on the command line, to be compared with what a chain was made with. */
export interface WantedNumber {
  readonly key: keyof NewChain
  readonly flag: string
}

/**
 * The genesis of the chain in the directory, or of a new one that is to be made there.
 * @param wanted the numbers of `fresh` that were asked for: an existing chain must have them.
 * @throws DevChainError | DatabaseError
 */
export function devGenesisIn(directory: string, fresh: NewChain, wanted: readonly WantedNumber[]): Genesis {
  try {
    const known = read(directory) ?? create(directory, fresh)
    for (const { key, flag } of wanted) {
      if (known[key] === fresh[key]) continue
      throw new DevChainError(
        `the chain in ${directory} was made with another ${flag}: leave it out to go on with that chain, ` +
          'name another directory with --data, or start over with --reset',
      )
    }
    return devGenesis(known)
  } catch (error) {
    throw explainError(error, directory)
  }
}

/** Removes the chain in a directory, and nothing else that may be there. @throws DatabaseError while a node has it open. */
export function removeChain(directory: string): void {
  if (!existsSync(directory)) return
  try {
    const release = lockDirectory(directory)
    for (const name of FILES) rmSync(join(directory, name), { force: true })
    release()
  } catch (error) {
    throw explainError(error, directory)
  }
}

/** A chain that has the right numbers and yet another genesis was made when the development genesis was another one. */
export function explainForeign(error: unknown, directory: string): unknown {
  if (!(error instanceof ForeignDatabaseError)) return error
  return new DevChainError(
    `the chain in ${directory} was made by another version of this program, whose development genesis was another: ` +
      'use that version, name another directory with --data, or start over with --reset',
    { cause: error },
  )
}

function create(directory: string, fresh: NewChain): NewChain {
  mkdirSync(directory, { recursive: true })
  if (existsSync(join(directory, DATA_FILE_NAME))) {
    // What is no database at all is told first.
    checkLmdbFile(directory)
    throw new DevChainError(
      `the chain in ${directory} was made from a genesis file: name it with --genesis, ` +
        'name another directory with --data, or start over with --reset',
    )
  }
  const text = Object.fromEntries(Object.entries(fresh).map(([key, value]) => [key, `${value}`]))
  const path = join(directory, CHAIN_FILE)
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(text, null, 2)}\n`)
  try {
    // All of it or nothing, and never over that of another process that starts at the same time.
    linkSync(draft, path)
    return fresh
  } catch (error) {
    const other = errorCode(error) === 'EEXIST' ? read(directory) : undefined
    if (other === undefined) throw error
    return other
  } finally {
    rmSync(draft, { force: true })
  }
}

function read(directory: string): NewChain | undefined {
  const path = join(directory, CHAIN_FILE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const fields = JSON.parse(text) as Readonly<Record<string, string>>
    const number = (key: keyof NewChain): bigint => BigInt(fields[key] as string)
    return {
      chainId: number('chainId'),
      timestamp: number('timestamp'),
      gasLimit: number('gasLimit'),
      baseFeePerGas: number('baseFeePerGas'),
      balance: number('balance'),
    }
  } catch (error) {
    throw new DevChainError(`${path} is damaged: restore a copy of it, or start over with --reset`, {
      cause: error,
    })
  }
}
