/**
 * The bytes that members sign. Everything that tells one statement from another is in them, so that a signature made for
 * one chain, layer, epoch, committee, kind or view is worth nothing for another:
 *
 *     sha256(TAG ‖ chainId ‖ layer ‖ epoch ‖ committeeHash ‖ kind ‖ view ‖ hash)
 *
 * with integers of 8 bytes, big-endian, and layer and kind of one byte. Frozen: changing it means another tag.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { ByteWriter } from './binary.ts'
import type { Domain } from './config.ts'
import type { Layer, Statement, StatementKind } from './types.ts'

const TAG = new TextEncoder().encode('AEVIR_BFT_V1')
const SIGNED_SIZE = TAG.length + 8 + 1 + 8 + 32 + 1 + 8 + 32

export const LAYER_CODES: Readonly<Record<Layer, number>> = { execution: 0, witness: 1 }
export const KIND_CODES: Readonly<Record<StatementKind, number>> = {
  propose: 0,
  notarize: 1,
  nullify: 2,
  finalize: 3,
}

/** @returns 32 bytes. */
export function signedBytes(domain: Domain, statement: Statement): Uint8Array {
  const writer = new ByteWriter(SIGNED_SIZE)
  writer.bytes(TAG)
  writer.uint64(domain.chainId)
  writer.uint8(LAYER_CODES[domain.layer])
  writer.count(domain.epoch)
  writer.hash(domain.committeeHash)
  writer.uint8(KIND_CODES[statement.kind])
  writer.count(statement.view)
  writer.hash(statement.hash)
  return sha256(writer.finish())
}
