/** What many worlds come to. */
import type { SeedResult } from './run-seed.ts'
import type { Waits } from './traffic.ts'

/** Milliseconds. */
export interface Spread {
  readonly count: number
  readonly p50: number
  readonly p95: number
}

/** By what was measured. */
export type WaitSpreads = Readonly<Partial<Record<keyof Waits, Spread>>>

const WAIT_LABELS: Readonly<Record<keyof Waits, string>> = {
  block: 'block to its notarization',
  ready: 'transaction that finds its leader ready, to pre-confirmation',
  blockSealed: 'block to its seal',
  preconfirmed: 'transaction to pre-confirmation',
  final: 'transaction to finality',
  sealed: 'transaction to its seal',
}

export class Summary {
  worlds = 0
  events = 0
  blocks = 0
  readonly violations: SeedResult[] = []
  /** Worlds in which users waited. */
  readonly measured: { readonly seed: number; readonly nodes: string; readonly waits: WaitSpreads }[] = []
  private readonly waits: Waits[] = []
  private hash = 0

  add(result: SeedResult): void {
    const { seed, nodes, events, height, violation, waits } = result
    this.worlds += 1
    this.events += events
    this.blocks += height
    for (let i = 0; i < result.hash.length; i++) {
      this.hash = Math.imul(this.hash ^ result.hash.charCodeAt(i), 0x01000193) >>> 0
    }
    if (violation !== undefined) this.violations.push(result)
    if (waits === undefined) return
    this.waits.push(waits)
    this.measured.push({ seed, nodes, waits: spreadsOf([waits]) })
  }

  /** In a line for a person. */
  describe(seconds: number): string {
    const { worlds, events, blocks, violations } = this
    const worldRate = (worlds / seconds).toFixed(1)
    const eventRate = Math.round(events / seconds / 1000)
    return (
      `${worlds} worlds, ${events} events, ${blocks} final blocks in ${seconds.toFixed(1)} s ` +
      `(${worldRate} worlds/s, ${eventRate}k events/s), hash ${this.hashText}: ${violations.length} violations`
    )
  }

  /** One line a kind of wait; none when nothing was measured. */
  describeWaits(): string[] {
    if (this.waits.length === 0) return []
    const spreads = spreadsOf(this.waits)
    return keysOf(spreads).map((key) => {
      const { count, p50, p95 } = spreads[key] ?? NOTHING
      return `${WAIT_LABELS[key]}: p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms (${count} measured)`
    })
  }

  toJson(seconds: number): unknown {
    const { worlds, events, blocks, violations, measured } = this
    const waits = this.waits.length === 0 ? {} : { waits: spreadsOf(this.waits), measured }
    return { worlds, events, blocks, seconds, hash: this.hashText, violations, ...waits }
  }

  private get hashText(): string {
    return this.hash.toString(16).padStart(8, '0')
  }
}

const NOTHING: Spread = { count: 0, p50: 0, p95: 0 }

function spreadsOf(all: readonly Waits[]): WaitSpreads {
  const entries = keysOf(WAIT_LABELS).map((key) => {
    const sorted = all.flatMap((waits) => waits[key] ?? []).toSorted((a, b) => a - b)
    const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? 0
    return [key, { count: sorted.length, p50: at(0.5), p95: at(0.95) }] as const
  })
  return Object.fromEntries(entries.filter(([, { count }]) => count > 0))
}

function keysOf<T extends object>(record: T): (keyof T)[] {
  // An object literal has the keys of its type and no others.
  return Object.keys(record) as (keyof T)[]
}
