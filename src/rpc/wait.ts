/** Waiting for the chain: until something holds, looked at after every event of the node, or until time is up. */
import type { MethodContext } from './method.ts'

/**
 * @param look gives `undefined` while there is nothing to tell yet; what it throws ends the wait.
 * @returns what `look` gave, or `undefined` when it gave nothing in time.
 */
export function waitUntil<T>(
  { backend, clock }: MethodContext,
  timeoutMs: number,
  look: () => T | undefined,
): Promise<T | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<T | undefined>()
  const attempt = (): void => {
    try {
      const found = look()
      if (found !== undefined) resolve(found)
    } catch (error) {
      reject(error)
    }
  }
  const unsubscribe = backend.subscribe(attempt)
  const cancel = clock.schedule(timeoutMs, () => {
    resolve(undefined)
  })
  attempt()
  return promise.finally(() => {
    unsubscribe()
    cancel()
  })
}
