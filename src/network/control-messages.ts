/**
 * What two nodes say to each other on the control stream of their connection, before and beside the messages of
 * consensus. Each message is a frame (`framing.ts`) whose first byte is its kind.
 *
 * - `hello` comes first, from both sides: protocol version, clock, peer record. A side that does not like it says goodbye.
 * - `records` passes on the records of committee members.
 * - `ping` and `pong` measure the round trip and show that the peer lives.
 * - `goodbye` says why the connection is about to be closed, so that the operator on the other side learns it.
 */
import { ByteReader, ByteWriter, LENGTH_SIZE, WireError } from '../consensus/simplex/binary.ts'

export const CONTROL_MESSAGE_SIZE_MAX = 64 * 1024
/** Raised with every incompatible change of what travels between nodes. */
export const NETWORK_VERSION = 1
/** Records in one message: each has at most about 1,200 bytes. */
export const RECORDS_MAX = 40

/** Why a connection is refused or closed; the code on the wire is the position. Append only. */
const GOODBYE_REASONS = [
  'stopping',
  'malformed hello',
  'another network version',
  'another chain id',
  'another genesis',
  'clock too far off',
  'wrong signature',
  'wrong peer id',
  'banned',
  'no place for another follower',
  'connected already',
  'the same node key is in use here',
  'no hello in time',
  'misbehaviour',
  'too slow',
  'unknown reason',
] as const

export type GoodbyeReason = (typeof GOODBYE_REASONS)[number]

export interface Hello {
  readonly version: number
  /** The sender's clock, milliseconds since 1970. */
  readonly clockMs: number
  /** An encoded peer record. */
  readonly record: Uint8Array
}

export type ControlMessage =
  | ({ readonly kind: 'hello' } & Hello)
  | { readonly kind: 'records'; readonly records: readonly Uint8Array[] }
  | { readonly kind: 'ping' | 'pong'; readonly token: number }
  | { readonly kind: 'goodbye'; readonly reason: GoodbyeReason }

/** Version and clock. */
const HELLO_HEAD_SIZE = 4 + 8
const KINDS = ['hello', 'records', 'ping', 'pong', 'goodbye'] as const

export function encodeControl(message: ControlMessage): Uint8Array {
  const writer = new ByteWriter(1 + bodySize(message))
  writer.uint8(KINDS.indexOf(message.kind))
  switch (message.kind) {
    case 'hello':
      writer.uint32(message.version)
      writer.count(message.clockMs)
      writer.bytes(message.record)
      break
    case 'records':
      writer.uint8(message.records.length)
      for (const record of message.records) writer.sized(record)
      break
    case 'ping':
    case 'pong':
      writer.count(message.token)
      break
    case 'goodbye':
      writer.uint8(GOODBYE_REASONS.indexOf(message.reason))
      break
  }
  return writer.finish()
}

function bodySize(message: ControlMessage): number {
  switch (message.kind) {
    case 'hello':
      return HELLO_HEAD_SIZE + message.record.length
    case 'records':
      return message.records.reduce((size, record) => size + LENGTH_SIZE + record.length, 1)
    case 'ping':
    case 'pong':
      return 8
    case 'goodbye':
      return 1
  }
}

/** @throws WireError */
export function decodeControl(bytes: Uint8Array): ControlMessage {
  const reader = new ByteReader(bytes)
  const kind = KINDS[reader.uint8()]
  if (kind === undefined) throw new WireError('value', 'a control message of an unknown kind')
  switch (kind) {
    case 'hello':
      // The record is checked on its own: a newer version may have another.
      return {
        kind,
        version: reader.uint32(),
        clockMs: reader.count(),
        record: bytes.slice(1 + HELLO_HEAD_SIZE),
      }
    case 'records': {
      const count = reader.uint8()
      if (count > RECORDS_MAX) throw new WireError('value', `${count} records; ${RECORDS_MAX} are allowed`)
      const records = Array.from({ length: count }, () => reader.sized(CONTROL_MESSAGE_SIZE_MAX).slice())
      reader.end()
      return { kind, records }
    }
    case 'ping':
    case 'pong': {
      const token = reader.count()
      reader.end()
      return { kind, token }
    }
    case 'goodbye': {
      // A newer version may have reasons that this one does not know.
      const reason = GOODBYE_REASONS[reader.uint8()] ?? 'unknown reason'
      return { kind, reason }
    }
  }
}
