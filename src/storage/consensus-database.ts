/**
 * A {@link ConsensusStore} in a key-value store, beside the ledger's tables: what became final in either layer, with
 * certificates, seals and committees. In memory are the epochs (a few hundred bytes each, for committees share their
 * members), the seals and the latest proposals of epochs used last; all else is read when asked for.
 *
 * Every addition is one transaction and durable when it returns. What is added must follow what is there: that is for
 * consensus to know, so that anything else is a broken invariant.
 */
import { assert, present } from '../primitives/assert.ts'
import { EMPTY_BYTES, hexToBytes, ZERO_HASH, type Hash } from '../primitives/bytes.ts'
import { cycleOfEpoch } from '../consensus/committees/committee.ts'
import type {
  BlockCertificates,
  ConsensusStore,
  EpochStart,
  SealRecord,
  SealStore,
  StoredSeal,
} from '../consensus/dual-bft/consensus-store.ts'
import type { NodeId } from '../consensus/election/election.ts'
import type { FinalityStore, FinalProposals } from '../consensus/execution-layer/finality-store.ts'
import { committeeShape, type CommitteeShape } from '../consensus/simplex/config.ts'
import type { StoredFinalization } from '../consensus/simplex/serving.ts'
import type { Certificate, Epoch, Layer, Proposal } from '../consensus/simplex/types.ts'
import { lastOf, type Seal } from '../consensus/witness-layer/seal.ts'
import { isReject } from '../consensus/witness-layer/reject-codec.ts'
import { decodeSeal } from '../consensus/witness-layer/seal-codec.ts'
import { BoundedCache } from './bounded-cache.ts'
import {
  checkConsensusFormat,
  decodeCertificate,
  decodeEpochStart,
  decodeHeight,
  decodeProposalRecord,
  decodeSealBody,
  decodeSealPlace,
  decoding,
  encodeCertificate,
  encodeEpochStart,
  encodeHeight,
  encodeProposalRecord,
  encodeSealBody,
  epochInKey,
  hashKey,
  heightInKey,
  heightKey,
  isRepeat,
  layerKey,
  rangeOf,
  reignKey,
  sealPlace,
  writeConsensusFormat,
  type ProposalRecord,
  type Reign,
} from './consensus-records.ts'
import { CorruptDatabaseError } from './database-errors.ts'
import type { Entry, KeyRange, KeyValueStore, WriteTransaction } from './key-value-store.ts'
import { expectSize, numberKey, NUMBER_SIZE, readNumber } from './schema.ts'
import type { TableName } from './tables.ts'

/** Epochs whose latest proposal stays in memory: those of both layers that run, those before, and some being asked for. */
const LATEST_MAX = 16
/** Seals that stay decoded: blocks refer to the recent ones. Some 100 KB. */
const SEALS_MAX = 64

/**
 * Opens what a store holds of consensus; nothing, in a new one.
 * @param store the one that the ledger is in, which also closes it.
 * @throws DatabaseError when it has another format or is damaged
 */
export function openConsensusStore(store: KeyValueStore): ConsensusStore {
  checkConsensusFormat(store)
  return new ConsensusDatabase(store)
}

class ConsensusDatabase implements ConsensusStore {
  private readonly store: KeyValueStore
  private readonly starts: Readonly<Record<Layer, EpochStart[]>>
  /** By {@link latestKey}. */
  private readonly latestProposals = new BoundedCache<string, Proposal>(LATEST_MAX)
  /** By {@link sealPlace}, in hex. */
  private readonly seals = new BoundedCache<string, StoredSeal>(SEALS_MAX)
  private newestSeal: StoredSeal | undefined

  constructor(store: KeyValueStore) {
    this.store = store
    const known = new Map<NodeId, NodeId>()
    this.starts = {
      execution: readEpochs(store, 'execution', known),
      witness: readEpochs(store, 'witness', known),
    }
    const last = first(store, 'seals', { reverse: true })
    this.newestSeal = last && this.sealAt(last.value)
  }

  // ---- Epochs --------------------------------------------------------------------------------------------------------

  epochs(layer: Layer): readonly EpochStart[] {
    return this.starts[layer]
  }

