/**
 * What a node has said, in memory: for each layer and epoch, the statements of the latest views. Answers whether another
 * statement would contradict them.
 *
 * Two of a kind in a view with different hashes contradict, and so do a nullify and a finalize of one view: exactly what
 * others could prove against the node (evidence of the core).
 */
import type { DoubleSignGuard } from '../../consensus/simplex/double-sign-guard.ts'
import { KIND_CODES } from '../../consensus/simplex/signing.ts'
import {
  COUNT_MAX,
  GENESIS_VIEW,
  type Epoch,
  type Layer,
  type StatementKind,
  type View,
} from '../../consensus/simplex/types.ts'
import type { Hash } from '../../primitives/bytes.ts'

/** A statement of this node, and which committee it belongs to. */
export interface OwnStatement {
  readonly layer: Layer
  readonly epoch: Epoch
  readonly kind: StatementKind
  readonly view: View
  readonly hash: Hash
}

/** What a statement is to those before it. */
export type Judgement = 'new' | 'repeated' | 'contradiction' | 'too old to know'

/** Views that are remembered, the latest; at least half of them. What is older is never said again. */
const VIEWS_MAX = 4096
/** Epochs of a layer that are remembered: those that may run at a time, when committees are replaced one after the other. */
const EPOCHS_MAX = 4
/** What is known of an epoch that was forgotten: everything may have been said. */
const ANYTHING: DoubleSignGuard = { view: COUNT_MAX as View, kinds: 0xff }

type Said = Partial<Record<StatementKind, Hash>>

interface Reign {
  readonly views: Map<View, Said>
  /** Lowest view that is remembered. */
  lowest: View
  highest: View
}

export class VoteRecords {
  readonly #layers: Record<Layer, Map<Epoch, Reign>> = { execution: new Map(), witness: new Map() }

  judge({ layer, epoch, kind, view, hash }: OwnStatement): Judgement {
    const reigns = this.#layers[layer]
    const reign = reigns.get(epoch)
    if (reign === undefined) return this.#isForgotten(layer, epoch) ? 'too old to know' : 'new'
    // So many are left when others are forgotten, also after a restart, which does not know whether any were.
    if (reign.views.size >= VIEWS_MAX / 2 && view < reign.lowest) return 'too old to know'
    const said = reign.views.get(view)
    const before = said?.[kind]
    if (before !== undefined) return before === hash ? 'repeated' : 'contradiction'
    const opposite = kind === 'nullify' ? said?.finalize : kind === 'finalize' ? said?.nullify : undefined
    return opposite === undefined ? 'new' : 'contradiction'
  }

  /** Remembers a statement, whatever it is to those before it: it was said. */
  add({ layer, epoch, kind, view, hash }: OwnStatement): void {
    const reigns = this.#layers[layer]
    let reign = reigns.get(epoch)
    if (reign === undefined) {
      reign = { views: new Map(), lowest: view, highest: GENESIS_VIEW }
      reigns.set(epoch, reign)
      const oldest = [...reigns.keys()].toSorted((a, b) => a - b)
      for (const past of oldest.slice(0, -EPOCHS_MAX)) reigns.delete(past)
    }
    reign.views.set(view, { ...reign.views.get(view), [kind]: hash })
    if (view > reign.highest) reign.highest = view
    if (view < reign.lowest) reign.lowest = view
    if (reign.views.size > VIEWS_MAX) forgetOlderHalf(reign)
  }

  /** Everything that is remembered, in an order that can be added again. */
  *all(): Generator<OwnStatement> {
    // The keys of the record are the layers.
    for (const [layer, reigns] of Object.entries(this.#layers) as [Layer, Map<Epoch, Reign>][]) {
      for (const [epoch, { views }] of reigns) {
        for (const [view, said] of views) {
          // The keys of what was said are kinds.
          for (const [kind, hash] of Object.entries(said) as [StatementKind, Hash][]) {
            yield { layer, epoch, kind, view, hash }
          }
        }
      }
    }
  }

  /** Whether something may have been said in an epoch of which nothing is remembered. */
  #isForgotten(layer: Layer, epoch: Epoch): boolean {
    const reigns = this.#layers[layer]
    // A committee may be replaced by one with a lower epoch than the node was in. Only the lowest are ever forgotten.
    return reigns.size >= EPOCHS_MAX && epoch < Math.min(...reigns.keys())
  }

  /** How far the node's statements go, as the core asks for it on a restart. */
  highest(layer: Layer, epoch: Epoch): DoubleSignGuard {
    const reign = this.#layers[layer].get(epoch)
    if (reign === undefined && this.#isForgotten(layer, epoch)) return ANYTHING
    const view = reign?.highest ?? GENESIS_VIEW
    // The keys of what was said are kinds.
    const said = Object.keys(reign?.views.get(view) ?? {}) as StatementKind[]
    return { view, kinds: said.reduce((bits, kind) => bits | (1 << KIND_CODES[kind]), 0) }
  }
}

/** Many at once, so that the sorting is paid once in many views. */
function forgetOlderHalf(reign: Reign): void {
  const views = [...reign.views.keys()].toSorted((a, b) => a - b)
  const middle = views.length - VIEWS_MAX / 2
  for (const view of views.slice(0, middle)) reign.views.delete(view)
  reign.lowest = views[middle] ?? reign.lowest
}
