/** Epochs that are over: whoever asks about them gets blocks and certificates from the store and the ledger. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { encodeBlock } from '../../../src/chain/block-codec.ts'
import { answerFromArchive, type ArchiveSources } from '../../../src/consensus/dual-bft/archive.ts'
import { committeeShape, LIMITS } from '../../../src/consensus/simplex/config.ts'
import type { Message } from '../../../src/consensus/simplex/messages.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import type { Certificate, Epoch, View } from '../../../src/consensus/simplex/types.ts'
import {
  decodeMessage,
  encodeMessage,
  wireContext,
  type WireContext,
} from '../../../src/consensus/simplex/wire.ts'
import { present } from '../../../src/primitives/assert.ts'
import { EMPTY_BYTES, ZERO_HASH } from '../../../src/primitives/bytes.ts'
import { ExecutionWorld } from '../execution-layer/world.ts'

const FOLLOWER = 4
const LAST = 40n
let world: ExecutionWorld

afterEach(async () => {
  await world.close()
})

/** An epoch that is over, with a repeat at its end, and a node that knows none of it. */
async function overWorld(): Promise<void> {
  world = await ExecutionWorld.start({ followers: 1, lastNumber: LAST })
  await world.stop(FOLLOWER)
  world.tamper = (_from, _to, message) => {
    const isFinality = message.kind === 'vote' && message.vote.kind === 'finalize'
    return isFinality && message.vote.view === Number(LAST) ? [] : [message]
  }
  while (!world.node(0).layer.isOver) {
    await world.transfer(1n)
    await world.run(10)
  }
}

function context(): WireContext {
  return wireContext(committeeShape(4), world.domain)
}

function sources(): ArchiveSources {
  const { store, chain } = world.node(0)
  return {
    store: {
      execution: () => store,
      witness: () => {
        throw new Error('not asked for')
      },
    },
    contextOf: (layer, epoch) => (layer === 'execution' && epoch === 0 ? context() : undefined),
    blockBody: (hash) => {
      const block = chain.blockByHash(hash)
      return block === undefined ? undefined : encodeBlock(block)
    },
  }
}

function ask(message: Message): Message | undefined {
  const answer = answerFromArchive(sources(), encodeMessage(context(), message))
  return answer === undefined ? undefined : decodeMessage(context(), answer)
}

describe('the archive of an epoch', () => {
  test('alone is enough for a new node to follow it to its end', async () => {
    await overWorld()
    const questions: { readonly to: number; readonly message: Message }[] = []
    world.tamper = (from, to, message) => {
      if (from === FOLLOWER) questions.push({ to, message })
      return []
    }
    await world.restart(FOLLOWER)
    const { layer, chain } = world.node(FOLLOWER)
    layer.catchUp()
    for (let next = questions.shift(); next !== undefined; next = questions.shift()) {
      const answer = ask(next.message)
      if (answer !== undefined) layer.receive(next.to, answer)
      await world.settle()
    }
    assert.ok(layer.isOver)
    assert.equal(chain.ledger.headHash(), world.node(0).chain.ledger.headHash())
    assert.equal(chain.ledger.committed('final'), LAST)
  })

  test('answers within the limits of a response, and nothing beyond the end', async () => {
    await overWorld()
    const answer = ask({ kind: 'syncRequest', fromHeight: 1 })
    assert.ok(answer?.kind === 'blocks')
    assert.equal(answer.blocks.length, LIMITS.blocksPerResponse)
    const [last] = answer.blocks
    const above = present(last, 'last block').proposal
    const ancestors = ask({ kind: 'blockRequest', hash: above.hash, aboveHeight: above.height - 3 })
    assert.ok(ancestors?.kind === 'blocks')
    assert.equal(ancestors.blocks.length, 3)
    assert.equal(ask({ kind: 'syncRequest', fromHeight: Number(LAST) + 10 }), undefined)
    assert.equal(ask({ kind: 'blockRequest', hash: ZERO_HASH, aboveHeight: 1 }), undefined)
  })

  test('tells anybody who asks about a view how the epoch ended', async () => {
    await overWorld()
    const answer = ask({ kind: 'certificateRequest', fromView: 1 as View, toView: 5 as View })
    const { latest } = { latest: present(world.node(0).store.latest(), 'latest') }
    assert.ok(answer?.kind === 'certificates')
    assert.equal(answer.certificates[0]?.hash, latest.hash)
    assert.ok(latest.height > Number(LAST))
  })

  test('has nothing to say to statements, noise and other epochs', async () => {
    await overWorld()
    const certificates: Certificate[] = []
    assert.equal(ask({ kind: 'certificates', certificates }), undefined)
    const question = encodeMessage(context(), { kind: 'syncRequest', fromHeight: 1 })
    for (let size = 0; size < question.length; size++) {
      assert.equal(answerFromArchive(sources(), question.subarray(0, size)), undefined)
    }
    const domain = { ...world.domain, epoch: 1 as Epoch }
    const foreign = encodeMessage(wireContext(committeeShape(4), domain), {
      kind: 'syncRequest',
      fromHeight: 1,
    })
    assert.equal(answerFromArchive(sources(), foreign), undefined)
  })

  test('of seals hands out their bodies', async () => {
    await overWorld()
    const fields = { view: 1 as View, parentView: 0 as View, height: 1, parentHash: ZERO_HASH }
    const block = makeBlock({ ...fields, payloadHash: ZERO_HASH }, new Uint8Array([1, 2, 3]))
    const repeat = makeBlock(
      { ...fields, payloadHash: ZERO_HASH, height: 2, view: 2 as View, parentHash: block.proposal.hash },
      EMPTY_BYTES,
    )
    const proposals = [block.proposal, repeat.proposal]
    const domain = { ...world.domain, layer: 'witness' as const }
    const witnesses = wireContext(committeeShape(4), domain)
    const seals: ArchiveSources = {
      ...sources(),
      contextOf: () => witnesses,
      store: {
        execution: () => {
          throw new Error('not asked for')
        },
        witness: () => ({
          latest: () => repeat.proposal,
          proposal: (hash) => proposals.find((proposal) => proposal.hash === hash),
          body: (hash) => (hash === block.proposal.hash ? block.body : undefined),
          finalizationAtOrBelow: () => undefined,
          finalizationAtOrAbove: () => undefined,
          add: () => Promise.reject(new Error('not asked for')),
          prove: () => Promise.reject(new Error('not asked for')),
        }),
      },
    }
    const question = encodeMessage(witnesses, {
      kind: 'blockRequest',
      hash: repeat.proposal.hash,
      aboveHeight: 0,
    })
    const answer = decodeMessage(witnesses, present(answerFromArchive(seals, question), 'answer'))
    assert.deepEqual(answer, { kind: 'blocks', blocks: [repeat, block], finalization: undefined })
  })
})
