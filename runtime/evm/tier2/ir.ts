/**
 * The compiler's intermediate form of a region: a graph of nodes, each one block of code in one context, over values in
 * static single assignment. The EVM's stack is gone: a value names what a slot holds, and memory is written only when
 * control leaves the region.
 *
 * Slots count words from the height at the region's entry: −1 is the word on top then, 0 the first one pushed.
 *
 * Invariants (`verify-ir.ts` checks them):
 * 1. `nodes[0]` is the entry, has no parameters from another node unless it heads a loop; nodes stand in an order in
 *    which an immediate dominator comes before what it dominates.
 * 2. A value belongs to one node (`constant` and `entry` values to the region) and is used only behind its definition
 *    in that node or in nodes that this one dominates; in an edge's arguments, by the rules of the edge's source.
 * 3. Types: operands are words except where {@link OPERATIONS} says `bool`; `bits` bounds a word from above in
 *    [0, 256], a constant exactly.
 * 4. An edge hands as many arguments as its target has parameters, in their order. Edges go to a node that the source
 *    dominates or that comes later in the order; an edge backwards goes to the head of a loop, which dominates its
 *    source.
 * 5. A spill lists each slot once, ascending, below its height, and does not list a slot that memory holds anyway.
 *
 * The verifier does not know code: that the `charge` values of a node sum up to its block's fixed gas is for tests to say.
 */
import type { Constant } from './constant.ts'

/** What a value is in WebAssembly: up to four i64 limbs, an i32 that is 0 or 1, or nothing. */
export type ValueType = 'word' | 'bool' | 'none'

interface OperationTraits {
  readonly operands: number | 'any'
  readonly result: ValueType
  /**
   * `pure` values are dropped when nothing uses them; `ordered` ones stay, in their order. An `ordered` one may end
   * the frame, charge gas, or depend on what others write.
   */
  readonly kind: 'pure' | 'ordered'
}

function traits(operands: number | 'any', result: ValueType, kind: OperationTraits['kind']): OperationTraits {
  return { operands, result, kind }
}

/** Operations; names are those of instructions in lower case where they do the same. */
export const OPERATIONS = {
  /** A word known now. */
  constant: traits(0, 'word', 'pure'),
  /** What slot `immediate` held at the region's entry. */
  entry: traits(0, 'word', 'pure'),
  /** What slot `immediate` holds at a node that is reached with different values. */
  parameter: traits(0, 'word', 'pure'),

  add: traits(2, 'word', 'pure'),
  sub: traits(2, 'word', 'pure'),
  mul: traits(2, 'word', 'pure'),
  div: traits(2, 'word', 'pure'),
  sdiv: traits(2, 'word', 'pure'),
  mod: traits(2, 'word', 'pure'),
  smod: traits(2, 'word', 'pure'),
  addmod: traits(3, 'word', 'pure'),
  mulmod: traits(3, 'word', 'pure'),
  signextend: traits(2, 'word', 'pure'),
  lt: traits(2, 'bool', 'pure'),
  slt: traits(2, 'bool', 'pure'),
  eq: traits(2, 'bool', 'pure'),
  iszero: traits(1, 'bool', 'pure'),
  and: traits(2, 'word', 'pure'),
  or: traits(2, 'word', 'pure'),
  xor: traits(2, 'word', 'pure'),
  not: traits(1, 'word', 'pure'),
  byte: traits(2, 'word', 'pure'),
  shl: traits(2, 'word', 'pure'),
  shr: traits(2, 'word', 'pure'),
  sar: traits(2, 'word', 'pure'),
  clz: traits(1, 'word', 'pure'),

  /**
   * The operand, which has at most 32 bits: it was the offset of a memory operation that did not end the frame. Lives
   * behind that operation only.
   */
  narrow: traits(1, 'word', 'pure'),
  /** A word of the frame that never changes: `immediate` is the instruction's opcode. */
  context: traits(0, 'word', 'pure'),
  calldataload: traits(1, 'word', 'pure'),
  /** Gas left, with `immediate` charged too early added. */
  gas: traits(0, 'word', 'ordered'),
  msize: traits(0, 'word', 'ordered'),
  returndatasize: traits(0, 'word', 'ordered'),

  /** Takes `immediate` gas, or ends the frame. */
  charge: traits(0, 'none', 'ordered'),
  /** Ends a frame that may not write. */
  writable: traits(0, 'none', 'ordered'),
  exp: traits(2, 'word', 'ordered'),
  /** Memory operations: `immediate` is 1 when memory is known to reach far enough. */
  mload: traits(1, 'word', 'ordered'),
  mstore: traits(2, 'none', 'ordered'),
  mstore8: traits(2, 'none', 'ordered'),
  mcopy: traits(3, 'none', 'ordered'),
  calldatacopy: traits(3, 'none', 'ordered'),
  codecopy: traits(3, 'none', 'ordered'),
  keccak256: traits(2, 'word', 'ordered'),
  sload: traits(1, 'word', 'ordered'),
  /** `immediate` is the gas charged too early, which the rule of the stipend looks at. */
  sstore: traits(2, 'none', 'ordered'),
  tload: traits(1, 'word', 'ordered'),
  tstore: traits(2, 'none', 'ordered'),
  /** An instruction that JavaScript does; `immediate` is its opcode. */
  host: traits('any', 'word', 'ordered'),
  /** The same without a result. */
  hostEffect: traits('any', 'none', 'ordered'),
} as const satisfies Record<string, OperationTraits>

