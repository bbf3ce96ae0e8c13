/** Judges the cases of the public TransactionTests: bytes, and for each fork either a sender or an exception. */
import { EMPTY_CODE_HASH } from '../../src/primitives/keccak.ts'
import {
  hexToBytes,
  WORD_MAX,
  ZERO_ADDRESS,
  ZERO_HASH,
  type Address,
  type Hash,
} from '../../src/primitives/bytes.ts'
import { FORKS, type ForkRules } from '../../src/chain/forks.ts'
import { EMPTY_TRIE_ROOT } from '../../src/chain/ordered-trie.ts'
import { decodeTransaction, TransactionDecodingError } from '../../src/chain/transaction-codec.ts'
import { recoverSender } from '../../src/chain/transaction-signature.ts'
import type { Transaction } from '../../src/chain/transaction.ts'
import type { BlockEnvironment } from '../../src/execution/environment.ts'
import { InvalidTransactionError } from '../../src/execution/errors.ts'
import { messageOf } from '../../src/execution/transaction.ts'
import { BLOCK_POLICY, validateForm, validateLimits, validateSender } from '../../src/execution/validation.ts'
import type { StateReader } from '../../src/state/state-reader.ts'

export interface TransactionVector {
  readonly txbytes: string
  readonly result: Readonly<Record<string, TransactionVectorResult>>
}

export interface TransactionVectorResult {
  readonly exception?: string
  readonly sender?: string
  readonly hash?: string
  readonly intrinsicGas: string
}

/** Newest first, with the rules to judge by. Cases of before Cancun are wrong by their form, which no fork changed. */
const FORK_ORDER = [
  ['Osaka', FORKS.osaka],
  ['Prague', FORKS.prague],
  ['Cancun', FORKS.cancun],
  ['Shanghai', FORKS.cancun],
  ['Paris', FORKS.cancun],
  ['London', FORKS.cancun],
] as const

function environmentOf(rules: ForkRules): BlockEnvironment {
  return {
    config: {
      chainId: 1n,
      forks: [{ name: rules.name, timestamp: 0n }],
      blobSchedule: {},
      depositContractAddress: ZERO_ADDRESS,
    },
    rules,
    parentHash: ZERO_HASH,
    number: 1n,
    timestamp: 1n,
    beneficiary: ZERO_ADDRESS,
    gasLimit: (1n << 64n) - 1n,
    prevRandao: ZERO_HASH,
    baseFeePerGas: 0n,
    excessBlobGas: 0n,
    blobBaseFee: 1n,
    parentBeaconBlockRoot: ZERO_HASH,
    blockHash: () => ZERO_HASH,
  }
}

/** Whether a case has a result by rules that are judged here. */
export function hasKnownFork({ result }: TransactionVector): boolean {
  return FORK_ORDER.some(([name]) => result[name] !== undefined)
}

/** What we do wrong on a case; `undefined` when nothing. */
export function judgeTransactionVector(vector: TransactionVector): string | undefined {
  const [fork, rules] = FORK_ORDER.find(([name]) => vector.result[name] !== undefined) ?? []
  const expected = fork === undefined ? undefined : vector.result[fork]
  if (expected === undefined || rules === undefined) return 'lists no fork that this judge knows'
  const found = examine(hexToBytes(vector.txbytes), environmentOf(rules))
  if ('refusal' in found) return expected.exception === undefined ? `refused: ${found.refusal}` : undefined
  if (expected.exception !== undefined) return `accepted, should be ${expected.exception}`
  if (found.sender !== expected.sender) return `sender ${found.sender}, not ${expected.sender}`
  if (found.hash !== expected.hash) return `hash ${found.hash}, not ${expected.hash}`
  const isGasEqual = found.intrinsicGas === BigInt(expected.intrinsicGas)
  return isGasEqual ? undefined : `intrinsic gas ${found.intrinsicGas}, not ${BigInt(expected.intrinsicGas)}`
}

type Finding =
  | { readonly refusal: string }
  | { readonly sender: Address; readonly hash: Hash; readonly intrinsicGas: bigint }

function examine(bytes: Uint8Array, environment: BlockEnvironment): Finding {
  try {
    const transaction = decodeTransaction(bytes)
    const sender = recoverSender(transaction)
    if (sender === undefined) return { refusal: 'no sender' }
    validateForm(transaction, environment)
    const message = messageOf(transaction, sender)
    const allowance = { gas: environment.gasLimit, blobGas: environment.gasLimit }
    const { intrinsic, floor } = validateLimits(message, environment, allowance, BLOCK_POLICY)
    validateSender(sender, message, environment, richestAccount(transaction), BLOCK_POLICY)
    // What the transaction must bring at least: from Prague on the call data floor counts too (EIP-7623).
    return { sender, hash: transaction.hash, intrinsicGas: floor > intrinsic ? floor : intrinsic }
  } catch (error) {
    if (error instanceof TransactionDecodingError || error instanceof InvalidTransactionError) {
      return { refusal: error.message }
    }
    throw error
  }
}

/**
 * A state in which every account has the transaction's nonce and owns its value, and 2²⁵⁶ − 1 wei for gas: the suite
 * refuses a price of gas that does not fit a word, whatever the value.
 */
function richestAccount({ fields }: Transaction): StateReader {
  const balance = WORD_MAX + fields.value
  const account = { nonce: fields.nonce, balance, storageRoot: EMPTY_TRIE_ROOT, codeHash: EMPTY_CODE_HASH }
  return { account: () => account, storage: () => 0n, code: () => new Uint8Array(0) }
}
