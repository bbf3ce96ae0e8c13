/** Random states, blocks and transactions around random programs. */
import {
  EMPTY_BYTES,
  UINT64_MAX,
  wordToAddress,
  wordToHash,
  ZERO_ADDRESS,
  type Address,
  type Hash,
} from '../../src/primitives/bytes.ts'
import { concatBytes, bigintToFixedBytes } from '../../src/primitives/bytes.ts'
import { createAddress } from '../../src/chain/contract-address.ts'
import { delegationTo } from '../../src/chain/delegation.ts'
import { FORKS, type ForkName } from '../../src/chain/forks.ts'
import { SYSTEM_CONTRACTS } from '../../src/chain/system-contracts.ts'
import type { AccessListEntry } from '../../src/chain/transaction.ts'
import { intrinsicGas } from '../../src/execution/intrinsic-gas.ts'
import { precompilesOf } from '../../runtime/evm/precompiles/table.ts'
import { assemble, pushOf } from '../support/assembler.ts'
import { Prng } from '../support/prng.ts'
import {
  addressOfKey,
  KEYS,
  realizeAuthorizations,
  type Blueprint,
  type BlueprintAccount,
  type BlueprintAuthorization,
  type BlueprintTransaction,
} from './blueprint.ts'
import type { CaseBlock } from './case.ts'
import { encodeProgram, type Program } from './program.ts'
import type { Scope } from './generate-expression.ts'
import { randomInitcode, randomProgram } from './generate-program.ts'
import { randomSlot, randomWord, strangeAddress } from './values.ts'

const ETHER = 10n ** 18n
const CONTRACT_BASE = 0xc0de_0000n
/** An account with a balance and nothing else. */
const PLAIN_ACCOUNT = wordToAddress(0xbeefn)

/** The forks that cases are spread over. Osaka comes most often: it is the newest. */
const FORK_WEIGHTS: readonly (readonly [number, ForkName])[] = [
  [6, 'osaka'],
  [2, 'prague'],
  [2, 'cancun'],
]

/** Transactions that break a rule. */
const SPOILED_SHARE = 0.04
/** Cases around a limit that random programs do not come near. */
const LIMIT_SHARE = 0.015
const COUNT_FRAME = 'PUSH1 1 PUSH0 TLOAD ADD PUSH0 TSTORE'
/** Each calls or creates itself until it may not, or makes code that is just short enough or just too long. */
const LIMIT_PROGRAMS = [
  `${COUNT_FRAME} PUSH0 PUSH0 PUSH0 PUSH0 PUSH1 1 ADDRESS GAS CALL PUSH0 TLOAD PUSH0 SSTORE`,
  `${COUNT_FRAME} PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS DELEGATECALL PUSH0 TLOAD ADD PUSH0 SSTORE`,
  `${COUNT_FRAME} PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS CALLCODE POP PUSH0 TLOAD PUSH0 SSTORE`,
  'PUSH0 MLOAD PUSH1 1 ADD PUSH0 MSTORE PUSH1 32 PUSH0 PUSH1 32 PUSH0 ADDRESS GAS STATICCALL PUSH1 32 MSTORE PUSH1 64 PUSH0 RETURN',
  'CODESIZE PUSH0 PUSH0 CODECOPY CODESIZE PUSH0 PUSH0 CREATE PUSH0 SSTORE',
  ...[0x6000, 0x6001].map((size) => createOf(`PUSH2 0x${size.toString(16)} PUSH0 RETURN`)),
  ...[0xc000, 0xc001].map((size) => `PUSH2 0x${size.toString(16)} PUSH0 PUSH0 CREATE PUSH0 SSTORE`),
]

/** Creates a contract by the given initcode. */
function createOf(initcode: string): string {
  const bytes = assemble(initcode)
  const size = pushOf(bytes.length)
  return `PUSH${bytes.length} 0x${bytes.toHex()} PUSH0 MSTORE ${size} ${pushOf(32 - bytes.length)} PUSH0 CREATE PUSH0 SSTORE`
}

