/** Ethereum's own formats: RLP, transactions as gossip and RPC bring them, blocks, receipts, proofs and nodes of tries. */
import fc from 'fast-check'
import {
  blockFromParts,
  decodeBlock,
  decodeHeader,
  encodeBlock,
  encodeHeader,
} from '../../../src/chain/block-codec.ts'
import { decodeBlobNetworkWrapper } from '../../../src/chain/blob-network-form.ts'
import { bloomOfLogs } from '../../../src/chain/bloom.ts'
import { decodeReceipt, encodeReceipt } from '../../../src/chain/receipt-codec.ts'
import {
  decodeTransaction,
  encodeTransaction,
  transactionFromFields,
} from '../../../src/chain/transaction-codec.ts'
import { recoverAuthority, recoverSender, signTransaction } from '../../../src/chain/transaction-signature.ts'
import { concatBytes } from '../../../src/primitives/bytes.ts'
import { assert } from '../../../src/primitives/assert.ts'
import { decodeRlp, encodeRlp, rlpItemSize, type RlpItem } from '../../../src/primitives/rlp.ts'
import { decodeAccount, encodeAccount } from '../../../src/state/account-codec.ts'
import { decodeNode } from '../../../src/state/trie-node.ts'
import { anyHeader, anyLog, anyWithdrawal } from '../../support/block-arbitraries.ts'
import type { Prng } from '../../support/prng.ts'
import { anyTransaction, anyWord } from '../../support/transaction-arbitraries.ts'
import { target, type Description, type Target } from '../target.ts'

const SAMPLES = 60
const KEY = new Uint8Array(32).fill(9)

/** Samples of an arbitrary. */
export function sample<T>(prng: Prng, arbitrary: fc.Arbitrary<T>, count = SAMPLES): T[] {
  return fc.sample(arbitrary, { seed: prng.uint32() | 0, numRuns: count })
}

/** A format of RLP, whose items are changed one by one. @param prefixSize bytes before the RLP. */
function rlpTarget<D>(
  description: Omit<Description<RlpTree, D>, 'values' | 'encode'> & {
    encodings(prng: Prng): readonly Uint8Array[]
  },
): Target {
  const { encodings, ...rest } = description
  return target<RlpTree, D>({
    ...rest,
    values: (prng) => encodings(prng).map(treeOf),
    encode: ({ type, item }) => concatBytes(Uint8Array.from(type), encodeRlp(item)),
  })
}

interface RlpTree {
  /** The type byte of EIP-2718, or none. */
  readonly type: readonly number[]
  readonly item: RlpItem
}

function treeOf(bytes: Uint8Array): RlpTree {
  const [first = 0xc0] = bytes
  return first < 0x80
    ? { type: [first], item: decodeRlp(bytes.subarray(1)) }
    : { type: [], item: decodeRlp(bytes) }
}

const transactions = (prng: Prng): Uint8Array[] =>
  sample(prng, anyTransaction).map((fields, index) =>
    index % 2 === 0 ? encodeTransaction(fields) : signTransaction(fields, KEY).bytes,
  )

const blocks = (prng: Prng): Uint8Array[] =>
  sample(
    prng,
    fc.tuple(
      anyHeader,
      fc.array(anyTransaction, { maxLength: 3 }),
      fc.array(anyWithdrawal, { maxLength: 3 }),
    ),
  ).map(([header, list, withdrawals]) => {
    const hasWithdrawals = header.withdrawalsRoot !== undefined
    return encodeBlock(
      blockFromParts(header, list.map(transactionFromFields), hasWithdrawals ? withdrawals : undefined),
    )
  })

const receipts = (prng: Prng): Uint8Array[] =>
  sample(prng, fc.array(anyLog, { maxLength: 3 })).map((logs, index) =>
    encodeReceipt({
      type: (index % 5) as 0,
      succeeded: index % 2 === 0,
      cumulativeGasUsed: BigInt(index) * 21_000n,
      logsBloom: bloomOfLogs(logs),
      logs,
    }),
  )

