/**
 * Brings evidence of broken rules onto the chain. Every node that has evidence does this on its own, for nobody can be
 * relied upon; so that not all of them pay for the same report, each waits for its turn first, and reports only what
 * the chain has not recorded by then.
 *
 * Turns go round the committee, beginning with the seat that the view's number names; nodes without a seat come last.
 * One offence is worked off at a time, with one nonce, until a final block has recorded it, no matter by whom. While
 * there is none, the transaction is replaced by one that pays more, until the fees reach a bound.
 *
 * What waits here is lost when the node stops: then it is the others' turn.
 */
import type { UnsignedTransactionFields } from '../../chain/transaction-codec.ts'
import type { Transaction } from '../../chain/transaction.ts'
import type { Address, Hash } from '../../primitives/bytes.ts'
import { AevirError } from '../../primitives/errors.ts'
import type { StateReader } from '../../state/state-reader.ts'
import { domainOf, seatOf, type Committee } from '../committees/committee.ts'
import type { NodeId } from '../election/election.ts'
import type { Clock } from '../plugin.ts'
import type { Evidence } from '../simplex/evidence.ts'
import type { View } from '../simplex/types.ts'
import { ACCOUNTABILITY_ADDRESS } from '../system-contracts/table.ts'
import { encodeEvidenceCall, isRecorded, offenceIdOf, type OffenceId } from './offences.ts'

export const REPORTING = {
  /** How long the holder of each turn has: a block with the report should be final after it. */
  turnMs: 2000,
  /** Between two looks at the chain while a report is under way. */
  checkMs: 1000,
  /** From one attempt to the next. */
  retryMs: 10_000,
  /** Transactions sent for one offence. */
  attemptsMax: 6,
  /** Of a report. It takes less than 550,000, plus what a growing price of storage or precompiles may need. */
  gasLimit: 1_000_000n,
  /** In wei per gas; doubles with each attempt, as does the headroom above the base fee. */
  tip: 1_000_000_000n,
  /** Offences that wait for their turn; more are left to others. */
  waitingMax: 64,
  /** Offences of one member in one epoch: enough to punish him, and he shall not ruin those who report him. */
  perMemberMax: 8,
  /** Members and epochs that are remembered. */
  knownMax: 256,
} as const

export interface ReporterPorts {
  /** The newest state, and the newest that cannot be revoked any more. Must not throw. */
  state(commit: 'preconfirmed' | 'final'): StateReader
  /** Of the next block, in wei per gas. */
  baseFeePerGas(): bigint
  /** Puts a transaction into the pool and tells others. @throws AevirError when the pool refuses it. */
  submit(transaction: Transaction): Promise<void>
  /** Must not throw. */
  onEvent(event: ReporterEvent): void
  /** Something is broken: the node must stop. */
  onError(error: unknown): void
}

/** The account that pays for reports. */
export interface Operator {
  readonly address: Address
  signTransaction(fields: UnsignedTransactionFields): Transaction
}

/** What the operator should hear of. */
export type ReporterEvent =
  /** Told once an offence: the moment to raise an alarm. */
  | { readonly kind: 'found'; readonly offence: OffenceId }
  | { readonly kind: 'submitted'; readonly offence: OffenceId; readonly transaction: Hash }
  | { readonly kind: 'refused'; readonly offence: OffenceId; readonly error: AevirError }
  | { readonly kind: 'recorded'; readonly offence: OffenceId }
  /** All attempts failed, or too many offences wait; others may have more luck. */
  | { readonly kind: 'givenUp'; readonly offence: OffenceId }

interface Report {
  readonly offence: OffenceId
  readonly call: Uint8Array
  attempts: number
  nextAttemptMs: number
}

export interface ReporterOptions {
  readonly chainId: bigint
  /** This node's key; `undefined` for one that only follows. */
  readonly self: NodeId | undefined
  readonly operator: Operator
}

export class EvidenceReporter {
  readonly #options: ReporterOptions
  readonly #clock: Clock
  readonly #ports: ReporterPorts
  /** Views of the offences that were found, by layer, epoch and member. */
  readonly #known = new Map<string, Set<View>>()
  /** Cancels the wait for a turn. */
  readonly #turns = new Map<Report, () => void>()
  /** Reports whose turn has come; the first is under way. */
  readonly #due: Report[] = []
  #cancelCheck: (() => void) | undefined
  #isStopped = false

  constructor(options: ReporterOptions, clock: Clock, ports: ReporterPorts) {
    this.#options = options
    this.#clock = clock
    this.#ports = ports
  }

  /** Offences that are not dealt with. */
  get pendingCount(): number {
    return this.#turns.size + this.#due.length
  }

