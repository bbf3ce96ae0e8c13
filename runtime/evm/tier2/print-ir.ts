/** The IR as text, for people and golden files. Slots are written s−1, s0, …; values v0, v1, … with their width. */
import { wordOf } from './constant.ts'
import {
  OPERATIONS,
  type Exit,
  type IrNode,
  type Region,
  type Spill,
  type Transfer,
  type Value,
} from './ir.ts'

export function printRegion(region: Region): string {
  const { offset, nodes, needed, growth } = region
  const lines = [`region ${at(offset)} needs ${needed} grows ${growth}`]
  for (const node of nodes) lines.push(...printNode(node))
  return `${lines.join('\n')}\n`
}

function printNode(node: IrNode): string[] {
  const parameters = node.parameters
    .filter(isUsed)
    .map((value) => `s${value.immediate} = ${definition(value)}`)
  const loop = node.isLoopHead ? ' loop' : ''
  const dominator = node.immediateDominator === undefined ? '' : ` under n${node.immediateDominator.index}`
  const lines = [
    `  n${node.index} ${at(node.offset)} height ${node.height}${loop}${dominator}(${parameters.join(', ')})`,
  ]
  for (const value of node.entryWords) lines.push(`    ${definition(value)} = entry s${value.immediate}`)
  for (const value of node.values) {
    if (OPERATIONS[value.operation].kind === 'pure' && !isUsed(value)) continue
    const target = value.type === 'none' || !isUsed(value) ? '' : `${definition(value)} = `
    const immediate = value.immediate === 0 ? '' : ` #${value.immediate}`
    lines.push(
      `    ${target}${value.operation}${immediate} ${value.operands.map(reference).join(', ')}`.trimEnd(),
    )
  }
  lines.push(...printExit(node.exit).map((line) => `    ${line}`))
  return lines
}

function printExit(exit: Exit): string[] {
  switch (exit.kind) {
    case 'goto':
      return [printTransfer(exit.to)]
    case 'branch':
      return [
        `if ${reference(exit.condition)} then ${printTransfer(exit.taken)}`,
        `else ${printTransfer(exit.otherwise)}`,
      ]
    case 'return':
    case 'revert':
      return [`${exit.kind} ${reference(exit.offset)}, ${reference(exit.size)}`]
    case 'request':
      return [
        `charge #${exit.gas}`,
        `request ${at(exit.offset)} #${exit.opcode} ${exit.operands.map(reference).join(', ')} ${printSpill(exit.spill)}`,
      ]
    case 'stop':
    case 'invalid':
      return [exit.kind]
    default:
      return exit satisfies never
  }
}

function printTransfer(transfer: Transfer): string {
  switch (transfer.kind) {
    case 'node': {
      const used = transfer.arguments.filter((_, index) => isUsed(transfer.node.parameters[index]))
      return `n${transfer.node.index}(${used.map(reference).join(', ')})`
    }
    case 'region':
      return `region ${at(transfer.offset)} ${printSpill(transfer.spill)}`
    case 'dynamic':
      return `jump ${reference(transfer.target)} ${printSpill(transfer.spill)}`
    case 'leave':
      return `leave ${at(transfer.offset)} ${printSpill(transfer.spill)}`
    default:
      return transfer satisfies never
  }
}

function printSpill({ height, words }: Spill): string {
  return `height ${height} [${words.map(({ slot, value }) => `s${slot} = ${reference(value)}`).join(', ')}]`
}

function isUsed(value: Value | undefined): boolean {
  return value !== undefined && value.useCount > 0
}

function definition(value: Value): string {
  return `v${value.id}:${value.type === 'bool' ? 'bool' : value.bits}`
}

function reference(value: Value): string {
  return value.constant === undefined ? `v${value.id}` : `0x${wordOf(value.constant).toString(16)}`
}

function at(offset: number): string {
  return `@${offset.toString(16).padStart(4, '0')}`
}