  async addEpoch(start: EpochStart): Promise<void> {
    const { layer, epoch } = start
    const starts = this.starts[layer]
    const before = starts.filter((other) => other.epoch < epoch)
    const later = starts.slice(before.length)
    const replaced = starts.filter((other) => cycleOfEpoch(other.epoch) >= cycleOfEpoch(epoch))
    const isReplacing = replaced.length > later.length
    assert(later[0]?.epoch !== epoch && (later.length === 0 || isReplacing), `epoch ${epoch} comes next`)
    this.store.write((transaction) => {
      writeConsensusFormat(transaction)
      if (layer === 'witness' && isReplacing) this.voidSealsAfter(transaction, start.root.payloadHash)
      for (const other of layer === 'execution' ? replaced : later) {
        this.forgetAbove(transaction, other, layer === 'execution' ? start.root.height : -1)
      }
      for (const other of later) transaction.delete('epochs', reignKey(other))
      transaction.put('epochs', reignKey(start), encodeEpochStart(start))
    })
    for (const other of replaced) this.latestProposals.delete(latestKey(other))
    starts.splice(before.length, Infinity, start)
    if (layer === 'witness' && isReplacing) this.newestSeal = this.sealEndingWith(start.root.payloadHash)
  }

  /** Their proposals stay, for nodes that come later and have to go through the same. */
  private voidSealsAfter(transaction: WriteTransaction, block: Hash): void {
    const seal = this.sealEndingWith(block)?.seal
    const from = numberKey(seal === undefined ? 0n : lastOf(seal) + 1n)
    for (const { key, value } of [...this.store.entries('seals', { from })]) {
      transaction.delete('seals', key)
      transaction.delete('sealEnds', hexToBytes(this.sealAt(value).proposal.payloadHash))
    }
  }

  /** Of an epoch whose committee was replaced, or that began only after that, what became final in vain. */
  private forgetAbove(transaction: WriteTransaction, reign: Reign, height: number): void {
    const range = { from: heightKey(reign, Math.max(height + 1, 0)), to: rangeOf(reignKey(reign)).to }
    for (const { key, value } of [...this.store.entries('proposals', range)]) {
      const { proposal } = decodeProposalRecord(value, this.shapeOf(reign))
      if (reign.layer === 'witness') {
        const place = sealPlace(reign.epoch, proposal.height)
        transaction.delete('sealBodies', place)
        this.seals.delete(place.toHex())
      }
      transaction.delete('proposals', key)
      transaction.delete('proposalHeights', hashKey(reign, proposal.hash))
    }
    const finalizations = [...this.store.entries('finalizations', range)]
    for (const { key } of finalizations) transaction.delete('finalizations', key)
  }

  // ---- Proposals of both layers --------------------------------------------------------------------------------------

  execution(epoch: Epoch): FinalityStore {
    const reign: Reign = { layer: 'execution', epoch }
    return {
      ...this.finality(reign),
      add: async (proposal, { notarization, finalization }) => {
        this.append(reign, { proposal, notarization }, finalization, () => undefined)
      },
      prove: async (finalization) => {
        this.prove(reign, finalization)
      },
    }
  }

  witness(epoch: Epoch): SealStore {
    const reign: Reign = { layer: 'witness', epoch }
    return {
      ...this.finality(reign),
      body: (hash) => this.bodyOf(reign, hash),
      add: async (record) => this.appendSeal(reign, record),
      prove: async (finalization) => this.proveSeal(reign, finalization),
    }
  }

  private finality(reign: Reign): FinalProposals {
    return {
      latest: () => this.latestOf(reign),
      proposal: (hash) => this.proposalByHash(reign, hash),
      finalizationAtOrBelow: (height) => {
        const { from } = rangeOf(reignKey(reign))
        const range = { from, to: heightKey(reign, Math.max(height, 0) + 1), reverse: true }
        return height < 0 ? undefined : this.finalizationIn(reign, range)
      },
      finalizationAtOrAbove: (height) => {
        const { to } = rangeOf(reignKey(reign))
        return this.finalizationIn(reign, { from: heightKey(reign, Math.max(height, 0)), to })
      },
    }
  }

  private latestOf(reign: Reign): Proposal | undefined {
    const cached = this.latestProposals.get(latestKey(reign))
    if (cached !== undefined) return cached
    const entry = first(this.store, 'proposals', { ...rangeOf(reignKey(reign)), reverse: true })
    if (entry === undefined) return undefined
    const { proposal } = decodeProposalRecord(entry.value, this.shapeOf(reign))
    this.latestProposals.set(latestKey(reign), proposal)
    return proposal
  }

  private proposalByHash(reign: Reign, hash: Hash): Proposal | undefined {
    const height = this.store.get('proposalHeights', hashKey(reign, hash))
    if (height === undefined) return undefined
    const { proposal } = this.requireProposal(reign, decodeHeight(height))
    if (proposal.hash !== hash) throw new CorruptDatabaseError(`proposal ${hash} has another hash`)
    return proposal
  }

