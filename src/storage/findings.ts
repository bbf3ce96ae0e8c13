/** What a verification finds wrong, and how far it has come. */
import { AevirError } from '../primitives/errors.ts'

/** Findings that are spelled out; the others are counted. */
export const FINDINGS_LISTED_MAX = 100

export interface VerifyProgress {
  readonly stage: 'blocks' | 'accounts' | 'history' | 'consensus'
  readonly done: number
  readonly total: number
}

/** Collects findings of all checks. */
export class Findings {
  readonly listed: string[] = []
  count = 0

  add(finding: string): void {
    this.count += 1
    if (this.listed.length < FINDINGS_LISTED_MAX) this.listed.push(finding)
  }

  /** Adds `finding` unless the condition holds. */
  expect(condition: boolean, finding: string): void {
    if (!condition) this.add(finding)
  }

  /** The result of `read`, or `undefined` when what it reads is damaged: then that is added. */
  attempt<T>(what: string, read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof AevirError)) throw error
      this.add(`${what}: ${error.message}`)
      return undefined
    }
  }
}
