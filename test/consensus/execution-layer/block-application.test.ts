/** Simplex over a single line of blocks: what is executed, committed, taken back and kept, and in which order. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { blockFromParts, encodeBlock } from '../../../src/chain/block-codec.ts'
import type { Block as ChainBlock } from '../../../src/chain/block.ts'
import { devGenesis } from '../../../src/chain/dev-genesis.ts'
import { ExecutionBlocks } from '../../../src/consensus/execution-layer/block-application.ts'
import {
  MemoryFinalityStore,
  type FinalityCertificates,
} from '../../../src/consensus/execution-layer/finality-store.ts'
import type { SealVerdict } from '../../../src/consensus/execution-layer/seal-rules.ts'
import type { Application, BlockReference, Candidate } from '../../../src/consensus/plugin.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import type { Block, Certificate, View, VoteKind } from '../../../src/consensus/simplex/types.ts'
import { InvalidBlockError } from '../../../src/execution/errors.ts'
import type { CommitState } from '../../../src/execution/ledger.ts'
import { executedGenesis } from '../../../src/node/genesis-ledger.ts'
import { present } from '../../../src/primitives/assert.ts'
import { EMPTY_BYTES, ZERO_ADDRESS, ZERO_HASH, type Hash } from '../../../src/primitives/bytes.ts'

const GENESIS = executedGenesis(devGenesis({ timestamp: 1_600_000_000n })).block
const ATTRIBUTES = { timestamp: 1n, beneficiary: ZERO_ADDRESS, prevRandao: ZERO_HASH }
/** Blocks with this gas limit are not valid. */
const INVALID_GAS_LIMIT = 13n
/** Blocks of this time come too early. */
const FUTURE = 77n
/** Number of the last block of the epoch. */
const LAST = 5n

function child(parent: ChainBlock, salt: number, gasLimit = 30_000_000n): ChainBlock {
  const number = parent.header.number + 1n
  const header = { ...parent.header, number, parentHash: parent.hash, timestamp: BigInt(salt), gasLimit }
  return blockFromParts(header, [], [])
}

function proposed(block: ChainBlock, view: number, body = encodeBlock(block)): Block {
  const fields = {
    view: view as View,
    parentView: (view - 1) as View,
    height: Number(block.header.number),
    parentHash: block.header.parentHash,
    payloadHash: block.hash,
  }
  return makeBlock(fields, body)
}

function certificateOf({ proposal: { view, hash } }: Block, kind: VoteKind = 'finalize'): Certificate {
  return { kind, view, hash, bitmap: EMPTY_BYTES, signature: EMPTY_BYTES }
}

/** Keeps a line of blocks and a record of what was done to it. */
class RecordingApplication implements Application {
  readonly line: ChainBlock[] = [GENESIS]
  readonly log: string[] = []
  failure: Error | undefined
  private finalNumber = 0n

  head(): BlockReference {
    const { header, hash } = present(this.line.at(-1), 'head')
    return { number: header.number, hash }
  }

  numberOf(hash: Hash): bigint | undefined {
    return this.blockByHash(hash)?.header.number
  }

  blockByHash(hash: Hash): ChainBlock | undefined {
    return this.line.find((block) => block.hash === hash)
  }

  committed(state: CommitState): bigint {
    return state === 'preconfirmed' ? this.head().number : this.finalNumber
  }

  hasPending(): boolean {
    return false
  }

  async propose(): Promise<Candidate> {
    return { block: child(present(this.line.at(-1), 'head'), 999) }
  }

  async verify(block: ChainBlock): Promise<Candidate> {
    await Promise.resolve()
    if (this.failure !== undefined) throw this.failure
    assert.equal(block.header.parentHash, this.head().hash, 'executed on the head')
    this.log.push(`execute ${block.header.timestamp}`)
    if (block.header.gasLimit === INVALID_GAS_LIMIT) throw new InvalidBlockError('gasLimit', 'unlucky')
    return { block }
  }

  async commit({ block }: Candidate, state: CommitState = 'preconfirmed'): Promise<void> {
    assert.equal(block.header.parentHash, this.head().hash, 'committed on the head')
    this.line.push(block)
    if (state !== 'preconfirmed') this.finalNumber = block.header.number
    this.log.push(`${state} ${block.header.timestamp}`)
  }

