/** Failures as text for people: an expected one is told in a line, anything else is a bug, and its stack helps. */
import { AevirError } from '../primitives/errors.ts'

export function describeError(error: unknown): string {
  if (error instanceof AevirError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** Says what failed in the background, where no caller waits for it. */
export function reportBackgroundError(error: unknown): void {
  const what = error instanceof AevirError ? '' : 'internal error: '
  process.stderr.write(`aevir: ${what}${describeError(error)}\n`)
}
