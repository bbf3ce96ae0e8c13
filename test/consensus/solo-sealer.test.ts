/** Consensus of one: when blocks are made, and that they are made one after the other. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { wordToHash, ZERO_ADDRESS, ZERO_HASH } from '../../src/primitives/bytes.ts'
import type { Block } from '../../src/chain/block.ts'
import type { Application, BlockReference, Candidate } from '../../src/consensus/plugin.ts'
import { SealerStoppedError, SoloSealer, type SoloOptions } from '../../src/consensus/solo-sealer.ts'
import type { CommitState } from '../../src/execution/ledger.ts'
import { ManualClock } from '../support/manual-clock.ts'

/** Keeps a chain of empty headers and a count of waiting transactions. */
class CountingApplication implements Application {
  readonly sealed: bigint[] = []
  waiting = 0
  /** Waiting transactions that no block can take. */
  stuck = 0
  private number = 0n
  private isBusy = false

  head(): BlockReference {
    return { number: this.number, hash: wordToHash(this.number) }
  }

  committed(): bigint {
    return this.number
  }

  hasPending(): boolean {
    return this.waiting + this.stuck > 0
  }

  async propose(parent: BlockReference): Promise<Candidate> {
    assert.equal(this.isBusy, false, 'one block at a time')
    this.isBusy = true
    await Promise.resolve()
    const number = parent.number + 1n
    const transactions = Array.from({ length: this.waiting })
    this.waiting = 0
    return { block: { header: { number }, hash: wordToHash(number), transactions } as unknown as Block }
  }

  async commit({ block }: Candidate, state?: CommitState): Promise<void> {
    this.number = block.header.number
    this.isBusy = false
    if (state === 'sealed') this.sealed.push(this.number)
  }

  async advance(state: 'final' | 'sealed', reference: BlockReference): Promise<void> {
    if (state === 'sealed') this.sealed.push(reference.number)
  }

  async verify(): Promise<Candidate> {
    return assert.fail('a sealer that is alone has nothing to verify')
  }

  numberOf(): bigint | undefined {
    return assert.fail('a sealer that is alone looks for no block')
  }

  blockByHash(): Block | undefined {
    return assert.fail('a sealer that is alone looks for no block')
  }

  async revoke(): Promise<void> {
    assert.fail('a sealer that is alone takes nothing back')
  }
}

interface World {
  readonly application: CountingApplication
  readonly clock: ManualClock
  readonly sealer: SoloSealer
}

async function started(options: Partial<SoloOptions> = {}): Promise<World> {
  const application = new CountingApplication()
  const clock = new ManualClock()
  const sealer = new SoloSealer(application, clock, {
    automine: false,
    intervalMs: 0,
    attributes: () => ({ timestamp: 1n, beneficiary: ZERO_ADDRESS, prevRandao: ZERO_HASH }),
    onError: (error) => assert.fail(String(error)),
    ...options,
  })
  await sealer.start()
  await sealer.settled()
  return { application, clock, sealer }
}

describe('automine', () => {
  test('seals a block for what waits, and one more for what arrives meanwhile', async () => {
    const { application, sealer } = await started({ automine: true })
    application.waiting = 3
    sealer.onTransaction()
    sealer.onTransaction()
    await sealer.settled()
    assert.deepEqual(application.sealed, [1n])
    application.waiting = 1
    sealer.onTransaction()
    await sealer.settled()
    assert.deepEqual(application.sealed, [1n, 2n])
  })

  test('does not turn in circles over transactions that fit in no block', async () => {
    const { application, sealer } = await started({ automine: true })
    application.stuck = 1
    application.propose = async (parent) => ({
      block: {
        header: { number: parent.number + 1n },
        hash: ZERO_HASH,
        transactions: [],
      } as unknown as Block,
    })
    sealer.onTransaction()
    await sealer.settled()
    assert.deepEqual(application.sealed, [])
  })

  test('switched on takes what waits already; switched off leaves it', async () => {
    const { application, sealer } = await started()
    application.waiting = 1
    sealer.onTransaction()
    await sealer.settled()
    assert.deepEqual(application.sealed, [])
    sealer.setAutomine(true)
    await sealer.settled()
    assert.deepEqual(application.sealed, [1n])
  })

  test('reports a failure, tells who waits for the block, and goes on', async () => {
    const errors: unknown[] = []
    const { application, sealer } = await started({ automine: true, onError: (error) => errors.push(error) })
    const propose = application.propose.bind(application)
    application.propose = async () => {
      throw new Error('disk full')
    }
    application.waiting = 1
    sealer.onTransaction()
    await assert.rejects(sealer.settled(), /disk full/)
    assert.equal(errors.length, 1)
    application.propose = propose
    sealer.onTransaction()
    await sealer.settled()
    assert.deepEqual(application.sealed, [1n])
  })
})

describe('interval mining', () => {
  test('seals empty blocks too, at its pace, until it is stopped', async () => {
    const { application, clock, sealer } = await started({ intervalMs: 1000 })
    for (let i = 0; i < 3; i++) {
      clock.advance(1000)
      await sealer.exclusively(async () => undefined)
      await Promise.resolve()
    }
    assert.deepEqual(application.sealed, [1n, 2n, 3n])
    sealer.setInterval(0)
    assert.equal(clock.scheduledCount, 0)
    sealer.setInterval(5)
    await sealer.stop()
    assert.equal(clock.scheduledCount, 0)
  })

  test('has one timer, even when its pace changes while a block is being made', async () => {
    const { clock, sealer } = await started({ intervalMs: 1000 })
    clock.advance(1000)
    sealer.setInterval(500)
    await sealer.exclusively(async () => undefined)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(clock.scheduledCount, 1)
    await sealer.stop()
  })
})

describe('on demand', () => {
  test('blocks come one after the other, however many ask at once', async () => {
    const { application, sealer } = await started({ automine: true })
    application.waiting = 2
    sealer.onTransaction()
    const references = await Promise.all([sealer.mine(), sealer.mine()])
    await sealer.settled()
    assert.deepEqual(
      references.map(({ number }) => number),
      [2n, 3n],
    )
    assert.deepEqual(application.sealed, [1n, 2n, 3n])
  })

  test('work that must not meet a block in the making waits for it', async () => {
    const { application, sealer } = await started()
    const seen: bigint[] = []
    const mined = sealer.mine()
    await sealer.exclusively(async () => void seen.push(application.head().number))
    await mined
    assert.deepEqual(seen, [1n])
  })

  test('nothing is made any more once it was stopped, but what was begun is completed', async () => {
    const { application, sealer } = await started({ automine: true })
    const begun = sealer.mine()
    await Promise.resolve()
    const late = [sealer.mine(), sealer.exclusively(async () => assert.fail('too late'))]
    const refused = Promise.all(late.map((work) => assert.rejects(work, SealerStoppedError)))
    await sealer.stop()
    await begun
    await refused
    application.waiting = 1
    sealer.onTransaction()
    await sealer.settled()
    assert.deepEqual(application.sealed, [1n])
  })
})
