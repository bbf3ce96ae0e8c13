/** The parts of `aevir_consensusStatus` that a harness looks at, and the heads of a node. */
import { ask, type NodeHandle } from './node-handle.ts'

export interface LayerPosition {
  readonly view: number
  /** Id of the node that leads the view: in the witness layer the Committer of the slot. */
  readonly leader: string
}

export interface ConsensusPosition {
  readonly execution: LayerPosition
  readonly witness: LayerPosition
}

interface StatusAnswer {
  readonly execution: { readonly view: string; readonly leader: string }
  readonly witness: { readonly view: string; readonly leader: string }
}

export async function positionOf(node: NodeHandle): Promise<ConsensusPosition> {
  const { execution, witness } = await ask<StatusAnswer>(node, 'aevir_consensusStatus')
  return {
    execution: { view: Number(execution.view), leader: execution.leader },
    witness: { view: Number(witness.view), leader: witness.leader },
  }
}

export interface BlockAnswer {
  readonly number: string
  readonly hash: string
  readonly stateRoot: string
  readonly transactions: readonly string[]
}

/** @param which a tag, or the number of a block. */
export async function blockOf(
  node: NodeHandle,
  which: number | 'latest' | 'finalized',
): Promise<BlockAnswer> {
  const tag = typeof which === 'number' ? `0x${which.toString(16)}` : which
  const block = await ask<BlockAnswer | null>(node, 'eth_getBlockByNumber', [tag, false])
  if (block === null) throw new Error(`${node.name} has no block ${which}`)
  return block
}
