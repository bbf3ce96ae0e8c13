/**
 * The transaction of a state test. Fixtures give it as signed bytes, or, where those are missing, as fields: lists of
 * data, gas limits and values, from which a result picks one each, and the key that signs.
 */
import type { Address } from '../../src/primitives/bytes.ts'
import { decodeTransaction, type UnsignedTransactionFields } from '../../src/chain/transaction-codec.ts'
import { transactionFromFields } from '../../src/chain/transaction-codec.ts'
import { recoverSender, signTransaction } from '../../src/chain/transaction-signature.ts'
import type { AccessListEntry, Authorization, Transaction } from '../../src/chain/transaction.ts'
import { addressOf, bytesOf, hashOf, integerOf, wordOf } from './fixture-values.ts'
import { SkippedCase } from './suite.ts'

/** Fields of the official layout; one that a type does not have is absent or null. */
export interface FixtureTransaction {
  readonly nonce: string
  readonly gasPrice?: string | null
  readonly maxFeePerGas?: string | null
  readonly maxPriorityFeePerGas?: string | null
  readonly maxFeePerBlobGas?: string | null
  readonly gasLimit: readonly string[]
  readonly to?: string | null
  readonly value: readonly string[]
  readonly data: readonly string[]
  /** One list for each of {@link data}. */
  readonly accessLists?: readonly (readonly FixtureAccessListEntry[] | null)[] | null
  readonly blobVersionedHashes?: readonly string[] | null
  readonly authorizationList?: readonly FixtureAuthorization[] | null
  readonly secretKey?: string
  readonly sender?: string
}

interface FixtureAccessListEntry {
  readonly address: string
  readonly storageKeys: readonly string[]
}

interface FixtureAuthorization {
  readonly chainId: string
  readonly address: string
  readonly nonce: string
  readonly v?: string
  readonly yParity?: string
  readonly r: string
  readonly s: string
}

/** Which of the lists' entries a result is about. */
export interface FixtureIndexes {
  readonly data: number
  readonly gas: number
  readonly value: number
}

export interface SignedTransaction {
  readonly transaction: Transaction
  /** `undefined` when no account fits the signature. */
  readonly sender: Address | undefined
}

/** @throws TransactionDecodingError, HexError */
export function transactionFromBytes(txbytes: string): SignedTransaction {
  const transaction = decodeTransaction(bytesOf(txbytes))
  return { transaction, sender: recoverSender(transaction) }
}

/**
 * @throws TransactionDecodingError when a field is none that bytes can hold.
 * @throws SkippedCase when the fixture names nobody who could have signed.
 */
export function transactionFromParts(
  parts: FixtureTransaction,
  indexes: FixtureIndexes,
  chainId: bigint,
): SignedTransaction {
  const fields = fieldsOf(parts, indexes, chainId)
  const { secretKey, sender } = parts
  if (secretKey !== undefined) {
    const signed = signTransaction(fields, bytesOf(secretKey))
    // Its bytes are read back: encoding trusts its fields, and a fixture may ask for what does not fit them.
    return { transaction: decodeTransaction(signed.bytes), sender: recoverSender(signed) }
  }
  if (sender === undefined)
    throw new SkippedCase('state tests without bytes, key or sender of their transaction')
  const unsigned = transactionFromFields({ ...fields, yParity: 0, r: 1n, s: 1n })
  return { transaction: decodeTransaction(unsigned.bytes), sender: addressOf(sender) }
}

function fieldsOf(
  parts: FixtureTransaction,
  indexes: FixtureIndexes,
  chainId: bigint,
): UnsignedTransactionFields {
  const { accessLists, authorizationList, blobVersionedHashes } = parts
  const common = {
    chainId,
    nonce: integerOf(parts.nonce),
    gasLimit: integerOf(picked(parts.gasLimit, indexes.gas, 'gasLimit')),
    to: isGiven(parts.to) && parts.to !== '0x' ? addressOf(parts.to) : null,
    value: integerOf(picked(parts.value, indexes.value, 'value')),
    data: bytesOf(picked(parts.data, indexes.data, 'data')),
  }
  const accessList = (accessLists?.[indexes.data] ?? []).map(accessListEntryOf)
  if (!isGiven(parts.maxFeePerGas)) {
    const gasPrice = integerOf(parts.gasPrice ?? '0x')
    const hasList = accessLists?.[indexes.data] !== undefined && accessLists[indexes.data] !== null
    return hasList ? { type: 1, ...common, gasPrice, accessList } : { type: 0, ...common, gasPrice }
  }
  const dynamic = {
    ...common,
    maxFeePerGas: integerOf(parts.maxFeePerGas),
    maxPriorityFeePerGas: integerOf(parts.maxPriorityFeePerGas ?? '0x'),
    accessList,
  }
  // The casts: a creation has no place in the types of 3 and 4; reading its bytes back is what refuses it.
  const to = common.to as Address
  if (isGiven(authorizationList)) {
    return { type: 4, ...dynamic, to, authorizationList: authorizationList.map(authorizationOf) }
  }
  if (!isGiven(parts.maxFeePerBlobGas) && !isGiven(blobVersionedHashes)) return { type: 2, ...dynamic }
  return {
    type: 3,
    ...dynamic,
    to,
    maxFeePerBlobGas: integerOf(parts.maxFeePerBlobGas ?? '0x'),
    blobVersionedHashes: (blobVersionedHashes ?? []).map(hashOf),
  }
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null && value !== ''
}

function picked(list: readonly string[], index: number, name: string): string {
  const value = list[index]
  if (value === undefined) throw new Error(`the transaction has no ${name} with index ${index}`)
  return value
}

function accessListEntryOf({ address, storageKeys }: FixtureAccessListEntry): AccessListEntry {
  return { address: addressOf(address), storageKeys: storageKeys.map(wordOf) }
}

function authorizationOf(authorization: FixtureAuthorization): Authorization {
  return {
    chainId: integerOf(authorization.chainId),
    address: addressOf(authorization.address),
    nonce: integerOf(authorization.nonce),
    yParity: integerOf(authorization.yParity ?? authorization.v ?? '0x'),
    r: integerOf(authorization.r),
    s: integerOf(authorization.s),
  }
}
