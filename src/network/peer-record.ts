/**
 * Who a node is and where it listens, signed with its consensus key. The encrypted connection proves the peer id; the
 * record ties the peer id to the consensus key, for one chain. Records can be passed on by anybody: nobody but the node
 * can make one, and a newer one replaces an older.
 *
 * Layout, integers big-endian, texts with a length of 4 bytes: chain id (8), genesis hash (32), node id (48), sequence
 * (8), peer id (text), number of addresses (1), addresses (texts), signature (96) over `sha256(TAG ‖ all before it)`.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import type { NodeId } from '../consensus/election/election.ts'
import { ByteReader, ByteWriter, LENGTH_SIZE, WireError } from '../consensus/simplex/binary.ts'
import { InvalidKeyError, type SignatureScheme, type Signer } from '../consensus/signature-scheme.ts'
import { bytesToHex, concatBytes, hexToBytes, type Hash } from '../primitives/bytes.ts'

const encoder = new TextEncoder()
/** Apart from every other use of the consensus key: what it signs elsewhere begins with another tag. */
const TAG = encoder.encode('aevir-peer-record/1')
const NODE_ID_SIZE = 48
const SIGNATURE_SIZE = 96
export const ADDRESSES_MAX = 4
const TEXT_SIZE_MAX = 255
const PEER_ID_PATTERN = /^[1-9A-HJ-NP-Za-km-z]{10,64}$/
/** Printable text without spaces; what it means is decided by who dials it. */
const ADDRESS_PATTERN = /^\/[!-~]{1,200}$/

export interface ChainIdentity {
  readonly chainId: bigint
  readonly genesisHash: Hash
}

export interface PeerRecord extends ChainIdentity {
  readonly node: NodeId
  /** Milliseconds since 1970 when it was made; the newest counts. */
  readonly sequence: bigint
  /** The libp2p peer id, as text. */
  readonly peerId: string
  /** Multiaddrs without a peer id, such as `/ip4/192.0.2.1/tcp/30303`; at most {@link ADDRESSES_MAX}. */
  readonly addresses: readonly string[]
}

export interface SignedPeerRecord extends PeerRecord {
  readonly signature: Uint8Array
  /** The whole encoding, to pass on. */
  readonly encoded: Uint8Array
}

export function signPeerRecord(record: PeerRecord, signer: Signer): SignedPeerRecord {
  const body = encodeBody(record)
  const signature = signer.sign(digestOf(body))
  return { ...record, signature, encoded: concatBytes(body, signature) }
}

/** Reads a record without checking its signature. @throws WireError */
export function decodePeerRecord(encoded: Uint8Array): SignedPeerRecord {
  const reader = new ByteReader(encoded)
  const chainId = reader.uint64()
  const genesisHash = reader.hash()
  const node = bytesToHex(reader.bytes(NODE_ID_SIZE))
  const sequence = reader.uint64()
  const peerId = readText(reader, PEER_ID_PATTERN)
  const count = reader.uint8()
  if (count > ADDRESSES_MAX) throw new WireError('value', `${count} addresses; ${ADDRESSES_MAX} are allowed`)
  const addresses = Array.from({ length: count }, () => readText(reader, ADDRESS_PATTERN))
  const signature = reader.bytes(SIGNATURE_SIZE)
  reader.end()
  return { chainId, genesisHash, node, sequence, peerId, addresses, signature, encoded }
}

/** Whether the node named in the record signed it; `false` also when its id is no key. */
export function isSignedByNode(record: SignedPeerRecord, scheme: SignatureScheme): boolean {
  const body = record.encoded.subarray(0, record.encoded.length - SIGNATURE_SIZE)
  try {
    return scheme.keyring([hexToBytes(record.node)]).verify(0, digestOf(body), record.signature)
  } catch (error) {
    if (error instanceof InvalidKeyError) return false
    throw error
  }
}

function encodeBody({ chainId, genesisHash, node, sequence, peerId, addresses }: PeerRecord): Uint8Array {
  const texts = [peerId, ...addresses].map((text) => encoder.encode(text))
  const textsSize = texts.reduce((size, text) => size + LENGTH_SIZE + text.length, 0)
  const writer = new ByteWriter(8 + 32 + NODE_ID_SIZE + 8 + 1 + textsSize)
  writer.uint64(chainId)
  writer.hash(genesisHash)
  writer.bytes(hexToBytes(node))
  writer.uint64(sequence)
  for (const [index, text] of texts.entries()) {
    writer.sized(text)
    if (index === 0) writer.uint8(addresses.length)
  }
  return writer.finish()
}

function readText(reader: ByteReader, pattern: RegExp): string {
  const text = String.fromCharCode(...reader.sized(TEXT_SIZE_MAX))
  if (!pattern.test(text)) throw new WireError('value', 'a peer id or an address that is none')
  return text
}

function digestOf(body: Uint8Array): Uint8Array {
  return sha256(concatBytes(TAG, body))
}
