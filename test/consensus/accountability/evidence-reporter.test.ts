/** Nodes report an offence in turns, once, and persist until a final block has recorded it. */
import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { setImmediate as settled } from 'node:timers/promises'
import type { UnsignedTransactionFields } from '../../../src/chain/transaction-codec.ts'
import type { GenesisAccount } from '../../../src/chain/genesis.ts'
import { signTransaction } from '../../../src/chain/transaction-signature.ts'
import type { Transaction } from '../../../src/chain/transaction.ts'
import {
  EvidenceReporter,
  REPORTING,
  type ReporterEvent,
  type ReporterPorts,
} from '../../../src/consensus/accountability/evidence-reporter.ts'
import { offenceAt, offenceCount } from '../../../src/consensus/accountability/offences.ts'
import { domainOf, makeCommittee, type Committee } from '../../../src/consensus/committees/committee.ts'
import type { Evidence } from '../../../src/consensus/simplex/evidence.ts'
import type { Epoch, View } from '../../../src/consensus/simplex/types.ts'
import { systemContracts } from '../../../src/consensus/system-contracts/table.ts'
import { createSessions } from '../../../src/execution/engines.ts'
import type { TransactionSession } from '../../../src/execution/transaction-session.ts'
import { PoolError } from '../../../src/pool/transaction-pool.ts'
import { present } from '../../../src/primitives/assert.ts'
import { EMPTY_BYTES, ZERO_HASH, type Address } from '../../../src/primitives/bytes.ts'
import { privateKeyToAddress } from '../../../src/primitives/secp256k1.ts'
import { memoryStateOf } from '../../../src/state/genesis-state.ts'
import { OverlayState } from '../../../src/state/overlay-state.ts'
import type { StateReader } from '../../../src/state/state-reader.ts'
import { doubleVote, idOf, member, SCOPE, VIEW } from '../../support/accountability-world.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { AMPLE_ALLOWANCE, smallEnvironment } from '../../support/small-world.ts'

const SIZE = 4
const BASE_FEE = 7n
const SIGNERS = Array.from({ length: SIZE }, (_, i) => member(i + 1))
const COMMITTEE = makeCommittee(ZERO_HASH, 'execution', 3 as Epoch, SIGNERS.map(idOf))
/** The seat whose turn comes first in VIEW. */
const FIRST_SEAT = VIEW % SIZE
const OFFENDER = 0

/** A chain with one block in the making, which becomes preconfirmed and final when the test says so. */
class Chain {
  readonly genesis: StateReader
  pending: { readonly transaction: Transaction; readonly sender: Address }[] = []
  final: StateReader
  private readonly session: TransactionSession

  private constructor(genesis: StateReader, session: TransactionSession) {
    this.genesis = genesis
    this.final = genesis
    this.session = session
  }

  static async create(funds: bigint): Promise<Chain> {
    const account: GenesisAccount = { balance: funds, nonce: 0n, code: EMPTY_BYTES, storage: new Map() }
    const operators = SIGNERS.map((_, seat) => [operatorAddress(seat), account] as const)
    const genesis = memoryStateOf(new Map([...systemContracts(), ...operators]))
    const open = await createSessions('tier0')
    return new Chain(genesis, await open(genesis, smallEnvironment('osaka', { baseFeePerGas: BASE_FEE })))
  }

  head(): StateReader {
    return new OverlayState(this.genesis, this.session.diff())
  }

  /** @returns how the transactions of the block ended. */
  async mine(): Promise<string[]> {
    const statuses: string[] = []
    for (const offer of this.pending.splice(0)) {
      statuses.push((await this.session.execute(offer, AMPLE_ALLOWANCE)).status)
    }
    return statuses
  }

  finalize(): void {
    this.final = this.head()
  }
}

function operatorKey(seat: number): Uint8Array {
  return new Uint8Array(32).fill(seat + 1)
}

function operatorAddress(seat: number): Address {
  return privateKeyToAddress(operatorKey(seat))
}

class Node {
  readonly events: ReporterEvent[] = []
  readonly sent: Transaction[] = []
  readonly errors: unknown[] = []
  readonly reporter: EvidenceReporter

