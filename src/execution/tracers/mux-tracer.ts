/** geth's `muxTracer`: several tracers in one run, their results side by side. */
import type { Log } from '../../chain/receipt.ts'
import type { StepView } from '../../../runtime/host.ts'
import type { HaltReason } from '../../../runtime/outcome.ts'
import type { ExecutionTracer, FrameEntry, FrameExit, TransactionStart } from '../tracing.ts'
import type { Tracer } from './tracer.ts'

type End = Parameters<NonNullable<ExecutionTracer['end']>>[0]

export class MuxTracer implements Tracer {
  private readonly tracers: ReadonlyMap<string, Tracer>

  /** @param tracers by the name under which the result appears. */
  constructor(tracers: ReadonlyMap<string, Tracer>) {
    this.tracers = tracers
  }

  start(start: TransactionStart): void {
    for (const tracer of this.tracers.values()) tracer.start?.(start)
  }

  step(view: StepView): void {
    for (const tracer of this.tracers.values()) tracer.step?.(view)
  }

  fault(reason: HaltReason, gasCharged: bigint): void {
    for (const tracer of this.tracers.values()) tracer.fault?.(reason, gasCharged)
  }

  enter(entry: FrameEntry): void {
    for (const tracer of this.tracers.values()) tracer.enter?.(entry)
  }

  exit(exit: FrameExit): void {
    for (const tracer of this.tracers.values()) tracer.exit?.(exit)
  }

  log(log: Log, depth: number): void {
    for (const tracer of this.tracers.values()) tracer.log?.(log, depth)
  }

  end(end: End): void {
    for (const tracer of this.tracers.values()) tracer.end?.(end)
  }

  result(): unknown {
    return Object.fromEntries([...this.tracers].map(([name, tracer]) => [name, tracer.result()]))
  }
}
