/**
 * A region as one WebAssembly function. Nodes are written along the tree of dominators: a node that several edges reach
 * stands behind a block around its dominator, a loop around its head, any other one in the place of its only edge.
 *
 * The height of the stack is checked once, for all paths: a frame that fails the check goes on in another tier, which
 * knows whether this path is one that underflows.
 */
import { assert, present } from '../../../src/primitives/assert.ts'
import type { Label } from '../../wasm/function-body.ts'
import { STACK_LIMIT } from '../opcodes.ts'
import { FRAME, haltStatus, STATUS, WORD_SIZE } from '../wasm/layout.ts'
import { REVERSE_BYTES } from '../wasm/words/word-writer.ts'
import { smallNumberOf } from './constant.ts'
import { emitValue, reversesBytes, usesMemory } from './emit-operations.ts'
import { emitRequest, suspend } from './emit-requests.ts'
import type { Held } from './held-values.ts'
import type { IrNode, Spill, Transfer, Value } from './ir.ts'
import type { RegionWriter } from './region-writer.ts'

/**
 * Iterations until a loop enters its function anew: V8 replaces baseline code by optimized code only then, and a loop
 * that is hot from its first entry on would stay slow.
 */
const LOOP_FUEL = 20_000

export function emitRegion(writer: RegionWriter): void {
  const { body, region } = writer
  const entry = present(region.nodes[0], 'entry')
  writer.withOutOfGas(() => {
    const unfit = body.openBlock()
    emitHeightCheck(writer, unfit)
    writer.findLowestSlot()
    if (region.nodes.some((node) => node.values.some(usesMemory) || endsWithMemory(node))) {
      body.i32Const(0).i32Load(FRAME.memoryBase).set(writer.memoryBase)
      writer.reloadMemorySize()
    }
    if (region.nodes.some((node) => node.values.some(reversesBytes))) {
      body.v128Const(REVERSE_BYTES).set(writer.reversal)
    }
    if (region.nodes.some(({ isLoopHead }) => isLoopHead)) body.i32Const(LOOP_FUEL).set(writer.fuel)
    new NodeEmitter(writer).emit(entry)
    body.close(unfit)
    leaveUnfit(writer)
  })
}

function endsWithMemory({ exit }: IrNode): boolean {
  return exit.kind === 'return' || exit.kind === 'revert' || exit.kind === 'request'
}

/** Fewer words than any path needs, or no room for those that one adds. */
function emitHeightCheck({ body, region, sp }: RegionWriter, unfit: Label): void {
  const { needed, growth } = region
  if (needed === 0 && growth === 0) return
  const room = STACK_LIMIT - growth - needed
  body.get(sp).i32Const(0).i32Load(FRAME.stackBase).i32Sub()
  // Both at once: below the least height, the difference is a large unsigned number.
  if (needed > 0) body.i32Const(WORD_SIZE * needed).i32Sub()
  if (room >= 0) body.i32Const(WORD_SIZE * room).i32GtU()
  else body.drop().i32Const(1)
  body.brIf(unfit)
}

/** Leaves at the start: nothing was done yet, and slots have no addresses. */
function leaveUnfit({ body, region, sp, gas, callees }: RegionWriter): void {
  body.get(sp).get(gas).i32Const(region.offset).returnCall(callees.leaveAt)
}

/** Out of compiled code, before the instruction at `offset`; the stack is in memory. */
function leave(writer: RegionWriter, offset: number, height: number): void {
  const { body, gas, callees } = writer
  writer.pushSlotAddress(height)
  body.get(gas).i32Const(offset).returnCall(callees.leaveAt)
}

/** Places that branches go to. */
interface Target {
  readonly node: IrNode
  readonly label: Label
}

class NodeEmitter {
  readonly #writer: RegionWriter
  readonly #loops: Target[] = []
  readonly #merges: Target[] = []
  /** Merges that some branch goes to: a condition may be known. */
  readonly #reached = new Set<IrNode>()

  constructor(writer: RegionWriter) {
    this.#writer = writer
  }