  async advance(state: CommitState, { number }: BlockReference): Promise<void> {
    this.finalNumber = number
    this.log.push(`${state} ${this.line[Number(number)]?.header.timestamp}`)
  }

  async revoke({ number }: BlockReference): Promise<void> {
    for (const block of this.line.splice(Number(number) + 1).toReversed()) {
      this.log.push(`revoke ${block.header.timestamp}`)
    }
  }
}

interface Subject {
  readonly application: RecordingApplication
  readonly store: MemoryFinalityStore
  readonly blocks: ExecutionBlocks
  readonly errors: unknown[]
  /** Held back by the pace. */
  readonly held: (() => void)[]
  /** What the layer heard. */
  readonly hooks: string[]
  /** What the rules about seals say of blocks, by their time. */
  readonly verdicts: Map<bigint, SealVerdict>
  wantedView: number
}

function subject(application = new RecordingApplication(), store = new MemoryFinalityStore()): Subject {
  const errors: unknown[] = []
  const held: (() => void)[] = []
  const hooks: string[] = []
  const verdicts = new Map<bigint, SealVerdict>()
  const latest = store.latest()
  const blocks = new ExecutionBlocks(application, {
    store,
    final: latest ?? { height: 0, payloadHash: GENESIS.hash },
    attributes: () => ATTRIBUTES,
    isWanted: (view) => view === created.wantedView,
    pace: (make) => held.push(make),
    lastNumber: LAST,
    rules: { judge: (header) => verdicts.get(header.timestamp) ?? 'valid' },
    defer: (timestamp) => timestamp === FUTURE,
    onPreconfirmed: ({ header }) => hooks.push(`preconfirmed ${header.timestamp}`),
    onRevoked: () => hooks.push('revoked'),
    onFinal: (number, hash) => {
      assert.equal(application.numberOf(hash), number)
      hooks.push(`final ${number}`)
    },
    onInvalidFinality: ({ proposal }) => hooks.push(`refused ${proposal.height}`),
    onError: (error) => errors.push(error),
  })
  const created: Subject = { application, store, blocks, errors, held, hooks, verdicts, wantedView: 1 }
  return created
}

async function verdictOn({ blocks }: Subject, block: Block, parent: Hash): Promise<boolean | undefined> {
  let verdict: boolean | undefined
  blocks.verify(block, parent, (isValid) => (verdict = isValid))
  await blocks.settled()
  return verdict
}

async function finalize({ blocks }: Subject, block: Block, isCertified = true): Promise<boolean> {
  let isApplied = false
  blocks.finalized(block, isCertified ? certificateOf(block) : undefined, () => (isApplied = true))
  await blocks.settled()
  return isApplied
}

describe('a verdict', () => {
  test('is no for what is no block, another block, or a block on another parent; nothing is executed', async () => {
    const world = subject()
    const block = child(GENESIS, 1)
    const bodies = [EMPTY_BYTES, encodeBlock(block).subarray(1), encodeBlock(child(GENESIS, 2))]
    for (const body of bodies) {
      assert.equal(await verdictOn(world, proposed(block, 1, body), GENESIS.hash), false)
    }
    assert.equal(await verdictOn(world, proposed(block, 1), ZERO_HASH), false)
    assert.deepEqual(world.application.log, [])
  })

  test('is no for a block that breaks a rule, and the line goes on', async () => {
    const world = subject()
    const bad = proposed(child(GENESIS, 1, INVALID_GAS_LIMIT), 1)
    assert.equal(await verdictOn(world, bad, GENESIS.hash), false)
    assert.equal(await verdictOn(world, proposed(child(GENESIS, 2), 2), GENESIS.hash), true)
    assert.deepEqual(world.errors, [])
  })

  test('is not given when execution fails for another reason: the node stops', async () => {
    const world = subject()
    world.application.failure = new Error('disk full')
    const block = proposed(child(GENESIS, 1), 1)
    assert.equal(await verdictOn(world, block, GENESIS.hash), undefined)
    world.application.failure = undefined
    assert.equal(await verdictOn(world, block, GENESIS.hash), undefined)
    assert.equal(await finalize(world, block), false)
    assert.equal(world.errors.length, 1)
  })

  test('waits for a block from the future, unless it is final', async () => {
    const world = subject()
    const block = proposed(child(GENESIS, Number(FUTURE)), 1)
    assert.equal(await verdictOn(world, block, GENESIS.hash), undefined)
    assert.deepEqual(world.application.log, [])
    assert.equal(await finalize(world, block), true)
    assert.deepEqual(world.errors, [])
  })

  test('of a block that was executed already costs no second execution', async () => {
    const world = subject()
    const block = child(GENESIS, 1)
    assert.equal(await verdictOn(world, proposed(block, 1), GENESIS.hash), true)
    assert.equal(await verdictOn(world, proposed(block, 2), GENESIS.hash), true)
    assert.equal(await verdictOn(world, proposed(block, 2, EMPTY_BYTES), GENESIS.hash), false)
    assert.deepEqual(world.application.log, ['execute 1'])
  })
})

