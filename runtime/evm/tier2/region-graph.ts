/**
 * Chooses the blocks of a region: from its first block on, along every edge whose target is known, up to a limit. A
 * block appears once for each context it is reached in: its height on the stack and the JUMPDESTs that slots are known
 * to hold. This resolves the returns of a compiler's internal functions, and copies small functions into their callers.
 *
 * The graph then gets an order, dominators and loops, which the emitter needs to write it as structured control flow
 * (Ramsey, "Beyond Relooper", ICFP 2022). An edge backwards to a node that does not dominate its source would make the
 * graph irreducible: it becomes an edge to another region.
 */
import { slotOf, UNKNOWN, type AbstractWord, type Block, type CodeBlocks } from './block-analysis.ts'

/** Bounds of a region. */
export interface RegionLimits {
  readonly nodesMax: number
  /** Operations of all nodes together. */
  readonly operationsMax: number
}

/** An edge of the graph. */
export interface GraphEdge {
  /** The node in this region, or nothing when control leaves it. */
  to: GraphNode | undefined
  /** Where it goes: an offset, or `undefined` for a computed target. */
  readonly offset: number | undefined
  isBackward: boolean
}

/** A block in a context. */
export interface GraphNode {
  readonly block: Block
  /** Height at the start, relative to the region's entry. */
  readonly height: number
  /** JUMPDESTs that slots hold at the start. */
  readonly known: ReadonlyMap<number, number>
  /** In the order of an exit's transfers: of a branch, taken comes first. */
  readonly edges: GraphEdge[]
  /** Position in the order. */
  index: number
  dominator: GraphNode | undefined
  isLoopHead: boolean
  forwardEdges: number
}

/** Nodes in reverse postorder: a node stands behind all that dominate it. */
export type RegionGraph = readonly GraphNode[]

/** Whether a region begins at an offset. */
export type IsRegion = (offset: number) => boolean

/** @param isRegion of regions that there are beside this one. */
export function buildGraph(
  blocks: CodeBlocks,
  offset: number,
  limits: RegionLimits,
  isRegion: IsRegion,
): RegionGraph {
  const entry = explore(blocks, offset, limits)
  leaveToRegions(entry, isRegion)
  for (;;) {
    const order = reversePostorder(entry)
    findDominators(order)
    if (markLoops(order)) return order
  }
}

function explore(blocks: CodeBlocks, offset: number, limits: RegionLimits): GraphNode {
  const nodes: GraphNode[] = []
  const byContext = new Map<string, GraphNode>()
  let operationCount = 0
  const nodeFor = (
    offset: number,
    height: number,
    known: ReadonlyMap<number, number>,
  ): GraphNode | undefined => {
    const context = contextKey(offset, height, known)
    const existing = byContext.get(context)
    if (existing !== undefined) return existing
    const block = blocks.blockAt(offset)
    if (nodes.length > 0) {
      if (nodes.length >= limits.nodesMax) return undefined
      if (operationCount + block.operationCount > limits.operationsMax) return undefined
    }
    operationCount += block.operationCount
    const node: GraphNode = {
      block,
      height,
      known,
      edges: [],
      index: -1,
      dominator: undefined,
      isLoopHead: false,
      forwardEdges: 0,
    }
    nodes.push(node)
    byContext.set(context, node)
    return node
  }
  const entry = nodeFor(offset, 0, new Map()) as GraphNode
  // Breadth first: when the limit is reached, what is nearest to the entry is inside.
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i] as GraphNode
    const { block } = node
    const height = node.height + block.delta
    const known = knownAfter(node, height)
    const add = (offset: number | undefined): void => {
      const to = offset === undefined ? undefined : nodeFor(offset, height, known)
      node.edges.push({ to, offset, isBackward: false })
    }
    if (block.ending === 'jump' || block.ending === 'branch') {
      const target = resolve(node, block.target)
      add(target === UNKNOWN ? undefined : target)
    }
    if (block.ending === 'branch' || block.ending === 'fall') add(block.end)
  }
  return entry
}

/**
 * Turns edges to what is a region of its own into edges out of this one: without, code comes out twice as large. What is
 * copied all the same is worth it: code whose return address is known here, loops, and blocks that only go on.
 */
function leaveToRegions(entry: GraphNode, isRegion: IsRegion): void {
  const seen = new Set([entry])
  for (const { edges } of seen) {
    for (const edge of edges) {
      const { to } = edge
      if (to === undefined || seen.has(to)) continue
      const isWorthACopy = to.known.size > 0 || to.block.operationCount === 1 || isInCycle(to)
      if (!isWorthACopy && isRegion(to.block.start)) edge.to = undefined
      else seen.add(to)
    }
  }
}