  /** The node with all that it dominates. Control does not come out at the end. */
  emit(node: IrNode): void {
    const mark = this.#writer.reach.mark()
    this.#emitInReach(node)
    this.#writer.reach.restore(mark)
  }

  #emitInReach(node: IrNode): void {
    const { body, values } = this.#writer
    for (const value of node.entryWords) {
      values.define(value, this.#writer.loadSlot(value.immediate, value.bits))
    }
    const merges = node.dominated.filter(({ forwardEdges }) => forwardEdges > 1)
    if (!node.isLoopHead) {
      this.#within(node, merges)
      return
    }
    if (node.index === 0) this.#definesParametersFromEntry(node)
    values.enterLoop()
    const label = body.openLoop()
    this.#loops.push({ node, label })
    this.#within(node, merges)
    this.#loops.pop()
    body.close(label)
    values.leaveLoop()
    for (const { value } of node.spillAtStart?.words ?? []) values.used(value)
  }

  /** The parameters of an entry that is the head of a loop are at first what the stack holds. */
  #definesParametersFromEntry(node: IrNode): void {
    const { values } = this.#writer
    for (const parameter of node.parameters) {
      if (parameter.useCount === 0) continue
      values.define(parameter, this.#writer.loadSlot(parameter.immediate, parameter.bits))
    }
  }

  /** The node inside of a block for each of the merges, which follow behind those. */
  #within(node: IrNode, merges: readonly IrNode[]): void {
    const { body } = this.#writer
    const outermost = merges.at(-1)
    if (outermost === undefined) {
      this.#content(node)
      return
    }
    const label = body.openBlock()
    this.#merges.push({ node: outermost, label })
    this.#within(node, merges.slice(0, -1))
    this.#merges.pop()
    body.close(label)
    if (this.#reached.has(outermost)) this.emit(outermost)
    else body.unreachable()
  }