describe('the line of blocks', () => {
  test('follows the certificate of the highest view, and finality wherever it goes', async () => {
    const world = subject()
    const { application, blocks } = world
    const [first, second] = [proposed(child(GENESIS, 1), 1), proposed(child(GENESIS, 2), 2)]
    await verdictOn(world, first, GENESIS.hash)
    await verdictOn(world, second, GENESIS.hash)
    blocks.notarized(second, certificateOf(second, 'notarize'))
    blocks.notarized(first, certificateOf(first, 'notarize'))
    await blocks.settled()
    assert.equal(application.head().hash, second.proposal.payloadHash)
    assert.equal(await finalize(world, first), true)
    assert.deepEqual(application.log, ['execute 1', 'execute 2', 'preconfirmed 2', 'revoke 2', 'final 1'])
    assert.equal(blocks.candidateCount, 0)
  })

  test('is aligned with the parent of what is executed, over several blocks', async () => {
    const world = subject()
    const { application } = world
    const first = child(GENESIS, 1)
    const second = child(first, 2)
    const other = child(GENESIS, 3)
    await verdictOn(world, proposed(first, 1), GENESIS.hash)
    await verdictOn(world, proposed(second, 2), first.hash)
    await verdictOn(world, proposed(child(second, 4), 3), second.hash)
    await verdictOn(world, proposed(other, 4), GENESIS.hash)
    await verdictOn(world, proposed(child(second, 5), 5), second.hash)
    assert.deepEqual(application.log.slice(2), [
      'execute 2',
      'preconfirmed 2',
      'execute 4',
      'revoke 2',
      'revoke 1',
      'execute 3',
      'preconfirmed 1',
      'preconfirmed 2',
      'execute 5',
    ])
  })

  test('never goes back behind a final block', async () => {
    const world = subject()
    const first = child(GENESIS, 1)
    await finalize(world, proposed(first, 1))
    assert.equal(await verdictOn(world, proposed(child(GENESIS, 2), 2), GENESIS.hash), undefined)
    const late = proposed(child(GENESIS, 2), 2)
    world.blocks.notarized(late, certificateOf(late, 'notarize'))
    await world.blocks.settled()
    assert.equal(world.application.head().hash, first.hash)
    assert.deepEqual(world.errors, [])
  })

  test('keeps a bounded number of executed blocks that nobody certifies', async () => {
    const world = subject()
    for (let salt = 1; salt <= 300; salt++) {
      await verdictOn(world, proposed(child(GENESIS, salt), salt), GENESIS.hash)
    }
    assert.equal(world.blocks.candidateCount, 256)
  })
})

describe('a block of this node', () => {
  test('is made when its time has come, on the parent, and only while its view lasts', async () => {
    const world = subject()
    const { blocks, held } = world
    const built: Hash[] = []
    const request = { view: 1 as View, height: 1, parentPayload: GENESIS.hash }
    blocks.build(request, (hash) => built.push(hash))
    await blocks.settled()
    assert.equal(built.length, 0)
    present(held[0], 'held')()
    await blocks.settled()
    assert.deepEqual(built, [child(GENESIS, 999).hash])
    world.wantedView = 2
    present(held[0], 'held')()
    blocks.build(request, (hash) => built.push(hash))
    await blocks.settled()
    assert.equal(built.length, 1)
    assert.equal(held.length, 1)
  })
})

/** The chain of an epoch up to a number, all of it final but the last block, which is executed. */
async function grown(world: Subject, number: bigint): Promise<ChainBlock> {
  let parent = GENESIS
  for (let height = 1n; height <= number; height++) {
    const block = proposed(child(parent, Number(height)), Number(height))
    await verdictOn(world, block, parent.hash)
    if (height < number) await finalize(world, block)
    parent = child(parent, Number(height))
  }
  return parent
}

