/**
 * The private channel between a development network and the process of each of its nodes: Node's own channel between a
 * parent and its child, which nobody else can open. `aevir start` has none, and thus no faults.
 */
import type { NodeId } from '../../consensus/election/election.ts'
import type { FaultyNode, NodeFault } from '../../rpc/fault-control.ts'
import type { SealReport } from './seal-reports.ts'

/** A node cannot crash itself: its parent kills it. */
export type ChildFault = Exclude<NodeFault, { kind: 'crash' }>

export type ToChild =
  /** The state of all nodes, at the start and after each change. */
  | { readonly kind: 'nodes'; readonly nodes: readonly FaultyNode[] }
  /** Answered by `faultSet`. */
  | { readonly kind: 'fault'; readonly fault: ChildFault }
  /** Of a `setFault`; `refused` says why not. */
  | { readonly kind: 'answer'; readonly request: number; readonly refused: string | undefined }
  | { readonly kind: 'stop' }

export type FromChild =
  /** Its RPC server answers. */
  | { readonly kind: 'ready'; readonly url: string; readonly head: bigint }
  | { readonly kind: 'faultSet' }
  /** Its user wants a node to have a fault. */
  | { readonly kind: 'setFault'; readonly request: number; readonly node: NodeId; readonly fault: NodeFault }
  | { readonly kind: 'report'; readonly report: SealReport }
  /** Resident memory, now and then. */
  | { readonly kind: 'memory'; readonly bytes: number }

/** What a child is told on its command line, as JSON. */
export interface ChildSettings {
  /** Path of its configuration, with what takes the place of what that says. */
  readonly config: string
  readonly listen: readonly string[]
  readonly bootstrap: readonly string[]
  readonly rpcPort: number
  readonly engine: string
  /** Blocks whose state it keeps. */
  readonly history: number
  readonly logLevel: string
  /** Whether it reports seals. */
  readonly hasReports: boolean
}