  #content(node: IrNode): void {
    this.#writer.reach.lookAhead(node.values)
    for (const value of node.values) emitValue(this.#writer, value)
    const { exit } = node
    switch (exit.kind) {
      case 'goto':
        this.#transfer(node, exit.to)
        return
      case 'branch': {
        const { body, values, words } = this.#writer
        const { constant } = exit.condition
        if (constant !== undefined) {
          this.#transfer(node, constant.bits > 0 ? exit.taken : exit.otherwise)
          return
        }
        words.truth(values.of(exit.condition))
        values.used(exit.condition)
        body.if(() => this.#transfer(node, exit.taken))
        this.#transfer(node, exit.otherwise)
        return
      }
      case 'return':
      case 'revert':
        this.#output(exit.offset, exit.size)
        this.#end(exit.kind === 'return' ? STATUS.return : STATUS.revert)
        return
      case 'request':
        emitRequest(this.#writer, exit)
        this.#spill(exit.spill)
        suspend(this.#writer, exit)
        return
      case 'stop':
        this.#writer.body.i32Const(0).i32Const(0).i32Store(FRAME.outputSize)
        this.#end(STATUS.return)
        return
      case 'invalid':
        this.#writer.body.i32Const(haltStatus('invalidOpcode')).return()
        return
      default:
        exit satisfies never
    }
  }

  #output(offset: Value, size: Value): void {
    const { body, values, words, address } = this.#writer
    const [heldOffset, heldSize] = [values.of(offset), values.of(size)]
    this.#writer.touchRange(heldOffset, heldSize, address)
    body.i32Const(0)
    words.limb(heldOffset, 0).i64Store32(FRAME.outputOffset).i32Const(0)
    words.limb(heldSize, 0).i64Store32(FRAME.outputSize)
    values.used(offset)
    values.used(size)
  }

  #end(status: number): void {
    const { body, gas } = this.#writer
    body.i32Const(0).get(gas).i64Store(FRAME.gas)
    body.i32Const(status).return()
  }

  #transfer(source: IrNode, transfer: Transfer): void {
    switch (transfer.kind) {
      case 'node':
        this.#toNode(source, transfer)
        return
      case 'region':
        this.#spill(transfer.spill)
        this.#toRegion(transfer.offset, transfer.spill.height)
        return
      case 'dynamic':
        this.#toTarget(transfer.target, transfer.spill)
        return
      case 'leave':
        this.#spill(transfer.spill)
        leave(this.#writer, transfer.offset, transfer.spill.height)
        return
      default:
        transfer satisfies never
    }
  }

  #toNode(source: IrNode, { node, arguments: values }: Extract<Transfer, { kind: 'node' }>): void {
    const { body } = this.#writer
    this.#handOver(node, values)
    if (node.index <= source.index) {
      this.#countIteration(node)
      body.br(present(this.#loops.findLast((loop) => loop.node === node)?.label, 'loop'))
    } else if (node.forwardEdges > 1) {
      this.#reached.add(node)
      body.br(present(this.#merges.findLast((merge) => merge.node === node)?.label, 'merge'))
    } else {
      this.emit(node)
    }
  }

  /** Moves arguments into parameters, all at once: one may be the other's parameter. */
  #handOver(node: IrNode, handed: readonly Value[]): void {
    const { body, values, words } = this.#writer
    const moves: number[] = []
    for (const [index, parameter] of node.parameters.entries()) {
      if (parameter.useCount === 0) continue
      if (!values.isDefined(parameter)) {
        values.define(parameter, {
          kind: 'limbs',
          limbs: values.takeLimbs(Math.ceil(parameter.bits / 64)),
        })
      }
      const target = limbsOf(values.of(parameter))
      const source = values.of(present(handed[index], 'argument'))
      for (const [i, local] of target.entries()) {
        if (source.kind === 'limbs' && source.limbs[i] === local) continue
        words.limb(source, i)
        moves.push(local)
      }
    }
    for (const local of moves.toReversed()) body.set(local)
    for (const [index, parameter] of node.parameters.entries()) {
      if (parameter.useCount > 0) values.used(present(handed[index], 'argument'))
    }
  }

  /** At the end of the fuel, the loop goes on in a function of its own, by its head's parameters. */
  #countIteration(head: IrNode): void {
    const { body, fuel } = this.#writer
    const spill = present(head.spillAtStart, 'spill of a loop head')
    body.get(fuel).i32Const(1).i32Sub().tee(fuel).i32Eqz()
    body.if(() => {
      for (const { slot, value } of spill.words) this.#writer.storeSlot(slot, this.#writer.values.of(value))
      this.#toRegion(head.offset, spill.height)
    })
  }

  #spill({ words }: Spill): void {
    const { values } = this.#writer
    for (const { slot, value } of words) this.#writer.storeSlot(slot, values.of(value))
    for (const { value } of words) values.used(value)
  }

  /** The stack is in memory. */
  #toRegion(offset: number, height: number): void {
    const { body, callees } = this.#writer
    const region = callees.regionAt(offset)
    if (region === undefined) {
      leave(this.#writer, offset, height)
      return
    }
    this.#pushArguments(height)
    body.returnCall(region)
  }

  #pushArguments(height: number): void {
    const { body, gas } = this.#writer
    this.#writer.pushSlotAddress(height)
    body.get(gas)
  }

  #toTarget(target: Value, spill: Spill): void {
    const { body, values, words, callees } = this.#writer
    const held = values.of(target)
    if (held.kind === 'constant' && smallNumberOf(held.constant) === undefined) {
      this.#writer.halt('invalidJump')
      return
    }
    this.#spill(spill)
    if (words.orFrom(held, 1)) {
      body.i64Const(0).i64Ne()
      this.#writer.haltIf('invalidJump')
    }
    // No target is beyond 2³¹.
    words.limb(held, 0).i64Const(31).i64ShrU().i64Const(0).i64Ne()
    this.#writer.haltIf('invalidJump')
    this.#pushArguments(spill.height)
    words.limb(held, 0).i32WrapI64().returnCall(callees.jumpTo())
    values.used(target)
  }
}

function limbsOf(held: Held): readonly number[] {
  assert(held.kind === 'limbs', 'a parameter is in locals')
  return held.limbs
}
