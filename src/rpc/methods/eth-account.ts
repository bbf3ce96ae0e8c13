/** Signing and sending for accounts whose keys the node holds, or that it impersonates: development nodes only. */
import { present } from '../../primitives/assert.ts'
import { bytesToHex, type Address } from '../../primitives/bytes.ts'
import type { DevControls, UnsignedTransaction } from '../backend.ts'
import { invalidParams } from '../errors.ts'
import type { MethodContext, MethodTable } from '../method.ts'
import { parseAddress, parseData } from '../parse.ts'
import { parseCallRequest } from '../parse-call.ts'
import { typedDataDigest } from '../typed-data.ts'

export const methods = {
  eth_sign: {
    params: [2, 2],
    run: ([address, message], context) =>
      bytesToHex(devOf(context).signMessage(parseAddress(address, 'address'), parseData(message, 'message'))),
  },
  /** `eth_sign` with its params the other way round; what the libraries' message signing calls. */
  personal_sign: {
    params: [2, 3],
    run: ([message, address], context) =>
      bytesToHex(devOf(context).signMessage(parseAddress(address, 'address'), parseData(message, 'message'))),
  },
  eth_signTypedData_v4: {
    params: [2, 2],
    run: ([address, data], context) => signTypedData(address, data, context),
  },
  eth_signTypedData: {
    params: [2, 2],
    run: ([address, data], context) => signTypedData(address, data, context),
  },
  eth_signTransaction: {
    params: [1, 1],
    run: ([transaction], context) =>
      bytesToHex(devOf(context).signTransaction(parseUnsigned(transaction, context)).bytes),
  },
  eth_sendTransaction: {
    params: [1, 1],
    run: async ([transaction], context) =>
      (await devOf(context).sendTransaction(parseUnsigned(transaction, context))).hash,
  },
} as const satisfies MethodTable

function devOf({ backend }: MethodContext): DevControls {
  return present(backend.dev, 'development controls')
}

function signTypedData(address: unknown, data: unknown, context: MethodContext): string {
  const signer: Address = parseAddress(address, 'address')
  return bytesToHex(devOf(context).signDigest(signer, typedDataDigest(data, 'typed data')))
}

/** A transaction to be signed by the node. Without a sender it is of the first account, as Hardhat has it. */
function parseUnsigned(value: unknown, { backend }: MethodContext): UnsignedTransaction {
  const call = parseCallRequest(value, 'transaction')
  const from = call.from ?? backend.accounts()[0]
  if (from === undefined) throw invalidParams('transaction.from: the node holds no accounts, name a sender')
  const { chainId } = backend.config
  if (call.chainId !== undefined && call.chainId !== chainId) {
    throw invalidParams(
      `transaction.chainId: this chain is ${chainId}, the transaction is for ${call.chainId}`,
    )
  }
  if (call.blobVersionedHashes !== undefined) {
    throw invalidParams('transaction.blobVersionedHashes: the node does not make blob transactions')
  }
  return {
    from,
    to: call.to ?? null,
    gasLimit: call.gas,
    gasPrice: call.gasPrice,
    maxFeePerGas: call.maxFeePerGas,
    maxPriorityFeePerGas: call.maxPriorityFeePerGas,
    nonce: call.nonce,
    value: call.value ?? 0n,
    data: call.data ?? new Uint8Array(0),
    accessList: call.accessList,
    authorizationList: call.authorizationList,
  }
}
