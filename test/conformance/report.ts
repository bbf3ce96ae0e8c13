/** Counts results and tells them: progress on a terminal, a table and the first failures at the end. */
import { SUITE_NAMES, type SuiteName } from './suite.ts'

export type Status = 'passed' | 'failed' | 'skipped'

/** What became of one case. Plain data. */
export interface CaseResult {
  readonly suite: SuiteName
  readonly id: string
  readonly status: Status
  /** Why it failed or was skipped; empty when it passed. */
  readonly reason: string
}

export type Counts = Record<Status, number>

/** What `--json` writes. */
export interface Summary {
  readonly suites: Readonly<Partial<Record<SuiteName, Counts>>>
  readonly total: Counts
  readonly failures: readonly CaseResult[]
  readonly skipReasons: Readonly<Record<string, number>>
  readonly durationMs: number
}

/** Failures that are printed; all of them are in the summary. */
const FAILURES_SHOWN_MAX = 25
const REASON_LENGTH_MAX = 600
const PROGRESS_INTERVAL_MS = 200

export interface Report {
  add(results: readonly CaseResult[]): void
  /** Prints the end of the report and returns the figures. */
  finish(): Summary
}

/** @param isTerminal whether a line may be drawn over. */
export function createReport(print: (text: string) => void, isTerminal: boolean): Report {
  const startMs = performance.now()
  const suites = new Map<SuiteName, Counts>()
  const failures: CaseResult[] = []
  const skipReasons = new Map<string, number>()
  const total = noCounts()
  let drawnMs = 0

  return {
    add(results) {
      for (const result of results) {
        let counts = suites.get(result.suite)
        if (counts === undefined) suites.set(result.suite, (counts = noCounts()))
        counts[result.status] += 1
        total[result.status] += 1
        if (result.status === 'failed') failures.push(result)
        if (result.status === 'skipped') {
          skipReasons.set(result.reason, (skipReasons.get(result.reason) ?? 0) + 1)
        }
      }
      if (!isTerminal || performance.now() - drawnMs < PROGRESS_INTERVAL_MS) return
      drawnMs = performance.now()
      print(`\r${totals(total)} · ${seconds(performance.now() - startMs)}\u001B[K`)
    },

    finish() {
      const durationMs = performance.now() - startMs
      if (isTerminal) print('\r\u001B[K')
      for (const name of SUITE_NAMES) {
        const counts = suites.get(name)
        if (counts !== undefined) print(`${name.padEnd(12)} ${totals(counts)}\n`)
      }
      for (const [reason, count] of skipReasons) print(`skipped ${count}: ${reason}\n`)
      for (const { suite, id, reason } of failures.slice(0, FAILURES_SHOWN_MAX)) {
        print(`\nFAILED ${suite}: ${id}\n  ${shorten(reason)}\n`)
      }
      const hidden = failures.length - FAILURES_SHOWN_MAX
      if (hidden > 0) print(`\n… and ${hidden} more failures (--json FILE lists them all)\n`)
      print(`\n${seconds(durationMs)}\n${totals(total)}\n`)
      return {
        suites: Object.fromEntries(suites),
        total,
        failures,
        skipReasons: Object.fromEntries(skipReasons),
        durationMs: Math.round(durationMs),
      }
    },
  }
}

function noCounts(): Counts {
  return { passed: 0, failed: 0, skipped: 0 }
}

/** The form of the last line, which other programs read. */
function totals({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`
}

function shorten(reason: string): string {
  const text = reason.length > REASON_LENGTH_MAX ? `${reason.slice(0, REASON_LENGTH_MAX)} …` : reason
  return text.replaceAll('\n', '\n  ')
}
