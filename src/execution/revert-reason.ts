/**
 * What revert data says in words: the two error types that Solidity itself makes, `Error(string)` and
 * `Panic(uint256)` (Solidity documentation, "Panic via assert and Error via require"), in the texts that geth prints
 * and that wallets therefore know.
 */
import { bytesToBigint } from '../primitives/bytes.ts'

/** Selector of `Error(string)`. */
const ERROR_SELECTOR = 0x08c379a0n
/** Selector of `Panic(uint256)`. */
const PANIC_SELECTOR = 0x4e487b71n
const SELECTOR_SIZE = 4
const WORD_SIZE = 32

const PANIC_REASONS: ReadonlyMap<bigint, string> = new Map([
  [0x00n, 'generic panic'],
  [0x01n, 'assert(false)'],
  [0x11n, 'arithmetic underflow or overflow'],
  [0x12n, 'division or modulo by zero'],
  [0x21n, 'enum overflow'],
  [0x22n, 'invalid encoded storage byte array accessed'],
  [0x31n, 'out-of-bounds array access; popping on an empty array'],
  [0x32n, 'out-of-bounds access of an array or bytesN'],
  [0x41n, 'out of memory'],
  [0x51n, 'uninitialized function'],
])

/** The reason of an `Error` or a `Panic`; `undefined` for any other data, custom errors included. */
export function revertReason(output: Uint8Array): string | undefined {
  if (output.length < SELECTOR_SIZE + WORD_SIZE) return undefined
  const selector = bytesToBigint(output.subarray(0, SELECTOR_SIZE))
  const body = output.subarray(SELECTOR_SIZE)
  if (selector === ERROR_SELECTOR) return abiString(body)
  if (selector !== PANIC_SELECTOR) return undefined
  const code = bytesToBigint(body.subarray(0, WORD_SIZE))
  return PANIC_REASONS.get(code) ?? `unknown panic code: 0x${code.toString(16)}`
}

/**
 * The one ABI-encoded string in `body`, which need not be padded; `undefined` when offset or length point outside.
 * Bytes that are no UTF-8 become U+FFFD: the raw data travels beside the text anyway.
 */
function abiString(body: Uint8Array): string | undefined {
  const offset = bytesToBigint(body.subarray(0, WORD_SIZE))
  if (offset > BigInt(body.length - WORD_SIZE)) return undefined
  const start = Number(offset) + WORD_SIZE
  const length = bytesToBigint(body.subarray(start - WORD_SIZE, start))
  if (length > BigInt(body.length - start)) return undefined
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(body.subarray(start, start + Number(length)))
}
