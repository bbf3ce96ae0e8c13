/**
 * A case: a state and transactions to run on it one after the other. As JSON it stands in `cases/` and is printed when
 * two executors differ; transactions are signed, so a case says everything by itself.
 */
import {
  bytesToHex,
  hexToBytes,
  toAddress,
  toHash,
  type Address,
  type Hash,
} from '../../src/primitives/bytes.ts'
import { present } from '../../src/primitives/assert.ts'
import { keccak256Hash } from '../../src/primitives/keccak.ts'
import {
  FORK_NAMES,
  MAINNET_DEPOSIT_CONTRACT,
  rulesAt,
  type ChainConfig,
  type ForkName,
} from '../../src/chain/forks.ts'
import type { GenesisAccount } from '../../src/chain/genesis.ts'
import { decodeTransaction } from '../../src/chain/transaction-codec.ts'
import { recoverSender } from '../../src/chain/transaction-signature.ts'
import type { BlockEnvironment } from '../../src/execution/environment.ts'
import type { Offer } from '../../src/execution/executor.ts'
import { blobBaseFee } from '../../src/execution/fees.ts'

export interface Case {
  readonly block: CaseBlock
  readonly accounts: ReadonlyMap<Address, GenesisAccount>
  readonly transactions: readonly Offer[]
}

/** The block that all transactions run in. */
export interface CaseBlock {
  readonly fork: ForkName
  readonly chainId: bigint
  readonly number: bigint
  readonly timestamp: bigint
  readonly beneficiary: Address
  readonly gasLimit: bigint
  readonly prevRandao: Hash
  readonly baseFeePerGas: bigint
  readonly excessBlobGas: bigint
}

export function environmentOf(block: CaseBlock): BlockEnvironment {
  const { fork, chainId, number, ...rest } = block
  const config: ChainConfig = {
    chainId,
    forks: [{ name: fork, timestamp: 0n }],
    blobSchedule: {},
    depositContractAddress: MAINNET_DEPOSIT_CONTRACT,
  }
  const rules = rulesAt(config, rest.timestamp)
  return {
    ...rest,
    config,
    rules,
    number,
    parentHash: ancestorHash(number - 1n),
    blobBaseFee: blobBaseFee(rest.excessBlobGas, rules),
    parentBeaconBlockRoot: ancestorHash(0n),
    blockHash: ancestorHash,
  }
}

/** Any hash will do, as long as each block has its own. */
function ancestorHash(number: bigint): Hash {
  return keccak256Hash(new TextEncoder().encode(`block ${number}`))
}

// JSON ----------------------------------------------------------------------------------------------------------------

interface CaseJson {
  readonly fork: string
  readonly block: Readonly<Record<string, string>>
  readonly accounts: Readonly<Record<string, AccountJson>>
  readonly transactions: readonly string[]
}

interface AccountJson {
  readonly balance: string
  readonly nonce: string
  readonly code: string
  readonly storage: Readonly<Record<string, string>>
}

export function caseToJson({ block, accounts, transactions }: Case): string {
  const { fork, beneficiary, prevRandao, ...numbers } = block
  const json: CaseJson = {
    fork,
    block: { beneficiary, prevRandao, ...mapValues(numbers, String) },
    accounts: Object.fromEntries(
      [...accounts].map(([address, { balance, nonce, code, storage }]) => [
        address,
        {
          balance: String(balance),
          nonce: String(nonce),
          code: bytesToHex(code),
          storage: Object.fromEntries([...storage].map(([slot, value]) => [String(slot), String(value)])),
        },
      ]),
    ),
    transactions: transactions.map(({ transaction }) => bytesToHex(transaction.bytes)),
  }
  return JSON.stringify(json, null, 2)
}

/** @param text what {@link caseToJson} wrote. */
export function caseFromJson(text: string): Case {
  // Written by ourselves; a damaged file fails where its values are read.
  const { fork, block, accounts, transactions } = JSON.parse(text) as CaseJson
  const number = (name: string): bigint => BigInt(present(block[name], `${name} of the case's block`))
  return {
    block: {
      fork: present(
        FORK_NAMES.find((name) => name === fork),
        `a fork that we know, not ${fork}`,
      ),
      beneficiary: toAddress(block['beneficiary'] ?? ''),
      prevRandao: toHash(block['prevRandao'] ?? ''),
      chainId: number('chainId'),
      number: number('number'),
      timestamp: number('timestamp'),
      gasLimit: number('gasLimit'),
      baseFeePerGas: number('baseFeePerGas'),
      excessBlobGas: number('excessBlobGas'),
    },
    accounts: new Map(
      Object.entries(accounts).map(([address, account]) => [toAddress(address), accountFromJson(account)]),
    ),
    transactions: transactions.map((bytes) => {
      const transaction = decodeTransaction(hexToBytes(bytes))
      return { transaction, sender: present(recoverSender(transaction), 'sender of a transaction') }
    }),
  }
}

function accountFromJson({ balance, nonce, code, storage }: AccountJson): GenesisAccount {
  return {
    balance: BigInt(balance),
    nonce: BigInt(nonce),
    code: hexToBytes(code),
    storage: new Map(Object.entries(storage).map(([slot, value]) => [BigInt(slot), BigInt(value)])),
  }
}

function mapValues<T>(record: Readonly<Record<string, T>>, of: (value: T) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, of(value)]))
}
