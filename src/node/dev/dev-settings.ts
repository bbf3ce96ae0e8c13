/**
 * The settings of a development node that survive a restart: time, the next block, impersonation. They are kept with
 * the chain, as JSON with numbers as decimal text.
 *
 * Not kept: automine and interval, which the command line sets at each start; snapshots; what waits in the pool.
 */
import { toAddress, toHash, type Address, type Hash } from '../../primitives/bytes.ts'
import { AevirError } from '../../primitives/errors.ts'
import type { DevTimeSettings } from './dev-time.ts'

/** What the next block is told once (`next…`), and what all are told. */
export interface BlockSettings {
  nextBaseFee: bigint | undefined
  nextPrevRandao: Hash | undefined
  gasLimit: bigint | undefined
  coinbase: Address
}

export interface DevSettings {
  readonly time: DevTimeSettings
  readonly block: Readonly<BlockSettings>
  readonly minGasPrice: bigint
  readonly impersonated: readonly Address[]
  readonly impersonatesAll: boolean
}

export class DevSettingsError extends AevirError {
  override readonly code = 'DEV_SETTINGS_DAMAGED'
}

type Json = Readonly<Record<string, unknown>>

/** @param head the newest block: what is meant for the next one counts only as long as this is it. */
export function encodeDevSettings(settings: DevSettings, head: Hash): Uint8Array {
  const { time, block, ...others } = settings
  const text = JSON.stringify({ head, ...time, ...block, ...others }, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}` : value,
  )
  return new TextEncoder().encode(text)
}

/** @throws DevSettingsError when the bytes are not what {@link encodeDevSettings} makes. */
export function decodeDevSettings(bytes: Uint8Array, head: Hash): DevSettings {
  try {
    const json = JSON.parse(new TextDecoder().decode(bytes)) as Json
    const isNext = json['head'] === head
    const once = <T>(value: T): T | undefined => (isNext ? value : undefined)
    return {
      time: {
        offsetSeconds: integer(json['offsetSeconds']),
        nextTimestamp: once(optional(json['nextTimestamp'], integer)),
        blockInterval: optional(json['blockInterval'], integer),
      },
      block: {
        nextBaseFee: once(optional(json['nextBaseFee'], integer)),
        nextPrevRandao: once(optional(json['nextPrevRandao'], (value) => toHash(text(value)))),
        gasLimit: optional(json['gasLimit'], integer),
        coinbase: toAddress(text(json['coinbase'])),
      },
      minGasPrice: integer(json['minGasPrice']),
      impersonated: list(json['impersonated']).map((value) => toAddress(text(value))),
      impersonatesAll: json['impersonatesAll'] === true,
    }
  } catch (error) {
    throw new DevSettingsError(
      'the settings of development (time, impersonation) in the database are damaged: start over with --reset',
      { cause: error },
    )
  }
}

function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined ? undefined : read(value)
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('expected text')
  return value
}

function integer(value: unknown): bigint {
  return BigInt(text(value))
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError('expected a list')
  return value as readonly unknown[]
}