  constructor(seat: number, chain: Chain, clock: ManualClock, changes: Partial<ReporterPorts> = {}) {
    const signer = SIGNERS[seat]
    const address = operatorAddress(seat % SIZE)
    const operator = {
      address,
      signTransaction: (fields: UnsignedTransactionFields) =>
        signTransaction(fields, operatorKey(seat % SIZE)),
    }
    const self = signer && idOf(signer)
    this.reporter = new EvidenceReporter({ chainId: SCOPE.chainId, self, operator }, clock, {
      state: (commit) => (commit === 'final' ? chain.final : chain.head()),
      baseFeePerGas: () => BASE_FEE,
      submit: async (transaction) => {
        this.sent.push(transaction)
        chain.pending.push({ transaction, sender: address })
      },
      onEvent: (event) => this.events.push(event),
      onError: (error) => this.errors.push(error),
      ...changes,
    })
  }

  kinds(): string[] {
    return this.events.map(({ kind }) => kind)
  }
}

function contradiction(view = VIEW, committee: Committee = COMMITTEE, offender = OFFENDER): Evidence {
  const signer = present(SIGNERS[offender], 'signer')
  const { first, second } = doubleVote(signer, view, domainOf(SCOPE.chainId, committee))
  return { first: { ...first, signer: offender }, second: { ...second, signer: offender } }
}

