/** Records of the database, as a broken disk may give them back. */
import fc from 'fast-check'
import { bloomOfLogs } from '../../../src/chain/bloom.ts'
import type { Receipt } from '../../../src/chain/receipt.ts'
import { decodeStateDiff, encodeStateDiff } from '../../../src/node/dev/state-diff-codec.ts'
import { concatBytes, toAddress, toHash } from '../../../src/primitives/bytes.ts'
import { decodeReceipts, encodeReceipts } from '../../../src/storage/receipt-record.ts'
import {
  decodeAccountValue,
  decodeAddresses,
  decodeLocation,
  encodeAccountValue,
  encodeAddresses,
  encodeLocation,
  parseHistoricKey,
  readStamp,
  stamp,
} from '../../../src/storage/schema.ts'
import type { Account, StateDiff } from '../../../src/state/state-reader.ts'
import { anyLog } from '../../support/block-arbitraries.ts'
import type { Prng } from '../../support/prng.ts'
import { anyAddress, anyHash, anyUint64, anyWord } from '../../support/transaction-arbitraries.ts'
import { target, type Target } from '../target.ts'
import { sample } from './chain.ts'

const CORRUPT = ['DATABASE_CORRUPT']

function anyReceipts(prng: Prng): Receipt[][] {
  const lists = sample(prng, fc.array(fc.array(anyLog, { maxLength: 3 }), { maxLength: 4 }), 40)
  return lists.map((list) => {
    let cumulativeGasUsed = 0n
    return list.map((logs) => {
      const gasUsed = BigInt(prng.between(21_000, 1_000_000))
      cumulativeGasUsed += gasUsed
      const type = prng.below(5) as Receipt['type']
      const contractAddress = prng.chance(0.3) ? toAddress(`0x${'ab'.repeat(20)}`) : null
      const gas = { cumulativeGasUsed, gasUsed, effectiveGasPrice: prng.integer(5), contractAddress }
      return { type, succeeded: prng.chance(0.8), logsBloom: bloomOfLogs(logs), logs, ...gas }
    })
  })
}

function anyAccounts(prng: Prng): Account[] {
  return sample(prng, fc.tuple(anyUint64, anyWord, anyHash, anyHash)).map(
    ([nonce, balance, storageRoot, codeHash]) => ({
      nonce,
      balance,
      storageRoot,
      codeHash,
    }),
  )
}

const diff: StateDiff = {
  accounts: new Map([
    [toAddress(`0x${'01'.repeat(20)}`), null],
    [
      toAddress(`0x${'02'.repeat(20)}`),
      {
        nonce: 1n,
        balance: 5n,
        storageRoot: toHash(`0x${'12'.repeat(32)}`),
        codeHash: toHash(`0x${'34'.repeat(32)}`),
      },
    ],
  ]),
  storage: new Map([
    [
      toAddress(`0x${'02'.repeat(20)}`),
      new Map([
        [1n, 2n],
        [300n, 0n],
      ]),
    ],
  ]),
  clearedStorage: new Set([toAddress(`0x${'03'.repeat(20)}`)]),
  codes: new Map([[toHash(`0x${'34'.repeat(32)}`), Uint8Array.of(1, 2, 3)]]),
}

export const STORAGE_TARGETS: readonly Target[] = [
  target({
    name: 'receipts-record',
    values: anyReceipts,
    encode: encodeReceipts,
    decode: decodeReceipts,
    errors: CORRUPT,
  }),
  target({
    name: 'account-value',
    values: anyAccounts,
    encode: encodeAccountValue,
    decode: decodeAccountValue,
    errors: CORRUPT,
  }),
  target({
    name: 'senders',
    values: (prng) => sample(prng, fc.array(anyAddress, { maxLength: 5 })),
    encode: encodeAddresses,
    decode: decodeAddresses,
    errors: CORRUPT,
    reencode: encodeAddresses,
  }),
  target({
    name: 'location',
    values: (prng) => prng.times(20, () => ({ blockNumber: prng.integer(8), index: prng.uint32() })),
    encode: encodeLocation,
    decode: decodeLocation,
    errors: CORRUPT,
    reencode: encodeLocation,
  }),
  target({
    name: 'stamped-value',
    values: (prng) => prng.times(20, () => ({ block: prng.uint32(), value: prng.bytes(prng.below(40)) })),
    encode: ({ block, value }) => stamp(block, value),
    decode: readStamp,
    errors: CORRUPT,
  }),
  target({
    name: 'historic-key',
    values: (prng) => prng.times(20, () => ({ table: prng.below(8), key: prng.bytes(prng.below(40)) })),
    encode: ({ table, key }) => concatBytes(Uint8Array.of(table), key),
    decode: parseHistoricKey,
    errors: CORRUPT,
  }),
  target({
    name: 'state-diff',
    values: () => [diff],
    encode: encodeStateDiff,
    decode: decodeStateDiff,
    errors: ['INVALID_RLP'],
  }),
]