function repeatOf(block: ChainBlock, view: number, height = view): Block {
  const fields = { view: view as View, parentView: (view - 1) as View, height }
  return makeBlock({ ...fields, parentHash: ZERO_HASH, payloadHash: block.hash }, EMPTY_BYTES)
}

describe('after the last block of the epoch', () => {
  test('only an empty repeat of it is valid, and before it none is', async () => {
    const world = subject()
    const last = await grown(world, LAST)
    const parent = present(world.application.line.at(-1), 'parent')
    assert.equal(await verdictOn(world, repeatOf(parent, 6, 5), parent.hash), false)
    assert.equal(await verdictOn(world, repeatOf(last, 6), last.hash), true)
    assert.equal(await verdictOn(world, repeatOf(parent, 6), last.hash), false)
    assert.equal(await verdictOn(world, proposed(child(last, 6), 6), last.hash), false)
    const full = makeBlock(repeatOf(last, 6).proposal, encodeBlock(last))
    assert.equal(await verdictOn(world, full, last.hash), false)
  })

  test('this node repeats it without a pause, until it is final', async () => {
    const world = subject()
    const { blocks, application, store, hooks } = world
    const last = await grown(world, LAST)
    const built: [Hash, Uint8Array][] = []
    const request = { view: 1 as View, height: 6, parentPayload: last.hash }
    blocks.build(request, (...block) => built.push(block))
    await blocks.settled()
    assert.deepEqual(built, [[last.hash, EMPTY_BYTES]])
    assert.equal(await finalize(world, proposed(last, 5), false), true)
    assert.equal(blocks.isOver, false, 'nobody could prove it')
    const repeat = repeatOf(last, 6)
    assert.equal(await finalize(world, repeat), true)
    assert.ok(blocks.isOver)
    assert.deepEqual(blocks.block(repeat.proposal.hash), repeat)
    assert.deepEqual(hooks, ['final 1', 'final 2', 'final 3', 'final 4', 'final 5'])
    assert.equal(application.log.filter((entry) => entry.startsWith('final')).length, 6)
    assert.equal(await finalize(world, repeatOf(last, 7)), true)
    assert.equal(store.latest()?.height, 6)
    assert.equal(await verdictOn(world, repeatOf(last, 8), last.hash), undefined)
    blocks.build(request, (...block) => built.push(block))
    await blocks.settled()
    assert.equal(built.length, 1)
    assert.ok(subject(application, store).blocks.isOver, 'in its next life, too')
  })

  test('ends the epoch when it comes again with the certificate that an earlier life of this node lacked', async () => {
    const before = subject()
    const last = await grown(before, LAST)
    const block = proposed(last, 5)
    await finalize(before, block, false)
    const world = subject(before.application, before.store)
    const { blocks, hooks, store } = world
    assert.equal(await verdictOn(world, block, last.header.parentHash), true)
    assert.equal(await finalize(world, block, false), true)
    assert.equal(blocks.isOver, false)
    assert.equal(await finalize(world, block), true)
    assert.ok(blocks.isOver)
    assert.deepEqual(hooks, ['final 5'])
    assert.deepEqual(store.finalizationAtOrAbove(5), { height: 5, certificate: certificateOf(block) })
  })

  test('a repeat that is notarized makes its block the head', async () => {
    const world = subject()
    const { application, blocks, hooks } = world
    const last = await grown(world, LAST)
    const other = child(present(application.line.at(-1), 'parent'), 55)
    await verdictOn(world, proposed(other, 6), other.header.parentHash)
    const isOf = proposed(other, 6)
    blocks.notarized(isOf, certificateOf(isOf, 'notarize'))
    const repeat = repeatOf(last, 7, 6)
    blocks.notarized(repeat, certificateOf(repeat, 'notarize'))
    await blocks.settled()
    assert.equal(application.head().hash, last.hash)
    assert.deepEqual(hooks.slice(-3), ['preconfirmed 55', 'revoked', 'preconfirmed 5'])
  })
})

