/** Samples of short calls, taken by mitata: it batches calls that are shorter than the clock can tell. */
import { measure } from 'mitata'
import type { Figure } from './suite.ts'
import { spreadOf } from './suite.ts'

/** Least time that samples of one call are taken for, in nanoseconds. */
const SAMPLING_NS = 300e6

/** What {@link measureCall} does, for reports. */
export const CALL_SAMPLE = `mean of a batch of calls that takes long enough for the clock; ${SAMPLING_NS / 1e6} ms of batches`

/** Time of a call in nanoseconds. @param call its result is used, so that it is not optimised away. */
export async function measureCall(task: string, subject: string, call: () => unknown): Promise<Figure> {
  const { samples } = await measure(call, { min_cpu_time: SAMPLING_NS })
  return { task, subject, quantity: 'time', unit: 'ns', spread: spreadOf(samples) }
}
