/** Arbitrary transactions of every type, signatures included (which need not recover), for properties of codecs. */
import * as fc from 'fast-check'
import { bytesToAddress, bytesToHash, UINT64_MAX, WORD_MAX } from '../../src/primitives/bytes.ts'
import type { TransactionFields } from '../../src/chain/transaction.ts'

/** Records with the prototype that literals have, so that they compare equal to them. */
export function record<T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model).map((fields) => ({ ...fields }))
}

export const anyUint64: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: 0n, max: 300n }),
  fc.bigInt({ min: 0n, max: UINT64_MAX }),
)
export const anyWord: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: 0n, max: 300n }),
  fc.bigInt({ min: 0n, max: WORD_MAX }),
)
export const anyData: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 100 })
export const anyAddress = fc.uint8Array({ minLength: 20, maxLength: 20 }).map(bytesToAddress)
export const anyHash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToHash)

const anyParity = fc.constantFrom(0 as const, 1 as const)
/** Small enough that 35 + 2·chainId + 1 still fits the 32 bytes of a legacy v. */
const anyLegacyChainId = fc.option(fc.bigInt({ min: 0n, max: WORD_MAX / 2n - 18n }))
const anyRecipient = fc.option(anyAddress)
const anyAccessList = fc.array(
  record({ address: anyAddress, storageKeys: fc.array(anyHash, { maxLength: 3 }) }),
  { maxLength: 3 },
)
const anyAuthorization = record({
  chainId: anyWord,
  address: anyAddress,
  nonce: anyUint64,
  yParity: fc.bigInt({ min: 0n, max: 255n }),
  r: anyWord,
  s: anyWord,
})

const common = {
  nonce: anyUint64,
  gasLimit: anyUint64,
  to: anyRecipient,
  value: anyWord,
  data: anyData,
  yParity: anyParity,
  r: anyWord,
  s: anyWord,
}
const dynamicFee = {
  ...common,
  chainId: anyWord,
  maxPriorityFeePerGas: anyWord,
  maxFeePerGas: anyWord,
  accessList: anyAccessList,
}

/** One arbitrary a type, by type. */
export const ANY_TRANSACTION: { readonly [T in TransactionFields['type']]: fc.Arbitrary<TransactionFields> } =
  {
    0: record({ type: fc.constant(0 as const), ...common, gasPrice: anyWord, chainId: anyLegacyChainId }),
    1: record({
      type: fc.constant(1 as const),
      ...common,
      chainId: anyWord,
      gasPrice: anyWord,
      accessList: anyAccessList,
    }),
    2: record({ type: fc.constant(2 as const), ...dynamicFee }),
    3: record({
      type: fc.constant(3 as const),
      ...dynamicFee,
      to: anyAddress,
      maxFeePerBlobGas: anyWord,
      blobVersionedHashes: fc.array(anyHash, { maxLength: 3 }),
    }),
    4: record({
      type: fc.constant(4 as const),
      ...dynamicFee,
      to: anyAddress,
      authorizationList: fc.array(anyAuthorization, { maxLength: 3 }),
    }),
  }

export const anyTransaction: fc.Arbitrary<TransactionFields> = fc.oneof(...Object.values(ANY_TRANSACTION))

/** Encodings with up to three bytes replaced, or cut, or with bytes behind them. */
export function mutatedBytes(encodings: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 })
  const tail = fc.oneof(
    { weight: 3, arbitrary: fc.constant(new Uint8Array(0)) },
    fc.uint8Array({ maxLength: 3 }),
  )
  const cut = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(40))
  return fc.tuple(encodings, changes, tail, cut).map(([bytes, list, more, less]) => {
    const changed = Uint8Array.from([...bytes.subarray(0, Math.max(1, bytes.length - less)), ...more])
    for (const [position, byte] of list) changed[position % changed.length] = byte
    return changed
  })
}
