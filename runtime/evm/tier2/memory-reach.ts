/**
 * How far memory must reach, and how far it does for certain: so that a check is made once for many operations. The
 * first operation of a run makes memory reach as far as all of them need. The price is the same in sum, and a frame that
 * cannot pay it ends for the same reason, as long as nothing in between can see the gas, the size, or end otherwise.
 */
import { present } from '../../../src/primitives/assert.ts'
import { smallNumberOf } from './constant.ts'
import { numberOf } from './ir-builder.ts'
import { OFFSET_BITS, rootOf, type Operation, type Value } from './ir.ts'

/** Constant offsets and ends up to this are added to addresses without a check. */
export const CONSTANT_OFFSET_MAX = 0x0400_0000

/** What {@link MemoryReach} was when a node began. */
interface ReachMark {
  readonly constant: number
  readonly stepCount: number
}

/**
 * How far memory reaches for certain, in bytes. It never shrinks: what holds at the end of a node holds in all that it
 * dominates, and is forgotten when those are written.
 */
export class MemoryReach {
  /** From its start. */
  constant = 0
  /** From an offset that a value holds. */
  readonly #behind = new Map<Value, number>()
  #ends: ReadonlyMap<Value, number> = new Map()
  /** What to take back. */
  readonly #steps: { readonly base: Value; readonly before: number }[] = []

  /** Looks at the values of a node before they are emitted. */
  lookAhead(values: readonly Value[]): void {
    this.#ends = endsAhead(values)
  }

  /** How far memory must reach before an operation: from the base of its offset, or as a constant. */
  endOf(operation: Value): number {
    return present(this.#ends.get(operation), 'end of an operation')
  }

  behind(base: Value): number {
    return this.#behind.get(base) ?? 0
  }

  extend(base: Value, size: number): void {
    this.#steps.push({ base, before: this.behind(base) })
    this.#behind.set(base, size)
  }

  mark(): ReachMark {
    return { constant: this.constant, stepCount: this.#steps.length }
  }

  restore({ constant, stepCount }: ReachMark): void {
    this.constant = constant
    while (this.#steps.length > stepCount) {
      const step = present(this.#steps.pop(), 'step')
      this.#behind.set(step.base, step.before)
    }
  }
}

/** An offset as a value plus a constant. */
export function baseAndDelta(value: Value): { base: Value; delta: number } {
  const root = rootOf(value)
  if (root.operation === 'add') {
    const [a, b] = root.operands as [Value, Value]
    const [constant, other] = a.constant === undefined ? [b.constant, a] : [a.constant, b]
    const delta = constant === undefined ? undefined : smallNumberOf(constant)
    // Narrow: the sum does not wrap.
    if (delta !== undefined && other.bits <= OFFSET_BITS) return { base: rootOf(other), delta }
  }
  return { base: root, delta: 0 }
}

/** Bytes that an operation touches from the offset in its first operand on. */
const TOUCHED_SIZES: Partial<Record<Operation, number>> = { mload: 32, mstore: 32, mstore8: 1 }

/** What sees gas or the size of memory, or may end the frame for another reason than gas. */
const BARRIERS: ReadonlySet<Operation> = new Set([
  'gas',
  'msize',
  'writable',
  'sstore',
  'tstore',
  'host',
  'hostEffect',
] as const)

/** By operation: the farthest end that it and those behind it need, up to a barrier, from the same base. */
function endsAhead(values: readonly Value[]): ReadonlyMap<Value, number> {
  const ends = new Map<Value, number>()
  let constantEnd = 0
  const byBase = new Map<Value, number>()
  for (const value of values.toReversed()) {
    const [offset, size] = value.operands
    const touched = TOUCHED_SIZES[value.operation]
    if (BARRIERS.has(value.operation)) {
      constantEnd = 0
      byBase.clear()
    } else if (offset !== undefined && touched !== undefined) {
      const known = numberOf(offset)
      if (known !== undefined && known <= CONSTANT_OFFSET_MAX) {
        constantEnd = Math.max(constantEnd, known + touched)
        ends.set(value, constantEnd)
      } else {
        const { base, delta } = baseAndDelta(offset)
        const end = Math.max(byBase.get(base) ?? 0, delta + touched)
        byBase.set(base, end)
        ends.set(value, end)
      }
    } else if (value.operation === 'keccak256' && offset !== undefined && size !== undefined) {
      const [start, count] = [numberOf(offset), numberOf(size)]
      if (start !== undefined && count !== undefined && count > 0 && start + count <= CONSTANT_OFFSET_MAX)
        constantEnd = Math.max(constantEnd, start + count)
    }
  }
  return ends
}
