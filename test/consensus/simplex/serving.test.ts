/** Answers to requests for blocks: how many, how large, from where. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LIMITS } from '../../../src/consensus/simplex/config.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import {
  answerBlockRequest,
  answerSyncRequest,
  withMemoryOf,
  type Archive,
  type StoredFinalization,
} from '../../../src/consensus/simplex/serving.ts'
import type { Block } from '../../../src/consensus/simplex/types.ts'
import { blockAt, certificateOf, chainOf, CoreNode } from '../../support/core-node.ts'

const chain = chainOf(100)

/** What holds these blocks, and the certificates of some heights. */
function archiveOf(blocks: readonly Block[], certified: readonly number[]): Archive {
  const byHash = new Map(blocks.map((block) => [block.proposal.hash, block]))
  const stored = certified.map((height): StoredFinalization => {
    const { view, hash } = blocks[height - 1]?.proposal ?? assert.fail()
    return { height, certificate: certificateOf('finalize', view, hash) }
  })
  return {
    block: (hash) => byHash.get(hash),
    finalizationAtOrBelow: (height) => stored.findLast((one) => one.height <= height),
    finalizationAtOrAbove: (height) => stored.find((one) => one.height >= height),
  }
}

function hashAt(height: number): Block['proposal']['hash'] {
  return chain[height - 1]?.proposal.hash ?? assert.fail()
}

function heightsOf(answer: ReturnType<typeof answerBlockRequest>): number[] {
  return answer?.blocks.map(({ proposal }) => proposal.height) ?? []
}

describe('a block that is asked for by hash', () => {
  const archive = archiveOf(chain, [])

  test('comes with its ancestors above the height that the asker has', () => {
    assert.deepEqual(heightsOf(answerBlockRequest(archive, hashAt(5), 2)), [5, 4, 3])
    assert.equal(answerBlockRequest(archive, hashAt(5), 2)?.finalization, undefined)
  })

  test('comes with so many ancestors at most', () => {
    const heights = heightsOf(answerBlockRequest(archive, hashAt(90), 0))
    assert.equal(heights.length, LIMITS.blocksPerResponse)
    assert.equal(heights[0], 90)
  })

  test('is not answered when it is unknown, or not above the height', () => {
    assert.equal(answerBlockRequest(archive, blockAt(7).proposal.hash, 0), undefined)
    assert.equal(answerBlockRequest(archive, hashAt(5), 5), undefined)
  })

  test('comes alone when it is as large as an answer may be', () => {
    const large: Block[] = []
    for (let height = 1; height <= 3; height++) {
      const { proposal } = chain[height - 1] ?? assert.fail()
      const parentHash = large.at(-1)?.proposal.hash ?? proposal.parentHash
      large.push(makeBlock({ ...proposal, parentHash }, new Uint8Array(LIMITS.bytesPerResponse)))
    }
    const [, , last = assert.fail()] = large
    assert.deepEqual(heightsOf(answerBlockRequest(archiveOf(large, []), last.proposal.hash, 0)), [3])
  })
})

describe('final blocks that are asked for by height', () => {
  test('end with the highest certificate in reach', () => {
    const answer = answerSyncRequest(archiveOf(chain, [3, 7, 20]), 5)
    assert.equal(answer?.finalization?.hash, hashAt(20))
    assert.deepEqual(
      heightsOf(answer).toReversed(),
      Array.from({ length: 16 }, (_, index) => index + 5),
    )
  })

  test('are the topmost below the next certificate when none is in reach', () => {
    const answer = answerSyncRequest(archiveOf(chain, [2, 80]), 5)
    assert.equal(answer?.finalization?.hash, hashAt(80))
    assert.equal(heightsOf(answer).length, LIMITS.blocksPerResponse)
    assert.equal(heightsOf(answer)[0], 80)
  })

  test('are not sent when there are none from that height on', () => {
    assert.equal(answerSyncRequest(archiveOf(chain, [3]), 5), undefined)
    assert.equal(answerSyncRequest(archiveOf([], []), 1), undefined)
  })

  test('are not sent when their certificate is there and they are not', () => {
    const blocks = archiveOf(chain, [7])
    assert.equal(answerSyncRequest({ ...blocks, block: () => undefined }, 5), undefined)
  })
})

test('what is in memory comes before what is stored: blocks above the tip, and final ones on their way to the disk', () => {
  const node = new CoreNode(0)
  const [first = assert.fail(), second = assert.fail()] = chain
  node.finalize(first)
  node.propose(second)
  const archive = withMemoryOf(node.core, archiveOf([], []))
  assert.deepEqual(heightsOf(answerBlockRequest(archive, second.proposal.hash, 0)), [2, 1])
  assert.equal(archive.finalizationAtOrAbove(1), undefined)
  assert.equal(archive.finalizationAtOrBelow(1), undefined)
})