  private proposalAt(reign: Reign, height: number): ProposalRecord | undefined {
    const value = this.store.get('proposals', heightKey(reign, height))
    return value && decodeProposalRecord(value, this.shapeOf(reign))
  }

  private requireProposal(reign: Reign, height: number): ProposalRecord {
    const record = this.proposalAt(reign, height)
    if (record !== undefined) return record
    const { layer, epoch } = reign
    throw new CorruptDatabaseError(`proposal ${height} of epoch ${epoch} of the ${layer} layer is missing`)
  }

  private finalizationIn(reign: Reign, range: KeyRange): StoredFinalization | undefined {
    const entry = first(this.store, 'finalizations', range)
    return (
      entry && {
        height: heightInKey(entry.key),
        certificate: decodeCertificate(entry.value, 'finalize', this.shapeOf(reign)),
      }
    )
  }

  private finalizationAt(reign: Reign, height: number): Certificate | undefined {
    const value = this.store.get('finalizations', heightKey(reign, height))
    return value && decodeCertificate(value, 'finalize', this.shapeOf(reign))
  }

  private append(
    reign: Reign,
    record: ProposalRecord,
    finalization: Certificate | undefined,
    more: (transaction: WriteTransaction) => void,
  ): void {
    const { proposal } = record
    const { height, hash, parentHash } = proposal
    const parent = this.latestOf(reign) ?? this.startOf(reign).root
    assert(height === parent.height + 1 && parentHash === parent.hash, 'final proposals come in order')
    this.store.write((transaction) => {
      transaction.put('proposals', heightKey(reign, height), encodeProposalRecord(record))
      transaction.put('proposalHeights', hashKey(reign, hash), encodeHeight(height))
      if (finalization !== undefined) {
        transaction.put('finalizations', heightKey(reign, height), encodeCertificate(finalization))
      }
      more(transaction)
    })
    this.latestProposals.set(latestKey(reign), proposal)
  }

  private prove(reign: Reign, finalization: Certificate): Proposal {
    const proposal = present(this.proposalByHash(reign, finalization.hash), 'a stored proposal')
    this.store.write((transaction) => {
      transaction.put('finalizations', heightKey(reign, proposal.height), encodeCertificate(finalization))
    })
    return proposal
  }

  private startOf({ layer, epoch }: Reign): EpochStart {
    const start = this.starts[layer].findLast((candidate) => candidate.epoch === epoch)
    return present(start, `start of epoch ${epoch} of the ${layer} layer`)
  }

  private shapeOf(reign: Reign): CommitteeShape {
    return committeeShape(this.startOf(reign).members.length)
  }

  // ---- Blocks --------------------------------------------------------------------------------------------------------

