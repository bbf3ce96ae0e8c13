/** geth's `4byteTracer`: how often each function selector was called, with each size of arguments. */
import { bytesToHex } from '../../primitives/bytes.ts'
import type { FrameEntry, FrameKind } from '../tracing.ts'
import type { Tracer } from './tracer.ts'

const SELECTOR_SIZE = 4
const CALLS = new Set<FrameKind>(['call', 'callcode', 'delegatecall', 'staticcall'])

export class FourByteTracer implements Tracer {
  /** By `selector-size`, the size without the selector, in bytes. */
  private readonly counts: Record<string, number> = {}

  enter({ kind, input, isPrecompile }: FrameEntry): void {
    if (!CALLS.has(kind) || isPrecompile || input.length < SELECTOR_SIZE) return
    const key = `${bytesToHex(input.subarray(0, SELECTOR_SIZE))}-${input.length - SELECTOR_SIZE}`
    this.counts[key] = (this.counts[key] ?? 0) + 1
  }

  result(): unknown {
    return this.counts
  }
}
