/**
 * Counts what uses each value, from the things that must happen backwards, and finds the place of each entry word: the
 * nearest node that dominates all of its uses, outside of loops. Pure values that nothing uses keep a count of 0.
 */
import { present } from '../../../src/primitives/assert.ts'
import type { IrBuilder } from './ir-builder.ts'
import { OPERATIONS, type Exit, type IrNode, type Spill, type Transfer, type Value } from './ir.ts'

export function countUses(nodes: readonly IrNode[], builder: IrBuilder): void {
  /** By id of a value. */
  const homes: IrNode[] = []
  const incoming = new Map<IrNode, { source: IrNode; arguments: readonly Value[] }[]>()
  for (const node of nodes) {
    for (const { id } of node.parameters) homes[id] = node
    for (const { id } of node.values) homes[id] = node
    for (const transfer of transfersOf(node.exit)) {
      if (transfer.kind !== 'node') continue
      const edges = incoming.get(transfer.node) ?? []
      edges.push({ source: node, arguments: transfer.arguments })
      incoming.set(transfer.node, edges)
    }
  }
  const places = new Map<Value, IrNode>()
  const pending: { value: Value; user: IrNode }[] = []
  const use = (value: Value, user: IrNode): void => {
    value.useCount += 1
    if (value.operation === 'entry') {
      const place = places.get(value)
      places.set(value, place === undefined ? user : commonDominator(place, user))
    } else if (value.useCount === 1 && OPERATIONS[value.operation].kind === 'pure') {
      pending.push({ value, user })
    }
  }
  for (const node of nodes) {
    for (const value of node.values) {
      if (OPERATIONS[value.operation].kind === 'ordered')
        for (const operand of value.operands) use(operand, node)
    }
    for (const value of valuesOfExit(node.exit)) use(value, node)
    if (node.spillAtStart !== undefined) for (const { value } of node.spillAtStart.words) use(value, node)
  }
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value } = next
    if (value.operation === 'parameter') {
      const home = present(homes[value.id], 'node of a parameter')
      const index = home.parameters.indexOf(value)
      for (const { source, arguments: values } of incoming.get(home) ?? []) {
        use(present(values[index], 'argument'), source)
      }
    } else if (value.operands.length > 0) {
      const home = present(homes[value.id], 'node of a value')
      for (const operand of value.operands) use(operand, home)
    }
  }
  for (const value of builder.entries()) {
    const place = places.get(value)
    if (place !== undefined) outsideLoops(place).entryWords.push(value)
  }
}

function commonDominator(a: IrNode, b: IrNode): IrNode {
  let [left, right] = [a, b]
  while (left !== right) {
    if (left.index > right.index) left = present(left.immediateDominator, 'dominator')
    else right = present(right.immediateDominator, 'dominator')
  }
  return left
}

/** The nearest dominator of `node`, itself included, that no loop but its own contains. */
function outsideLoops(node: IrNode): IrNode {
  let place = node
  for (let head: IrNode | undefined = node; head !== undefined; head = head.immediateDominator) {
    if (head.isLoopHead && loopContains(head, node)) place = head
  }
  return place
}

/** Whether `head`'s loop is reached from `node` without leaving what the head dominates. */
function loopContains(head: IrNode, node: IrNode): boolean {
  const seen = new Set<IrNode>()
  const pending = [node]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (seen.has(next)) continue
    seen.add(next)
    for (const transfer of transfersOf(next.exit)) {
      if (transfer.kind !== 'node') continue
      if (transfer.node === head) return true
      if (transfer.node.index > head.index) pending.push(transfer.node)
    }
  }
  return false
}

export function transfersOf(exit: Exit): readonly Transfer[] {
  if (exit.kind === 'goto') return [exit.to]
  return exit.kind === 'branch' ? [exit.taken, exit.otherwise] : []
}

/** What an exit uses for certain: arguments are used only if their parameter is. */
function valuesOfExit(exit: Exit): Value[] {
  const values: Value[] = []
  if (exit.kind === 'return' || exit.kind === 'revert') values.push(exit.offset, exit.size)
  if (exit.kind === 'branch') values.push(exit.condition)
  if (exit.kind === 'request') values.push(...exit.operands, ...spilled(exit.spill))
  for (const transfer of transfersOf(exit)) {
    if (transfer.kind === 'dynamic') values.push(transfer.target)
    if (transfer.kind !== 'node') values.push(...spilled(transfer.spill))
  }
  return values
}

function spilled({ words }: Spill): Value[] {
  return words.map(({ value }) => value)
}
