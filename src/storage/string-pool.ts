/**
 * Equal strings as one. Stores of many nodes in one process hold the same keys and values, written within moments of each
 * other: with a pool they share the bytes, which is nearly all the memory of a block.
 */

/** Strings that are remembered: those of some hundred blocks. */
const STRINGS_MAX = 16_384

export class StringPool {
  readonly #strings = new Map<string, string>()

  /** An equal string: the one that was given before, if it is remembered. */
  share(text: string): string {
    const known = this.#strings.get(text)
    if (known !== undefined) return known
    this.#strings.set(text, text)
    const [oldest] = this.#strings.keys()
    if (this.#strings.size > STRINGS_MAX && oldest !== undefined) this.#strings.delete(oldest)
    return text
  }
}