/** The case of a seed. @param fork `undefined`: one of several. */
export function generateCase(seed: string, fork?: ForkName): Blueprint {
  const prng = new Prng(seed)
  const chosen = fork ?? prng.weighted(FORK_WEIGHTS)
  const contracts = Array.from({ length: prng.between(1, 5) }, (_, index) => contractAddress(index))
  const block = randomBlock(prng, chosen, contracts)
  if (prng.chance(LIMIT_SHARE)) return limitCase(prng, block)
  const addresses = addressPool(chosen, contracts, block)
  const scope: Scope = { prng, evm: FORKS[chosen].evm, addresses, blockNumber: block.number, isQuiet: false }
  const accounts = randomAccounts(scope, contracts)
  return { block, accounts, transactions: randomTransactions(scope, block, accounts, contracts) }
}

/** One of {@link LIMIT_PROGRAMS}, with enough gas to get 1,024 frames deep where a transaction may have as much. */
function limitCase(prng: Prng, block: CaseBlock): Blueprint {
  const isLimited = FORKS[block.fork].transactionGasMax !== null
  const code: Program = [{ kind: 'code', text: prng.pick(LIMIT_PROGRAMS) }]
  const contract = { ...plain(contractAddress(0), 5n), nonce: 1n, code }
  const transaction: BlueprintTransaction = {
    ...PLAIN_TRANSACTION,
    to: contract.address,
    gasLimit: isLimited ? 1n << 24n : 1n << 39n,
    maxFeePerGas: block.baseFeePerGas,
  }
  return { block, accounts: [contract, plain(addressOfKey(0), 1000n * ETHER)], transactions: [transaction] }
}

const PLAIN_TRANSACTION: BlueprintTransaction = {
  type: 2,
  key: 0,
  nonce: 0n,
  gasLimit: 1_000_000n,
  to: null,
  value: 0n,
  data: EMPTY_BYTES,
  maxFeePerGas: 0n,
  maxPriorityFeePerGas: 0n,
  accessList: [],
  blobVersionedHashes: [],
  maxFeePerBlobGas: 0n,
  authorizations: [],
}

function contractAddress(index: number): Address {
  return wordToAddress(CONTRACT_BASE + BigInt(index))
}

function randomBlock(prng: Prng, fork: ForkName, contracts: readonly Address[]): CaseBlock {
  return {
    fork,
    chainId: prng.pick([1n, 1n, 31_337n, 0xffff_ffffn]),
    number: prng.pick([1n, 100n, 256n, 257n, 20_000_000n]),
    timestamp: 1_700_000_000n + prng.integer(3),
    beneficiary: prng.weighted([
      [4, wordToAddress(0xfee0n)],
      [2, prng.pick(contracts)],
      [1, addressOfKey(0)],
      [1, PLAIN_ACCOUNT],
    ]),
    gasLimit: 1n << 40n,
    prevRandao: wordToHash(prng.integer(32)),
    baseFeePerGas: prng.pick([0n, 7n, 1_000_000_000n]),
    excessBlobGas: prng.pick([0n, 10n * 131_072n, 400n * 131_072n]),
  }
}

/** What programs call, look at and pay to. */
function addressPool(fork: ForkName, contracts: readonly Address[], block: CaseBlock): Address[] {
  const keys = KEYS.map(({ address }) => address)
  const creators = [...contracts, ...keys.slice(0, 2)]
  return [
    ...contracts,
    ...contracts,
    ...contracts,
    ...keys,
    ...precompilesOf(FORKS[fork].evm).keys(),
    ...creators.map((creator) => createAddress(creator, 1n)),
    ...SYSTEM_CONTRACTS.map(({ address }) => address),
    PLAIN_ACCOUNT,
    ZERO_ADDRESS,
    block.beneficiary,
  ]
}

