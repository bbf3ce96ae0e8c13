/**
 * The base of every expected failure: bad input, a refused transaction, an unknown block.
 * Subclasses fix `code` to a literal and add typed fields, so that callers branch on values and never on text.
 */
export abstract class AevirError extends Error {
  abstract readonly code: string
}
