/**
 * What a database holds of consensus: proposals link from the root of their epoch on, certificates are of a quorum and
 * about the proposal that they stand with, and one of them proves the end of each cycle that is over; the indexes lead to
 * them, and seals cover the blocks of the chain without a gap. Signatures are not checked: that takes milliseconds each, and whoever could write here could run the node.
 */
import { EMPTY_BYTES, hexToBytes, type Hash } from '../primitives/bytes.ts'
import { keccak256Hash } from '../primitives/keccak.ts'
import { cycleOfEpoch } from '../consensus/committees/committee.ts'
import type { Seats } from '../consensus/committees/schedule.ts'
import type { EpochStart } from '../consensus/dual-bft/consensus-store.ts'
import { committeeShape, type CommitteeShape } from '../consensus/simplex/config.ts'
import { GENESIS_VIEW, type Epoch, type Layer, type Proposal } from '../consensus/simplex/types.ts'
import {
  randomnessAfter,
  sealingPointOf,
  SKIPPED_VIEWS_MAX,
  type SealingPoint,
} from '../consensus/witness-layer/randomness-of-seals.ts'
import { lastOf, type Seal } from '../consensus/witness-layer/seal.ts'
import { decodeReject, isReject } from '../consensus/witness-layer/reject-codec.ts'
import { decodeSeal } from '../consensus/witness-layer/seal-codec.ts'
import { readHash } from './block-records.ts'
import {
  checkConsensusFormat,
  decodeCertificate,
  decodeEpochStart,
  decodeHeight,
  decodeProposalRecord,
  decodeSealBody,
  decodeSealPlace,
  epochInKey,
  hashKey,
  heightInKey,
  isRepeat,
  layerKey,
  rangeOf,
  reignKey,
  sealPlace,
  type ProposalRecord,
} from './consensus-records.ts'
import type { Findings, VerifyProgress } from './findings.ts'
import type { KeyValueStore } from './key-value-store.ts'
import { numberKey, readNumber } from './schema.ts'

const PROGRESS_INTERVAL = 1000
const LAYERS: readonly Layer[] = ['execution', 'witness']

export interface ConsensusCheck {
  readonly store: KeyValueStore
  readonly genesisHash: Hash
  readonly findings: Findings
  readonly onProgress: (progress: VerifyProgress) => void
}

export interface ConsensusCounts {
  /** Final proposals of both layers. */
  readonly proposals: number
  readonly seals: number
}

/** Where the chain of seals stands. */
interface SealedSoFar {
  count: number
  /** Bodies that seal nothing: rejects, and seals that became void when the witnesses were drawn anew. */
  others: number
  /** Certificates that were seen, of both layers. */
  finalizations: number
  point: SealingPoint
  /** Who serves in a cycle, as the last seal before it says. */
  readonly handovers: Map<number, Seats>
}

export function verifyConsensus(check: ConsensusCheck): ConsensusCounts {
  const { store, genesisHash, findings, onProgress } = check
  findings.attempt('format of consensus', () => checkConsensusFormat(store))
  const starts = LAYERS.flatMap((layer) => readStarts(check, layer))
  const point = sealingPointOf(undefined, 0 as Epoch, genesisHash)
  const sealed: SealedSoFar = { count: 0, others: 0, finalizations: 0, point, handovers: new Map() }
  const total = starts.length === 0 ? 0 : store.statistics().tables.proposals.entries
  let proposals = 0
  const onProposal = (): void => {
    if (proposals % PROGRESS_INTERVAL === 0) onProgress({ stage: 'consensus', done: proposals, total })
    proposals += 1
  }
  for (const start of starts) {
    sealed.point = { ...sealed.point, view: GENESIS_VIEW }
    verifyEpoch(check, start, starts, sealed, onProposal)
  }
  verifyMembers(findings, starts, sealed.handovers)
  const counts = { proposals, seals: sealed.count }
  const { others, finalizations } = sealed
  verifyCounts(check, starts.length, { ...counts, others, finalizations })
  return counts
}

function readStarts({ store, findings }: ConsensusCheck, layer: Layer): EpochStart[] {
  const starts: EpochStart[] = []
  for (const { key, value } of store.entries('epochs', rangeOf(layerKey(layer)))) {
    const start = findings.attempt('an epoch', () =>
      decodeEpochStart({ layer, epoch: epochInKey(key) }, value),
    )
    if (start !== undefined) starts.push(start)
  }
  return starts
}

