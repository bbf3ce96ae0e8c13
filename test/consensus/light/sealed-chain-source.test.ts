/** What a node has stored comes out as a chain that a light client accepts, by way of a file as well. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bls } from '../../../src/consensus/bls.ts'
import {
  endOfChain,
  genesisStart,
  lightState,
  verifyItem,
} from '../../../src/consensus/light/light-verifier.ts'
import {
  encodeEnd,
  encodeItem,
  encodeStart,
  SealedChainFileError,
  SealedChainReader,
} from '../../../src/consensus/light/sealed-chain-file.ts'
import { storedItems } from '../../../src/consensus/light/sealed-chain-source.ts'
import { lastOf } from '../../../src/consensus/witness-layer/seal.ts'
import { present } from '../../../src/primitives/assert.ts'
import { bytesToHex, concatBytes } from '../../../src/primitives/bytes.ts'
import { keccak256Hash } from '../../../src/primitives/keccak.ts'
import { openConsensusStore } from '../../../src/storage/consensus-database.ts'
import { MemoryStore } from '../../../src/storage/memory-store.ts'
import { addStep } from '../../support/consensus-fill.ts'
import { Prng } from '../../support/prng.ts'
import {
  SealedChainMaker,
  SMALL_PARAMETERS,
  type SealedChainPlan,
  type SealedStep,
} from '../../support/sealed-chain.ts'

const PLAN: SealedChainPlan = {
  chainId: 7n,
  parameters: { ...SMALL_PARAMETERS, cycleBlocks: 24, windowBlocks: 8, rangeBlocks: 4 },
  nodes: 12,
  blocks: 80,
  isSigned: true,
  seed: 'source',
  skipped: 0.2,
  uncertified: 0.4,
  repeated: 0.2,
}

/** A file of what a store holds after some steps. */
async function fileOf(maker: SealedChainMaker, steps: readonly SealedStep[]): Promise<Uint8Array> {
  const store = openConsensusStore(new MemoryStore())
  const headers = new Map<bigint, Uint8Array>()
  for (const step of steps) {
    await addStep(store, step)
    for (const [index, header] of step.item.headers.entries()) {
      headers.set((step.seal?.first ?? 0n) + BigInt(index), header)
    }
  }
  const { genesis } = maker
  const parts = [encodeStart({ chainId: PLAN.chainId, block: genesis })]
  let end = genesis
  for (const { item, last } of storedItems(store, genesis, (number) =>
    present(headers.get(number), 'header'),
  )) {
    parts.push(encodeItem(item))
    end = last
  }
  return concatBytes(...parts, encodeEnd(end))
}

/** Reads a file in pieces. @returns the number of the last block. */
function verifyFile(maker: SealedChainMaker, file: Uint8Array, pieceSize: number): bigint {
  const { chainId, parameters } = PLAN
  const reader = new SealedChainReader()
  let state = lightState(genesisStart(chainId, maker.genesis, maker.nodes, parameters, bls))
  for (let offset = 0; offset < file.length; offset += pieceSize) {
    for (const item of reader.push(file.subarray(offset, offset + pieceSize))) {
      ;({ state } = verifyItem(state, item))
    }
  }
  assert.deepEqual(reader.start, { chainId, block: maker.genesis })
  return endOfChain(state, reader.end()).number
}

test('a stored chain is exported up to its last certificate, wherever it stops', async () => {
  const maker = new SealedChainMaker(PLAN)
  const steps = [...maker.steps()]
  for (let count = 0; count <= steps.length; count++) {
    const certified = steps.slice(0, count).findLastIndex(({ item }) => item.finalization !== undefined)
    const sealed = steps.slice(0, certified + 1).findLast(({ seal }) => seal !== undefined)?.seal
    const file = await fileOf(maker, steps.slice(0, count))
    assert.equal(verifyFile(maker, file, 1 << 16), sealed === undefined ? 0n : lastOf(sealed))
  }
})

test('a file is read alike in pieces of any size', async () => {
  const maker = new SealedChainMaker(PLAN)
  const file = await fileOf(maker, [...maker.steps()])
  for (const size of [1000, 12_345, file.length]) assert.equal(verifyFile(maker, file, size), 80n)
})

test('a file that was cut off anywhere is no file, and neither are random bytes', async () => {
  const maker = new SealedChainMaker({ ...PLAN, blocks: 8 })
  const file = await fileOf(maker, [...maker.steps()])
  const read = (bytes: Uint8Array): void => {
    const reader = new SealedChainReader()
    reader.push(bytes)
    reader.end()
  }
  read(file)
  for (let size = 0; size < file.length; size++) {
    assert.throws(() => read(file.subarray(0, size)), SealedChainFileError)
  }
  assert.throws(() => read(concatBytes(file, Uint8Array.of(0))), /bytes or more follow the end/)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.throws(() => read(bytes), SealedChainFileError)
      assert.throws(() => read(concatBytes(file.subarray(0, 77), bytes)), SealedChainFileError)
    }),
  )
})

test('the bytes of a file are what they always were', () => {
  const prng = new Prng('frozen file')
  const maker = new SealedChainMaker({ ...PLAN, isSigned: false, seed: 'frozen', blocks: 4, uncertified: 0 })
  const [step] = [...maker.steps()] as [SealedStep]
  const item = encodeItem({ ...step.item, headers: [prng.bytes(3)], body: Uint8Array.of(1, 2) })
  const { finalization } = step.item
  assert.equal(
    bytesToHex(encodeStart({ chainId: 7n, block: maker.genesis })),
    `0x41455649525f5345414c45445f434841494e0100000000000000070000000000000000${maker.genesis.hash.slice(2)}`,
  )
  assert.equal(
    bytesToHex(encodeEnd({ number: 513n, hash: maker.genesis.hash })),
    `0x000000000000000000000201${maker.genesis.hash.slice(2)}`,
  )
  // Size, proposal, certificate of 138 bytes, body of 2, one header of 3.
  assert.equal(item.length, 4 + 121 + 4 + 138 + 4 + 2 + 2 + 4 + 3)
  assert.equal(bytesToHex(item.subarray(0, 5)), '0x0000011601')
  assert.equal(bytesToHex(item.subarray(125, 130)), '0x0000008a03')
  assert.equal(finalization?.bitmap[0], item[4 + 121 + 4 + 41])
  assert.equal(bytesToHex(item.subarray(267, 279)), '0x000000020102000100000003')
  assert.equal(keccak256Hash(item), '0x663d67f2c91825fd2e4d45ee619a87fd025e0e1e8f131e9fc070e206afec2117')
})
