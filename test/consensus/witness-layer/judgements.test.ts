/** Which seals a witness refuses, and which it waits for. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { epochOf } from '../../../src/consensus/committees/committee.ts'
import type { Seats } from '../../../src/consensus/committees/schedule.ts'
import { revealMessage } from '../../../src/consensus/election/randomness.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { NO_HASH, type Block, type View } from '../../../src/consensus/simplex/types.ts'
import { Judgements, type JudgementOptions } from '../../../src/consensus/witness-layer/judgements.ts'
import { decodeSeal, encodeSeal } from '../../../src/consensus/witness-layer/seal-codec.ts'
import { faultOf, type SealBounds, type SealFault } from '../../../src/consensus/witness-layer/seal-rules.ts'
import type { Seal } from '../../../src/consensus/witness-layer/seal.ts'
import { present } from '../../../src/primitives/assert.ts'
import { bytesToHex, EMPTY_BYTES, type Hash } from '../../../src/primitives/bytes.ts'
import { stubPublicKey, stubScheme, stubSigner } from '../../simulation/stub-scheme.ts'
import { Executors, NO_REFUSALS, OwnChain } from './executors.ts'

const VIEW = 5 as View
const COMMITTER = 1
const LAST_NUMBER = 12n
const BOUNDS: SealBounds = { cycle: 0, lastNumber: LAST_NUMBER, rangeBlocks: 4 }
const SEATS: Seats = {
  executors: [0, 1, 2, 3].map((key) => bytesToHex(stubPublicKey(key))),
  witnesses: [3, 2, 1, 0].map((key) => bytesToHex(stubPublicKey(key))),
}
const executors = new Executors()
executors.order(20)
const keyring = stubScheme.keyring([0, 1, 2, 3].map(stubPublicKey))

/** A witness that has sealed the blocks up to 4. */
function witness({ chain = grown(new OwnChain(executors)), ...changes }: Partial<JudgementOptions> = {}) {
  const conflicts: bigint[] = []
  const errors: unknown[] = []
  const judgements = new Judgements({
    chain,
    ...BOUNDS,
    executionShape: executors.shape,
    committerOf: (view) => view % 4,
    verifyReveal: (member, message, reveal) => keyring.verify(member, message, reveal),
    handover: () => SEATS,
    slotOf: BigInt,
    refusals: NO_REFUSALS,
    onConflict: (number) => conflicts.push(number),
    onError: (error) => errors.push(error),
    ...changes,
  })
  const verdicts: boolean[] = []
  const add = ({ block, parent }: Proposed): boolean[] => {
    judgements.add(block, parent, (isValid) => verdicts.push(isValid))
    return verdicts
  }
  return { judgements, conflicts, errors, verdicts, add }
}

function grown(chain: OwnChain, number = 20n): OwnChain {
  chain.growTo(number)
  return chain
}

interface Proposed {
  readonly block: Block
  readonly parent: Hash
}

/** A right seal of the blocks from 5 to the given one, with changes. */
function sealTo(last: bigint, changes: Partial<Seal> = {}): Seal {
  const proposal = executors.proposalOf(last)
  return {
    first: 5n,
    blocks: range(5n, last),
    executionEpoch: executors.epoch,
    proposals: [proposal],
    finalization: present(executors.certificateOf(proposal), 'certificate'),
    reveal: revealBy(COMMITTER, VIEW),
    handover: undefined,
    ...changes,
  }
}

/** The seal of the two last blocks of the cycle. */
function lastSeal(changes: Partial<Seal> = {}): Seal {
  return sealTo(LAST_NUMBER, { first: 11n, blocks: range(11n, LAST_NUMBER), handover: SEATS, ...changes })
}

function range(first: bigint, last: bigint): Hash[] {
  return Array.from({ length: Number(last - first) + 1 }, (_, index) =>
    executors.hashOf(first + BigInt(index)),
  )
}

function revealBy(key: number, view: View, cycle = 0n): Uint8Array {
  return stubSigner(key).sign(revealMessage(cycle, BigInt(view)))
}

function proposed(
  seal: Seal,
  { parent = executors.hashOf(seal.first - 1n), payloadHash = present(seal.blocks.at(-1), 'end') } = {},
): Proposed {
  return proposedBytes(encodeSeal(seal), parent, payloadHash)
}

