/**
 * What a random case is made of: programs instead of code, keys instead of signatures. A blueprint can be made smaller;
 * {@link realize} makes a case of it.
 */
import { bigintToFixedBytes, type Address } from '../../src/primitives/bytes.ts'
import { privateKeyToAddress } from '../../src/primitives/secp256k1.ts'
import type { GenesisAccount } from '../../src/chain/genesis.ts'
import type { AccessListEntry, Authorization, TransactionFields } from '../../src/chain/transaction.ts'
import type { UnsignedTransactionFields } from '../../src/chain/transaction-codec.ts'
import { signAuthorization, signTransaction } from '../../src/chain/transaction-signature.ts'
import type { Offer } from '../../src/execution/executor.ts'
import type { Hash } from '../../src/primitives/bytes.ts'
import type { Case, CaseBlock } from './case.ts'
import { encodeProgram, type Program } from './program.ts'

export interface Blueprint {
  readonly block: CaseBlock
  readonly accounts: readonly BlueprintAccount[]
  readonly transactions: readonly BlueprintTransaction[]
}

export interface BlueprintAccount {
  readonly address: Address
  readonly balance: bigint
  readonly nonce: bigint
  /** A program, or bytes that are none, such as a delegation. */
  readonly code: Program | Uint8Array
  readonly storage: readonly (readonly [slot: bigint, value: bigint])[]
}

export interface BlueprintTransaction {
  readonly type: TransactionFields['type']
  /** Which of {@link KEYS} signs. */
  readonly key: number
  readonly nonce: bigint
  readonly gasLimit: bigint
  readonly to: Address | null
  readonly value: bigint
  /** Call data; a program is initcode. */
  readonly data: Program | Uint8Array
  /** Also the gas price of the types that have one price. */
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
  readonly accessList: readonly AccessListEntry[]
  readonly blobVersionedHashes: readonly Hash[]
  readonly maxFeePerBlobGas: bigint
  readonly authorizations: readonly BlueprintAuthorization[]
}

export interface BlueprintAuthorization {
  readonly key: number
  readonly chainId: bigint
  readonly address: Address
  readonly nonce: bigint
  /** The signature is none. */
  readonly isSpoiled: boolean
}

/** Accounts that sign. */
export const KEYS: readonly { readonly key: Uint8Array; readonly address: Address }[] = Array.from(
  { length: 5 },
  (_, index) => {
    const key = bigintToFixedBytes(BigInt(index + 1), 32)
    return { key, address: privateKeyToAddress(key) }
  },
)

export function addressOfKey(index: number): Address {
  return keyAt(index).address
}

export function realize({ block, accounts, transactions }: Blueprint): Case {
  return {
    block,
    accounts: new Map(accounts.map((account) => [account.address, realizeAccount(account)])),
    transactions: transactions.map((transaction) => realizeTransaction(transaction, block.chainId)),
  }
}

function realizeAccount({ balance, nonce, code, storage }: BlueprintAccount): GenesisAccount {
  return { balance, nonce, code: bytesOf(code), storage: new Map(storage) }
}

function bytesOf(program: Program | Uint8Array): Uint8Array {
  return program instanceof Uint8Array ? program : encodeProgram(program)
}

function realizeTransaction(blueprint: BlueprintTransaction, chainId: bigint): Offer {
  const { key, address } = keyAt(blueprint.key)
  return { transaction: signTransaction(fieldsOf(blueprint, chainId), key), sender: address }
}

function fieldsOf(blueprint: BlueprintTransaction, chainId: bigint): UnsignedTransactionFields {
  const { type, nonce, gasLimit, value, maxFeePerGas, maxPriorityFeePerGas, accessList } = blueprint
  const common = { nonce, gasLimit, to: blueprint.to, value, data: bytesOf(blueprint.data), chainId }
  const fees = { maxFeePerGas, maxPriorityFeePerGas, accessList }
  switch (type) {
    case 0:
      return { ...common, type, gasPrice: maxFeePerGas }
    case 1:
      return { ...common, type, gasPrice: maxFeePerGas, accessList }
    case 2:
      return { ...common, ...fees, type }
    case 3: {
      const { blobVersionedHashes, maxFeePerBlobGas } = blueprint
      return { ...common, ...fees, type, to: targetOf(blueprint), blobVersionedHashes, maxFeePerBlobGas }
    }
    case 4: {
      const authorizationList = realizeAuthorizations(blueprint.authorizations)
      return { ...common, ...fees, type, to: targetOf(blueprint), authorizationList }
    }
  }
}

/** Types 3 and 4 cannot create contracts. */
function targetOf({ to, key }: BlueprintTransaction): Address {
  return to ?? addressOfKey(key)
}

export function realizeAuthorizations(list: readonly BlueprintAuthorization[]): readonly Authorization[] {
  return list.map(realizeAuthorization)
}

function realizeAuthorization({ isSpoiled, key, ...unsigned }: BlueprintAuthorization): Authorization {
  const signed = signAuthorization(unsigned, keyAt(key).key)
  return isSpoiled ? { ...signed, r: 0n } : signed
}

function keyAt(index: number): { readonly key: Uint8Array; readonly address: Address } {
  const found = KEYS[index]
  if (found === undefined) throw new RangeError(`there is no key ${index}`)
  return found
}
