/** Random transactions: of all types, mostly valid, with gas from none to plenty. */
import {
  bigintToFixedBytes,
  concatBytes,
  UINT64_MAX,
  wordToHash,
  ZERO_ADDRESS,
  type Address,
  type Hash,
} from '../../src/primitives/bytes.ts'
import { FORKS } from '../../src/chain/forks.ts'
import type { AccessListEntry } from '../../src/chain/transaction.ts'
import { intrinsicGas } from '../../src/execution/intrinsic-gas.ts'
import type { Prng } from '../support/prng.ts'
import {
  addressOfKey,
  KEYS,
  realizeAuthorizations,
  type BlueprintAccount,
  type BlueprintAuthorization,
  type BlueprintTransaction,
} from './blueprint.ts'
import type { CaseBlock } from './case.ts'
import { ETHER } from './generate-accounts.ts'
import type { Scope } from './generate-expression.ts'
import { randomInitcode } from './generate-program.ts'
import { encodeProgram } from './program.ts'
import { randomSlot, randomWord, strangeAddress } from './values.ts'

/** Transactions that break a rule. */
const SPOILED_SHARE = 0.04

export function randomTransactions(
  scope: Scope,
  block: CaseBlock,
  accounts: readonly BlueprintAccount[],
  contracts: readonly Address[],
): BlueprintTransaction[] {
  const { prng } = scope
  const nonces = new Map(accounts.map(({ address, nonce }) => [address, nonce]))
  return prng.times(prng.between(1, 7), () => {
    const transaction = randomTransaction(scope, block, nonces, contracts)
    if (prng.chance(SPOILED_SHARE)) return spoil(prng, transaction)
    raise(nonces, addressOfKey(transaction.key))
    if (transaction.type === 4) applyAuthorizations(transaction, block, nonces)
    return transaction
  })
}

function raise(nonces: Map<Address, bigint>, address: Address): void {
  nonces.set(address, (nonces.get(address) ?? 0n) + 1n)
}

/** Follows nonces as EIP-7702 raises them, so that later transactions and authorizations fit. */
function applyAuthorizations(
  { authorizations }: BlueprintTransaction,
  { chainId }: CaseBlock,
  nonces: Map<Address, bigint>,
): void {
  for (const { key, nonce, isSpoiled, chainId: signedFor } of authorizations) {
    const authority = addressOfKey(key)
    if (isSpoiled || (signedFor !== 0n && signedFor !== chainId)) continue
    if (nonce === (nonces.get(authority) ?? 0n)) raise(nonces, authority)
  }
}

/** Breaks one rule, or comes close to it. */
function spoil(prng: Prng, transaction: BlueprintTransaction): BlueprintTransaction {
  const { nonce, gasLimit, maxFeePerGas } = transaction
  return prng.pick<BlueprintTransaction>([
    { ...transaction, nonce: nonce + 1n },
    { ...transaction, nonce: nonce === 0n ? UINT64_MAX : nonce - 1n },
    { ...transaction, gasLimit: 20_999n + BigInt(prng.below(4)) },
    { ...transaction, gasLimit: gasLimit + (1n << 24n) },
    { ...transaction, gasLimit: 1n << 51n },
    { ...transaction, maxFeePerGas: maxFeePerGas / 2n },
    { ...transaction, maxPriorityFeePerGas: maxFeePerGas + 1n },
    { ...transaction, value: 1_000n * ETHER },
    { ...transaction, value: 1n << 255n },
    {
      ...transaction,
      type: 0,
      to: null,
      data: new Uint8Array(prng.pick([49_152, 49_153])),
      gasLimit: 1_000_000n,
    },
    { ...transaction, type: 3, blobVersionedHashes: [] },
    { ...transaction, type: 3, maxFeePerBlobGas: 0n },
    {
      ...transaction,
      type: 3,
      blobVersionedHashes: prng.times(prng.between(6, 10), () => blobHash(prng, 1)),
    },
    { ...transaction, type: 3, blobVersionedHashes: [blobHash(prng, 1), blobHash(prng, 2)] },
    { ...transaction, type: 4, authorizations: [] },
    { ...transaction, key: KEYS.length - 1 },
  ])
}

function blobHash(prng: Prng, version: number): Hash {
  return wordToHash((BigInt(version) << 248n) | prng.integer(31))
}