const blobs = (prng: Prng): Uint8Array[] => {
  const item = decodeRlp(encodeTransaction(blobFields(prng)).subarray(1))
  const sidecar = [[new Uint8Array(131_072)], [new Uint8Array(48)], [new Uint8Array(48)]]
  return [concatBytes(Uint8Array.of(3), encodeRlp([item, ...sidecar]))]
}

function blobFields(prng: Prng): Parameters<typeof encodeTransaction>[0] {
  const found = sample(prng, anyTransaction, 400).find((fields) => fields.type === 3)
  assert(found !== undefined, 'one in five transactions carries blobs')
  return {
    ...found,
    blobVersionedHashes: [`0x${'01'.repeat(32)}` as (typeof found.blobVersionedHashes)[number]],
  }
}

const nodes = (prng: Prng): Uint8Array[] => {
  const hash = (): Uint8Array => prng.bytes(32)
  const branch = (): Uint8Array[] => [
    ...prng.times(16, () => (prng.chance(0.5) ? hash() : new Uint8Array(0))),
    new Uint8Array(0),
  ]
  const leaf = (): Uint8Array[] => [
    concatBytes(Uint8Array.of(0x20), prng.bytes(prng.below(33))),
    prng.bytes(prng.between(1, 80)),
  ]
  const extension = (): Uint8Array[] => [
    concatBytes(Uint8Array.of(0x00), prng.bytes(prng.between(1, 20))),
    hash(),
  ]
  return prng.times(SAMPLES, () => encodeRlp(prng.pick([branch, leaf, extension])()))
}

const accounts = (prng: Prng): Uint8Array[] =>
  sample(prng, anyWord).map((balance) => {
    const hashes = { storageRoot: `0x${'12'.repeat(32)}`, codeHash: `0x${'34'.repeat(32)}` }
    return encodeAccount({ nonce: balance & 0xffffn, balance, ...hashes } as Parameters<
      typeof encodeAccount
    >[0])
  })

export const CHAIN_TARGETS: readonly Target[] = [
  rlpTarget<RlpItem>({
    name: 'rlp',
    encodings: (prng) => [...blocks(prng), ...transactions(prng).filter(([first = 0]) => first >= 0xc0)],
    decode: decodeRlp,
    errors: ['INVALID_RLP'],
    reencode: encodeRlp,
    check: (_, bytes) =>
      assert(rlpItemSize(bytes) === bytes.length, 'an item has the size that its prefix says'),
  }),
  rlpTarget({
    name: 'rlp-size',
    encodings: blocks,
    decode: rlpItemSize,
    errors: ['INVALID_RLP'],
  }),
  rlpTarget({
    name: 'transaction',
    encodings: transactions,
    decode: decodeTransaction,
    errors: ['INVALID_TRANSACTION'],
    reencode: ({ fields }) => encodeTransaction(fields),
    check: (transaction) => {
      recoverSender(transaction)
      if (transaction.fields.type === 4)
        transaction.fields.authorizationList.slice(0, 4).forEach(recoverAuthority)
    },
  }),
  rlpTarget({
    name: 'blob-transaction',
    encodings: blobs,
    decode: decodeBlobNetworkWrapper,
    errors: ['INVALID_TRANSACTION'],
  }),
  rlpTarget({
    name: 'block',
    encodings: blocks,
    decode: decodeBlock,
    errors: ['INVALID_BLOCK'],
    reencode: encodeBlock,
  }),
  rlpTarget({
    name: 'header',
    encodings: (prng) => sample(prng, anyHeader).map(encodeHeader),
    decode: decodeHeader,
    errors: ['INVALID_BLOCK'],
    reencode: encodeHeader,
  }),
  rlpTarget({
    name: 'receipt',
    encodings: receipts,
    decode: decodeReceipt,
    errors: ['INVALID_RECEIPT'],
    reencode: encodeReceipt,
  }),
  rlpTarget({
    name: 'account',
    encodings: accounts,
    decode: decodeAccount,
    errors: ['INVALID_RLP'],
    reencode: encodeAccount,
  }),
  rlpTarget({
    name: 'trie-node',
    encodings: nodes,
    decode: decodeNode,
    errors: ['INVALID_TRIE_NODE'],
  }),
]
