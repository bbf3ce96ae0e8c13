/** Whether a series of samples goes up: a straight line through its later part (least squares). */

export interface Trend {
  /** Of the line, per unit of x. */
  readonly slope: number
  /** What the line gains from the first to the last x, as a part of the mean. */
  readonly relativeGrowth: number
  readonly mean: number
}

/** @param points at least two with different x. */
export function trendOf(points: readonly (readonly [x: number, y: number])[]): Trend {
  const meanX = mean(points.map(([x]) => x))
  const meanY = mean(points.map(([, y]) => y))
  let covariance = 0
  let variance = 0
  for (const [x, y] of points) {
    covariance += (x - meanX) * (y - meanY)
    variance += (x - meanX) ** 2
  }
  if (variance === 0) throw new RangeError('a trend needs two points')
  const slope = covariance / variance
  const xs = points.map(([x]) => x)
  const span = Math.max(...xs) - Math.min(...xs)
  return { slope, relativeGrowth: (slope * span) / meanY, mean: meanY }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
