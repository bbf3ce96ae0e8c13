/** Finds the words for why a transaction failed, and keeps nothing else. */
import { AevirError } from '../../primitives/errors.ts'
import type { StepView } from '../../../runtime/host.ts'
import type { ExecutionTracer, FrameEntry, FrameExit, TransactionStart } from '../tracing.ts'
import { FrameErrors } from './frame-errors.ts'

/** The run takes longer than the text is worth. */
export class TooManyStepsError extends AevirError {
  override readonly code = 'TOO_MANY_STEPS'
}

export class FailureTracer implements ExecutionTracer {
  private readonly errors = new FrameErrors()
  private stepsLeft: number
  /** Of the transaction's own frame; `undefined` when it succeeded. */
  text: string | undefined

  /** @param stepsMax instructions after which {@link step} throws a {@link TooManyStepsError}. */
  constructor(stepsMax: number) {
    this.stepsLeft = stepsMax
  }

  start({ environment }: TransactionStart): void {
    this.errors.start(environment.rules.evm)
  }

  enter({ kind }: FrameEntry): void {
    this.errors.enter(kind)
  }

  step(view: StepView): void {
    this.stepsLeft -= 1
    if (this.stepsLeft < 0) throw new TooManyStepsError('the run has too many steps')
    this.errors.step(view)
  }

  fault(): void {
    this.errors.fault()
  }

  exit({ depth, failure }: FrameExit): void {
    const text = this.errors.exit(failure)
    if (depth === 0) this.text = text
  }
}
