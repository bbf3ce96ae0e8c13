/** What a suite is: it turns files into cases; a case passes unless it throws. */
import type { FixtureFile, Slice } from './fixture-files.ts'

/** In the order in which they are reported. */
export const SUITE_NAMES = [
  'rlp',
  'transaction',
  'trie',
  'instructions',
  'precompiles',
  'state',
  'blockchain',
  'rpc',
  'kzg',
  'wycheproof',
] as const
export type SuiteName = (typeof SUITE_NAMES)[number]

/** What one worker takes on at a time. Plain data. */
export interface Job {
  readonly suite: SuiteName
  readonly files: readonly FixtureFile[]
  readonly slice: Slice
}

export interface RunOptions {
  /** Name of the execution engine, or of the reference. */
  readonly engine: string
}

export interface Case {
  readonly id: string
  /** @throws SkippedCase when the case is about something this node does not have; anything else is a failure. */
  run(): void | Promise<void>
}

export interface Suite {
  cases(job: Job, options: RunOptions): Iterable<Case> | AsyncIterable<Case>
}

/** The case asks for what is not supported, by decision; the reason says what. */
export class SkippedCase extends Error {}

/** @throws Error that names both values when they differ. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`${what}: got ${String(actual)}, expected ${String(expected)}`)
}

/** @throws Error unless `action` throws an error that `isExpected` accepts; other errors are passed on. */
export function expectRefusal(
  action: () => unknown,
  isExpected: (error: unknown) => boolean,
  what: string,
): void {
  try {
    action()
  } catch (error) {
    if (isExpected(error)) return
    throw error
  }
  throw new Error(`${what} was accepted, it must be refused`)
}
