/** What a node writes down for its operator: narrow, so that nothing but the composition root knows where it goes. */

/** In the order of importance. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export type LogFields = Readonly<Record<string, string | number | bigint | boolean | undefined>>

export type Log = {
  /** @param message the same words each time, so that it can be searched for; what differs stands in the fields. */
  readonly [level in LogLevel]: (message: string, fields?: LogFields) => void
}

const nothing = (): void => {}

export const SILENT_LOG: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
