/** Our bytes of transactions against those of viem, type by type, over arbitrary fields. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { serializeTransaction, type Hex as ViemHex } from 'viem'
import { bytesToHex, type Hash } from '../../src/primitives/bytes.ts'
import { unreachable } from '../../src/primitives/assert.ts'
import { encodeTransaction, legacyV } from '../../src/chain/transaction-codec.ts'
import type { Authorization, TransactionFields } from '../../src/chain/transaction.ts'
import { ANY_TRANSACTION } from '../support/transaction-arbitraries.ts'

suite('bytes of transactions are those of viem', () => {
  for (const [type, arbitrary] of Object.entries(ANY_TRANSACTION)) {
    test(`for type ${type}`, () => {
      fc.assert(
        fc.property(arbitrary.map(withinViem), (fields) => {
          assert.equal(bytesToHex(encodeTransaction(fields)), viemBytes(fields))
        }),
      )
    })
  }
})

/** viem refuses chain id 0, a tip above the fee, no blobs and blob hashes of another version than 1. */
function withinViem(fields: TransactionFields): TransactionFields {
  if (fields.type === 0)
    return { ...fields, chainId: fields.chainId === null ? null : viemChainId(fields.chainId) }
  const chainId = viemChainId(fields.chainId)
  if (fields.type === 1) return { ...fields, chainId }
  const fee = { chainId, maxPriorityFeePerGas: 1n, maxFeePerGas: fields.maxFeePerGas | 1n }
  if (fields.type === 2) return { ...fields, ...fee }
  if (fields.type === 4)
    return { ...fields, ...fee, authorizationList: fields.authorizationList.map(viemAuthorization) }
  const hashes = [`0x${'00'.repeat(32)}`, ...fields.blobVersionedHashes].map(
    (hash) => `0x01${hash.slice(4)}` as Hash,
  )
  return { ...fields, ...fee, blobVersionedHashes: hashes }
}

function viemChainId(chainId: bigint): bigint {
  return 1n + BigInt.asUintN(31, chainId)
}

function viemAuthorization(authorization: Authorization): Authorization {
  return {
    ...authorization,
    chainId: viemChainId(authorization.chainId),
    yParity: authorization.yParity & 1n,
  }
}

function viemBytes(fields: TransactionFields): ViemHex {
  const { nonce, gasLimit: gas, to, value } = fields
  const call = { nonce: nonce as unknown as number, gas, to, value, data: bytesToHex(fields.data) }
  const scalars = { r: viemScalar(fields.r), s: viemScalar(fields.s) }
  if (fields.type === 0) {
    const chain = fields.chainId === null ? {} : { chainId: Number(fields.chainId) }
    const signature = { ...scalars, v: legacyV(fields.chainId, fields.yParity) }
    return serializeTransaction({ ...call, ...chain, type: 'legacy', gasPrice: fields.gasPrice }, signature)
  }
  const { accessList, yParity } = fields
  const typed = { ...call, chainId: Number(fields.chainId), accessList }
  const signature = { ...scalars, yParity }
  if (fields.type === 1) {
    return serializeTransaction({ ...typed, type: 'eip2930', gasPrice: fields.gasPrice }, signature)
  }
  const { maxFeePerGas, maxPriorityFeePerGas } = fields
  const dynamic = { ...typed, maxFeePerGas, maxPriorityFeePerGas }
  switch (fields.type) {
    case 2:
      return serializeTransaction({ ...dynamic, type: 'eip1559' }, signature)
    case 3: {
      const { maxFeePerBlobGas, blobVersionedHashes } = fields
      const blobs = { maxFeePerBlobGas, blobVersionedHashes }
      return serializeTransaction({ ...dynamic, ...blobs, to: fields.to, type: 'eip4844' }, signature)
    }
    case 4: {
      const authorizationList = fields.authorizationList.map((authorization) => ({
        chainId: Number(authorization.chainId),
        address: authorization.address,
        nonce: authorization.nonce as unknown as number,
        yParity: Number(authorization.yParity),
        r: viemScalar(authorization.r),
        s: viemScalar(authorization.s),
      }))
      return serializeTransaction({ ...dynamic, type: 'eip7702', authorizationList }, signature)
    }
    default:
      return unreachable(fields)
  }
}

function viemScalar(value: bigint): ViemHex {
  return `0x${value.toString(16).padStart(64, '0')}`
}
