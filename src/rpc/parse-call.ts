/**
 * Call objects: what `eth_call`, `eth_estimateGas`, `eth_sendTransaction` and their like take ("GenericTransaction" of
 * execution-apis). Only the form is checked here; which fields go together is, where execution would not know it.
 */
import { equalBytes, UINT64_MAX, type Address, type Hash } from '../primitives/bytes.ts'
import type { AccessListEntry, Authorization } from '../chain/transaction.ts'
import { invalidParams } from './errors.ts'
import {
  isAbsent,
  optional,
  parseAddress,
  parseArray,
  parseData,
  parseHash,
  parseObject,
  parseQuantity,
  parseUint64,
} from './parse.ts'

/** A transaction as far as the client stated it. Fees are in wei per gas. */
export interface CallRequest {
  readonly from: Address | undefined
  /** `null` or left out: a creation. */
  readonly to: Address | undefined
  readonly gas: bigint | undefined
  readonly gasPrice: bigint | undefined
  readonly maxFeePerGas: bigint | undefined
  readonly maxPriorityFeePerGas: bigint | undefined
  readonly maxFeePerBlobGas: bigint | undefined
  readonly value: bigint | undefined
  readonly nonce: bigint | undefined
  readonly data: Uint8Array | undefined
  readonly chainId: bigint | undefined
  readonly accessList: readonly AccessListEntry[] | undefined
  readonly blobVersionedHashes: readonly Hash[] | undefined
  readonly authorizationList: readonly Authorization[] | undefined
}

/** Bounds of lists; what a block can hold is far below. */
const ACCESS_LIST_MAX = 10_000
const STORAGE_KEYS_MAX = 10_000
const AUTHORIZATIONS_MAX = 1_000
const BLOBS_MAX = 128

export function parseCallRequest(value: unknown, where: string): CallRequest {
  const call = parseObject(value, where)
  const at = (name: string): string => `${where}.${name}`
  const quantity = (name: string): bigint | undefined => optional(call[name], at(name), parseQuantity)
  const request: CallRequest = {
    from: optional(call['from'], at('from'), parseAddress),
    // Some libraries write a creation as an empty recipient.
    to: call['to'] === '0x' || call['to'] === '' ? undefined : optional(call['to'], at('to'), parseAddress),
    gas: optional(call['gas'] ?? call['gasLimit'], at('gas'), parseUint64),
    gasPrice: quantity('gasPrice'),
    maxFeePerGas: quantity('maxFeePerGas'),
    maxPriorityFeePerGas: quantity('maxPriorityFeePerGas'),
    maxFeePerBlobGas: quantity('maxFeePerBlobGas'),
    value: quantity('value'),
    nonce: optional(call['nonce'], at('nonce'), parseUint64),
    data: parseInput(call['input'], call['data'], where),
    chainId: quantity('chainId'),
    accessList: optional(call['accessList'], at('accessList'), parseAccessList),
    blobVersionedHashes: optional(call['blobVersionedHashes'], at('blobVersionedHashes'), (hashes, path) =>
      parseArray(hashes, path, BLOBS_MAX, parseHash),
    ),
    authorizationList: optional(call['authorizationList'], at('authorizationList'), (list, path) =>
      parseArray(list, path, AUTHORIZATIONS_MAX, parseAuthorization),
    ),
  }
  const hasDynamicFee = request.maxFeePerGas !== undefined || request.maxPriorityFeePerGas !== undefined
  if (request.gasPrice !== undefined && hasDynamicFee) {
    throw invalidParams(
      `${where}: both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified, use one kind of fee`,
    )
  }
  return request
}

/** `input` is the name in the API, `data` what everyone used before; both must agree. */
function parseInput(input: unknown, data: unknown, where: string): Uint8Array | undefined {
  const fromInput = optional(input, `${where}.input`, parseData)
  const fromData = optional(data, `${where}.data`, parseData)
  if (fromInput !== undefined && fromData !== undefined && !equalBytes(fromInput, fromData)) {
    throw invalidParams(`${where}: both "data" and "input" are set and not equal, use "input"`)
  }
  return fromInput ?? fromData
}

export function parseAccessList(value: unknown, where: string): AccessListEntry[] {
  return parseArray(value, where, ACCESS_LIST_MAX, (item, path) => {
    const entry = parseObject(item, path)
    const keys = isAbsent(entry['storageKeys']) ? [] : entry['storageKeys']
    return {
      address: parseAddress(entry['address'], `${path}.address`),
      storageKeys: parseArray(keys, `${path}.storageKeys`, STORAGE_KEYS_MAX, parseHash),
    }
  })
}

function parseAuthorization(value: unknown, where: string): Authorization {
  const item = parseObject(value, where)
  return {
    chainId: parseQuantity(item['chainId'], `${where}.chainId`),
    address: parseAddress(item['address'], `${where}.address`),
    nonce: parseUint64(item['nonce'], `${where}.nonce`),
    yParity: parseQuantity(item['yParity'] ?? item['v'], `${where}.yParity`, UINT64_MAX),
    r: parseQuantity(item['r'], `${where}.r`),
    s: parseQuantity(item['s'], `${where}.s`),
  }
}