describe('what a block says about seals', () => {
  test('is judged before it is executed', async () => {
    const world = subject()
    world.verdicts.set(1n, 'invalid')
    assert.equal(await verdictOn(world, proposed(child(GENESIS, 1), 1), GENESIS.hash), false)
    assert.deepEqual(world.application.log, [])
  })

  test('is judged again when there is a new seal', async () => {
    const { blocks, verdicts } = subject()
    verdicts.set(1n, 'wait')
    const given: boolean[] = []
    blocks.verify(proposed(child(GENESIS, 1), 1), GENESIS.hash, (isValid) => given.push(isValid))
    await blocks.settled()
    blocks.retryWaiting()
    await blocks.settled()
    assert.deepEqual(given, [])
    verdicts.delete(1n)
    blocks.retryWaiting()
    blocks.retryWaiting()
    await blocks.settled()
    assert.deepEqual(given, [true])
  })

  test('is nothing that a final block waits for', async () => {
    const world = subject()
    world.verdicts.set(1n, 'wait')
    assert.equal(await finalize(world, proposed(child(GENESIS, 1), 1)), true)
    world.verdicts.set(2n, 'invalid')
    assert.equal(await finalize(world, proposed(child(child(GENESIS, 1), 2), 2)), false)
    assert.equal(world.hooks.at(-1), 'refused 2')
  })

  test('keeps a leader from proposing what others could not accept', async () => {
    const { blocks, held, verdicts } = subject()
    verdicts.set(999n, 'wait')
    let builtCount = 0
    blocks.build({ view: 1 as View, height: 1, parentPayload: GENESIS.hash }, () => (builtCount += 1))
    await blocks.settled()
    present(held[0], 'held')()
    await blocks.settled()
    assert.equal(builtCount, 0)
  })
})

describe('a final block', () => {
  test('is stored with the certificates that this node has', async () => {
    const world = subject()
    const added: FinalityCertificates[] = []
    const add = world.store.add.bind(world.store)
    world.store.add = async (proposal, certificates) => {
      added.push(certificates)
      await add(proposal, certificates)
    }
    const block = proposed(child(GENESIS, 1), 1)
    const notarization = certificateOf(block, 'notarize')
    await verdictOn(world, block, GENESIS.hash)
    world.blocks.notarized(block, notarization)
    await finalize(world, block)
    await finalize(world, proposed(child(child(GENESIS, 1), 2), 2), false)
    assert.deepEqual(added, [
      { notarization, finalization: certificateOf(block) },
      { notarization: undefined, finalization: undefined },
    ])
  })

  test('that never was executed here is executed, and comes again without effect', async () => {
    const world = subject()
    const block = proposed(child(GENESIS, 1), 1)
    assert.equal(await finalize(world, block), true)
    assert.equal(await finalize(world, block), true)
    assert.deepEqual(world.application.log, ['execute 1', 'final 1'])
  })

  test('that reached the ledger but not the store before a crash is not executed again', async () => {
    const block = proposed(child(GENESIS, 1), 1)
    const before = subject()
    await finalize(before, block)
    const after = subject(before.application)
    assert.equal(await finalize(after, block), true)
    assert.deepEqual(before.application.log, ['execute 1', 'final 1', 'final 1'])
    assert.deepEqual(after.store.latest(), block.proposal)
  })

  test('that is not valid is refused, once its proof is complete', async () => {
    const world = subject()
    const bad = child(GENESIS, 1, INVALID_GAS_LIMIT)
    assert.equal(await finalize(world, proposed(bad, 1), false), false)
    assert.deepEqual(world.hooks, [])
    assert.equal(await finalize(world, proposed(child(bad, 2), 2)), false)
    assert.deepEqual([world.hooks, world.errors], [['refused 1'], []])
    assert.deepEqual(world.application.log, ['execute 1'])
  })

  test('is served with the certificate nearest to it', async () => {
    const world = subject()
    const chain: Block[] = []
    let parent = GENESIS
    for (let height = 1; height <= 5; height++) {
      parent = child(parent, height)
      const block = proposed(parent, height)
      chain.push(block)
      await finalize(world, block, height % 2 === 0)
    }
    const { blocks } = world
    for (const block of chain) assert.deepEqual(blocks.block(block.proposal.hash), block)
    assert.equal(blocks.block(ZERO_HASH), undefined)
    const below = [0, 1, 2, 3, 4, 5, 99].map((height) => blocks.finalizationAtOrBelow(height)?.height)
    assert.deepEqual(below, [undefined, undefined, 2, 2, 4, 4, 4])
    const above = [0, 1, 2, 3, 4, 5, 99].map((height) => blocks.finalizationAtOrAbove(height)?.height)
    assert.deepEqual(above, [2, 2, 2, 4, 4, undefined, undefined])
  })
})
