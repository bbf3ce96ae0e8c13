/** Output for people: a progress line on a terminal, plain lines elsewhere, colours only on a terminal. */

/** Redraws of the progress line a second. */
const REDRAWS_PER_SECOND = 10

/** One line that is drawn again and again while long work goes on; silent when nobody watches. */
export class ProgressLine {
  private lastMs = 0
  private isDrawn = false

  show(text: string): void {
    if (!process.stderr.isTTY || Date.now() - this.lastMs < 1000 / REDRAWS_PER_SECOND) return
    this.lastMs = Date.now()
    this.isDrawn = true
    process.stderr.write(`\r\x1b[K${text}`)
  }

  clear(): void {
    if (this.isDrawn) process.stderr.write('\r\x1b[K')
    this.isDrawn = false
  }
}

/** A bar of `width` characters. @param share 0 to 1. */
export function bar(share: number, width = 30): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width)
  return `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}]`
}

export function bold(text: string): string {
  return process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text
}

/** JSON with bigint as decimal numbers: counts and heights. */
export function printJson(value: unknown): void {
  const text = JSON.stringify(
    value,
    (_, inner: unknown) => (typeof inner === 'bigint' ? Number(inner) : inner),
    2,
  )
  process.stdout.write(`${text}\n`)
}
