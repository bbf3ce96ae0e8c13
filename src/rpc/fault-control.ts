/**
 * Faults that users of a development network put into its nodes on purpose, so that they can see what finality is worth.
 * The network implements it; `aevir_setFault` and `aevir_getFaults` are all that calls it.
 */
import type { NodeId } from '../consensus/election/election.ts'
import { AevirError } from '../primitives/errors.ts'

/** A node has one fault at a time; one takes the place of another. */
export type NodeFault =
  | { readonly kind: 'none' }
  /** Hears nothing and says nothing, as a process that was stopped. */
  | { readonly kind: 'pause' }
  /** Is gone, with all that was not on its disk; `none` starts it again. */
  | { readonly kind: 'crash' }
  /** Signs what contradicts what it signed, wherever it can. */
  | { readonly kind: 'equivocate' }
  /** What it sends leaves later. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** Has no connection with these nodes; never empty, never with the node itself. */
  | { readonly kind: 'partition'; readonly from: readonly NodeId[] }

export const FAULT_KINDS = [
  'none',
  'pause',
  'crash',
  'equivocate',
  'delay',
  'partition',
] as const satisfies readonly NodeFault['kind'][]
/** Of a `delay`. */
export const FAULT_DELAY_MAX_MS = 60_000

export interface FaultyNode {
  /** How people call it, such as `node-3`. */
  readonly name: string
  readonly id: NodeId
  readonly fault: NodeFault
}

/** The fault is possible, but not for this node or not now, such as a crash of the node that is asked. */
export class FaultRefusedError extends AevirError {
  override readonly code = 'FAULT_REFUSED'
}

export interface FaultControl {
  /** All nodes of the network, always in the same order. */
  nodes(): readonly FaultyNode[]
  /** Resolves when the fault is in effect. @param node one of {@link nodes}. @throws FaultRefusedError */
  setFault(node: NodeId, fault: NodeFault): Promise<void>
}
