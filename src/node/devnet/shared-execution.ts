/**
 * Blocks executed once for all nodes of a process, by the first that is asked to verify one; its proposer executed it by
 * itself. The others take over what came out: without this 72 nodes would spend a core on 50 transfers a second. Asked for
 * only by who wants the load rather than the proof: such witnesses do not verify on their own.
 *
 * Only for the same block with the same body, and only what was found valid: about anything else each node makes up its
 * own mind.
 */
import type { Block } from '../../chain/block.ts'
import { verifyBlock, type VerifyInput } from '../../execution/block.ts'
import type { BlockExecutor } from '../../execution/executor.ts'
import type { ExecutedBlock } from '../../execution/ledger.ts'
import type { Hash } from '../../primitives/bytes.ts'

/** Blocks that are remembered: more than nodes are apart that keep up. */
const BLOCKS_MAX = 64

export class SharedExecution {
  /** `undefined` for a block that somebody could not verify. */
  readonly #results = new Map<Hash, Promise<ExecutedBlock | undefined>>()

  /** As `verifyBlock`. @throws InvalidBlockError */
  async verify(executor: BlockExecutor, input: VerifyInput): Promise<ExecutedBlock> {
    const { hash } = input.block
    const known = this.#results.get(hash)
    if (known === undefined) {
      const own = verifyBlock(executor, input)
      this.#remember(
        hash,
        own.catch(() => undefined),
      )
      return own
    }
    const executed = await known
    if (executed !== undefined && isSame(executed.block, input.block)) return executed
    return verifyBlock(executor, input)
  }

  #remember(hash: Hash, result: Promise<ExecutedBlock | undefined>): void {
    this.#results.set(hash, result)
    const [oldest] = this.#results.keys()
    if (this.#results.size > BLOCKS_MAX && oldest !== undefined) this.#results.delete(oldest)
  }
}

/** A header's hash says which body it should have, not which one came with it. */
function isSame(a: Block, b: Block): boolean {
  if ((a.withdrawals?.length ?? 0) + (b.withdrawals?.length ?? 0) > 0) return false
  if (a.transactions.length !== b.transactions.length) return false
  return a.transactions.every(({ hash }, index) => hash === b.transactions[index]?.hash)
}
