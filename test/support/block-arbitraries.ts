/** Arbitrary headers of every fork's form, withdrawals and logs, for properties of codecs. */
import * as fc from 'fast-check'
import type { Header, Withdrawal } from '../../src/chain/block.ts'
import type { Log } from '../../src/chain/receipt.ts'
import { anyAddress, anyData, anyHash, anyUint64, anyWord, record } from './transaction-arbitraries.ts'

const anyBloom = fc.uint8Array({ minLength: 256, maxLength: 256 })

const frontier = {
  parentHash: anyHash,
  ommersHash: anyHash,
  beneficiary: anyAddress,
  stateRoot: anyHash,
  transactionsRoot: anyHash,
  receiptsRoot: anyHash,
  logsBloom: anyBloom,
  difficulty: anyWord,
  number: anyUint64,
  gasLimit: anyUint64,
  gasUsed: anyUint64,
  timestamp: anyUint64,
  extraData: fc.uint8Array({ maxLength: 40 }),
  prevRandao: anyHash,
  nonce: fc.uint8Array({ minLength: 8, maxLength: 8 }),
}
const london = { ...frontier, baseFeePerGas: anyWord }
const shanghai = { ...london, withdrawalsRoot: anyHash }
const cancun = {
  ...shanghai,
  blobGasUsed: anyUint64,
  excessBlobGas: anyUint64,
  parentBeaconBlockRoot: anyHash,
}
const prague = { ...cancun, requestsHash: anyHash }

export const anyHeader: fc.Arbitrary<Header> = fc.oneof(
  record<Header>(prague),
  record<Header>(cancun),
  record<Header>(shanghai),
  record<Header>(london),
  record<Header>(frontier),
)

export const anyWithdrawal: fc.Arbitrary<Withdrawal> = record({
  index: anyUint64,
  validatorIndex: anyUint64,
  address: anyAddress,
  amount: anyUint64,
})

export const anyLog: fc.Arbitrary<Log> = record({
  address: anyAddress,
  topics: fc.array(anyHash, { maxLength: 4 }),
  data: anyData,
})
