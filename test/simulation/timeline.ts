/** Virtual time: what is going to happen, what time it is, and a hash of what happened. */
import { EventHeap } from './event-heap.ts'
import { Stream } from './stream.ts'

export class Timeline {
  now = 0
  eventCount = 0
  private readonly heap = new EventHeap()
  private readonly ties: Stream
  private hashLow = 0x811c9dc5
  private hashHigh = 0x01000193

  constructor(seed: number) {
    this.ties = new Stream(seed, 'ties')
  }

  /** @param label tells events apart in the hash. */
  schedule(at: number, label: number, fire: () => void): void {
    this.heap.push(at, this.ties.uint32(), label, fire)
  }

  every(everyMs: number, action: () => void): void {
    this.schedule(this.now + everyMs, -5, () => {
      action()
      this.every(everyMs, action)
    })
  }

  /** Does something at random times up to an end, and undoes it after a while. */
  atRandom(stream: Stream, everyMs: number, untilMs: number, begin: () => void, end?: () => void): void {
    if (everyMs === Infinity) return
    const again = (): void => {
      const at = this.now + everyMs * stream.between(0.3, 1.7)
      if (at >= untilMs) return
      this.schedule(at, -3, () => {
        begin()
        if (end !== undefined) this.schedule(this.now + everyMs * stream.between(0.1, 0.9), -4, end)
        again()
      })
    }
    again()
  }

  /** Lets the next thing happen. @returns false when there is none. */
  advance(): boolean {
    const next = this.heap.pop()
    if (next === undefined) return false
    this.now = next.at
    this.eventCount += 1
    this.mixHash(next.label, next.at)
    next.fire()
    return true
  }

  /** Hot: once an event. Two 32-bit FNV-like lanes. */
  private mixHash(label: number, at: number): void {
    this.hashLow = Math.imul(this.hashLow ^ label, 0x01000193) >>> 0
    this.hashHigh = Math.imul(this.hashHigh ^ (at * 1024), 0x85ebca6b) >>> 0
    this.hashLow = (this.hashLow ^ (this.hashHigh >>> 13)) >>> 0
  }

  get hash(): string {
    return this.hashHigh.toString(16).padStart(8, '0') + this.hashLow.toString(16).padStart(8, '0')
  }
}
