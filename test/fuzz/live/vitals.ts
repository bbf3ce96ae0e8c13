/** What a process takes, over time: what keeps growing under attack is a leak, whoever asked for it. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface Vitals {
  readonly seconds: number
  /** After a collection, in MiB. */
  readonly heapMb: number
  readonly buffersMb: number
  readonly rssMb: number
  /** Sockets, timers and whatever else keeps a process alive. */
  readonly resources: number
  readonly peers: number
}

const MIB = 2 ** 20
setFlagsFromString('--expose-gc')
// The flag puts it into contexts that are made from now on.
const collect = runInNewContext('gc') as () => void

export function readVitals(seconds: number, peers: number): Vitals {
  collect()
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  const resources = process.getActiveResourcesInfo().length
  return {
    seconds,
    heapMb: heapUsed / MIB,
    buffersMb: arrayBuffers / MIB,
    rssMb: rss / MIB,
    resources,
    peers,
  }
}

/** Change a minute by the line of least squares. */
export function slopePerMinute(samples: readonly Vitals[], of: (vitals: Vitals) => number): number {
  const count = samples.length
  if (count < 2) return 0
  const meanX = samples.reduce((sum, { seconds }) => sum + seconds, 0) / count
  const meanY = samples.reduce((sum, sample) => sum + of(sample), 0) / count
  let [above, below] = [0, 0]
  for (const sample of samples) {
    above += (sample.seconds - meanX) * (of(sample) - meanY)
    below += (sample.seconds - meanX) ** 2
  }
  return below === 0 ? 0 : (60 * above) / below
}