// Accounts ------------------------------------------------------------------------------------------------------------

function randomAccounts(scope: Scope, contracts: readonly Address[]): BlueprintAccount[] {
  const { prng } = scope
  const accounts = [
    ...contracts.map((address) => randomContract(scope, address)),
    ...KEYS.map(({ address }, index) => randomExternal(scope, address, index, contracts)),
    plain(PLAIN_ACCOUNT, BigInt(prng.between(1, 3))),
    ...SYSTEM_CONTRACTS.filter(() => prng.chance(0.3)).map(({ address, code }) => ({
      ...plain(address, 0n),
      nonce: 1n,
      code,
    })),
  ]
  // Where contracts would be created, something may stand already.
  if (prng.chance(0.4)) {
    const creator = prng.pick(accounts)
    accounts.push(randomObstacle(prng, createAddress(creator.address, creator.nonce)))
  }
  // Since EIP-161 no state holds empty accounts; what would happen to one is nobody's rule.
  const filled = accounts.filter(({ balance, nonce, code }) => balance > 0n || nonce > 0n || code.length > 0)
  return [...new Map(filled.map((account) => [account.address, account])).values()]
}

function plain(address: Address, balance: bigint): BlueprintAccount {
  return { address, balance, nonce: 0n, code: EMPTY_BYTES, storage: [] }
}

function randomContract(scope: Scope, address: Address): BlueprintAccount {
  const { prng } = scope
  const storage = prng.times(prng.below(5), (): [bigint, bigint] => [
    randomSlot(prng),
    prng.chance(0.6) ? BigInt(prng.between(1, 2)) : randomWord(prng),
  ])
  return {
    address,
    balance: prng.pick([0n, 0n, 1n, 50n, ETHER]),
    nonce: prng.weighted([
      [30, 1n],
      [1, UINT64_MAX],
      [1, UINT64_MAX - 1n],
    ]),
    code: randomProgram(scope),
    storage: [...new Map(storage.filter(([, value]) => value !== 0n))],
  }
}

/** The first keys have means; the last ones may be poor, unknown or delegated to a contract (EIP-7702). */
function randomExternal(
  scope: Scope,
  address: Address,
  index: number,
  contracts: readonly Address[],
): BlueprintAccount {
  const { prng, evm } = scope
  const nonce = index === 0 ? 0n : BigInt(prng.pick([0, 1, 1, 7]))
  const balance = index < 3 ? 1000n * ETHER : prng.pick([0n, 1n, ETHER])
  // A contract that has a key: it may neither send (EIP-3607) nor delegate.
  if (index === KEYS.length - 1 && prng.chance(0.3)) {
    return { address, balance, nonce: 1n, code: randomProgram(scope), storage: [] }
  }
  const isDelegated = evm !== 'cancun' && index > 0 && prng.chance(0.3)
  const target = prng.weighted([
    [8, prng.pick(contracts)],
    [1, address],
    [1, wordToAddress(4n)],
    [1, PLAIN_ACCOUNT],
    [1, addressOfKey(2)],
  ])
  return { address, balance, nonce, code: isDelegated ? delegationTo(target) : EMPTY_BYTES, storage: [] }
}

/** Only the first of these lets a contract be created in its place (EIP-684, EIP-7610). */
function randomObstacle(prng: Prng, address: Address): BlueprintAccount {
  return prng.pick<BlueprintAccount>([
    plain(address, 5n),
    { ...plain(address, 0n), nonce: 1n },
    { ...plain(address, 1n), code: Uint8Array.of(0) },
    { ...plain(address, 1n), storage: [[0n, 1n]] },
  ])
}

// Transactions --------------------------------------------------------------------------------------------------------

function randomTransactions(
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
    { ...transaction, gasLimit: 1n << 41n },
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
    [20, prng.pick(contracts)],
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
