/** The signed records that a node keeps and passes on: those of members, and of whom it is linked to. */
import type { NodeId } from '../consensus/election/election.ts'
import { WireError } from '../consensus/simplex/binary.ts'
import { RECORDS_MAX } from './control-messages.ts'
import { judgeRecord, type IntroductionRules } from './introduction.ts'
import type { Link } from './link.ts'
import { decodePeerRecord, type SignedPeerRecord } from './peer-record.ts'
import type { Offence } from './peer-scores.ts'

export interface RecordBookOwner {
  readonly rules: IntroductionRules
  readonly links: ReadonlyMap<NodeId, Link>
  isMember(node: NodeId): boolean
  /** A member's record is new, or newer. */
  onMember(record: SignedPeerRecord): void
  report(node: NodeId, offence: Offence): void
}

export class RecordBook {
  readonly #owner: RecordBookOwner
  readonly #records = new Map<NodeId, SignedPeerRecord>()

  constructor(owner: RecordBookOwner) {
    this.#owner = owner
  }

  /** Keeps a record whose signature was checked, and tells everybody but the link it came from. */
  learn(record: SignedPeerRecord, from: Link): void {
    const known = this.#records.get(record.node)
    if (known !== undefined && known.sequence >= record.sequence) return
    this.#records.set(record.node, record)
    if (!this.#owner.isMember(record.node)) return
    this.#owner.onMember(record)
    for (const link of this.#owner.links.values()) if (link !== from) send(link, [record])
  }

  /** Takes records that a peer passes on. */
  receive(link: Link, encodedRecords: readonly Uint8Array[]): void {
    const { rules, isMember, report } = this.#owner
    for (const encoded of encodedRecords) {
      const claim = decode(encoded)
      if (claim === undefined) {
        report(link.node, 'undecodable')
        return
      }
      const known = this.#records.get(claim.node)
      const isNews = known === undefined || known.sequence < claim.sequence
      if (!isNews || claim.node === rules.self || !isMember(claim.node)) continue
      // Only now a millisecond for the signature, and none after the first wrong one.
      const record = judgeRecord(rules, encoded)
      if (record === undefined) {
        report(link.node, 'invalid-signature')
        return
      }
      this.learn(record, link)
    }
  }

  /** Tells a new link about all members. */
  introduce(link: Link): void {
    send(link, this.#members())
  }

  /** The committees changed: some records become interesting, others needless. */
  onMembersChanged(added: readonly NodeId[]): void {
    for (const [node, record] of this.#records) {
      if (this.#owner.isMember(node)) this.#owner.onMember(record)
      else if (!this.#owner.links.has(node)) this.#records.delete(node)
    }
    const news = this.#members().filter(({ node }) => added.includes(node))
    for (const link of this.#owner.links.values()) send(link, news)
  }

  /** The link to a node is gone. */
  onUnlinked(node: NodeId): void {
    if (!this.#owner.isMember(node)) this.#records.delete(node)
  }

  #members(): SignedPeerRecord[] {
    return [...this.#records.values()].filter(({ node }) => this.#owner.isMember(node))
  }
}

function send(link: Link, records: readonly SignedPeerRecord[]): void {
  const others = records.filter(({ node }) => node !== link.node).map(({ encoded }) => encoded)
  for (let first = 0; first < others.length; first += RECORDS_MAX) {
    link.control.send({ kind: 'records', records: others.slice(first, first + RECORDS_MAX) })
  }
}

function decode(encoded: Uint8Array): SignedPeerRecord | undefined {
  try {
    return decodePeerRecord(encoded)
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
}
