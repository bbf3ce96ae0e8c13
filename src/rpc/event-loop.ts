/** Long work on the one thread gives way now and then. */

/** A turn of the event loop: timers, other connections. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