describe('reporting evidence', () => {
  let clock: ManualClock
  let chain: Chain
  /** Lets time pass, with everything that is waited for meanwhile. */
  const pass = async (milliseconds: number): Promise<void> => {
    for (let left = milliseconds; left > 0; left -= REPORTING.checkMs) {
      clock.advance(Math.min(left, REPORTING.checkMs))
      await settled()
    }
  }

  beforeEach(async () => {
    clock = new ManualClock()
    chain = await Chain.create(10n ** 18n)
  })

  test('ends with the offence on the chain', async () => {
    const node = new Node(FIRST_SEAT, chain, clock)
    node.reporter.onEvidence(COMMITTEE, contradiction())
    await pass(1)
    assert.deepEqual(node.kinds(), ['found', 'submitted'])
    assert.deepEqual(await chain.mine(), ['succeeded'])
    await pass(REPORTING.retryMs * 10)
    assert.equal(node.sent.length, 1, 'a preconfirmed report is waited for')
    chain.finalize()
    await pass(REPORTING.checkMs)
    assert.deepEqual(node.kinds(), ['found', 'submitted', 'recorded'])
    assert.equal(node.reporter.pendingCount, 0)
    assert.equal(clock.scheduledCount, 0)
    const { member: guilty, view, reporter } = offenceAt(chain.final, 0)
    assert.deepEqual(
      [guilty, view, reporter],
      [COMMITTEE.members[OFFENDER], VIEW, operatorAddress(FIRST_SEAT)],
    )
  })

  test('goes round the committee, and stops when the chain has it', async () => {
    const nodes = SIGNERS.map((_, seat) => new Node(seat, chain, clock))
    const guest = new Node(SIZE, chain, clock)
    const others = [...nodes.slice(1), guest]
    for (const { reporter } of others) reporter.onEvidence(COMMITTEE, contradiction())
    await pass(1)
    assert.deepEqual(
      nodes.map(({ sent }) => sent.length),
      [0, 0, 1, 0],
    )
    // The first one's report is lost: the next turn is seat 3's.
    chain.pending = []
    await pass(REPORTING.turnMs)
    assert.deepEqual(
      nodes.map(({ sent }) => sent.length),
      [0, 0, 1, 1],
    )
    assert.deepEqual(await chain.mine(), ['succeeded'])
    chain.finalize()
    await pass(REPORTING.turnMs * SIZE)
    assert.deepEqual(
      nodes.map(({ sent }) => sent.length),
      [0, 0, 1, 1],
    )
    assert.equal(guest.sent.length, 0)
    for (const node of others) assert.equal(node.kinds().at(-1), 'recorded')
    assert.equal(offenceCount(chain.final), 1)
  })

  test('replaces a transaction that gets nowhere, and gives up in the end', async () => {
    const node = new Node(FIRST_SEAT, chain, clock)
    node.reporter.onEvidence(COMMITTEE, contradiction())
    await pass(REPORTING.retryMs * (REPORTING.attemptsMax + 2))
    const fees = node.sent.map(({ fields }) => (fields.type === 2 ? fields.maxFeePerGas : 0n))
    assert.equal(fees.length, REPORTING.attemptsMax)
    for (const [i, fee] of fees.entries()) assert.equal(fee, (2n * BASE_FEE + REPORTING.tip) << BigInt(i))
    assert.deepEqual(new Set(node.sent.map(({ fields }) => fields.nonce)), new Set([0n]))
    assert.equal(node.kinds().at(-1), 'givenUp')
    assert.equal(clock.scheduledCount, 0)
  })

  test('reports again what was taken back', async () => {
    const node = new Node(FIRST_SEAT, chain, clock)
    node.reporter.onEvidence(COMMITTEE, contradiction())
    await pass(1)
    await chain.mine()
    await pass(REPORTING.retryMs)
    // The preconfirmed block is revoked, its transaction forgotten.
    const fresh = await Chain.create(10n ** 18n)
    chain.head = () => fresh.head()
    await pass(REPORTING.checkMs)
    assert.equal(node.sent.length, 2)
    assert.equal(node.sent[1]?.fields.nonce, 0n)
  })

  test('tries again where the pool refuses, and stops the node where something is broken', async () => {
    const refusal = new PoolError('insufficientFunds', 'insufficient funds')
    const poor = new Node(FIRST_SEAT, chain, clock, { submit: () => Promise.reject(refusal) })
    poor.reporter.onEvidence(COMMITTEE, contradiction())
    await pass(REPORTING.retryMs + REPORTING.checkMs)
    assert.deepEqual(poor.kinds(), ['found', 'refused', 'refused'])
    assert.deepEqual(poor.errors, [])
    const broken = new Node(FIRST_SEAT, chain, clock, { submit: () => Promise.reject(new TypeError('x')) })
    broken.reporter.onEvidence(COMMITTEE, contradiction())
    await pass(1)
    assert.match(String(broken.errors[0]), /TypeError/)
  })

  test('works off several offences one after the other', async () => {
    const node = new Node(FIRST_SEAT, chain, clock)
    const views = [VIEW, (VIEW + SIZE) as View, (VIEW + 2 * SIZE) as View]
    for (const view of views) node.reporter.onEvidence(COMMITTEE, contradiction(view))
    for (const count of [1, 2, 3]) {
      await pass(REPORTING.checkMs)
      assert.equal(node.sent.length, count)
      assert.deepEqual(await chain.mine(), ['succeeded'])
      chain.finalize()
    }
    await pass(REPORTING.checkMs)
    assert.deepEqual(
      node.sent.map(({ fields }) => fields.nonce),
      [0n, 1n, 2n],
    )
    assert.equal(offenceCount(chain.final), 3)
    assert.equal(node.reporter.pendingCount, 0)
  })

  test('takes the same evidence once, and so much of one member and of all', () => {
    const node = new Node(FIRST_SEAT, chain, clock)
    const found = contradiction()
    node.reporter.onEvidence(COMMITTEE, found)
    node.reporter.onEvidence(COMMITTEE, { first: found.second, second: found.first })
    assert.deepEqual(node.kinds(), ['found'])
    for (let view = 100; view < 120; view++) {
      // What is not signed is reported as readily: the core has verified it.
      const forged = {
        first: { ...found.first, view: view as View },
        second: { ...found.second, view: view as View },
      }
      node.reporter.onEvidence(COMMITTEE, forged)
    }
    assert.equal(node.events.length, REPORTING.perMemberMax)
    for (let epoch = 10; epoch < 20; epoch++) {
      const committee = { ...COMMITTEE, epoch: epoch as Epoch }
      for (let view = 100; view < 120; view++) {
        const forged = {
          first: { ...found.first, view: view as View },
          second: { ...found.second, view: view as View },
        }
        node.reporter.onEvidence(committee, forged)
      }
    }
    assert.equal(node.reporter.pendingCount, REPORTING.waitingMax)
    assert.equal(node.kinds().at(-1), 'givenUp')
    node.reporter.stop()
    assert.equal(node.reporter.pendingCount, 0)
    assert.equal(clock.scheduledCount, 0)
  })

  test('raises the alarm about its own key, but leaves the report to others', async () => {
    const node = new Node(OFFENDER, chain, clock)
    node.reporter.onEvidence(COMMITTEE, contradiction())
    await pass(REPORTING.turnMs * SIZE)
    assert.deepEqual(node.kinds(), ['found'])
    assert.equal(node.reporter.pendingCount, 0)
  })
})
