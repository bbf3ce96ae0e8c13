/** What worlds in virtual time have in common: a clock that is moved by hand, and logs that are durable at once. */
import assert from 'node:assert/strict'
import type { WriteAheadLog } from '../../src/consensus/simplex/driver.ts'
import type { WalRecord } from '../../src/consensus/simplex/wal-records.ts'
import { ManualClock } from './manual-clock.ts'

const STEP_MS = 10

export abstract class VirtualWorld {
  readonly clock = new ManualClock()

  /** Carries out what is under way; no time passes. */
  protected abstract settle(): Promise<void>

  /** Moves the clock; nodes compute in no time. */
  async run(durationMs: number): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += STEP_MS) {
      this.clock.advance(STEP_MS)
      await this.settle()
    }
  }

  /** Moves the clock until something holds, for no longer than this much virtual time. */
  async until(what: string, holds: () => boolean, limitMs = 30_000): Promise<void> {
    for (let passed = 0; !holds(); passed += STEP_MS) {
      assert.ok(passed < limitMs, `not within ${limitMs} ms: ${what}`)
      await this.run(STEP_MS)
    }
  }
}

/** A log that keeps its records in an array, where they outlive the node. */
export function memoryLog(records: WalRecord[]): WriteAheadLog {
  return {
    append: (added, onDone) => {
      records.push(...added)
      onDone(true)
    },
    replace: (all, onDone) => {
      records.splice(0, records.length, ...all)
      onDone(true)
    },
  }
}
