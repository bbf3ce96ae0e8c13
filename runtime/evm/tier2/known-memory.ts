/**
 * What a block is known to have written to memory: constant words at constant offsets. A contract that asks for the
 * place of an array's elements hashes such a word, the array's slot, each time; the compiler does it once.
 */
import { bigintToFixedBytes, bytesToBigint } from '../../../src/primitives/bytes.ts'
import { keccak256 } from '../../../src/primitives/keccak.ts'
import { wordOf, type Constant } from './constant.ts'
import { numberOf } from './ir-builder.ts'
import type { Operation, Value } from './ir.ts'

const WORD_SIZE = 32
/** Larger ranges are hashed when the code runs. */
const HASHED_WORDS_MAX = 4

export class KnownMemory {
  readonly #words = new Map<number, Constant>()

  /** Follows an operation; `operands` as on the stack. */
  note(operation: Operation, [offset, word]: readonly Value[]): void {
    const size = WRITTEN_SIZES[operation]
    if (size === undefined || offset === undefined) return
    const known = numberOf(offset)
    if (known === undefined || size === 'any') {
      this.#words.clear()
      return
    }
    for (const start of [...this.#words.keys()]) {
      if (start < known + size && known < start + WORD_SIZE) this.#words.delete(start)
    }
    if (operation === 'mstore' && word?.constant !== undefined) this.#words.set(known, word.constant)
  }

  /** The hash of a range, if all of it is known; memory reaches over it then. */
  hashOf(offset: Value, size: Value): { hash: bigint; wordCount: number } | undefined {
    const [start, byteCount] = [numberOf(offset), numberOf(size)]
    if (start === undefined || byteCount === undefined) return undefined
    const wordCount = byteCount / WORD_SIZE
    if (wordCount < 1 || wordCount > HASHED_WORDS_MAX || !Number.isInteger(wordCount)) return undefined
    const bytes = new Uint8Array(byteCount)
    for (let i = 0; i < wordCount; i++) {
      const constant = this.#words.get(start + WORD_SIZE * i)
      if (constant === undefined) return undefined
      bytes.set(bigintToFixedBytes(wordOf(constant), WORD_SIZE), WORD_SIZE * i)
    }
    return { hash: bytesToBigint(keccak256(bytes)), wordCount }
  }
}

/** Bytes that operations write from their first operand on. */
const WRITTEN_SIZES: Partial<Record<Operation, number | 'any'>> = {
  mstore: WORD_SIZE,
  mstore8: 1,
  mcopy: 'any',
  calldatacopy: 'any',
  codecopy: 'any',
  hostEffect: 'any',
}
