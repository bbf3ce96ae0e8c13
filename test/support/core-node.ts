/** One node of a committee of four as a test drives it: it plays everybody else, and sees all that the core wants. */
import assert from 'node:assert/strict'
import { makeCertificate } from '../../src/consensus/simplex/certificate.ts'
import { committeeShape, REGIONAL_TIMING, type Config } from '../../src/consensus/simplex/config.ts'
import type { Effect, Event, TimerName } from '../../src/consensus/simplex/events.ts'
import { createCore, step, type Origin } from '../../src/consensus/simplex/machine.ts'
import type { Message } from '../../src/consensus/simplex/messages.ts'
import { makeBlock } from '../../src/consensus/simplex/proposal.ts'
import { signedBytes } from '../../src/consensus/simplex/signing.ts'
import type { Core } from '../../src/consensus/simplex/state.ts'
import {
  NO_HASH,
  type Block,
  type Certificate,
  type SignedStatement,
  type Statement,
  type View,
  type Vote,
} from '../../src/consensus/simplex/types.ts'
import { verifyRequest, type Verifier } from '../../src/consensus/simplex/verification.ts'
import type { WalRecord } from '../../src/consensus/simplex/wal-records.ts'
import type { Hash } from '../../src/primitives/bytes.ts'
import { ROOT } from '../simulation/application.ts'
import { stubKeyring, stubScheme, stubSigner } from '../simulation/stub-scheme.ts'
import { DOMAIN } from './consensus-arbitraries.ts'

const COMMITTEE = committeeShape(4)
const verifier: Verifier = { scheme: stubScheme, domain: DOMAIN, keyring: stubKeyring(COMMITTEE.size) }
/** First byte of a body that is found invalid. */
export const INVALID_BODY = 0xff

type MessageOf<K extends Message['kind']> = Extract<Message, { readonly kind: K }>

interface Circumstances extends Partial<Origin> {
  /** Whether signatures are verified only when {@link CoreNode.verifyWaiting} is called. */
  readonly isVerifierBusy?: boolean
  readonly config?: Partial<Config>
}

/** Signatures are verified at once, unless the verifier is busy, and blocks as well. */
export class CoreNode {
  readonly core: Core
  readonly log: WalRecord[] = []
  /** Everything it wanted, in order. */
  effects: Effect[] = []
  readonly #isVerifierBusy: boolean
  #waiting: Extract<Effect, { kind: 'verify' }>[] = []

  constructor(self: number | undefined, { isVerifierBusy = false, config, ...origin }: Circumstances = {}) {
    this.#isVerifierBusy = isVerifierBusy
    const own = {
      ...COMMITTEE,
      domain: DOMAIN,
      timing: REGIONAL_TIMING,
      self,
      compactionBlocks: 64,
      ...config,
    }
    const sign = (statement: Statement): Uint8Array => signAs(self ?? 0, statement)
    this.core = createCore(own, sign, { root: ROOT, records: [], ...origin })
    this.tell({ kind: 'start' })
  }

