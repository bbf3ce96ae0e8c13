/** Checks the invariants that `ir.ts` states. A violation is a defect of the compiler, never of what it compiled. */
import { OPERATIONS, type IrNode, type Region, type Spill, type Transfer, type Value } from './ir.ts'
import { transfersOf } from './uses.ts'

/** What is wrong with the region, one line each; empty when nothing is. */
export function irViolations(region: Region): string[] {
  const check = new Check(region)
  for (const node of region.nodes) check.node(node)
  return check.violations
}

class Check {
  readonly violations: string[] = []
  readonly #region: Region
  /** Values by the node that defines them. */
  readonly #homes = new Map<Value, IrNode>()
  readonly #entryHomes = new Map<Value, IrNode>()

  constructor(region: Region) {
    this.#region = region
    for (const node of region.nodes) {
      for (const value of [...node.parameters, ...node.values]) {
        if (this.#homes.has(value)) this.#note(node, `v${value.id} is defined twice`)
        this.#homes.set(value, node)
      }
      for (const value of node.entryWords) this.#entryHomes.set(value, node)
    }
  }

  node(node: IrNode): void {
    this.#order(node)
    const defined = new Set<Value>(node.parameters)
    for (const value of node.parameters) {
      if (value.operation !== 'parameter') this.#note(node, `v${value.id} is no parameter`)
      if (value.immediate >= node.height) this.#note(node, `parameter v${value.id} is above the stack`)
    }
    for (const value of node.values) {
      this.#value(node, value, defined)
      defined.add(value)
    }
    const { exit } = node
    if (exit.kind === 'return' || exit.kind === 'revert') {
      this.#use(node, exit.offset, defined)
      this.#use(node, exit.size, defined)
    }
    if (exit.kind === 'branch') this.#use(node, exit.condition, defined)
    if (exit.kind === 'request') {
      for (const operand of exit.operands) this.#use(node, operand, defined)
      this.#spill(node, exit.spill, defined)
    }
    for (const transfer of transfersOf(exit)) this.#transfer(node, transfer, defined)
    if (node.spillAtStart !== undefined) this.#spill(node, node.spillAtStart, new Set(node.parameters))
    else if (node.isLoopHead) this.#note(node, 'a loop head has no spill')
  }

  #order(node: IrNode): void {
    const { nodes } = this.#region
    if (nodes[node.index] !== node) this.#note(node, 'is not at its index')
    const dominator = node.immediateDominator
    if ((dominator === undefined) !== (node.index === 0)) this.#note(node, 'only the entry has no dominator')
    if (dominator !== undefined && dominator.index >= node.index) this.#note(node, 'precedes its dominator')
    if (node.index === 0 && node.parameters.length > 0 && !node.isLoopHead) {
      this.#note(node, 'the entry has parameters')
    }
  }

  #value(node: IrNode, value: Value, defined: ReadonlySet<Value>): void {
    const { operation, operands, bits, type } = value
    const traits = OPERATIONS[operation]
    const isOutside = operation === 'constant' || operation === 'entry' || operation === 'parameter'
    if (isOutside) this.#note(node, `v${value.id} is no value of a node`)
    if (traits.operands !== 'any' && operands.length !== traits.operands) {
      this.#note(node, `v${value.id} has ${operands.length} operands`)
    }
    if (type !== traits.result) this.#note(node, `v${value.id} has the wrong type`)
    if (bits < 0 || bits > 256 || (type === 'bool' && bits !== 1)) {
      this.#note(node, `v${value.id} has ${bits} bits`)
    }
    // Nobody asks for the operands of a value that is not emitted.
    if (traits.kind === 'pure' && value.useCount === 0) return
    for (const operand of operands) this.#use(node, operand, defined)
  }

  #use(node: IrNode, value: Value, defined: ReadonlySet<Value>): void {
    if (value.type === 'none') this.#note(node, `v${value.id} has no value`)
    if (value.useCount === 0) this.#note(node, `v${value.id} is used and counted as unused`)
    if (value.operation === 'constant') {
      if (value.constant?.bits !== value.bits) this.#note(node, `v${value.id} is no constant`)
      return
    }
    const home = value.operation === 'entry' ? this.#entryHomes.get(value) : this.#homes.get(value)
    if (home === undefined) this.#note(node, `v${value.id} is defined nowhere`)
    else if (home === node ? value.operation !== 'entry' && !defined.has(value) : !isDominated(node, home)) {
      this.#note(node, `v${value.id} is used before it is defined`)
    }
  }

  #transfer(node: IrNode, transfer: Transfer, defined: ReadonlySet<Value>): void {
    if (transfer.kind !== 'node') {
      this.#spill(node, transfer.spill, defined)
      if (transfer.kind === 'dynamic') this.#use(node, transfer.target, defined)
      return
    }
    const target = transfer.node
    if (transfer.arguments.length !== target.parameters.length) {
      this.#note(node, `hands ${transfer.arguments.length} arguments to node ${target.index}`)
    }
    for (const [index, parameter] of target.parameters.entries()) {
      const value = transfer.arguments[index]
      if (parameter.useCount === 0 || value === undefined) continue
      this.#use(node, value, defined)
      if (value.bits > parameter.bits) this.#note(node, `v${value.id} is wider than its parameter`)
    }
    if (target.index <= node.index && !(target.isLoopHead && isDominated(node, target))) {
      this.#note(node, `jumps back to node ${target.index}, which is no loop around it`)
    }
  }

  #spill(node: IrNode, { height, words }: Spill, defined: ReadonlySet<Value>): void {
    let previous = Number.NEGATIVE_INFINITY
    for (const { slot, value } of words) {
      if (slot <= previous || slot >= height) this.#note(node, `spills slot ${slot} in the wrong place`)
      if (value.operation === 'entry' && value.immediate === slot)
        this.#note(node, `spills slot ${slot} in vain`)
      previous = slot
      this.#use(node, value, defined)
    }
  }

  #note(node: IrNode, what: string): void {
    this.violations.push(`region ${this.#region.offset}, node ${node.index} at ${node.offset}: ${what}`)
  }
}

/** Whether every path to `node` goes through `candidate`. */
function isDominated(node: IrNode, candidate: IrNode): boolean {
  let current: IrNode | undefined = node
  while (current !== undefined && current !== candidate) current = current.immediateDominator
  return current !== undefined
}