/** Whether control that is at the node comes there again. */
function isInCycle(node: GraphNode): boolean {
  const seen = new Set<GraphNode>()
  const pending = [node]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const { to } of next.edges) {
      if (to === node) return true
      if (to === undefined || seen.has(to)) continue
      seen.add(to)
      pending.push(to)
    }
  }
  return false
}

function contextKey(offset: number, height: number, known: ReadonlyMap<number, number>): string {
  let key = `${offset}|${height}`
  for (const [slot, target] of known) key += `|${slot}:${target}`
  return key
}

/** The JUMPDEST that a word of a block is, in the context of `node`. */
function resolve(node: GraphNode, word: AbstractWord): number {
  const slot = slotOf(word)
  if (slot === undefined) return word
  return node.known.get(node.height + slot) ?? UNKNOWN
}

/** JUMPDESTs that slots below `height` hold after the node, by ascending slot. */
function knownAfter(node: GraphNode, height: number): ReadonlyMap<number, number> {
  const { writes } = node.block
  if (writes.size === 0 && node.known.size === 0) return node.known
  const after: [number, number][] = []
  for (const [slot, target] of node.known) {
    if (slot < height && !writes.has(slot - node.height)) after.push([slot, target])
  }
  for (const [slot, word] of writes) {
    const target = resolve(node, word)
    if (target !== UNKNOWN) after.push([slot + node.height, target])
  }
  return new Map(after.sort(([a], [b]) => a - b))
}

function reversePostorder(entry: GraphNode): GraphNode[] {
  const order: GraphNode[] = []
  const seen = new Set([entry])
  const path: { node: GraphNode; next: number }[] = [{ node: entry, next: 0 }]
  while (path.length > 0) {
    const step = path[path.length - 1] as { node: GraphNode; next: number }
    const edge = step.node.edges[step.next]
    step.next += 1
    if (edge === undefined) {
      order.push(step.node)
      path.pop()
    } else if (edge.to !== undefined && !seen.has(edge.to)) {
      seen.add(edge.to)
      path.push({ node: edge.to, next: 0 })
    }
  }
  order.reverse()
  for (const [index, node] of order.entries()) {
    node.index = index
    node.dominator = undefined
    node.isLoopHead = false
    node.forwardEdges = 0
  }
  return order
}

/** Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm": a region is small. */
function findDominators(order: readonly GraphNode[]): void {
  const predecessors = new Map<GraphNode, GraphNode[]>(order.map((node) => [node, []]))
  for (const node of order) {
    for (const { to } of node.edges) if (to !== undefined) predecessors.get(to)?.push(node)
  }
  const entry = order[0] as GraphNode
  // While searching, the entry dominates itself.
  entry.dominator = entry
  for (let changed = true; changed;) {
    changed = false
    for (const node of order) {
      if (node === entry) continue
      let dominator: GraphNode | undefined
      for (const predecessor of predecessors.get(node) as GraphNode[]) {
        if (predecessor.dominator === undefined) continue
        dominator = dominator === undefined ? predecessor : commonDominator(predecessor, dominator)
      }
      if (dominator !== node.dominator) {
        node.dominator = dominator
        changed = true
      }
    }
  }
  entry.dominator = undefined
}

/** The nearest node that dominates both. */
export function commonDominator(a: GraphNode, b: GraphNode): GraphNode {
  let [left, right] = [a, b]
  while (left !== right) {
    if (left.index > right.index) left = left.dominator as GraphNode
    else right = right.dominator as GraphNode
  }
  return left
}

/** Whether every path to `node` goes through `candidate`; a node dominates itself. */
export function dominates(candidate: GraphNode, node: GraphNode): boolean {
  let current: GraphNode | undefined = node
  while (current !== undefined && current.index > candidate.index) current = current.dominator
  return current === candidate
}

/** Marks edges backwards and the loops they make; `false` when some had to be cut off to get a reducible graph. */
function markLoops(order: readonly GraphNode[]): boolean {
  let isReducible = true
  for (const node of order) {
    for (const edge of node.edges) {
      const { to } = edge
      if (to === undefined) continue
      edge.isBackward = to.index <= node.index
      if (!edge.isBackward) {
        to.forwardEdges += 1
      } else if (dominates(to, node)) {
        to.isLoopHead = true
      } else {
        edge.to = undefined
        isReducible = false
      }
    }
  }
  return isReducible
}

/** The nodes of the loop that `head` heads: those from which it is reached again without leaving what it dominates. */
export function loopBody(order: RegionGraph, head: GraphNode): ReadonlySet<GraphNode> {
  const body = new Set([head])
  const pending = order.filter((node) => node.edges.some(({ to, isBackward }) => isBackward && to === head))
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (body.has(node)) continue
    body.add(node)
    for (const candidate of order) {
      if (candidate.edges.some(({ to }) => to === node)) pending.push(candidate)
    }
  }
  return body
}
