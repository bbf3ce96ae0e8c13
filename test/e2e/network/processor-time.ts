/** What the processes of a network cost: processor time between two looks, and memory. */
import { memoryOf, processorMilliseconds } from '../../../benchmarks/processes.ts'
import type { NodeProcess } from './node-process.ts'

export interface NodeCost {
  readonly node: string
  readonly role: 'executor' | 'witness'
  /** Processor time per second, in milliseconds: 1,000 is one whole core. */
  readonly processorMsPerSecond: number
  readonly residentMb: number
}

/** Begins to count; the result tells what was used since. */
export function watchCosts(nodes: readonly NodeProcess[]): () => readonly NodeCost[] {
  const startMs = performance.now()
  const before = nodes.map((node) => processorMilliseconds(node.child))
  return () => {
    const seconds = (performance.now() - startMs) / 1000
    return nodes.map((node, index) => ({
      node: node.name,
      role: node.place.role,
      processorMsPerSecond: (processorMilliseconds(node.child) - (before[index] ?? 0)) / seconds,
      residentMb: memoryOf(node.child).residentMb,
    }))
  }
}
