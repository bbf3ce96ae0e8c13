/**
 * Turns the graph of a region into IR: each block is run once on a stack of values instead of words. What a node
 * finds on the stack it takes over from its predecessors; where they differ, or a loop changes a slot, the slot becomes
 * a parameter.
 *
 * Gas of a block is charged at its start. An instruction that can end the frame for another reason than gas ends such
 * a charge: what follows is charged behind it, so that a frame which fails names the same reason on every tier.
 */
import { present } from '../../../src/primitives/assert.ts'
import type { CodeBlocks } from './block-analysis.ts'
import { IrBuilder } from './ir-builder.ts'
import { rootOf, type Exit, type IrNode, type Region, type Spill, type Transfer, type Value } from './ir.ts'
import { lowerBlock, WordStack } from './lower-block.ts'
import { countUses } from './uses.ts'
import {
  buildGraph,
  loopBody,
  type GraphEdge,
  type GraphNode,
  type IsRegion,
  type RegionGraph,
  type RegionLimits,
} from './region-graph.ts'

/**
 * The IR of the region that begins at `offset`.
 * @param isRegion of other regions, in which control may go on.
 */
export function lowerRegion(
  blocks: CodeBlocks,
  offset: number,
  limits: RegionLimits,
  isRegion: IsRegion = () => false,
): Region {
  const graph = buildGraph(blocks, offset, limits, isRegion)
  const lowering = new Lowering(blocks, graph)
  const nodes = lowering.run()
  countUses(nodes, lowering.builder)
  let needed = 0
  let growth = 0
  for (const { block, height } of graph) {
    needed = Math.max(needed, block.needed - height)
    growth = Math.max(growth, height + block.growth)
  }
  return { offset, nodes, needed, growth }
}

const NOT_YET: Exit = { kind: 'stop' }

class Lowering {
  readonly builder = new IrBuilder()
  readonly #blocks: CodeBlocks
  readonly #graph: RegionGraph
  readonly #nodes: IrNode[] = []
  /** Stacks at the end of nodes, before the exit's transfers. */
  readonly #stacks: WordStack[] = []
  /** What nodes' exits take from those stacks. */
  readonly #operands: (readonly Value[])[] = []

  constructor(blocks: CodeBlocks, graph: RegionGraph) {
    this.#blocks = blocks
    this.#graph = graph
  }

