/**
 * An engine with a defect: of blocks that send a certain amount it works out other receipts than everybody else, and so
 * puts another root of them into the blocks that it makes. It finds nothing wrong with such a block, nor with the right one.
 */
import { headerHash } from '../../../src/chain/block-codec.ts'
import type { Block } from '../../../src/chain/block.ts'
import type { Application, Candidate } from '../../../src/consensus/plugin.ts'
import { InvalidBlockError } from '../../../src/execution/errors.ts'
import type { ExecutedBlock } from '../../../src/execution/ledger.ts'
import { bytesToHash, hexToBytes, type Hash } from '../../../src/primitives/bytes.ts'

/** In wei. */
export const FATAL_VALUE = 666n
/** What the engine takes every such root for: the true one, turned around. */
function turned(root: Hash): Hash {
  return bytesToHash(hexToBytes(root).toReversed())
}

export function brokenEngine(application: Application): Application {
  return {
    head: () => application.head(),
    numberOf: (hash) => application.numberOf(hash),
    blockByHash: (hash) => application.blockByHash(hash),
    committed: (state) => application.committed(state),
    hasPending: () => application.hasPending(),
    commit: (candidate, state) => application.commit(candidate, state),
    advance: (state, reference) => application.advance(state, reference),
    revoke: (downTo) => application.revoke(downTo),
    propose: async (parent, attributes) => {
      const candidate = await application.propose(parent, attributes)
      return isHit(candidate.block) ? withBlock(candidate, broken(candidate.block)) : candidate
    },
    verify: async (block) => {
      if (!isHit(block)) return application.verify(block)
      try {
        return withBlock(await application.verify(broken(block)), block)
      } catch (error) {
        if (!(error instanceof InvalidBlockError)) throw error
        return application.verify(block)
      }
    },
  }
}

function isHit({ transactions }: Block): boolean {
  return transactions.some(({ fields }) => fields.value === FATAL_VALUE)
}

/** Twice gives the block again. */
function broken(block: Block): Block {
  const header = { ...block.header, receiptsRoot: turned(block.header.receiptsRoot) }
  return { ...block, header, hash: headerHash(header) }
}

/** Candidates of a chain hold what it commits. */
function withBlock(candidate: Candidate, block: Block): Candidate {
  const { executed } = candidate as Candidate & { readonly executed: ExecutedBlock }
  return Object.assign({}, candidate, { block, executed: { ...executed, block } })
}
