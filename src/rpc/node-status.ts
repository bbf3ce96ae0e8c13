/** What probes and monitoring ask a node over HTTP: `/readyz` and `/metrics`. The node implements it. */

/** Whether to send users here. A node that is not ready is well, as far as it knows: it must not be started again. */
export type Readiness =
  | { readonly isReady: true }
  | {
      readonly isReady: false
      /** One line for people: what is missing. */
      readonly reason: string
    }

export interface NodeStatus {
  readiness(): Readiness
  /** In the Prometheus text format, version 0.0.4. */
  metrics(): Promise<string>
  /** A request was answered. @param method one that the node offers; `undefined` for all that it does not. */
  onAnswered(method: string | undefined, durationMs: number): void
}