  tell(event: Event): Effect[] {
    const effects = step(this.core, event)
    this.effects.push(...effects)
    for (const effect of effects) {
      if (effect.kind === 'persist') this.log.push(...effect.records)
      else if (effect.kind === 'verify') {
        this.#waiting.push(effect)
        if (!this.#isVerifierBusy) this.verifyWaiting()
      } else if (effect.kind === 'verifyBlock') {
        const { proposal, body } = effect.block
        this.tell({ kind: 'blockVerified', hash: proposal.hash, isValid: body[0] !== INVALID_BODY })
      }
    }
    return effects
  }

  /** Answers what waits for the verifier, the latest first if wanted. */
  verifyWaiting(order: 'first' | 'last' = 'first'): void {
    const waiting = order === 'first' ? this.#waiting : this.#waiting.toReversed()
    this.#waiting = []
    for (const { job, request } of waiting) {
      this.tell({ kind: 'verified', job, result: verifyRequest(verifier, request) })
    }
  }

  /** What it wants from here on. */
  after(act: () => void): Effect[] {
    this.effects = []
    act()
    return this.effects
  }

  hear(from: number, message: Message): void {
    this.tell({ kind: 'message', from, message })
  }

  vote(from: number, kind: Vote['kind'], view: number, hash = NO_HASH): void {
    // A statement of one of the kinds of votes is a vote.
    this.hear(from, { kind: 'vote', vote: statementOf(from, kind, view, hash) as Vote })
  }

  certificate(kind: Vote['kind'], view: number, hash = NO_HASH, from = 3): void {
    this.hear(from, { kind: 'certificates', certificates: [certificateOf(kind, view, hash)] })
  }

  propose(block: Block, certificates: readonly Certificate[] = []): void {
    const { view, hash } = block.proposal
    const { signature } = statementOf(view % 4, 'propose', view, hash)
    this.hear(view % 4, { kind: 'propose', block, signature, certificates })
  }

  /** Makes a block final: its proposal, and the certificate of its finality. */
  finalize(block: Block): void {
    this.propose(block)
    this.certificate('finalize', block.proposal.view, block.proposal.hash)
  }

  timer(timer: TimerName): void {
    this.tell({ kind: 'timer', timer, generation: this.core.timers[timer] })
  }
}

function signAs(member: number, statement: Statement): Uint8Array {
  return stubSigner(member).sign(signedBytes(DOMAIN, statement))
}

export function statementOf(
  signer: number,
  kind: Statement['kind'],
  view: number,
  hash: Hash = NO_HASH,
): SignedStatement {
  const statement = { kind, view: view as View, hash }
  return { ...statement, signer, signature: signAs(signer, statement) }
}

export function certificateOf(kind: Vote['kind'], view: number, hash = NO_HASH): Certificate {
  const statement = { kind, view: view as View, hash }
  const signers = [0, 1, 2]
  const sum = stubScheme.aggregate(signers.map((member) => signAs(member, statement))) ?? assert.fail()
  return makeCertificate(statement, signers, sum, COMMITTEE)
}

/** A certificate that nobody signed. */
export function forged(certificate: Certificate): Certificate {
  return { ...certificate, signature: new Uint8Array(96).fill(0xbb) }
}

export function blockAt(view: number, parent?: Block, body = 0): Block {
  const parentHash = parent?.proposal.hash ?? ROOT.hash
  const parentView = parent?.proposal.view ?? (0 as View)
  const height = (parent?.proposal.height ?? 0) + 1
  const fields = { view: view as View, parentView, height, parentHash, payloadHash: ROOT.hash }
  return makeBlock(fields, Uint8Array.of(body))
}

/** Blocks of the views 1 to `count`, each on the one before. */
export function chainOf(count: number): Block[] {
  const chain: Block[] = []
  for (let view = 1; view <= count; view++) chain.push(blockAt(view, chain.at(-1)))
  return chain
}

/** Own votes among effects, as "kind view". */
export function votesIn(effects: readonly Effect[]): string[] {
  return effects.flatMap((effect) =>
    effect.kind === 'broadcast' && effect.message.kind === 'vote'
      ? [`${effect.message.vote.kind} ${effect.message.vote.view}`]
      : [],
  )
}

export function kindsIn(effects: readonly Effect[]): string[] {
  return effects.map(({ kind }) => kind)
}

/** Messages to single peers. */
export function sentIn<K extends Message['kind']>(
  effects: readonly Effect[],
  kind: K,
): { readonly to: number; readonly message: MessageOf<K> }[] {
  return effects.flatMap((effect) =>
    effect.kind === 'send' && effect.message.kind === kind
      ? // The kind selects the member of the union.
        [{ to: effect.to, message: effect.message as MessageOf<K> }]
      : [],
  )
}

/** What peers are blamed for, as "peer reason". */
export function blamesIn(effects: readonly Effect[]): string[] {
  return effects.flatMap((effect) => (effect.kind === 'blame' ? [`${effect.peer} ${effect.reason}`] : []))
}

/** Heights of blocks that became final. */
export function finalIn(effects: readonly Effect[]): number[] {
  return effects.flatMap((effect) => (effect.kind === 'finalized' ? [effect.block.proposal.height] : []))
}

/** The delay of the timer that was set last. */
export function delayOf(effects: readonly Effect[], timer: string): number | undefined {
  const delays = effects.flatMap((effect) =>
    effect.kind === 'setTimer' && effect.timer === timer ? [effect.delayMs] : [],
  )
  return delays.at(-1)
}
