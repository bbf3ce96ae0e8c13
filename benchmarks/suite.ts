/**
 * What a benchmark suite is: a function that measures and gives figures back with everything a reader needs to judge
 * them. Printing and JSON are elsewhere (`report.ts`), so that all suites look alike.
 */

/** Receives lines for people while a suite runs; they are no part of its result. */
export type Progress = (line: string) => void

export interface Suite {
  /** @param args what followed the suite's name on the command line; each suite states its own in its file. */
  run(args: readonly string[], progress: Progress): Promise<Measurements>
}

export interface Measurements {
  /** What was worked on: sizes, counts, mix. */
  readonly input: string
  /** What ran before the first figure was taken. */
  readonly warmUp: string
  /** What ours is compared with, and what both had to agree on. */
  readonly baseline: string
  /** What one sample is. */
  readonly sample: string
  /** Versions of what stands beside ours. */
  readonly peers: Readonly<Record<string, string>>
  readonly figures: readonly Figure[]
  /** Targets and whether they were met. */
  readonly checks: readonly Check[]
  readonly notes: readonly string[]
  /** The few numbers that others follow over time, by names that stay. */
  readonly summary?: Readonly<Record<string, number>>
}

/** One measured quantity of one subject at one task. */
export interface Figure {
  /** The task: same work for every subject. */
  readonly task: string
  /** Who did it: `aevir`, or a peer's name. */
  readonly subject: string
  /** What was measured, such as `time` or `resident memory`. */
  readonly quantity: string
  readonly unit: string
  readonly spread: Spread
}

/** Samples in short, in the figure's unit. */
export interface Spread {
  readonly count: number
  readonly min: number
  readonly p10: number
  readonly median: number
  readonly p90: number
  readonly max: number
}

export interface Check {
  readonly claim: string
  readonly measured: string
  readonly passed: boolean
}

/** @param samples at least one, in any order. */
export function spreadOf(samples: readonly number[]): Spread {
  if (samples.length === 0) throw new RangeError('a spread needs a sample')
  const sorted = samples.toSorted((a, b) => a - b)
  // Nearest rank: every figure is one that was measured.
  const rank = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] as number
  return {
    count: sorted.length,
    min: rank(0),
    p10: rank(0.1),
    median: rank(0.5),
    p90: rank(0.9),
    max: rank(1),
  }
}

/** A claim that the median is at most `limit`. */
export function atMost(claim: string, { spread, unit }: Figure, limit: number): Check {
  const measured = `median ${spread.median.toFixed(1)} ${unit}, limit ${limit} ${unit}`
  return { claim, measured, passed: spread.median <= limit }
}
