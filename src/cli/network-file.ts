/** Reads the genesis file of a network that the command line names. */
import { readFile } from 'node:fs/promises'
import { parseNetworkGenesis, type NetworkGenesis } from '../node/network-genesis.ts'
import { GenesisFileError } from './genesis-file.ts'

/** @throws GenesisFileError when it cannot be read; GenesisError when it says something wrong. */
export async function readNetworkFile(path: string): Promise<NetworkGenesis> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new GenesisFileError(`cannot read the genesis file ${path}: ${(cause as Error).message}`, { cause })
  }
  return parseNetworkGenesis(text)
}
