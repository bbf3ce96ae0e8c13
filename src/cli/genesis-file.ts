/** Reads a genesis file that the command line names. */
import { readFile } from 'node:fs/promises'
import { AevirError } from '../primitives/errors.ts'
import { parseGenesis, type Genesis } from '../chain/genesis.ts'

export class GenesisFileError extends AevirError {
  override readonly code = 'GENESIS_FILE'
}

/** @throws GenesisFileError when it cannot be read; GenesisError when it says something wrong. */
export async function readGenesisFile(path: string): Promise<Genesis> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new GenesisFileError(`cannot read the genesis file ${path}: ${(error as Error).message}`, {
      cause: error,
    })
  }
  return parseGenesis(text)
}
