/** A development node's time: the machine's, shifted, fixed or stepped by whoever develops. All in seconds. */
import { AevirError } from '../../primitives/errors.ts'

export class TimestampError extends AevirError {
  override readonly code = 'INVALID_TIMESTAMP'
}

export interface DevTimeSettings {
  /** How far the node's clock is ahead of the machine's. */
  readonly offsetSeconds: bigint
  readonly nextTimestamp: bigint | undefined
  /** Fixed difference between blocks. */
  readonly blockInterval: bigint | undefined
}

export class DevTime {
  private settings: DevTimeSettings = {
    offsetSeconds: 0n,
    nextTimestamp: undefined,
    blockInterval: undefined,
  }
  private readonly nowMs: () => number

  constructor(nowMs: () => number) {
    this.nowMs = nowMs
  }

  save(): DevTimeSettings {
    return this.settings
  }

  restore(settings: DevTimeSettings): void {
    this.settings = settings
  }

  /** Timestamp of a block on a parent with `parentTimestamp`: always after it. */
  next(parentTimestamp: bigint): bigint {
    const { nextTimestamp, blockInterval, offsetSeconds } = this.settings
    if (nextTimestamp !== undefined && nextTimestamp > parentTimestamp) return nextTimestamp
    if (blockInterval !== undefined) return parentTimestamp + (blockInterval > 0n ? blockInterval : 1n)
    const now = this.now() + offsetSeconds
    return now > parentTimestamp ? now : parentTimestamp + 1n
  }

  /**
   * A block was made: a timestamp that was set for it is used up, and time goes on from there. Blocks made faster than
   * one a second run ahead of the clock, which then follows: who adds an hour finds the next block an hour later.
   */
  onBlock(timestamp: bigint): void {
    const { nextTimestamp, offsetSeconds } = this.settings
    const wasSet = nextTimestamp === timestamp
    const now = this.now()
    if (!wasSet && timestamp <= now + offsetSeconds) return
    this.settings = {
      ...this.settings,
      nextTimestamp: wasSet ? undefined : nextTimestamp,
      offsetSeconds: timestamp - now,
    }
  }

  /** @returns the offset after adding. */
  increase(seconds: bigint): bigint {
    const offsetSeconds = this.settings.offsetSeconds + seconds
    this.settings = { ...this.settings, offsetSeconds }
    return offsetSeconds
  }

  /** @throws TimestampError when not after the head. */
  setNext(timestamp: bigint, headTimestamp: bigint): void {
    if (timestamp <= headTimestamp) {
      throw new TimestampError(
        `timestamp ${timestamp} is not after that of the newest block, ${headTimestamp}: choose ${headTimestamp + 1n} or later`,
      )
    }
    this.settings = { ...this.settings, nextTimestamp: timestamp }
  }

  /** Sets the clock. @returns the offset. */
  set(timestamp: bigint): bigint {
    const offsetSeconds = timestamp - this.now()
    this.settings = { ...this.settings, offsetSeconds, nextTimestamp: undefined }
    return offsetSeconds
  }

  setBlockInterval(seconds: bigint | undefined): void {
    this.settings = { ...this.settings, blockInterval: seconds }
  }

  private now(): bigint {
    return BigInt(Math.floor(this.nowMs() / 1000))
  }
}