export type Operation = keyof typeof OPERATIONS

export interface Value {
  /** Unique in the region. */
  readonly id: number
  readonly operation: Operation
  readonly operands: readonly Value[]
  /** 0 where an operation has none. */
  readonly immediate: number
  /** Of a `constant`. */
  readonly constant: Constant | undefined
  readonly type: ValueType
  /** No more than so many low bits are set: 1 for a bool. */
  readonly bits: number
  /** How many operands, arguments, exits and spills name it; pure values without any are not emitted. */
  useCount: number
}

/** Bits of an offset in memory: beyond it, no frame has the gas. */
export const OFFSET_BITS = 32

/** The value whose word this is: a `narrow` one is its operand. */
export function rootOf(value: Value): Value {
  return value.operation === 'narrow' ? rootOf(value.operands[0] as Value) : value
}

/** Words to store when control leaves the region. */
export interface Spill {
  /** Height afterwards, in slots: may be negative. */
  readonly height: number
  /** Slots that hold something else than memory does, ascending. */
  readonly words: readonly { readonly slot: number; readonly value: Value }[]
}

/** Where control goes. */
export type Transfer =
  /** To a node of this region. */
  | { readonly kind: 'node'; readonly node: IrNode; readonly arguments: readonly Value[] }
  /** To the region that begins at an offset. */
  | { readonly kind: 'region'; readonly offset: number; readonly spill: Spill }
  /** To a computed target, if it is one. */
  | { readonly kind: 'dynamic'; readonly target: Value; readonly spill: Spill }
  /** Out of compiled code, before the instruction at an offset. */
  | { readonly kind: 'leave'; readonly offset: number; readonly spill: Spill }

export type Exit =
  | { readonly kind: 'goto'; readonly to: Transfer }
  | {
      readonly kind: 'branch'
      /** A word or a bool: taken unless 0. */
      readonly condition: Value
      readonly taken: Transfer
      readonly otherwise: Transfer
    }
  | { readonly kind: 'stop' }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'return' | 'revert'; readonly offset: Value; readonly size: Value }
  /** A call or a creation, for the driver: the frame comes back behind it. */
  | {
      readonly kind: 'request'
      /** Of the instruction. */
      readonly offset: number
      readonly opcode: number
      /** Fixed gas of the instruction. */
      readonly gas: number
      /** The top word first; the spill has them, too. */
      readonly operands: readonly Value[]
      readonly spill: Spill
    }

export interface IrNode {
  /** Position in the region's order. */
  readonly index: number
  /** Offset of the block. */
  readonly offset: number
  /** Slot of the first word above the stack when the node begins. */
  readonly height: number
  readonly parameters: Value[]
  /** In order of evaluation. */
  readonly values: Value[]
  /** Entry words that are read here, before a loop that the node heads begins. */
  readonly entryWords: Value[]
  /** What leaving at the start of the node would store: only of the heads of loops. */
  spillAtStart: Spill | undefined
  exit: Exit
  readonly immediateDominator: IrNode | undefined
  readonly dominated: IrNode[]
  readonly isLoopHead: boolean
  /** Edges that reach it from nodes before it in the order. */
  readonly forwardEdges: number
}

export interface Region {
  /** Offset at which it begins. */
  readonly offset: number
  readonly nodes: readonly IrNode[]
  /** Words that must be on the stack for any path. */
  readonly needed: number
  /** Most words above the height at entry on any path. */
  readonly growth: number
}
