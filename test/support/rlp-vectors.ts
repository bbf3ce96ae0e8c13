/** Judges the cases of the public RLPTests: `{in, out}`, where `in` may be `INVALID` or `VALID`. */
import { bigintToBytes, bytesToHex, hexToBytes } from '../../src/primitives/bytes.ts'
import { decodeRlp, encodeRlp, RlpError, type RlpItem } from '../../src/primitives/rlp.ts'

/** A value of `in`: text, a small number, `#` and decimal digits for a large one, or a list of values. */
export type RlpVectorValue = string | number | readonly RlpVectorValue[]

export interface RlpVector {
  readonly in: RlpVectorValue
  /** Hex, the prefix optional. */
  readonly out: string
}

/** What we do wrong on a case; `undefined` when nothing. */
export function judgeRlpVector(vector: RlpVector): string | undefined {
  const hex = vector.out.toLowerCase()
  const bytes = hexToBytes(hex.startsWith('0x') ? hex : `0x${hex}`)
  const item = decodeOrUndefined(bytes)
  if (vector.in === 'INVALID') return item === undefined ? undefined : 'accepts an invalid encoding'
  if (item === undefined) return 'refuses a valid encoding'
  if (bytesToHex(encodeRlp(item)) !== bytesToHex(bytes))
    return 'does not encode what it decoded to the same bytes'
  if (vector.in === 'VALID') return undefined
  const encoded = bytesToHex(encodeRlp(toItem(vector.in)))
  return encoded === bytesToHex(bytes) ? undefined : `encodes to ${encoded}`
}

function decodeOrUndefined(bytes: Uint8Array): RlpItem | undefined {
  try {
    return decodeRlp(bytes)
  } catch (error) {
    if (error instanceof RlpError) return undefined
    throw error
  }
}

function toItem(value: RlpVectorValue): RlpItem {
  if (typeof value === 'number') return bigintToBytes(BigInt(value))
  if (typeof value !== 'string') return value.map(toItem)
  return value.startsWith('#') ? bigintToBytes(BigInt(value.slice(1))) : new TextEncoder().encode(value)
}