  /** Heights of the execution layer are block numbers, but for repeats, which an epoch ends with. */
  certificatesOf(number: bigint): BlockCertificates | undefined {
    const start = this.starts.execution.findLast(({ root }) => BigInt(root.height) < number)
    if (start === undefined || number > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
    const height = Number(number)
    const record = this.proposalAt(start, height)
    if (record === undefined || isRepeat(record.proposal)) return undefined
    return { epoch: start.epoch, ...record, finalization: this.finalizationAt(start, height) }
  }

  // ---- Seals ---------------------------------------------------------------------------------------------------------

  latestSeal(): StoredSeal | undefined {
    return this.newestSeal
  }

  sealOf(number: bigint): StoredSeal | undefined {
    if (number < 0n) return undefined
    const entry = first(this.store, 'seals', { from: numberKey(number) })
    const found = entry && this.sealAt(entry.value)
    return found !== undefined && found.seal.first <= number ? found : undefined
  }

  sealEndingWith(block: Hash): StoredSeal | undefined {
    const number = this.store.get('sealEnds', hexToBytes(block))
    if (number === undefined) return undefined
    expectSize(number, NUMBER_SIZE, 'block number')
    const place = this.store.get('seals', number)
    if (place === undefined)
      throw new CorruptDatabaseError(`the seal of block ${readNumber(number)} is missing`)
    return this.sealAt(place)
  }

  private appendSeal(reign: Reign, { proposal, body, finalization, sealed }: SealRecord): void {
    const { epoch } = reign
    const { height, payloadHash } = proposal
    const before = this.newestSeal
    assert(isRepeat(proposal) === (body.length === 0), 'a body is stored with its proposal')
    if (sealed === undefined) {
      assert(body.length === 0 || isReject(body), 'a proposal with a body seals something, or rejects')
      // A reject always follows the seal below its block; before the first seal the chain of randomness has not begun.
      const randomness = before?.randomness ?? ZERO_HASH
      this.append(reign, { proposal, notarization: undefined }, finalization, (transaction) => {
        if (body.length === 0) return
        transaction.put('sealBodies', sealPlace(epoch, height), encodeSealBody({ randomness, body }))
      })
      return
    }
    const { seal, randomness } = sealed
    assert(before === undefined || lastOf(before.seal) + 1n === seal.first, 'seals leave no gap')
    assert(seal.blocks.at(-1) === payloadHash, 'the payload is the last block of the seal')
    this.append(reign, { proposal, notarization: undefined }, finalization, (transaction) => {
      const place = sealPlace(epoch, height)
      const last = numberKey(lastOf(seal))
      transaction.put('sealBodies', place, encodeSealBody({ randomness, body }))
      transaction.put('seals', last, place)
      transaction.put('sealEnds', hexToBytes(payloadHash), last)
    })
    this.newestSeal = { epoch, proposal, seal, finalization, randomness }
    this.seals.set(sealPlace(epoch, height).toHex(), this.newestSeal)
  }

  private proveSeal(reign: Reign, finalization: Certificate): void {
    const { height } = this.prove(reign, finalization)
    const place = sealPlace(reign.epoch, height)
    this.seals.delete(place.toHex())
    const newest = this.newestSeal?.proposal
    if (newest?.hash === finalization.hash) this.newestSeal = this.sealAt(place)
  }

  private bodyOf(reign: Reign, hash: Hash): Uint8Array | undefined {
    const proposal = this.proposalByHash(reign, hash)
    if (proposal === undefined) return undefined
    return isRepeat(proposal) ? EMPTY_BYTES : this.requireBody(sealPlace(reign.epoch, proposal.height)).body
  }

  private requireBody(place: Uint8Array): ReturnType<typeof decodeSealBody> {
    const value = this.store.get('sealBodies', place)
    if (value === undefined) throw new CorruptDatabaseError('the body of a seal is missing')
    return decodeSealBody(value)
  }

  private sealAt(place: Uint8Array): StoredSeal {
    const stored = this.seals.get(place.toHex()) ?? this.readSeal(place)
    this.seals.set(place.toHex(), stored)
    return stored
  }

  private readSeal(place: Uint8Array): StoredSeal {
    const { epoch, height } = decodeSealPlace(place)
    const reign: Reign = { layer: 'witness', epoch }
    if (!this.starts.witness.some((start) => start.epoch === epoch)) {
      throw new CorruptDatabaseError(`epoch ${epoch} of the witness layer is missing`)
    }
    const { proposal } = this.requireProposal(reign, height)
    const { randomness, body } = this.requireBody(place)
    const seal = this.decode(epoch, body)
    return { epoch, proposal, seal, finalization: this.finalizationAt(reign, height), randomness }
  }

  /** The blocks of a seal are of the cycle that its witnesses serve in, and all executors of a cycle are as many. */
  private decode(epoch: Epoch, body: Uint8Array): Seal {
    const cycle = cycleOfEpoch(epoch)
    const executors = this.starts.execution.findLast((start) => cycleOfEpoch(start.epoch) === cycle)?.members
    if (executors === undefined) throw new CorruptDatabaseError(`the executors of cycle ${cycle} are missing`)
    return decoding('a seal', () => decodeSeal(body, committeeShape(executors.length)))
  }
}

/** Each member's id is held once, however often it serves. */
function readEpochs(store: KeyValueStore, layer: Layer, known: Map<NodeId, NodeId>): EpochStart[] {
  const intern = (id: NodeId): NodeId => {
    const same = known.get(id)
    if (same === undefined) known.set(id, id)
    return same ?? id
  }
  return Array.from(store.entries('epochs', rangeOf(layerKey(layer))), ({ key, value }) => {
    const start = decodeEpochStart({ layer, epoch: epochInKey(key) }, value)
    return { ...start, members: start.members.map(intern) }
  })
}

function first(store: KeyValueStore, table: TableName, range: KeyRange): Entry | undefined {
  for (const entry of store.entries(table, { ...range, limit: 1 })) return entry
  return undefined
}

function latestKey({ layer, epoch }: Reign): string {
  return `${layer} ${epoch}`
}
