/**
 * Where values are while a region is emitted: constants nowhere, bools in one local, words in a local for each limb that
 * can be anything but zero. Locals are shared (a mask of whole limbs keeps those limbs where they are) and given back
 * when the last use of a value has been emitted, so that a long block needs few.
 */
import { assert, present } from '../../../src/primitives/assert.ts'
import { I32, I64, type FunctionBody } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import { isLimbZero, type Constant } from './constant.ts'
import type { Value } from './ir.ts'

export type Held =
  | { readonly kind: 'constant'; readonly constant: Constant }
  | { readonly kind: 'bool'; readonly local: Local }
  /** Lowest limb first; those that are missing are zero. */
  | { readonly kind: 'limbs'; readonly limbs: readonly Local[] }

export class HeldValues {
  readonly #body: FunctionBody
  readonly #held = new Map<Value, Held>()
  /** Uses that are not emitted yet. */
  readonly #remaining = new Map<Value, number>()
  /** By local: how many values share it. */
  readonly #shares: number[] = []
  readonly #freeLimbs: Local[] = []
  readonly #freeBools: Local[] = []
  /** For each loop around the code at hand, the values that were there before it. */
  readonly #kept: Value[][] = []

  constructor(body: FunctionBody) {
    this.#body = body
  }

  // Locals.

  /** A local of 64 bits that one value, or the code at hand, owns. */
  takeLimb(): Local {
    return this.#take(this.#freeLimbs, I64)
  }

  /** A local of 32 bits. */
  takeBool(): Local {
    return this.#take(this.#freeBools, I32)
  }

  takeLimbs(count: number): Local[] {
    const limbs: Local[] = []
    for (let i = 0; i < count; i++) limbs.push(this.takeLimb())
    return limbs
  }

  /** One more owner. */
  share(local: Local): Local {
    this.#shares[local] = (this.#shares[local] as number) + 1
    return local
  }

  releaseLimb(local: Local): void {
    this.#release(local, this.#freeLimbs)
  }

  releaseBool(local: Local): void {
    this.#release(local, this.#freeBools)
  }

  #take(free: Local[], type: typeof I32 | typeof I64): Local {
    const local = free.pop() ?? this.#body.local(type)
    this.#shares[local] = 1
    return local
  }

  #release(local: Local, free: Local[]): void {
    const shares = (this.#shares[local] as number) - 1
    assert(shares >= 0, 'a local is given back once by each owner')
    this.#shares[local] = shares
    if (shares === 0) free.push(local)
  }

  // Values.

  define(value: Value, held: Held): void {
    this.#held.set(value, held)
    this.#remaining.set(value, value.useCount)
  }

  isDefined(value: Value): boolean {
    return this.#held.has(value)
  }

  of(value: Value): Held {
    if (value.constant !== undefined) return { kind: 'constant', constant: value.constant }
    return present(this.#held.get(value), `place of v${value.id}`)
  }

  /** Notes that a use was emitted: after the last one, the locals are free. */
  used(value: Value): void {
    if (value.constant !== undefined) return
    const remaining = (this.#remaining.get(value) as number) - 1
    this.#remaining.set(value, remaining)
    if (remaining === 0) this.#drop(value)
  }

  #drop(value: Value): void {
    const held = this.of(value)
    this.#held.delete(value)
    if (held.kind === 'bool') this.releaseBool(held.local)
    if (held.kind === 'limbs') for (const local of held.limbs) this.releaseLimb(local)
  }

  /** From here to {@link leaveLoop}, code runs again: what it found must stay where it is. */
  enterLoop(): void {
    const values = [...this.#held.keys()]
    for (const value of values) this.#remaining.set(value, (this.#remaining.get(value) as number) + 1)
    this.#kept.push(values)
  }

  leaveLoop(): void {
    for (const value of present(this.#kept.pop(), 'loop')) this.used(value)
  }
}

/** Limbs that may be something else than zero. */
export function limbCount(held: Held): number {
  if (held.kind === 'constant') return Math.ceil(held.constant.bits / 64)
  return held.kind === 'bool' ? 1 : held.limbs.length
}

/** Whether a limb is zero whatever happens. */
export function isZeroLimb(held: Held, limb: number): boolean {
  if (held.kind === 'constant') return isLimbZero(held.constant, limb)
  return limb >= limbCount(held)
}

/** The local that holds a limb; `undefined` for a constant, a bool, and a limb that is zero. */
export function localOfLimb(held: Held, limb: number): Local | undefined {
  return held.kind === 'limbs' ? held.limbs[limb] : undefined
}
