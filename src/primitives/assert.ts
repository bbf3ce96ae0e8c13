/**
 * Broken invariants. An assertion that fails means that this process no longer knows what it is doing:
 * the node stops rather than guesses. Bad input is never an assertion; it is an {@link AevirError}.
 */

export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure'
}

/** @throws AssertionFailure when `condition` is false. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message)
}

/** The value, which an invariant says is present. @throws AssertionFailure when it is not. */
export function present<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new AssertionFailure(`missing ${what}`)
  return value
}

/** Ends every exhaustive `switch`. @throws AssertionFailure always. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unreachable: ${JSON.stringify(value)}`)
}
