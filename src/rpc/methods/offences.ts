/**
 * This chain's own: members that were caught contradicting themselves, as the chain has recorded it. The record proves
 * that a key signed both statements; whether the key was a member's is looked up among the committees this node knows.
 */
import { cycleOfEpoch, seatOf } from '../../consensus/committees/committee.ts'
import type { NodeId } from '../../consensus/election/election.ts'
import {
  offenceAt,
  offenceCount,
  offenceIndexesOf,
  recordsOffences,
  type RecordedOffence,
} from '../../consensus/accountability/offences.ts'
import { bytesToHex } from '../../primitives/bytes.ts'
import type { StateReader } from '../../state/state-reader.ts'
import type { ConsensusView } from '../consensus-view.ts'
import { RPC_CODES, RpcError } from '../errors.ts'
import { quantity, type JsonRecord } from '../format.ts'
import type { MethodTable } from '../method.ts'
import { isAbsent, optional, parseData, parseLooseNumber, parseObject, unexpected } from '../parse.ts'
import { parseBlockId, stateOf } from '../parse-block.ts'

const OFFENCES_MAX = 100
const KEY_SIZE = 48

interface OffenceQuery {
  /** Offences of this key only. */
  readonly member: NodeId | undefined
  /** So many of them are passed over. */
  readonly skip: number
  readonly limit: number
}

export const methods = {
  /** Oldest first. `count` is the number of all that fit the query; `wasMember` is `null` where this node cannot say. */
  aevir_getOffences: {
    params: [0, 2],
    run: async ([query, block], { backend }) => {
      const wanted = parseQuery(query)
      const state = await stateOf(backend, parseBlockId(block, 'block'))
      if (!recordsOffences(state)) {
        throw new RpcError(
          RPC_CODES.notSupported,
          'not supported: the genesis of this chain has no accountability contract, as those of networks have',
        )
      }
      return getOffences(state, wanted, backend.consensus)
    },
  },
} as const satisfies MethodTable

function parseQuery(value: unknown): OffenceQuery {
  const { member, skip, limit } = isAbsent(value) ? {} : parseObject(value, 'query')
  return {
    member: optional(member, 'query.member', parseKey),
    skip: isAbsent(skip) ? 0 : parseLooseNumber(skip, 'query.skip', Number.MAX_SAFE_INTEGER),
    limit: isAbsent(limit) ? OFFENCES_MAX : parseLooseNumber(limit, 'query.limit', OFFENCES_MAX),
  }
}

function parseKey(value: unknown, where: string): NodeId {
  const bytes = parseData(value, where)
  if (bytes.length !== KEY_SIZE) throw unexpected(where, `a public key of ${KEY_SIZE} bytes`, value)
  return bytesToHex(bytes)
}

function getOffences(
  state: StateReader,
  { member, skip, limit }: OffenceQuery,
  consensus: ConsensusView | undefined,
): JsonRecord {
  const indexes =
    member === undefined
      ? { count: offenceCount(state), at: (i: number) => i }
      : offenceIndexesOf(state, member)
  const offences: JsonRecord[] = []
  for (let i = skip; i < Math.min(indexes.count, skip + limit); i++) {
    const index = indexes.at(i)
    offences.push(formatOffence(index, offenceAt(state, index), consensus))
  }
  return { count: quantity(indexes.count), offences }
}

function formatOffence(
  index: number,
  offence: RecordedOffence,
  consensus: ConsensusView | undefined,
): JsonRecord {
  const { member, layer, epoch, committeeHash, view, kinds, blockNumber, reporter } = offence
  return {
    index: quantity(index),
    member,
    layer,
    epoch: quantity(epoch),
    committeeHash,
    view: quantity(view),
    kinds,
    blockNumber: quantity(blockNumber),
    reporter,
    wasMember: wasMember(offence, consensus),
  }
}

function wasMember(
  { member, layer, epoch, committeeHash }: RecordedOffence,
  consensus: ConsensusView | undefined,
): boolean | null {
  const cycle = consensus?.cycle(cycleOfEpoch(epoch))
  if (cycle === undefined) return null
  const committees = layer === 'execution' ? cycle.executors : cycle.witnesses
  const found = committees.find(({ committee }) => committee.hash === committeeHash)
  return found !== undefined && seatOf(found.committee, member) !== undefined
}
