/** Ends a running node: in order at the first signal, at once at the second or when the first takes too long. */

/** Time for an orderly stop; then the process ends anyway. */
const STOP_TIMEOUT_MS = 10_000
/** As shells have it: 128 and the number of SIGINT. */
const FORCED_EXIT_CODE = 130

export interface StopOptions {
  /** Ends everything in order. */
  stop(): Promise<void>
  /** Told when a stop begins. */
  onStop(): void
  onError(error: unknown): void
}

/** SIGHUP comes when the terminal is closed. */
export function stopOnSignals({ stop, onStop, onError }: StopOptions): void {
  let isStopping = false
  const onSignal = (): void => {
    if (isStopping) process.exit(FORCED_EXIT_CODE)
    isStopping = true
    onStop()
    setTimeout(() => {
      process.stderr.write(`aevir: ended after waiting ${STOP_TIMEOUT_MS / 1000} s for requests to end\n`)
      process.exit(1)
    }, STOP_TIMEOUT_MS).unref()
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        onError(error)
        process.exit(1)
      },
    )
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
}
