/**
 * The contract `contracts/system/Accountability.sol` as nodes see it: the call that reports an offence, the event that
 * tells of one, and the record in the contract's storage. Reading storage needs no engine, so that anything which has a
 * state can do it; the layout stands in the contract.
 */
import type { Log } from '../../chain/receipt.ts'
import { assert, present } from '../../primitives/assert.ts'
import {
  bigintToFixedBytes,
  bytesToBigint,
  bytesToHash,
  bytesToHex,
  concatBytes,
  hexToBytes,
  wordToAddress,
  wordToHash,
  type Address,
  type Hash,
} from '../../primitives/bytes.ts'
import { AevirError } from '../../primitives/errors.ts'
import { keccak256, keccak256Hash } from '../../primitives/keccak.ts'
import type { StateReader } from '../../state/state-reader.ts'
import type { NodeId } from '../election/election.ts'
import type { Domain } from '../simplex/config.ts'
import { isOffence, type Evidence } from '../simplex/evidence.ts'
import { KIND_CODES, LAYER_CODES } from '../simplex/signing.ts'
import type { Epoch, Layer, SignedStatement, StatementKind, View } from '../simplex/types.ts'
import { SYSTEM_CODE } from '../system-contracts/code.ts'
import { ACCOUNTABILITY_ADDRESS } from '../system-contracts/table.ts'
import { expandPublicKey, expandSignature } from './points.ts'

/** What an offence is told from others by: a key is guilty once per view. */
export interface OffenceId {
  /** The compressed public key of the offender. */
  readonly member: NodeId
  readonly layer: Layer
  readonly epoch: Epoch
  readonly committeeHash: Hash
  readonly view: View
}

/** An offence that the chain has recorded. That the key was a member then is for the reader to know. */
export interface RecordedOffence extends OffenceId {
  readonly kinds: readonly [StatementKind, StatementKind]
  readonly blockNumber: bigint
  readonly reporter: Address
}

/** What the event of the contract says. */
export interface Equivocation extends OffenceId {
  readonly reporter: Address
}

/** Statements that contradict nothing, or bytes that are neither key nor signature. */
export class InvalidEvidenceError extends AevirError {
  override readonly code = 'INVALID_EVIDENCE'
}

const WORD_SIZE = 32
const KEY_SIZE = 48
/** Of the event: offset, layer, epoch, committee, view, then the key's size and its bytes, padded to words. */
const EVENT_SIZE = 8 * WORD_SIZE

const SCOPE_TYPE = '(uint8,uint48,bytes32,uint48)'
const STATEMENT_TYPE = '(uint8,bytes32,bytes32[8])'
const REPORT_SELECTOR = keccak256(
  new TextEncoder().encode(`report(bytes32[4],${SCOPE_TYPE},${STATEMENT_TYPE},${STATEMENT_TYPE})`),
).subarray(0, 4)

/** First topic of the event. */
export const EQUIVOCATION_TOPIC: Hash = keccak256Hash(
  new TextEncoder().encode('Equivocation(bytes32,address,bytes,uint8,uint48,bytes32,uint48)'),
)

/** Slots of the contract, and of an entry in its list. */
const ENTRIES_SLOT = 0n
const POSITIONS_SLOT = 1n
const INDEXES_SLOT = 2n
const ENTRY_SLOTS = 4n

const CODE_HASH = keccak256Hash(hexToBytes(SYSTEM_CODE.Accountability))
const LAYERS: ReadonlyMap<number, Layer> = byCode(LAYER_CODES)
const KINDS: ReadonlyMap<number, StatementKind> = byCode(KIND_CODES)

/** @param evidence against the member with this key. */
export function offenceIdOf(domain: Domain, member: NodeId, { first }: Evidence): OffenceId {
  const { layer, epoch, committeeHash } = domain
  return { member, layer, epoch, committeeHash, view: first.view }
}

/**
 * Call data that reports the offence to {@link ACCOUNTABILITY_ADDRESS}. Whether the signatures hold is not checked here.
 * @throws InvalidEvidenceError for statements that an honest node may sign both
 * @throws InvalidPointError for a key or signature that is no point of its group
 */
export function encodeEvidenceCall(domain: Domain, member: NodeId, { first, second }: Evidence): Uint8Array {
  if (!isOffence(first, second)) {
    throw new InvalidEvidenceError(
      `${first.kind} in view ${first.view} does not contradict ${second.kind} in view ${second.view}`,
    )
  }
  return concatBytes(
    REPORT_SELECTOR,
    expandPublicKey(hexToBytes(member)),
    encodeScope(domain, first.view),
    encodeStatement(first),
    encodeStatement(second),
  )
}

function encodeScope({ layer, epoch, committeeHash }: Omit<Domain, 'chainId'>, view: View): Uint8Array {
  return concatBytes(word(LAYER_CODES[layer]), word(epoch), hexToBytes(committeeHash), word(view))
}

