/**
 * A disk for the consensus log that behaves badly: appended records become durable after a while, or never. A crash
 * loses the unsynced tail, all of it or a part, possibly with a hole; a damaged disk loses what was durable.
 */
import { concatBytes } from '../../src/primitives/bytes.ts'
import { NEW_GUARD, type DoubleSignGuard } from '../../src/consensus/simplex/double-sign-guard.ts'
import type { CommitteeShape } from '../../src/consensus/simplex/config.ts'
import type { Origin } from '../../src/consensus/simplex/machine.ts'
import type { WalRecord } from '../../src/consensus/simplex/wal-records.ts'
import type { Stream } from './stream.ts'
import type { Subject } from './subject.ts'

interface Written {
  readonly record: WalRecord
  /** Records of the file that were durable when this one was written. */
  readonly durableCount: number
}

/** How a restart finds the disk. */
export interface Recovered extends Pick<Origin, 'records' | 'abstainThrough'> {
  readonly isCorrupt: boolean
}

export class SimulatedDisk {
  private written: Written[] = []
  private durableCount = 0
  private guard: DoubleSignGuard = NEW_GUARD
  /** Chance that the next flush fails. */
  failureShare = 0
  private readonly subject: Subject
  private readonly stream: Stream

  constructor(subject: Subject, stream: Stream) {
    this.subject = subject
    this.stream = stream
  }

  append(records: readonly WalRecord[]): void {
    const { durableCount } = this
    for (const record of records) this.written.push({ record, durableCount })
  }

  /** Where a flush that is begun now will have got to. */
  get writtenCount(): number {
    return this.written.length
  }

  /** @returns false when the flush failed: what is durable now, nobody knows. */
  flush(count: number): boolean {
    if (this.failureShare > 0 && this.stream.chance(this.failureShare)) return false
    const durableCount = Math.min(count, this.written.length)
    this.writeGuard(durableCount)
    this.durableCount = Math.max(this.durableCount, durableCount)
    return true
  }

  /** The guard is a file of its own, written after the log and before anything is sent. */
  private writeGuard(count: number): void {
    for (const { record } of this.written.slice(this.durableCount, count)) {
      if (record.kind === 'statement') this.guard = this.subject.guardAfter(this.guard, record.statement)
    }
  }

  replace(records: readonly WalRecord[]): void {
    this.writeGuard(this.written.length)
    this.written = records.map((record) => ({ record, durableCount: 0 }))
    this.durableCount = this.written.length
  }

  /** Cuts the power. What is read afterwards is what {@link recover} says. */
  crash(): void {
    const kept = this.durableCount + this.stream.below(this.written.length - this.durableCount + 1)
    this.written.length = kept
  }

  /** Reads the log back, byte by byte. @param isDamaged whether the disk lost something that was durable. */
  recover(committee: CommitteeShape, isDamaged: boolean): Recovered {
    const file = this.bytes()
    if (isDamaged) this.damage(file)
    let records: readonly WalRecord[]
    let isCorrupt = false
    try {
      records = this.subject.readLog(file, committee).records
    } catch (error) {
      if (!(error instanceof this.subject.CorruptLogError)) throw error
      records = []
      isCorrupt = true
    }
    this.written = records.map((record) => ({ record, durableCount: 0 }))
    this.durableCount = this.written.length
    return { records, isCorrupt, abstainThrough: this.subject.abstentionOf(this.guard, records) }
  }

  /** The file, with the unsynced tail torn in one of the ways that tails are torn. */
  private bytes(): Uint8Array {
    const offsets: number[] = [0]
    const frames = this.written.map(({ record, durableCount }) => {
      const frame = this.subject.frameRecord(record, offsets[durableCount] ?? 0)
      offsets.push((offsets.at(-1) ?? 0) + frame.length)
      return frame
    })
    const file = concatBytes(...frames)
    const durableSize = offsets[this.durableCount] ?? 0
    const tailSize = file.length - durableSize
    if (tailSize === 0) return file
    const torn = this.stream.below(3)
    if (torn === 0) return file.subarray(0, durableSize + this.stream.below(tailSize))
    if (torn === 1) {
      const holeStart = durableSize + this.stream.below(tailSize)
      file.fill(0, holeStart, holeStart + 1 + this.stream.below(64))
    }
    return file
  }

  private damage(file: Uint8Array): void {
    if (file.length === 0) return
    const at = this.stream.below(file.length)
    file[at] = (file[at] as number) ^ (1 << this.stream.below(8))
  }
}
