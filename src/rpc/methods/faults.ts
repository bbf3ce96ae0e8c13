/**
 * Breaking a development network on purpose. `aevir_setFault` takes an object:
 *
 * - `{ fault: 'none' }` heals all nodes, with `node` one;
 * - `{ fault: 'pause' | 'crash' | 'equivocate', node }`;
 * - `{ fault: 'delay', delayMs }` for all nodes, with `node` for one;
 * - `{ fault: 'partition', groups: [[…], …] }`: nodes of different groups cannot hear each other, those that are not
 *   named are one group more; `{ fault: 'partition', node, from: […] }` cuts one node off from some, or from all.
 *
 * A node is named by its name, its id or its place in `aevir_getFaults`. Both methods answer with the state of all nodes.
 */
import type { NodeId } from '../../consensus/election/election.ts'
import { unreachable } from '../../primitives/assert.ts'
import type { Backend } from '../backend.ts'
import { invalidParams, RPC_CODES, RpcError } from '../errors.ts'
import { FAULT_DELAY_MAX_MS, FAULT_KINDS, type FaultControl, type NodeFault } from '../fault-control.ts'
import type { JsonRecord } from '../format.ts'
import { formatFaultyNode } from '../format-consensus.ts'
import type { MethodTable } from '../method.ts'
import {
  isAbsent,
  parseArray,
  parseLooseNumber,
  parseObject,
  parseOneOf,
  unexpected,
  type JsonObject,
} from '../parse.ts'

/** Of one call. */
const NODES_MAX = 256

export const methods = {
  aevir_setFault: {
    params: [1, 1],
    run: async ([value], { backend }) => {
      const control = requireControl(backend)
      for (const [node, fault] of parseFaults(control, parseObject(value, 'fault'))) {
        await control.setFault(node, fault)
      }
      return listFaults(control)
    },
  },
  aevir_getFaults: { params: [0, 0], run: (_, { backend }) => listFaults(requireControl(backend)) },
} as const satisfies MethodTable

function requireControl({ consensus }: Backend): FaultControl {
  if (consensus?.faults !== undefined) return consensus.faults
  throw new RpcError(
    RPC_CODES.notSupported,
    consensus === undefined
      ? 'not supported: one node makes this chain alone, nothing can come between; aevir devnet starts a network to break'
      : 'not supported: only a development network can be broken on purpose; aevir devnet starts one',
  )
}

function listFaults(control: FaultControl): JsonRecord[] {
  return control.nodes().map(formatFaultyNode)
}

type Assignment = readonly [node: NodeId, fault: NodeFault]

function parseFaults(control: FaultControl, value: JsonObject): readonly Assignment[] {
  const kind = parseOneOf(value['fault'], 'fault.fault', FAULT_KINDS)
  const node = isAbsent(value['node']) ? undefined : parseNode(control, value['node'], 'fault.node')
  const ids = control.nodes().map(({ id }) => id)
  switch (kind) {
    case 'none':
      return (node === undefined ? ids : [node]).map((id) => [id, { kind }])
    case 'delay': {
      const delayMs = parseLooseNumber(value['delayMs'], 'fault.delayMs', FAULT_DELAY_MAX_MS)
      return (node === undefined ? ids : [node]).map((id) => [id, { kind, delayMs }])
    }
    case 'pause':
    case 'crash':
    case 'equivocate':
      if (node === undefined) throw invalidParams(`fault.node: say which node is to have the fault ${kind}`)
      return [[node, { kind }]]
    case 'partition':
      return node === undefined ? parseGroups(control, value) : [parseCut(control, value, node)]
    default:
      return unreachable(kind)
  }
}

function parseCut(control: FaultControl, { from, groups }: JsonObject, node: NodeId): Assignment {
  if (!isAbsent(groups)) throw invalidParams('fault: a partition takes either node or groups')
  const named = isAbsent(from) ? control.nodes().map(({ id }) => id) : parseNodes(control, from, 'fault.from')
  const others = named.filter((id) => id !== node)
  if (others.length === 0) throw invalidParams('fault.from: name another node to cut this one off from')
  return [node, { kind: 'partition', from: others }]
}

function parseGroups(control: FaultControl, { from, groups }: JsonObject): readonly Assignment[] {
  if (!isAbsent(from)) throw invalidParams('fault.from: say by fault.node which node is to be cut off')
  const named = parseArray(groups, 'fault.groups', NODES_MAX, (group, where) =>
    parseNodes(control, group, where),
  )
  const ids = control.nodes().map(({ id }) => id)
  const groupOf = new Map<NodeId, number>()
  for (const [index, group] of named.entries()) {
    for (const id of group) {
      if (groupOf.has(id)) throw invalidParams(`fault.groups: node ${nameOf(control, id)} is named twice`)
      groupOf.set(id, index)
    }
  }
  const assignments: Assignment[] = []
  for (const id of ids) {
    const from = ids.filter((other) => groupOf.get(other) !== groupOf.get(id))
    if (from.length === 0) throw invalidParams('fault.groups: all nodes are in one group, nothing is cut')
    assignments.push([id, { kind: 'partition', from }])
  }
  return assignments
}

function parseNodes(control: FaultControl, value: unknown, where: string): NodeId[] {
  return parseArray(value, where, NODES_MAX, (node, path) => parseNode(control, node, path))
}

function parseNode(control: FaultControl, value: unknown, where: string): NodeId {
  const nodes = control.nodes()
  const found =
    typeof value === 'string'
      ? nodes.find(({ id, name }) => name === value || id === value.toLowerCase())
      : nodes[typeof value === 'number' ? value : -1]
  if (found !== undefined) return found.id
  const names = nodes.map(({ name }) => name).join(', ')
  throw unexpected(where, `one of ${names}, or its id, or its place from 0 to ${nodes.length - 1}`, value)
}

function nameOf(control: FaultControl, node: NodeId): string {
  return control.nodes().find(({ id }) => id === node)?.name ?? node
}
