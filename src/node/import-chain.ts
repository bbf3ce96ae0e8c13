/** Executes the blocks of a chain file on top of what the node has. */
import type { Genesis } from '../chain/genesis.ts'
import { InvalidBlockError } from '../execution/errors.ts'
import type { Blockchain } from './blockchain.ts'
import { ChainFileError, readChainFile } from './chain-file.ts'
import { executedGenesis } from './genesis-ledger.ts'

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
 * Looks at the first block of a file, so that no database is made for a chain that the file does not hold.
 * @throws ChainFileError
 */
export async function checkChainStart(genesis: Genesis, path: string): Promise<void> {
  const { hash } = executedGenesis(genesis).block
  for await (const { block } of readChainFile(path)) {
    if (block.hash === hash || block.header.parentHash === hash) return
    throw new ChainFileError(
      `the first block of ${path}, ${block.header.number} (${block.hash}), does not follow this genesis (${hash}): ` +
        `wrong genesis or another chain's file`,
    )
  }
  throw new ChainFileError(`${path} holds no blocks: is it an RLP export of blocks?`)
}

/**
 * Imports a file; what was imported before a failure stays.
 * @throws ChainFileError | DatabaseError
 */
export async function importChain(
  chain: Blockchain,
  path: string,
  onProgress: (progress: ImportProgress) => void = () => undefined,
): Promise<ImportSummary> {
  let imported = 0
  let known = 0
  try {
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
      const candidate = await chain.verify(block).catch((error: unknown) => {
        if (!(error instanceof InvalidBlockError)) throw error
        const text = `block ${number} (${block.hash}) breaks a rule: ${error.message}`
        throw new ChainFileError(text, { cause: error })
      })
      await chain.commit(candidate, 'sealed')
      imported += 1
      onProgress({ number, position, transactions: block.transactions.length, gas: block.header.gasUsed })
    }
  } catch (error) {
    if (!(error instanceof ChainFileError) || imported === 0) throw error
    const text = `${error.message}; the ${imported} blocks before it are imported and stay`
    throw new ChainFileError(text, { cause: error })
  }
  return { imported, known }
}