function verifyEpoch(
  check: ConsensusCheck,
  start: EpochStart,
  starts: readonly EpochStart[],
  sealed: SealedSoFar,
  onProposal: () => void,
): void {
  const { store, findings } = check
  const shape = committeeShape(start.members.length)
  let parent: Pick<Proposal, 'height' | 'hash' | 'view'> = { ...start.root, view: GENESIS_VIEW }
  let provenHeight = -1
  for (const { key, value } of store.entries('proposals', rangeOf(reignKey(start)))) {
    onProposal()
    const what = `${start.layer} layer, epoch ${start.epoch}, proposal ${parent.height + 1}`
    const record = findings.attempt(what, () => decodeProposalRecord(value, shape))
    if (record === undefined) return
    const { proposal } = record
    const { height, hash } = proposal
    findings.expect(heightInKey(key) === height, `${what}: it stands where ${heightInKey(key)} should`)
    const isLinked = height === parent.height + 1 && proposal.parentHash === parent.hash
    findings.expect(isLinked, `${what}: it does not follow the one before it`)
    findings.expect(proposal.parentView === parent.view, `${what}: its parent is of another view`)
    const indexed = store.get('proposalHeights', hashKey(start, hash))
    findings.expect(
      indexed !== undefined && findings.attempt(what, () => decodeHeight(indexed)) === height,
      `${what}: it is not found by its hash`,
    )
    if (verifyCertificates(check, shape, what, key, record, sealed)) provenHeight = height
    if (start.layer === 'execution') verifyBlock(check, what, proposal)
    else if (!isRepeat(proposal)) verifySeal(check, start, starts, sealed, what, proposal)
    parent = proposal
  }
  const next = starts[starts.indexOf(start) + 1]
  if (next?.layer !== start.layer || cycleOfEpoch(next.epoch) === cycleOfEpoch(start.epoch)) return
  findings.expect(
    provenHeight >= next.root.height,
    `${start.layer} layer, epoch ${start.epoch}: no certificate shows that it came to its end`,
  )
}

/** @returns whether the proposal has a finalization of its own. */
function verifyCertificates(
  { store, findings }: ConsensusCheck,
  shape: CommitteeShape,
  what: string,
  key: Uint8Array,
  { proposal, notarization }: ProposalRecord,
  sealed: SealedSoFar,
): boolean {
  const { hash, view } = proposal
  const value = store.get('finalizations', key)
  if (value !== undefined) sealed.finalizations += 1
  const finalization =
    value && findings.attempt(`${what}, finalization`, () => decodeCertificate(value, 'finalize', shape))
  for (const certificate of [notarization, finalization]) {
    const isOfProposal = certificate === undefined || (certificate.hash === hash && certificate.view === view)
    findings.expect(isOfProposal, `${what}: a certificate is about another one`)
  }
  return value !== undefined
}

/** The ledger has the block that a proposal of the execution layer is about: it was there first. */
function verifyBlock({ store, findings }: ConsensusCheck, what: string, proposal: Proposal): void {
  if (isRepeat(proposal)) return
  const hash = findings.attempt(what, () => readHash(store, BigInt(proposal.height)))
  findings.expect(hash === proposal.payloadHash, `${what}: block ${proposal.height} of the chain is another`)
}

