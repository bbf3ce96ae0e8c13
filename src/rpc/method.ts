/**
 * What a JSON-RPC method is. A module in `methods/` exports `methods`, a table of name to {@link Method}; `registry.ts`
 * lists them all. A method parses its params itself (`parse.ts`) and throws what `errors.ts` knows how to tell.
 */
import type { Backend } from './backend.ts'
import type { Filters } from './filters.ts'
import type { Subscriber, Subscriptions } from './subscriptions.ts'
import type { Clock } from '../consensus/plugin.ts'

/** What a running method can see beside its params. */
export interface MethodContext {
  readonly backend: Backend
  readonly clock: Clock
  /** Time (of {@link clock}) after which nobody waits for the answer any more; long loops look at it. */
  readonly deadlineMs: number
  /** Whether blocks and receipts carry `commitState`, which the Ethereum API does not know. */
  readonly commitStates: boolean
  /** Names of all methods that this node offers. */
  readonly methodNames: readonly string[]
  readonly filters: Filters
  readonly subscriptions: Subscriptions
  /** The WebSocket that asks; `undefined` over HTTP. */
  readonly subscriber: Subscriber | undefined
  /** Subscriptions that this message opened: they begin to speak once it is answered. */
  readonly opened: string[]
}

export interface Method {
  /** Fewest and most params; fewer or more are refused before {@link run}. */
  readonly params: readonly [min: number, max: number]
  /** The result, ready for JSON (`format.ts`). */
  readonly run: (params: readonly unknown[], context: MethodContext) => unknown
  /** Set when the method waits for something and bounds the wait itself. */
  readonly hasOwnTimeout?: true
}

export type MethodTable = Readonly<Record<string, Method>>