function encodeStatement({ kind, hash, signature }: SignedStatement): Uint8Array {
  return concatBytes(word(KIND_CODES[kind]), hexToBytes(hash), expandSignature(signature))
}

/** @returns `undefined` for a log of another contract or of another event. */
export function decodeEquivocationLog({ address, topics, data }: Log): Equivocation | undefined {
  if (address !== ACCOUNTABILITY_ADDRESS || topics[0] !== EQUIVOCATION_TOPIC) return undefined
  // The contract is what the genesis says, so that its events have no other form.
  assert(data.length === EVENT_SIZE, 'an event of the accountability contract has its size')
  const at = (index: number): Uint8Array => data.subarray(index * WORD_SIZE, (index + 1) * WORD_SIZE)
  return {
    member: bytesToHex(data.slice(6 * WORD_SIZE, 6 * WORD_SIZE + KEY_SIZE)),
    layer: present(LAYERS.get(Number(bytesToBigint(at(1)))), 'layer'),
    epoch: Number(bytesToBigint(at(2))) as Epoch,
    committeeHash: bytesToHash(at(3)),
    view: Number(bytesToBigint(at(4))) as View,
    reporter: wordToAddress(bytesToBigint(hexToBytes(present(topics[2], 'reporter')))),
  }
}

/** Whether the state holds a record of this offence; see {@link recordsOffences}. */
export function isRecorded(
  state: StateReader,
  { member, layer, epoch, committeeHash, view }: OffenceId,
): boolean {
  const scope = encodeScope({ layer, epoch, committeeHash }, view)
  const id = keccak256(concatBytes(keccak256(hexToBytes(member)), scope))
  const slot = bytesToBigint(keccak256(concatBytes(id, word(POSITIONS_SLOT))))
  return state.storage(ACCOUNTABILITY_ADDRESS, slot) !== 0n
}

/** Indexes of all offences by the key, in order. */
export function offenceIndexesOf(
  state: StateReader,
  member: NodeId,
): { count: number; at(i: number): number } {
  const slot = keccak256(concatBytes(keccak256(hexToBytes(member)), word(INDEXES_SLOT)))
  const read = (at: bigint): number => Number(state.storage(ACCOUNTABILITY_ADDRESS, at))
  const first = bytesToBigint(keccak256(slot))
  return { count: read(bytesToBigint(slot)), at: (i) => read(first + BigInt(i)) }
}

/** Whether the genesis of this chain has the contract. What lies in the storage of an account without it means nothing. */
export function recordsOffences(state: StateReader): boolean {
  return state.account(ACCOUNTABILITY_ADDRESS)?.codeHash === CODE_HASH
}

/** How many offences the state has recorded. */
export function offenceCount(state: StateReader): number {
  // Each took a transaction of its own: far fewer than numbers are exact for.
  return Number(state.storage(ACCOUNTABILITY_ADDRESS, ENTRIES_SLOT))
}

/** @param index below {@link offenceCount}: the order in which offences were recorded. */
export function offenceAt(state: StateReader, index: number): RecordedOffence {
  const first = bytesToBigint(keccak256(word(ENTRIES_SLOT))) + BigInt(index) * ENTRY_SLOTS
  const slot = (offset: bigint): bigint => state.storage(ACCOUNTABILITY_ADDRESS, first + offset)
  const [keyLow, scope, committee, report] = [slot(0n), slot(1n), slot(2n), slot(3n)]
  // The second slot from its lowest bits: 16 bytes of the key, 6 of the epoch, 6 of the view, layer and two kinds.
  const field = (from: bigint, bits: number): number => Number(BigInt.asUintN(bits, scope >> from))
  const keyHigh = BigInt.asUintN(128, scope)
  const kind = (from: bigint): StatementKind => present(KINDS.get(field(from, 8)), 'kind of statement')
  return {
    member: bytesToHex(concatBytes(bigintToFixedBytes(keyHigh, 16), word(keyLow))),
    epoch: field(128n, 48) as Epoch,
    view: field(176n, 48) as View,
    layer: present(LAYERS.get(field(224n, 8)), 'layer'),
    kinds: [kind(232n), kind(240n)],
    committeeHash: wordToHash(committee),
    reporter: wordToAddress(report),
    blockNumber: report >> 160n,
  }
}

function word(value: number | bigint): Uint8Array {
  return bigintToFixedBytes(BigInt(value), WORD_SIZE)
}

function byCode<Name extends string>(codes: Readonly<Record<Name, number>>): ReadonlyMap<number, Name> {
  // The keys of a record of names are names.
  return new Map((Object.entries(codes) as [Name, number][]).map(([name, code]) => [code, name]))
}