function randomTransaction(
  scope: Scope,
  block: CaseBlock,
  nonces: ReadonlyMap<Address, bigint>,
  contracts: readonly Address[],
): BlueprintTransaction {
  const { prng, evm } = scope
  const key = prng.below(3)
  const type = prng.pick(evm === 'cancun' ? ([0, 1, 2, 3] as const) : ([0, 1, 2, 3, 4, 4] as const))
  const creates = type < 3 && prng.chance(0.15)
  const tip = prng.pick([0n, 1n, 2_000_000_000n])
  const transaction: BlueprintTransaction = {
    type,
    key,
    nonce: nonces.get(addressOfKey(key)) ?? 0n,
    gasLimit: 0n,
    to: creates ? null : randomTarget(scope, contracts),
    value: prng.weighted([
      [5, 0n],
      [3, BigInt(prng.below(100))],
      [1, ETHER],
    ]),
    data: creates ? randomInitcode(scope) : randomCallData(scope),
    maxFeePerGas: block.baseFeePerGas + prng.pick([tip, tip + 1n, 5_000_000_000n]),
    maxPriorityFeePerGas: tip,
    accessList: randomAccessList(scope),
    blobVersionedHashes: prng.times(prng.between(1, 3), () => blobHash(prng, 1)),
    maxFeePerBlobGas: 1_000_000_000n,
    authorizations: prng.times(prng.between(1, 3), () =>
      randomAuthorization(scope, block, nonces, contracts, key),
    ),
  }
  return { ...transaction, gasLimit: leastGas(transaction, block) + randomGas(prng) }
}

/** What the transaction must at least ask for. */
function leastGas(transaction: BlueprintTransaction, { fork }: CaseBlock): bigint {
  const { type, to, accessList, authorizations } = transaction
  const data = transaction.data instanceof Uint8Array ? transaction.data : encodeProgram(transaction.data)
  const authorizationList = type === 4 ? realizeAuthorizations(authorizations) : []
  const listed = type === 0 ? [] : accessList
  const { intrinsic, floor } = intrinsicGas({ to, data, accessList: listed, authorizationList }, FORKS[fork])
  return intrinsic > floor ? intrinsic : floor
}

/** Gas for execution: from none to plenty. */
function randomGas(prng: Prng): bigint {
  return BigInt(
    prng.weighted([
      [1, 0],
      [3, prng.below(10_000)],
      [4, prng.below(60_000)],
      [12, 50_000 + prng.below(300_000)],
      [15, 300_000 + prng.below(700_000)],
      [3, 3_000_000],
    ]),
  )
}

function randomTarget({ prng, addresses }: Scope, contracts: readonly Address[]): Address {
  return prng.weighted([
    [10, contracts[0] ?? ZERO_ADDRESS],
    [10, prng.pick(contracts)],
    [3, addressOfKey(prng.below(KEYS.length))],
    [3, prng.pick(addresses)],
    [1, strangeAddress(prng)],
  ])
}

function randomCallData({ prng, addresses }: Scope): Uint8Array {
  const words = prng.times(prng.below(5), () => {
    const word = prng.chance(0.3) ? BigInt(prng.pick(addresses)) : randomWord(prng)
    return bigintToFixedBytes(word, 32)
  })
  return concatBytes(...words, prng.bytes(prng.pick([0, 0, 0, 1, 4, 31])))
}

function randomAccessList({ prng, addresses }: Scope): AccessListEntry[] {
  return prng.times(prng.pick([0, 0, 1, 2, 3]), () => ({
    address: prng.pick(addresses),
    storageKeys: prng.times(prng.below(4), () => wordToHash(randomSlot(prng))),
  }))
}

function randomAuthorization(
  { prng, addresses }: Scope,
  block: CaseBlock,
  nonces: ReadonlyMap<Address, bigint>,
  contracts: readonly Address[],
  sender: number,
): BlueprintAuthorization {
  const key = prng.below(KEYS.length)
  const known = nonces.get(addressOfKey(key)) ?? 0n
  // By then the sender's nonce has been raised.
  const nonce = key === sender ? known + 1n : known
  return {
    key,
    chainId: prng.weighted([
      [5, block.chainId],
      [4, 0n],
      [1, block.chainId + 1n],
    ]),
    address: prng.weighted([
      [6, prng.pick(contracts)],
      [1, ZERO_ADDRESS],
      [2, prng.pick(addresses)],
    ]),
    nonce: prng.weighted([
      [12, nonce],
      [1, nonce + 1n],
      [1, UINT64_MAX],
    ]),
    isSpoiled: prng.chance(0.05),
  }
}
