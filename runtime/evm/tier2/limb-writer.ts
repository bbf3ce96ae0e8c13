/**
 * Limbs of words on WebAssembly's stack and off it: what all operations on words are made from. Limbs that are known to be
 * zero cost nothing.
 */
import type { FunctionBody } from '../../wasm/function-body.ts'
import type { Local } from '../../wasm/instruction-writer.ts'
import type { RuntimeFunction } from '../wasm/runtime-module.ts'
import { isZeroLimb, limbCount, localOfLimb, type Held, type HeldValues } from './held-values.ts'

/** Of a word. */
export const LIMBS = 4

export class LimbWriter {
  readonly body: FunctionBody
  readonly values: HeldValues
  /** Indices of the shared functions in the module. */
  readonly functions: Readonly<Record<RuntimeFunction, number>>

  constructor(body: FunctionBody, values: HeldValues, functions: Readonly<Record<RuntimeFunction, number>>) {
    this.body = body
    this.values = values
    this.functions = functions
  }

  // Operands.

  /** Pushes a limb. */
  limb(held: Held, index: number): FunctionBody {
    const { body } = this
    if (held.kind === 'constant') {
      const { pieces } = held.constant
      return body.i64Const(pieces[2 * index] as number, pieces[2 * index + 1])
    }
    if (held.kind === 'bool') return index === 0 ? body.get(held.local).i64ExtendI32U() : body.i64Const(0)
    const local = held.limbs[index]
    return local === undefined ? body.i64Const(0) : body.get(local)
  }

  /** Pushes all four limbs, lowest first. */
  word(held: Held): void {
    for (let i = 0; i < LIMBS; i++) this.limb(held, i)
  }

  /** Pushes the OR of the limbs from `first` on; `false`, and nothing pushed, when they are all zero. */
  orFrom(held: Held, first: number): boolean {
    let isFirst = true
    for (let i = first; i < LIMBS; i++) {
      if (isZeroLimb(held, i)) continue
      this.limb(held, i)
      if (!isFirst) this.body.i64Or()
      isFirst = false
    }
    return !isFirst
  }

  /** Pushes 1 when it is not zero. */
  truth(held: Held): void {
    const { body } = this
    if (held.kind === 'bool') body.get(held.local)
    else if (held.kind === 'constant') body.i32Const(held.constant.bits === 0 ? 0 : 1)
    else if (this.orFrom(held, 0)) body.i64Const(0).i64Ne()
    else body.i32Const(0)
  }

  /** Pushes 64 bits: the word, or the largest number below 2⁶⁴ when it is more. */
  saturated(held: Held): void {
    const { body } = this
    if (limbCount(held) <= 1) {
      this.limb(held, 0)
      return
    }
    body.i64Const(-1, -1)
    this.limb(held, 0)
    this.orFrom(held, 1)
    body.i64Const(0).i64Ne().select()
  }

  // Results.

  /** Pops an i32. */
  toBool(): Held {
    const local = this.values.takeBool()
    this.body.set(local)
    return { kind: 'bool', local }
  }

  /** Pops a limb into a new local. */
  toLimb(): Local {
    const local = this.values.takeLimb()
    this.body.set(local)
    return local
  }

  /** Pops the four limbs that a function returns, and keeps those that can be something else than zero. */
  toWord(bits: number): Held {
    const limbs = this.values.takeLimbs(Math.ceil(bits / 64))
    for (let i = LIMBS - 1; i >= 0; i--) {
      const local = limbs[i]
      if (local === undefined) this.body.drop()
      else this.body.set(local)
    }
    return { kind: 'limbs', limbs }
  }

  /** A limb as it is: the local that holds it, shared, or nothing when it was pushed. */
  sameLimb(held: Held, index: number): Local | undefined {
    const local = localOfLimb(held, index)
    if (local !== undefined) return this.values.share(local)
    this.limb(held, index)
    return undefined
  }

  /** Limbs made one by one: `limbOf` pushes a limb, or answers with a local that is the limb and the result's own. */
  perLimb(bits: number, limbOf: (index: number) => Local | undefined): Held {
    const limbs: Local[] = []
    for (let i = 0; i < Math.ceil(bits / 64); i++) {
      limbs.push(limbOf(i) ?? this.toLimb())
    }
    return { kind: 'limbs', limbs }
  }

  callFunction(name: RuntimeFunction, bits: number, ...operands: readonly Held[]): Held {
    for (const operand of operands) this.word(operand)
    this.body.call(this.functions[name])
    return this.toWord(bits)
  }
}