  run(): readonly IrNode[] {
    for (const graphNode of this.#graph) this.#nodes.push(this.#createNode(graphNode))
    for (const [index, graphNode] of this.#graph.entries()) {
      const node = present(this.#nodes[index], 'node')
      this.builder.startNode(node)
      const stack = this.#stackAtStart(graphNode, node)
      if (node.isLoopHead) node.spillAtStart = spillOf(stack)
      this.#operands.push(lowerBlock(this.#blocks, graphNode.block, this.builder, stack))
      this.#stacks.push(stack)
    }
    // Not before: an edge's arguments follow the parameters of its target.
    for (const [index, graphNode] of this.#graph.entries()) {
      present(this.#nodes[index], 'node').exit = this.#exit(graphNode)
    }
    return this.#nodes
  }

  #createNode({ block, height, dominator, isLoopHead, forwardEdges, index }: GraphNode): IrNode {
    const immediateDominator = dominator === undefined ? undefined : this.#nodes[dominator.index]
    const node: IrNode = {
      index,
      offset: block.start,
      height,
      parameters: [],
      values: [],
      entryWords: [],
      spillAtStart: undefined,
      exit: NOT_YET,
      immediateDominator,
      dominated: [],
      isLoopHead,
      forwardEdges,
    }
    immediateDominator?.dominated.push(node)
    return node
  }

  /** What a node finds on the stack, with parameters for what is not the same on all ways to it. */
  #stackAtStart(graphNode: GraphNode, node: IrNode): WordStack {
    const { height, known } = graphNode
    const sources = this.#graph
      .slice(0, graphNode.index)
      .filter(({ edges }) => edges.some(({ to }) => to === graphNode))
      .map(({ index }) => present(this.#stacks[index], 'stack of a predecessor'))
    const stack = new WordStack(this.builder, height)
    const changing = graphNode.isLoopHead ? slotsChangedInLoop(this.#graph, graphNode) : NO_SLOTS
    const slots = new Set(changing)
    for (const source of sources) for (const slot of source.changedSlots()) slots.add(slot)
    for (const slot of [...slots].sort((a, b) => a - b)) {
      if (slot >= height) continue
      const target = known.get(slot)
      const values = sources.map((source) => source.at(slot))
      const [first] = values
      if (target !== undefined) {
        stack.put(slot, this.builder.number(target))
      } else if (first !== undefined && !changing.has(slot) && values.every((value) => value === first)) {
        stack.put(slot, first)
      } else if (first !== undefined && !changing.has(slot) && haveSameRoot(values)) {
        stack.put(slot, rootOf(first))
      } else if (first === undefined && !changing.has(slot)) {
        continue
      } else {
        const bits = changing.has(slot) ? 256 : Math.max(...values.map((value) => value.bits))
        stack.put(slot, this.builder.parameter(node, slot, bits))
      }
    }
    return stack
  }

  #exit({ block, edges, index }: GraphNode): Exit {
    const stack = present(this.#stacks[index], 'stack of a node')
    const operands = present(this.#operands[index], 'operands of an exit')
    const transfer = (index: number): Transfer =>
      this.#transfer(present(edges[index], 'edge'), stack, operands[0])
    switch (block.ending) {
      case 'jump':
      case 'fall':
        return { kind: 'goto', to: transfer(0) }
      case 'branch': {
        const condition = present(operands[1], 'condition')
        return { kind: 'branch', condition, taken: transfer(0), otherwise: transfer(1) }
      }
      case 'leave':
        return this.#leave(block.last, stack)
      case 'stop':
      case 'invalid':
        return { kind: block.ending }
      case 'return':
      case 'revert': {
        const [offset, size] = operands as readonly [Value, Value]
        return { kind: block.ending, offset, size }
      }
      default:
        return block.ending satisfies never
    }
  }

  /** SELFDESTRUCT is left to the interpreter; what calls or creates goes to the driver. */
  #leave(offset: number, stack: WordStack): Exit {
    const { code, instructions } = this.#blocks
    const { byte, name, gas, inputs } = present(instructions[code[offset] as number], 'instruction')
    const spill = spillOf(stack)
    if (name === 'SELFDESTRUCT') return { kind: 'goto', to: { kind: 'leave', offset, spill } }
    const operands = Array.from({ length: inputs }, (_, index) => stack.at(stack.height - 1 - index))
    return { kind: 'request', offset, opcode: byte, gas, operands, spill }
  }

  #transfer({ to, offset }: GraphEdge, stack: WordStack, target: Value | undefined): Transfer {
    if (to !== undefined) {
      const node = present(this.#nodes[to.index], 'node')
      return { kind: 'node', node, arguments: node.parameters.map(({ immediate }) => stack.at(immediate)) }
    }
    const spill = spillOf(stack)
    if (offset !== undefined) return { kind: 'region', offset, spill }
    return { kind: 'dynamic', target: present(target, 'target of a jump'), spill }
  }
}

/** The same word, which not all ways to a node know to be narrow. */
function haveSameRoot(values: readonly Value[]): boolean {
  const [first] = values
  return first !== undefined && values.every((value) => rootOf(value) === rootOf(first))
}

const NO_SLOTS: ReadonlySet<number> = new Set()

/** Slots below the height at the head that some block of its loop writes. */
function slotsChangedInLoop(graph: RegionGraph, head: GraphNode): ReadonlySet<number> {
  const slots = new Set<number>()
  for (const { block, height } of loopBody(graph, head)) {
    for (const slot of block.writes.keys()) {
      if (slot + height < head.height) slots.add(slot + height)
    }
  }
  return slots
}

function spillOf(stack: WordStack): Spill {
  return { height: stack.height, words: stack.changedWords() }
}
