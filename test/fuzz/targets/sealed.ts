/**
 * What the witness layer makes and hands on: seals and rejects as leaders propose them, files of sealed headers, what a
 * light client makes of them, and the records that nodes keep of all that.
 */
import { bls } from '../../../src/consensus/bls.ts'
import type { EpochStart } from '../../../src/consensus/dual-bft/consensus-store.ts'
import {
  genesisStart,
  lightState,
  verifyItem,
  type SealedHeader,
  type SealedItem,
} from '../../../src/consensus/light/light-verifier.ts'
import {
  encodeEnd,
  encodeItem,
  encodeStart,
  SealedChainReader,
} from '../../../src/consensus/light/sealed-chain-file.ts'
import type { BlockReference } from '../../../src/consensus/plugin.ts'
import { committeeShape } from '../../../src/consensus/simplex/config.ts'
import { makeBlock } from '../../../src/consensus/simplex/proposal.ts'
import { addressOf } from '../../../src/consensus/simplex/wire.ts'
import type { Certificate, Epoch } from '../../../src/consensus/simplex/types.ts'
import { decodeReject, encodeReject } from '../../../src/consensus/witness-layer/reject-codec.ts'
import type { Reject } from '../../../src/consensus/witness-layer/reject.ts'
import { decodeSeal, encodeSeal } from '../../../src/consensus/witness-layer/seal-codec.ts'
import { lastOf, type Seal } from '../../../src/consensus/witness-layer/seal.ts'
import { expandPublicKey, expandSignature } from '../../../src/consensus/accountability/points.ts'
import { assert, present } from '../../../src/primitives/assert.ts'
import { bytesToHex, concatBytes } from '../../../src/primitives/bytes.ts'
import {
  decodeCertificate,
  decodeEpochStart,
  decodeHeight,
  decodeProposalRecord,
  decodeSealBody,
  decodeSealPlace,
  encodeCertificate,
  encodeEpochStart,
  encodeHeight,
  encodeProposalRecord,
  encodeSealBody,
  epochInKey,
  heightInKey,
  heightKey,
  reignKey,
  sealPlace,
  type ProposalRecord,
} from '../../../src/storage/consensus-records.ts'
import type { Prng } from '../../support/prng.ts'
import { SealedChainMaker, SMALL_PARAMETERS, type SealedStep } from '../../support/sealed-chain.ts'
import { anyBlock, anyCertificate, anyHash } from '../consensus-values.ts'
import { target, type Target } from '../target.ts'

const EXECUTORS = committeeShape(SMALL_PARAMETERS.executorSeats)
const CORRUPT = ['DATABASE_CORRUPT']
const REIGN = { layer: 'execution', epoch: 3 as Epoch } as const
const PARAMETERS = { ...SMALL_PARAMETERS, cycleBlocks: 12, windowBlocks: 4, rangeBlocks: 4 }

function makerOf(isSigned: boolean, blocks: number, seed: string): SealedChainMaker {
  const shares = { skipped: 0.2, uncertified: 0.3, repeated: 0.2 }
  return new SealedChainMaker({
    ...{ chainId: 31_337n, parameters: PARAMETERS, nodes: 14, blocks, isSigned, seed },
    ...shares,
  })
}

const sealsOf = (steps: readonly SealedStep[]): Seal[] => steps.flatMap(({ seal }) => seal ?? [])

const seals = target<Seal, Seal>({
  name: 'seal',
  values: (prng) => sealsOf([...makerOf(false, 200, `seals ${prng.uint32()}`).steps()]),
  encode: encodeSeal,
  repair: (seal) => ({
    ...seal,
    proposals: seal.proposals.map((proposal) => makeBlock(proposal, new Uint8Array(0)).proposal),
  }),
  decode: (bytes) => decodeSeal(bytes, EXECUTORS),
  errors: ['INVALID_WIRE_BYTES'],
  reencode: encodeSeal,
  check: (seal) => assert(lastOf(seal) >= seal.first, 'a seal covers blocks'),
})

