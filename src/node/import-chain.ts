/** Executes the blocks of a chain file on top of what the node has. */
import type { Blockchain } from './blockchain.ts'
import { ChainFileError, readChainFile } from './chain-file.ts'

export interface ImportProgress {
  readonly number: bigint
  readonly position: number
  readonly transactions: number
  readonly gas: bigint
}

export interface ImportSummary {
  readonly imported: number
  /** Blocks of the file that the node had already. */
  readonly known: number
}

/**
 * Imports a file; what was imported before a failure stays.
 * @throws ChainFileError | InvalidBlockError
 */
export async function importChain(
  chain: Blockchain,
  path: string,
  onProgress: (progress: ImportProgress) => void = () => undefined,
): Promise<ImportSummary> {
  let imported = 0
  let known = 0
  for await (const { block, position } of readChainFile(path)) {
    const { number } = block.header
    if (chain.ledger.hashOf(number) === block.hash) {
      known += 1
      continue
    }
    if (block.header.parentHash !== chain.ledger.headHash()) {
      const head = chain.head()
      throw new ChainFileError(
        `block ${number} (${block.hash}) does not follow this chain's newest block ${head.number} (${head.hash}): ` +
          `wrong genesis or another chain's file`,
      )
    }
    const candidate = await chain.verify(block)
    await chain.commit(candidate, 'sealed')
    imported += 1
    onProgress({ number, position, transactions: block.transactions.length, gas: block.header.gasUsed })
  }
  return { imported, known }
}
