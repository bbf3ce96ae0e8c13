/** Code in linear memory, with what is known of its jump targets: kept by hash as long as there is room. */
import type { Hash } from '../../../src/primitives/bytes.ts'
import { CODE, CODE_END, CODE_MARGIN, CODE_PADDING, JUMP_TARGETS } from './layout.ts'

/** Codes that are kept, however small. */
const CODES_MAX = 16_384

/** Code in linear memory. */
export interface PlacedCode {
  readonly address: number
  readonly size: number
  readonly jumpTargets: number
}

/** What the area needs of the machine that it belongs to. */
export interface CodeMemory {
  readonly bytes: Uint8Array
  /** Whether frames run, on code that must stay where it is. */
  readonly isBusy: boolean
  readonly exports: { prepareCode(code: number, size: number): void }
}

/** Code that ran once: most of what is new never runs again. */
const SEEN = 'seen'

export class CodeArea {
  private readonly memory: CodeMemory
  private readonly placed = new Map<Hash, PlacedCode | typeof SEEN>()
  private end = CODE
  /** What was found last, unless it has moved. */
  private lastHash: Hash | undefined
  private last: PlacedCode | undefined

  constructor(memory: CodeMemory) {
    this.memory = memory
  }

  /**
   * Code that was kept under its hash, or finds room for it when it runs for the second time. `undefined` when the frame has
   * to keep it in its arena, where memory is in use anyway: a page that nobody has touched costs as much as a short call.
   */
  place(code: Uint8Array, codeHash: Hash | undefined): PlacedCode | undefined {
    if (codeHash === undefined) return undefined
    if (codeHash === this.lastHash) return this.last
    const known = this.placed.get(codeHash)
    if (known !== undefined && known !== SEEN) {
      this.lastHash = codeHash
      this.last = known
      return known
    }
    const needed = known === SEEN ? codeFootprint(code.length) : 0
    if (this.end + needed > CODE_END || this.placed.size >= CODES_MAX) {
      if (this.memory.isBusy || CODE + needed > CODE_END) return undefined
      this.placed.clear()
      this.lastHash = undefined
      this.end = CODE
    }
    const placed = known === SEEN ? this.write(code, this.end) : undefined
    this.end += needed
    this.placed.set(codeHash, placed ?? SEEN)
    return placed
  }

  /** Writes code and zeros into {@link codeFootprint} bytes at `address`. Nothing is known of jump targets yet. */
  write(code: Uint8Array, address: number): PlacedCode {
    const { bytes, exports } = this.memory
    const start = address + CODE_MARGIN
    bytes.set(code, start)
    exports.prepareCode(start, code.length)
    return { address: start, size: code.length, jumpTargets: start + code.length + CODE_PADDING }
  }
}

/** Bytes that code takes with everything around it, a multiple of 32. */
export function codeFootprint(size: number): number {
  return (CODE_MARGIN + size + CODE_PADDING + JUMP_TARGETS.map + (size >> 3) + 1 + 31) & ~31
}