function proposedBytes(body: Uint8Array, parent: Hash, payloadHash: Hash): Proposed {
  const fields = { view: VIEW, parentView: 4 as View, height: 3, parentHash: NO_HASH, payloadHash }
  return { block: makeBlock(fields, body), parent }
}

function ruleBrokenBy({ block: { proposal, body }, parent }: Proposed): SealFault | undefined {
  const parentNumber = present(grown(new OwnChain(executors)).numberOf(parent), 'parent')
  return faultOf(decodeSeal(body, executors.shape), parentNumber, proposal, BOUNDS)
}

describe('a seal is valid', () => {
  test('of one block, of a full range, at the boundary, and when a descendant made its end final', () => {
    const descendants = [8n, 7n, 6n].map((number) => executors.proposalOf(number))
    const { finalization } = sealTo(8n)
    const right = [sealTo(5n), sealTo(8n), lastSeal(), sealTo(6n, { proposals: descendants, finalization })]
    for (const seal of right) assert.deepEqual(witness().add(proposed(seal)), [true])
  })

  test('when it is empty and repeats its parent, and only then', () => {
    const parent = executors.hashOf(4n)
    assert.deepEqual(witness().add(proposedBytes(EMPTY_BYTES, parent, parent)), [true])
    assert.deepEqual(witness().add(proposedBytes(EMPTY_BYTES, parent, executors.hashOf(5n))), [false])
  })
})

describe('a seal is invalid', () => {
  const otherSeats = { ...SEATS, witnesses: SEATS.witnesses.toReversed() }
  const [five, six, seven] = [5n, 6n, 7n].map((number) => executors.proposalOf(number))
  assert.ok(five && six && seven)
  const { finalization } = sealTo(6n)
  const cases: Record<string, readonly [SealFault | undefined, Proposed]> = {
    'when it is no seal': [
      undefined,
      proposedBytes(Uint8Array.of(1, 2, 3), executors.hashOf(4n), executors.hashOf(5n)),
    ],
    'when it leaves a gap': [
      'first',
      proposed(sealTo(6n, { first: 6n, blocks: range(6n, 6n) }), {
        parent: executors.hashOf(4n),
      }),
    ],
    'when it seals a block again': ['first', proposed(sealTo(6n), { parent: executors.hashOf(5n) })],
    'of more blocks than a seal may cover': ['range', proposed(sealTo(9n))],
    'beyond the boundary': [
      'range',
      proposed(sealTo(13n, { first: 12n, blocks: range(12n, 13n), handover: SEATS })),
    ],
    'when the proposal names another block': [
      'payload',
      proposed(sealTo(6n), { payloadHash: executors.hashOf(5n) }),
    ],
    'of another cycle': ['epoch', proposed(sealTo(6n, { executionEpoch: epochOf(1) }))],
    'of another committee of the cycle': [undefined, proposed(sealTo(6n, { executionEpoch: epochOf(0, 1) }))],
    'when the proof is of another block': ['proposals', proposed(sealTo(6n, { proposals: [five] }))],
    'when the proof has a gap': [
      'proposals',
      proposed(sealTo(5n, { ...sealTo(7n), blocks: range(5n, 5n), proposals: [seven, five] })),
    ],
    'when the certificate is of another proposal': ['finalization', proposed(sealTo(5n, { finalization }))],
    'when the certificate is of another view': [
      'finalization',
      proposed(sealTo(6n, { finalization: { ...finalization, view: 9 as View } })),
    ],
    'when the block is notarized only': [
      'finalization',
      proposed(sealTo(6n, { finalization: { ...finalization, kind: 'notarize' } })),
    ],
    'when the certificate is forged': [
      undefined,
      proposed(sealTo(6n, { finalization: { ...finalization, signature: new Uint8Array(96) } })),
    ],
    'when the reveal is of somebody else': [undefined, proposed(sealTo(6n, { reveal: revealBy(2, VIEW) }))],
    'when the reveal is of another slot': [
      undefined,
      proposed(sealTo(6n, { reveal: revealBy(COMMITTER, 6 as View) })),
    ],
    'when the reveal is of another cycle': [
      undefined,
      proposed(sealTo(6n, { reveal: revealBy(COMMITTER, VIEW, 1n) })),
    ],
    'when it hands over before the boundary': ['handover', proposed(sealTo(6n, { handover: SEATS }))],
    'when it does not hand over at the boundary': ['handover', proposed(lastSeal({ handover: undefined }))],
    'when it hands over to others': [undefined, proposed(lastSeal({ handover: otherSeats }))],
    'when a block before the last is another one': [
      undefined,
      proposed(sealTo(6n, { blocks: [executors.hashOf(9n), executors.hashOf(6n)] })),
    ],
  }
  for (const [name, [fault, wrong]] of Object.entries(cases)) {
    test(name, () => {
      const { add, errors } = witness()
      assert.deepEqual(add(wrong), [false])
      assert.deepEqual(errors, [])
      if (fault !== undefined) assert.equal(ruleBrokenBy(wrong), fault)
    })
  }

  test('when this node executed something else, and that is reported', () => {
    const fork = new Executors('fork')
    fork.order(20)
    const chain = new OwnChain(executors)
    const forked = grown(new OwnChain(fork))
    chain.growTo(20n)
    chain.finalHash = (number) => (number < 6n ? executors.hashOf(number) : forked.finalHash(number))
    const { add, conflicts } = witness({ chain })
    assert.deepEqual(add(proposed(sealTo(7n))), [false])
    assert.deepEqual(conflicts, [6n])
  })
})

