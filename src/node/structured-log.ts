/** The log of a node as a process: a line of JSON for each entry (pino), or a line for people on a terminal. */
import { pino, type DestinationStream } from 'pino'
import type { Log, LogFields, LogLevel } from './log.ts'

export const LOG_FORMATS = ['auto', 'json', 'pretty'] as const
/** `auto`: for people where a terminal is, JSON elsewhere. */
export type LogFormat = (typeof LOG_FORMATS)[number]

export interface LogOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Takes whole lines. */
  readonly stream: DestinationStream & { readonly isTTY?: boolean | undefined }
}

export function createLog({ level, format, stream }: LogOptions): Log {
  const isPretty = format === 'pretty' || (format === 'auto' && stream.isTTY === true)
  const destination = isPretty ? { write: (line: string) => stream.write(prettyLine(line)) } : stream
  const logger = pino(
    {
      level,
      // Neither process nor host: who collects logs knows them better.
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  const write =
    (at: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      logger[at](Object.fromEntries(Object.entries(fields).map(printable)), message)
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

/** JSON has no integers of any size. */
function printable([name, value]: [string, LogFields[string]]): [string, LogFields[string]] {
  return [name, typeof value === 'bigint' ? `${value}` : value]
}

const COLORS: Readonly<Record<LogLevel, number>> = { debug: 2, info: 32, warn: 33, error: 31 }
const LEVEL_WIDTH = 5
/** Ids of nodes are shown by their beginning. */
const SHOWN_HEX = 18

/** `12:34:56.789 INFO  an epoch begins  layer=witness epoch=256` */
function prettyLine(json: string): string {
  // What pino writes is what was put together above.
  const { level, time, msg, ...fields } = JSON.parse(json) as Record<string, unknown> & {
    level: LogLevel
    time: string
    msg: string
  }
  const label = `\u001b[${COLORS[level]}m${level.toUpperCase().padEnd(LEVEL_WIDTH)}\u001b[0m`
  const shown = Object.entries(fields).map(([name, value]) => ` ${name}=${shortened(String(value))}`)
  return `${time.slice(11, 23)} ${label} ${msg}${shown.length > 0 ? ' ' : ''}${shown.join('')}\n`
}

function shortened(value: string): string {
  return /^0x[0-9a-f]{80,}$/.test(value) ? `${value.slice(0, SHOWN_HEX)}…` : value
}