function verifySeal(
  { store, findings }: ConsensusCheck,
  { epoch }: EpochStart,
  starts: readonly EpochStart[],
  sealed: SealedSoFar,
  what: string,
  proposal: Proposal,
): void {
  const place = sealPlace(epoch, proposal.height)
  const { randomness, body } = findings.attempt(what, () =>
    decodeSealBody(store.get('sealBodies', place) ?? EMPTY_BYTES),
  ) ?? { randomness: undefined, body: EMPTY_BYTES }
  findings.expect(keccak256Hash(body) === proposal.bodyHash, `${what}: its body is missing or another`)
  const cycle = cycleOfEpoch(epoch)
  const executors = starts.findLast(
    (start) => start.layer === 'execution' && cycleOfEpoch(start.epoch) === cycle,
  )
  const shape = findings.attempt(what, () => committeeShape(executors?.members.length ?? 0))
  if (shape === undefined) return
  if (isReject(body)) {
    findings.attempt(`${what}, reject`, () => decodeReject(body, shape))
    sealed.others += 1
    return
  }
  const seal = findings.attempt(`${what}, seal`, () => decodeSeal(body, shape))
  if (isVoid(starts, epoch, proposal)) {
    sealed.others += 1
    return
  }
  sealed.count += 1
  if (seal === undefined) return
  const isNext = seal.first === sealed.point.number + 1n
  findings.expect(isNext, `${what}: it does not begin after block ${sealed.point.number}`)
  verifyRange({ store, findings }, what, seal)
  if (seal.handover !== undefined) sealed.handovers.set(cycle + 1, seal.handover)
  verifySealIndexes({ store, findings }, what, place, proposal, lastOf(seal))
  const isNear = proposal.view - sealed.point.view <= SKIPPED_VIEWS_MAX
  findings.expect(isNear, `${what}: its view ${proposal.view} is far from ${sealed.point.view}`)
  // Where the view cannot be right, what was stored is taken, so that the seals after it are checked by themselves.
  const point = { ...sealed.point, number: lastOf(seal) }
  if (!isNear) sealed.point = { ...point, randomness: randomness ?? point.randomness }
  else {
    const link = randomnessAfter(sealed.point, proposal.view, seal.reveal)
    findings.expect(randomness === link, `${what}: the randomness after it is another`)
    sealed.point = { ...point, randomness: link, view: proposal.view }
  }
}

/** Whether other witnesses of the same cycle began from a seal below it. */
function isVoid(starts: readonly EpochStart[], epoch: Epoch, { height }: Proposal): boolean {
  return starts.some(
    (start) =>
      start.layer === 'witness' &&
      start.epoch > epoch &&
      cycleOfEpoch(start.epoch) === cycleOfEpoch(epoch) &&
      start.root.height < height,
  )
}

function verifyRange(
  { store, findings }: Pick<ConsensusCheck, 'store' | 'findings'>,
  what: string,
  { first, blocks }: Seal,
): void {
  for (const [index, hash] of blocks.entries()) {
    const number = first + BigInt(index)
    const known = findings.attempt(what, () => readHash(store, number))
    findings.expect(known === hash, `${what}: block ${number} of the chain is another`)
  }
}

function verifySealIndexes(
  { store, findings }: Pick<ConsensusCheck, 'store' | 'findings'>,
  what: string,
  place: Uint8Array,
  { height, payloadHash }: Proposal,
  last: bigint,
): void {
  const found = store.get('seals', numberKey(last))
  const isFound = found !== undefined && found.toHex() === place.toHex()
  findings.expect(isFound, `${what}: seal ${height} is not found by its last block`)
  if (found !== undefined) findings.attempt(what, () => decodeSealPlace(found))
  const number = store.get('sealEnds', hexToBytes(payloadHash))
  const isLast = number?.length === 8 && readNumber(number) === last
  findings.expect(isLast, `${what}: seal ${height} is not found by the hash of its last block`)
}

/** Those of the first cycle are elected from the genesis file, which is not here, as are those who replace others. */
function verifyMembers(
  findings: Findings,
  starts: readonly EpochStart[],
  handovers: ReadonlyMap<number, Seats>,
): void {
  for (const [index, { layer, epoch, members }] of starts.entries()) {
    const cycle = cycleOfEpoch(epoch)
    const before = starts[index - 1]
    const isFirst = before?.layer !== layer || cycleOfEpoch(before.epoch) !== cycle
    const handover = isFirst ? handovers.get(cycle) : undefined
    const expected = layer === 'execution' ? handover?.executors : handover?.witnesses
    const isNamed = expected === undefined || expected.join() === members.join()
    findings.expect(
      isNamed,
      `${layer} layer, epoch ${epoch}: its members are not those that the seal before it names`,
    )
  }
}

/** Whatever is there beyond what was visited belongs to no epoch. */
function verifyCounts(
  { store, findings }: ConsensusCheck,
  epochs: number,
  counts: ConsensusCounts & Readonly<Pick<SealedSoFar, 'others' | 'finalizations'>>,
): void {
  const { proposals, finalizations, others, seals } = counts
  const { tables } = store.statistics()
  const expected = {
    ...{ epochs, proposals, proposalHeights: proposals, finalizations },
    ...{ sealBodies: seals + others, seals, sealEnds: seals },
  }
  for (const [table, count] of Object.entries(expected)) {
    // The keys are those of the object above, all of them names of tables.
    const { entries } = tables[table as keyof typeof expected]
    findings.expect(entries === count, `table ${table}: ${entries} entries where ${count} belong to an epoch`)
  }
}
