/** What a header may say about seals. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Header } from '../../../src/chain/block.ts'
import { devGenesis } from '../../../src/chain/dev-genesis.ts'
import { ResetTriggers } from '../../../src/consensus/execution-layer/reset-triggers.ts'
import { WindowRules, type SealVerdict } from '../../../src/consensus/execution-layer/seal-rules.ts'
import { executedGenesis } from '../../../src/node/genesis-ledger.ts'
import { ZERO_HASH, type Hash } from '../../../src/primitives/bytes.ts'
import { TestSeals } from './world.ts'

const GENESIS = executedGenesis(devGenesis({ timestamp: 1_600_000_000n })).block
const WINDOW = 4
// A name of a block, no more.
const hashOf = (number: number): Hash => `0x${number.toString(16).padStart(64, '0')}` as Hash

/** Blocks 3 and 6 are the last ones of seals. */
function seals(): TestSeals {
  const seals = new TestSeals(GENESIS.hash)
  for (const number of [3, 6]) seals.add(hashOf(number), BigInt(number))
  return seals
}

function header(number: number, reference: Hash, changes: Partial<Header> = {}): Header {
  const prevRandao = seals().randomnessAfter(reference) ?? ZERO_HASH
  return {
    ...GENESIS.header,
    number: BigInt(number),
    parentBeaconBlockRoot: reference,
    prevRandao,
    ...changes,
  }
}

const rules = new WindowRules(seals(), { windowBlocks: WINDOW })

function judge(header: Header, parent: Header): SealVerdict {
  return rules.judge(header, parent, () => assert.fail('without resets no ancestors are asked for'))
}

describe('a header', () => {
  test('refers to genesis before the first seal', () => {
    assert.equal(judge(header(1, GENESIS.hash), GENESIS.header), 'valid')
    assert.equal(judge(header(2, GENESIS.hash), header(1, GENESIS.hash)), 'valid')
  })

  test('is at most the window above what it refers to', () => {
    assert.equal(judge(header(7, hashOf(3)), header(6, hashOf(3))), 'valid')
    assert.equal(judge(header(8, hashOf(3)), header(7, hashOf(3))), 'invalid')
  })

  test('refers forward along the chain', () => {
    assert.equal(judge(header(8, hashOf(6)), header(7, hashOf(3))), 'valid')
    assert.equal(judge(header(7, hashOf(3)), header(6, hashOf(6))), 'invalid')
    assert.equal(judge(header(6, hashOf(6)), header(5, hashOf(3))), 'invalid', 'to itself')
  })

  test('has the randomness of the seal', () => {
    const wrong = header(7, hashOf(3), { prevRandao: ZERO_HASH })
    assert.equal(judge(wrong, header(6, hashOf(3))), 'invalid')
  })

  test('has that of another committee only after a trigger whose effect is still to come', () => {
    const headers = [GENESIS.header, ...[1, 2, 3, 4, 5, 6].map((number) => header(number, GENESIS.hash))]
    const triggers = new ResetTriggers(seals(), { resetSeconds: 10, windowBlocks: 2 })
    const timed = headers.map((header, number) => ({
      ...header,
      parentHash: number === 0 ? ZERO_HASH : hashOf(number - 1),
      timestamp: number < 5 ? 100n : 110n,
    }))
    const parent = timed[5] ?? assert.fail('a parent')
    const child = header(6, hashOf(3), { prevRandao: ZERO_HASH })
    for (const [settled, verdict] of [
      [4n, 'wait'],
      [5n, 'invalid'],
    ] as const) {
      const rules = new WindowRules(seals(), { windowBlocks: 8 }, { triggers, settled: () => settled })
      const ancestorOf = (hash: Hash): Header => timed[Number(BigInt(hash))] ?? assert.fail('a header')
      assert.equal(rules.judge(child, parent, ancestorOf), verdict)
    }
  })

  test('waits while the seal, or that of its parent, is not known', () => {
    assert.equal(judge(header(7, hashOf(5)), header(6, hashOf(3))), 'wait')
    assert.equal(judge(header(7, hashOf(6)), header(6, hashOf(5))), 'wait')
  })

  test('of a time before EIP-4788 refers to nothing', () => {
    const { parentBeaconBlockRoot: _, ...old } = header(1, GENESIS.hash)
    assert.equal(judge(old, GENESIS.header), 'invalid')
  })
})
