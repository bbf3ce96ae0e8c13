/** What tests of the execution layer ask of its nodes, and lies that its leaders tell. */
import assert from 'node:assert/strict'
import { blockFromParts, decodeBlock, encodeBlock } from '../../../src/chain/block-codec.ts'
import type { Header } from '../../../src/chain/block.ts'
import type { ProposeMessage } from '../../../src/consensus/simplex/messages.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import type { Hash } from '../../../src/primitives/bytes.ts'
import type { ExecutionWorld, TestNode } from './world.ts'

export function headOf({ chain }: TestNode): bigint {
  return chain.ledger.head().number
}

export function finalOf({ chain }: TestNode): bigint {
  return chain.ledger.committed('final')
}

export function includes({ chain }: TestNode, hash: Hash): boolean {
  const location = chain.ledger.transaction(hash)
  return location !== undefined && location.blockNumber <= chain.ledger.committed('final')
}

/** All have the same chain up to where the slowest is, and it is final there. */
export function assertAgreement(world: ExecutionWorld): void {
  const height = world.nodes.map(finalOf).reduce((least, final) => (final < least ? final : least))
  for (let number = 0n; number <= height; number++) {
    const hashes = new Set(world.nodes.map(({ chain }) => chain.ledger.hashOf(number)))
    assert.equal(hashes.size, 1, `block ${number}`)
  }
  const roots = world.nodes.map(({ chain }) => chain.ledger.stateAt(height).stateRoot)
  assert.equal(new Set(roots).size, 1, 'state roots')
}

/** The leader's proposal around another block. */
export function withBlock(
  world: ExecutionWorld,
  from: number,
  message: ProposeMessage,
  change: Partial<Header>,
): ProposeMessage {
  const { proposal, body } = message.block
  const { header, transactions, withdrawals } = decodeBlock(body)
  const forged = blockFromParts({ ...header, ...change }, transactions, withdrawals)
  const block = makeBlock({ ...proposal, payloadHash: forged.hash }, encodeBlock(forged))
  const statement = { kind: 'propose', view: proposal.view, hash: block.proposal.hash } as const
  return { ...message, block, signature: world.sign(from, statement) }
}