const rejects = target<Reject, Reject>({
  name: 'reject',
  values: (prng) =>
    prng.times(30, () => ({
      proof: {
        epoch: prng.below(100) as Epoch,
        proposals: prng.times(prng.between(1, 4), () => anyBlock(prng).proposal),
        finalization: anyCertificate(prng, EXECUTORS),
      },
      executors: prng.times(EXECUTORS.size, () => bytesToHex(prng.bytes(48))),
    })),
  encode: encodeReject,
  decode: (bytes) => decodeReject(bytes, EXECUTORS),
  errors: ['INVALID_WIRE_BYTES'],
  reencode: encodeReject,
})

/** A file in pieces, the size of which is its first byte's to say. */
interface ChainFile {
  readonly start: BlockReference
  readonly items: readonly SealedItem[]
  readonly end: BlockReference
}

const chainFile = target<ChainFile, Uint8Array>({
  name: 'sealed-chain',
  values: (prng) =>
    prng.times(6, () => {
      const maker = makerOf(false, prng.between(4, 40), `files ${prng.uint32()}`)
      const steps = [...maker.steps()]
      const last = present(sealsOf(steps).at(-1), 'a seal')
      const end = { number: lastOf(last), hash: present(last.blocks.at(-1), 'a block') }
      return { start: maker.genesis, items: steps.map(({ item }) => item), end }
    }),
  encode: ({ start, items, end }) =>
    concatBytes(
      Uint8Array.of(99),
      encodeStart({ chainId: 31_337n, block: start }),
      ...items.map(encodeItem),
      encodeEnd(end),
    ),
  decode: (bytes) => {
    const reader = new SealedChainReader()
    const [pieceSize, file] = [16 * (1 + (bytes[0] ?? 0)), bytes.subarray(1)]
    const items: SealedItem[] = []
    for (let at = 0; at < file.length; at += pieceSize)
      items.push(...reader.push(file.subarray(at, at + pieceSize)))
    const end = reader.end()
    const start = present(reader.start, 'a file that ends began')
    return concatBytes(bytes.subarray(0, 1), encodeStart(start), ...items.map(encodeItem), encodeEnd(end))
  },
  errors: ['SEALED_CHAIN_FILE'],
  reencode: (bytes) => bytes,
})

/** A chain with real signatures: its items, the state before each, and the hashes of all sealed blocks. */
interface LightChain {
  readonly items: readonly SealedItem[]
  readonly states: readonly ReturnType<typeof lightState>[]
  readonly hashes: ReadonlySet<string>
}

const signed = makerOf(true, 24, 'light client')
let made: LightChain | undefined
function lightChain(): LightChain {
  if (made !== undefined) return made
  const states = [lightState(genesisStart(31_337n, signed.genesis, signed.nodes, PARAMETERS, bls))]
  const steps = [...signed.steps()]
  for (const { item } of steps) states.push(verifyItem(present(states.at(-1), 'a state'), item).state)
  const hashes = new Set<string>(sealsOf(steps).flatMap(({ blocks }) => blocks))
  return (made = { items: steps.map(({ item }) => item), states, hashes })
}

/** The bytes say which item of the chain they replace. What has no certificate may wait; nothing is accepted with it. */
const lightClient = target<{ readonly index: number; readonly item: SealedItem }, readonly SealedHeader[]>({
  name: 'light-client',
  values: () => lightChain().items.map((item, index) => ({ index, item })),
  encode: ({ index, item }) => concatBytes(Uint8Array.of(index), encodeItem(item)),
  decode: (bytes) => {
    const state = lightChain().states[bytes[0] ?? 0]
    const reader = new SealedChainReader()
    reader.push(encodeStart({ chainId: 31_337n, block: signed.genesis }))
    const [item] = reader.push(bytes.subarray(1))
    return item === undefined || state === undefined ? [] : verifyItem(state, item).accepted
  },
  errors: ['SEALED_CHAIN_FILE', 'LIGHT_CLIENT_REFUSES'],
  check: (accepted) => {
    const { hashes } = lightChain()
    assert(
      accepted.every(({ hash }) => hashes.has(hash)),
      'no block is accepted but those that were sealed',
    )
  },
  timeMsMax: 200,
})

