/** Telling what happens in a world, in lines that a person can follow. */
import { unreachable } from '../../src/primitives/assert.ts'
import type { Message } from '../../src/consensus/simplex/messages.ts'
import type { Statement } from '../../src/consensus/simplex/types.ts'
import type { WalRecord } from '../../src/consensus/simplex/wal-records.ts'

const KIND_LABELS: Readonly<Record<Message['kind'], number>> = {
  propose: 1,
  vote: 2,
  certificates: 3,
  certificateRequest: 4,
  blockRequest: 5,
  syncRequest: 6,
  blocks: 7,
}

/** A number that differs between most different messages, for the hash of a run. */
export function labelOf(message: Message): number {
  const statement = statementOf(message)
  const mixed = KIND_LABELS[message.kind] * 0x1003f
  if (statement === undefined) return mixed
  const { hash, view } = statement
  return mixed ^ (view * 31) ^ (hash.charCodeAt(9) << 8) ^ hash.charCodeAt(12) ^ statement.kind.charCodeAt(2)
}

function statementOf(message: Message): Statement | undefined {
  if (message.kind === 'vote') return message.vote
  if (message.kind === 'certificates') return message.certificates[0]
  if (message.kind === 'blocks') return message.finalization
  if (message.kind !== 'propose') return undefined
  const { view, hash } = message.block.proposal
  return { kind: 'propose', view, hash }
}

export function describeMessage(message: Message): string {
  switch (message.kind) {
    case 'propose': {
      const { view, parentView, height, hash } = message.block.proposal
      const proof = message.certificates.map(describeStatement).join(' ')
      return `propose v${view} ${short(hash)} h${height} on v${parentView} [${proof}]`
    }
    case 'vote':
      return `vote ${describeStatement(message.vote)}`
    case 'certificates':
      return `certificates ${message.certificates.map(describeStatement).join(' ')}`
    case 'certificateRequest':
      return `wants certificates v${message.fromView}-v${message.toView}`
    case 'blockRequest':
      return `wants block ${short(message.hash)} above h${message.aboveHeight}`
    case 'syncRequest':
      return `wants final blocks from h${message.fromHeight}`
    case 'blocks':
      return `blocks ${message.blocks.map(({ proposal }) => `${short(proposal.hash)}/h${proposal.height}`).join(' ')}`
    default:
      return unreachable(message)
  }
}

export function describeStatement({ kind, view, hash }: Statement): string {
  return kind === 'nullify' ? `nullify(v${view})` : `${kind}(v${view} ${short(hash)})`
}

export function describeRecord(record: WalRecord): string {
  switch (record.kind) {
    case 'tip':
      return `tip h${record.tip.height}`
    case 'statement':
      return describeStatement(record.statement)
    case 'certificate':
      return `certificate ${describeStatement(record.certificate)}`
    case 'block':
      return `block ${short(record.block.proposal.hash)}`
    case 'silence':
      return `silence through v${record.through}`
    default:
      return unreachable(record)
  }
}

/** The beginning of a hash. */
export function short(hash: string): string {
  return hash.slice(2, 8)
}