  /** Takes evidence that the core has verified, as often as it comes. */
  onEvidence(committee: Committee, evidence: Evidence): void {
    const member = committee.members[evidence.first.signer]
    if (this.#isStopped || member === undefined) return
    const domain = domainOf(this.#options.chainId, committee)
    const offence = offenceIdOf(domain, member, evidence)
    if (!this.#remember(offence)) return
    this.#ports.onEvent({ kind: 'found', offence })
    // Two machines run with this node's key. Its operator learns of it; others report it.
    if (member === this.#options.self) return
    if (this.pendingCount >= REPORTING.waitingMax) {
      this.#ports.onEvent({ kind: 'givenUp', offence })
      return
    }
    const call = encodeEvidenceCall(domain, member, evidence)
    const report: Report = { offence, call, attempts: 0, nextAttemptMs: 0 }
    const delayMs = turnOf(committee, this.#options.self, offence) * REPORTING.turnMs
    const cancel = this.#clock.schedule(delayMs, () => {
      this.#turns.delete(report)
      this.#due.push(report)
      if (this.#due.length === 1) this.#check()
    })
    this.#turns.set(report, cancel)
  }

  /** Reports nothing any more. */
  stop(): void {
    this.#isStopped = true
    this.#cancelCheck?.()
    for (const cancel of this.#turns.values()) cancel()
    this.#turns.clear()
    this.#due.length = 0
  }

  /** @returns false when this offence is known, or one of too many. */
  #remember({ member, layer, epoch, view }: OffenceId): boolean {
    const key = `${layer} ${epoch} ${member}`
    const views = this.#known.get(key) ?? new Set()
    if (views.has(view) || views.size >= REPORTING.perMemberMax) return false
    this.#known.set(key, views.add(view))
    const [oldest] = this.#known.keys()
    if (this.#known.size > REPORTING.knownMax && oldest !== undefined) this.#known.delete(oldest)
    return true
  }

  /** Looks after the report that is under way until it is dealt with, then after the next. */
  #check(): void {
    for (let report = this.#due[0]; report !== undefined; report = this.#due[0]) {
      const outcome = this.#outcomeOf(report)
      if (outcome === 'waiting') return this.#checkLater()
      if (outcome === 'missing') {
        void this.#attempt(report).finally(() => this.#checkLater())
        return
      }
      this.#due.shift()
      this.#ports.onEvent({ kind: outcome, offence: report.offence })
    }
  }

  #checkLater(): void {
    if (this.#isStopped) return
    this.#cancelCheck = this.#clock.schedule(REPORTING.checkMs, () => this.#check())
  }

  #outcomeOf({ offence, attempts, nextAttemptMs }: Report): 'recorded' | 'givenUp' | 'waiting' | 'missing' {
    if (isRecorded(this.#ports.state('final'), offence)) return 'recorded'
    const isUnderWay = this.#clock.nowMs() < nextAttemptMs
    // Where only a block has it that may be revoked, time will tell.
    if (isUnderWay || isRecorded(this.#ports.state('preconfirmed'), offence)) return 'waiting'
    return attempts < REPORTING.attemptsMax ? 'missing' : 'givenUp'
  }

  async #attempt(report: Report): Promise<void> {
    const { offence } = report
    const transaction = this.#transaction(report)
    report.attempts += 1
    report.nextAttemptMs = this.#clock.nowMs() + REPORTING.retryMs
    try {
      await this.#ports.submit(transaction)
      this.#ports.onEvent({ kind: 'submitted', offence, transaction: transaction.hash })
    } catch (error) {
      // Out of funds, or the pool is full: the next attempt may find it otherwise.
      if (error instanceof AevirError) this.#ports.onEvent({ kind: 'refused', offence, error })
      else this.#ports.onError(error)
    }
  }

  #transaction({ call, attempts }: Report): Transaction {
    const { chainId, operator } = this.#options
    const factor = 2n ** BigInt(attempts)
    const tip = REPORTING.tip * factor
    return operator.signTransaction({
      type: 2,
      chainId,
      // The account's own, not the pool's next one: a later attempt replaces the one before it.
      nonce: this.#ports.state('preconfirmed').account(operator.address)?.nonce ?? 0n,
      maxPriorityFeePerGas: tip,
      maxFeePerGas: 2n * factor * this.#ports.baseFeePerGas() + tip,
      gasLimit: REPORTING.gasLimit,
      to: ACCOUNTABILITY_ADDRESS,
      value: 0n,
      data: call,
      accessList: [],
    })
  }
}

/** How many others go first. */
function turnOf(committee: Committee, self: NodeId | undefined, { view }: OffenceId): number {
  const size = committee.members.length
  const seat = seatOf(committee, self)
  return seat === undefined ? size : (seat - (view % size) + size) % size
}