describe('a seal waits', () => {
  test('until its own chain has the parent and the range; signatures are checked once', () => {
    const chain = grown(new OwnChain(executors), 3n)
    let revealCount = 0
    const verifyReveal = (): boolean => ++revealCount > 0
    const { add, judgements, verdicts } = witness({ chain, verifyReveal })
    add(proposed(sealTo(6n)))
    for (const number of [3n, 4n, 5n]) {
      chain.growTo(number)
      judgements.retryAll()
      assert.deepEqual(verdicts, [])
    }
    chain.growTo(6n)
    judgements.retryAll()
    judgements.retryAll()
    assert.deepEqual(verdicts, [true])
    assert.deepEqual([revealCount, chain.verifiedCount], [1, 1])
    assert.equal(judgements.waitingCount, 0)
  })

  test('while others are judged', () => {
    const chain = grown(new OwnChain(executors), 5n)
    const { add } = witness({ chain })
    assert.deepEqual(add(proposed(sealTo(6n))), [])
    assert.deepEqual(add(proposed(sealTo(5n))), [true])
  })

  test('while its certificate is being checked, and is not checked again meanwhile', () => {
    const chain = grown(new OwnChain(executors))
    const answers: ((isValid: boolean) => void)[] = []
    chain.verifyFinalization = (_epoch, _certificate, onResult) => answers.push(onResult) > 0
    const { add, judgements, verdicts } = witness({ chain })
    add(proposed(sealTo(6n)))
    judgements.retryAll()
    assert.deepEqual([verdicts.length, answers.length], [0, 1])
    answers[0]?.(true)
    assert.deepEqual(verdicts, [true])
  })

  test('until this node knows who served in its epoch: then the certificate is checked', () => {
    const chain = grown(new OwnChain(executors))
    const check = chain.verifyFinalization.bind(chain)
    chain.verifyFinalization = () => false
    const { add, judgements, verdicts } = witness({ chain })
    assert.deepEqual(add(proposed(sealTo(6n))), [])
    chain.verifyFinalization = check
    judgements.retryAll()
    assert.deepEqual(verdicts, [true])
  })

  test('until this node knows who serves next', () => {
    const known: Seats[] = []
    const { add, judgements, verdicts } = witness({ handover: () => known[0] })
    assert.deepEqual(add(proposed(lastSeal())), [])
    known.push(SEATS)
    judgements.retryAll()
    assert.deepEqual(verdicts, [true])
  })

  test('until finality overtakes it, and at most so many of them', () => {
    const { add, judgements, verdicts } = witness({ chain: new OwnChain(executors) })
    for (let key = 0; key < 300; key++) add(proposed(sealTo(6n, { reveal: revealBy(key, VIEW) })))
    assert.equal(judgements.waitingCount, 192)
    judgements.dropUpTo(2)
    assert.equal(judgements.waitingCount, 192)
    judgements.dropUpTo(3)
    assert.deepEqual([judgements.waitingCount, verdicts.length], [0, 0])
  })

  test('for ever when the next committees cannot be elected: the node stops', () => {
    const failure = new Error('too few nodes')
    const { add, errors } = witness({
      handover: () => {
        throw failure
      },
    })
    assert.deepEqual(add(proposed(lastSeal())), [])
    assert.deepEqual(errors, [failure])
  })
})
