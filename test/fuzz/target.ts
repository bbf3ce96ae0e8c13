/**
 * What the fuzzer works on: a decoder of bytes from outside with values that make good inputs, the errors it may throw, and
 * what else it promises. {@link target} turns such a description into inputs by number and a judge of what happened.
 *
 * The input of a case follows from the seed, the target's name and the case's number alone, so that any case can be made
 * again without those before it.
 */
import { AevirError } from '../../src/primitives/errors.ts'
import { equalBytes } from '../../src/primitives/bytes.ts'
import { Prng } from '../support/prng.ts'
import { filler, inflate, mutateBytes } from './mutate-bytes.ts'
import { mutateValue } from './mutate-value.ts'

export interface Description<Value, Decoded> {
  readonly name: string
  /** Values that are right, made once for a seed. */
  values(prng: Prng): readonly Value[]
  encode(value: Value): Uint8Array
  /** Puts right what a change of a value broke and no decoder would look behind: hashes. Used for half of the cases. */
  readonly repair?: (value: Value) => Value
  decode(bytes: Uint8Array): Decoded | Promise<Decoded>
  /** Codes of the errors that it may throw: those of {@link AevirError}. */
  readonly errors: readonly string[]
  /** The bytes of what was decoded, which must be those of the input: there is one encoding of each value. */
  readonly reencode?: (decoded: Decoded) => Uint8Array
  /** Throws when what was decoded is not what the decoder promises. */
  readonly check?: (decoded: Decoded, bytes: Uint8Array) => void
  /** Whether values of one type may be changed to another. */
  readonly isLoose?: boolean
  /** Longest time for a short input; 50 ms unless it says otherwise. */
  readonly timeMsMax?: number
  /** Called once at the end. */
  readonly close?: () => void | Promise<void>
}

export interface Target {
  readonly name: string
  readonly timeMsMax: number
  /** Makes the input of a case. */
  inputs(seed: string): (caseNumber: number) => Uint8Array
  /** Whether the input was taken. @throws FuzzFailure */
  run(bytes: Uint8Array): boolean | Promise<boolean>
  close(): Promise<void>
}

/** The decoder broke a promise. */
export class FuzzFailure extends Error {}

const TIME_MS_MAX = 50
/** Changes to the bytes of one input. */
const CHANGES_MAX = 4
/** Share of inputs that are made large: what takes long grows faster than its input. */
const LARGE_SHARE = 1 / 400

export function target<Value, Decoded>(description: Description<Value, Decoded>): Target {
  return {
    name: description.name,
    timeMsMax: description.timeMsMax ?? TIME_MS_MAX,
    inputs: (seed) => inputsOf(description, seed),
    run: (bytes) => run(description, bytes),
    close: async () => description.close?.(),
  }
}

function inputsOf<V, D>(description: Description<V, D>, seed: string): (caseNumber: number) => Uint8Array {
  const { name, values, encode } = description
  const corpus = values(new Prng(`${seed} ${name} corpus`))
  const encoded = corpus.map((value) => encode(value))
  return (caseNumber) => {
    const prng = new Prng(`${seed} ${name} ${caseNumber}`)
    const [index, other] = [prng.below(corpus.length), prng.pick(encoded)]
    switch (prng.below(16)) {
      case 0:
        return encoded[index] as Uint8Array
      case 1:
        return filler(prng)
      default:
        break
    }
    // The index is one of the corpus.
    const original = encoded[index] as Uint8Array
    let bytes = prng.chance(0.5)
      ? (changedValue(prng, description, corpus[index] as V) ?? original)
      : original
    const isChanged = bytes !== original
    const changes = prng.between(isChanged ? 0 : 1, isChanged ? 1 : CHANGES_MAX)
    for (let i = 0; i < changes; i++) bytes = mutateBytes(prng, bytes, other)
    return prng.chance(LARGE_SHARE) ? inflate(prng, bytes) : bytes
  }
}

/** `undefined` when the encoder cannot write it: what it says to that is not what is tested. */
function changedValue<V, D>(prng: Prng, description: Description<V, D>, value: V): Uint8Array | undefined {
  try {
    let changed = value
    for (let i = prng.between(1, 2); i > 0; i--)
      changed = mutateValue(prng, changed, description.isLoose ?? false)
    if (description.repair !== undefined && prng.chance(0.5)) changed = description.repair(changed)
    return description.encode(changed)
  } catch {
    return undefined
  }
}

function run<V, D>(description: Description<V, D>, bytes: Uint8Array): boolean | Promise<boolean> {
  let decoded: D | Promise<D>
  try {
    decoded = description.decode(bytes)
  } catch (error) {
    return refused(description, error)
  }
  if (!(decoded instanceof Promise)) return accepted(description, decoded, bytes)
  return decoded.then(
    (value) => accepted(description, value, bytes),
    (error: unknown) => refused(description, error),
  )
}

function refused<V, D>({ errors }: Description<V, D>, error: unknown): false {
  if (error instanceof AevirError && errors.includes(error.code)) return false
  throw new FuzzFailure('an error that the decoder does not declare', { cause: error })
}

function accepted<V, D>({ reencode, check }: Description<V, D>, decoded: D, bytes: Uint8Array): true {
  try {
    check?.(decoded, bytes)
    if (reencode !== undefined && !equalBytes(reencode(decoded), bytes)) {
      throw new Error('it encodes to other bytes than it was decoded from')
    }
  } catch (error) {
    throw new FuzzFailure('a value that the decoder should not give', { cause: error })
  }
  return true
}
