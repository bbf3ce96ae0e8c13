/**
 * What a simulated node executes: its ledger, a pool of transactions, and time that passes while it works. One of these
 * is one life of a node: after a crash its calls never return, and nothing of it reaches the disk any more.
 */
import { blockFromParts } from '../../../src/chain/block-codec.ts'
import type { Block } from '../../../src/chain/block.ts'
import type { Application, BlockReference, Candidate } from '../../../src/consensus/plugin.ts'
import type { BlockAttributes } from '../../../src/execution/environment.ts'
import type { CommitState } from '../../../src/execution/ledger.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import { makeBlock, numbersOf, referenceTo, type SimulatedLedger } from './ledger.ts'

/** Transactions in one block. */
const BLOCK_TRANSACTIONS_MAX = 200

/** What the life of a node gives its application. */
export interface ApplicationPorts {
  /** Resolves after so many milliseconds, unless the life is over by then. */
  delay(ms: number): Promise<void>
  executionMs(): number
  commitMs(): number
  /** A moment at which the power may fail: does not resolve then. */
  mayCrash(): Promise<void>
  built(block: Block, beganAt: number): void
  committed(block: Block, state: CommitState): void
  advanced(state: CommitState, reference: BlockReference): void
  /** Before it happens. */
  revoking(downTo: BlockReference): void
  /** Blocks that are at least this far must never be taken back. */
  keptState(): CommitState
  now(): number
  /** Whether the engine finds every block valid … */
  isBroken(): boolean
  /** … and makes one that is not. */
  isMistaken(): boolean
  violate(checker: string, message: string): never
}

export class SimulatedApplication implements Application {
  readonly ledger: SimulatedLedger
  private readonly ports: ApplicationPorts
  private readonly pool = new Set<number>()

  constructor(ledger: SimulatedLedger, ports: ApplicationPorts) {
    this.ledger = ledger
    this.ports = ports
  }

  /** A user, or another node, hands over a transaction. */
  addTransaction(number: number): void {
    if (!this.ledger.has(number)) this.pool.add(number)
  }

  head(): BlockReference {
    return referenceTo(this.ledger.head())
  }

  numberOf(hash: Hash): bigint | undefined {
    const number = this.ledger.numberOf(hash)
    return number === undefined ? undefined : BigInt(number)
  }

  blockByHash(hash: Hash): Block | undefined {
    const number = this.ledger.numberOf(hash)
    return number === undefined ? undefined : this.ledger.block(number)
  }

  committed(state: CommitState): bigint {
    return BigInt(this.ledger.height(state))
  }

  hasPending(): boolean {
    return this.pool.size > 0
  }

  async propose(parent: BlockReference, attributes: BlockAttributes): Promise<Candidate> {
    const { ports, ledger } = this
    const beganAt = ports.now()
    await ports.delay(ports.executionMs())
    const head = ledger.head()
    if (head.hash !== parent.hash) ports.violate('application', 'a block is made on what is not the head')
    const numbers = [...this.pool].slice(0, BLOCK_TRANSACTIONS_MAX)
    const right = makeBlock(head.header, head.hash, { ...attributes, numbers })
    const block = ports.isMistaken() ? mistaken(right) : right
    ports.built(block, beganAt)
    return { block }
  }

  async verify(block: Block): Promise<Candidate> {
    const { ports } = this
    await ports.delay(ports.executionMs())
    if (!ports.isBroken()) this.ledger.check(block)
    return { block }
  }

  async commit({ block }: Candidate, state: CommitState = 'preconfirmed'): Promise<void> {
    const { ports, ledger } = this
    await ports.delay(ports.commitMs())
    await ports.mayCrash()
    if (block.header.parentHash !== ledger.head().hash) {
      ports.violate('application', `block ${block.header.number} is committed on what is not its parent`)
    }
    ledger.append(block, state)
    for (const number of numbersOf(block)) this.pool.delete(number)
    ports.committed(block, state)
    await ports.mayCrash()
  }

  async advance(state: Exclude<CommitState, 'preconfirmed'>, reference: BlockReference): Promise<void> {
    const { ports, ledger } = this
    await ports.delay(ports.commitMs())
    await ports.mayCrash()
    if (ledger.numberOf(reference.hash) !== Number(reference.number)) {
      ports.violate('application', `block ${reference.number}, which is to be ${state}, is not on the chain`)
    }
    if (state === 'sealed' && ledger.height('final') < Number(reference.number)) {
      ports.violate('application', `block ${reference.number} is to be sealed before it is final`)
    }
    ledger.raise(Number(reference.number), state)
    ports.advanced(state, reference)
    await ports.mayCrash()
  }

  async revoke(downTo: BlockReference): Promise<void> {
    const { ports, ledger } = this
    await ports.delay(ports.commitMs())
    ports.revoking(downTo)
    const kept = ports.keptState()
    if (ledger.height(kept) > Number(downTo.number)) {
      ports.violate('application', `${kept} block ${ledger.height(kept)} is taken back`)
    }
    for (const block of ledger.truncate(Number(downTo.number))) {
      for (const number of numbersOf(block)) this.pool.add(number)
    }
  }
}

/** As if execution had come to another state. */
function mistaken({ header, transactions, withdrawals }: Block): Block {
  return blockFromParts({ ...header, stateRoot: header.parentHash }, transactions, withdrawals)
}