const epochStarts = target<EpochStart, EpochStart>({
  name: 'epoch-record',
  values: (prng) =>
    prng.times(20, () => ({
      ...REIGN,
      members: prng.times(prng.pick([1, 4, 21]), () => bytesToHex(prng.bytes(48))),
      root: { height: prng.below(1000), hash: anyHash(prng), payloadHash: anyHash(prng) },
    })),
  encode: encodeEpochStart,
  decode: (bytes) => decodeEpochStart(REIGN, bytes),
  errors: CORRUPT,
  reencode: encodeEpochStart,
})

const proposals = target<ProposalRecord, ProposalRecord>({
  name: 'proposal-record',
  values: (prng) =>
    prng.times(40, () => ({
      proposal: anyBlock(prng).proposal,
      notarization: prng.chance(0.5) ? notarization(prng) : undefined,
    })),
  encode: encodeProposalRecord,
  decode: (bytes) => decodeProposalRecord(bytes, EXECUTORS),
  errors: CORRUPT,
  reencode: encodeProposalRecord,
})

function notarization(prng: Prng): Certificate {
  return { ...anyCertificate(prng, EXECUTORS), kind: 'notarize', hash: anyHash(prng) }
}

export const SEALED_TARGETS: readonly Target[] = [
  seals,
  rejects,
  chainFile,
  lightClient,
  epochStarts,
  proposals,
  target({
    name: 'certificate-record',
    values: (prng) => prng.times(40, () => notarization(prng)),
    encode: encodeCertificate,
    decode: (bytes) => decodeCertificate(bytes, 'notarize', EXECUTORS),
    errors: CORRUPT,
    reencode: encodeCertificate,
  }),
  target({
    name: 'seal-body-record',
    values: (prng) =>
      prng.times(20, () => ({ randomness: anyHash(prng), body: prng.bytes(prng.below(300)) })),
    encode: encodeSealBody,
    decode: decodeSealBody,
    errors: CORRUPT,
    reencode: encodeSealBody,
  }),
  target({
    name: 'seal-place-record',
    values: (prng) => prng.times(20, () => ({ epoch: prng.below(1000) as Epoch, height: prng.below(1000) })),
    encode: ({ epoch, height }) => sealPlace(epoch, height),
    decode: decodeSealPlace,
    errors: CORRUPT,
    reencode: ({ epoch, height }) => sealPlace(epoch, height),
  }),
  target({
    name: 'consensus-key',
    values: (prng) => prng.times(20, () => heightKey(REIGN, prng.below(2 ** 40))),
    encode: (bytes: Uint8Array) => bytes,
    decode: (bytes) => {
      // A table has keys of one length; which of them is damaged, nobody knows.
      if (bytes.length === 9) return concatBytes(reignKey({ layer: REIGN.layer, epoch: epochInKey(bytes) }))
      return encodeHeight(bytes.length === 8 ? decodeHeight(bytes) : heightInKey(bytes))
    },
    errors: CORRUPT,
  }),
  target({
    name: 'message-address',
    values: (prng) =>
      prng.times(20, () => concatBytes(Uint8Array.of(1, prng.below(2)), heightKey(REIGN, prng.below(99)))),
    encode: (bytes: Uint8Array) => bytes,
    decode: addressOf,
    errors: ['INVALID_WIRE_BYTES'],
  }),
  target({
    name: 'evidence-points',
    values: () => {
      const signers = [1, 2, 3].map((byte) => bls.signer(new Uint8Array(32).fill(byte)))
      return signers.flatMap(({ publicKey, sign }) => [publicKey, sign(publicKey)])
    },
    encode: (bytes: Uint8Array) => bytes,
    decode: (bytes) => (bytes.length <= 64 ? expandPublicKey(bytes) : expandSignature(bytes)),
    errors: ['INVALID_POINT'],
    timeMsMax: 200,
  }),
]
