/**
 * Blocks of signed transactions on a chain in memory, for benchmarks that execute without a node: accounts that send,
 * two tokens and their market, and one call an index for each kind of transaction.
 */
import { compileContracts } from '../contracts/build/compile.ts'
import { createAddress } from '../src/chain/contract-address.ts'
import { devGenesis } from '../src/chain/dev-genesis.ts'
import type { Genesis, GenesisAccount } from '../src/chain/genesis.ts'
import { decodeTransaction } from '../src/chain/transaction-codec.ts'
import type { Transaction } from '../src/chain/transaction.ts'
import type { Offer } from '../src/execution/executor.ts'
import { EMPTY_BYTES, hexToBytes, wordToAddress, type Address } from '../src/primitives/bytes.ts'
import { LoadAccount, type Call } from './load-accounts.ts'
import { deploymentOf, marketCalls, type MarketCalls } from './market.ts'

/** Kinds of transactions that a block is filled with. */
export const LOAD_KINDS = ['transfers', 'ERC-20 transfers', 'AMM swaps'] as const
export type LoadKind = (typeof LOAD_KINDS)[number]

/** Room for 2,000 swaps. */
const BLOCK_GAS_LIMIT = 1_000_000_000n
const BALANCE = 10n ** 30n
const SUPPLY = 10n ** 30n
const SHARE = 10n ** 24n

export interface BlockLoad {
  readonly genesis: Genesis
  /** Blocks that deploy the contracts and give every sender tokens, one list a block. */
  readonly setUp: readonly (readonly Offer[])[]
  /** The next transactions; senders take turns, and recipients are spread over all there are. */
  next(kind: LoadKind, count: number): readonly Offer[]
}

/**
 * @param senders accounts that send.
 * @param recipients accounts that transfers go to.
 */
export async function createBlockLoad(senders: number, recipients: number): Promise<BlockLoad> {
  const artifacts = await compileContracts()
  const accounts = Array.from({ length: senders }, (_, index) => LoadAccount.numbered(index))
  const [owner] = accounts as [LoadAccount, ...LoadAccount[]]
  const contract = (nonce: bigint): Address => createAddress(owner.address, nonce)
  const [gold, silver, router] = [contract(0n), contract(1n), contract(3n)]
  const calls = marketCalls(artifacts, { gold, silver, router })
  const deployments = [
    deploymentOf(artifacts, 'ERC20Token', ['Gold', 'GOLD', SUPPLY]),
    deploymentOf(artifacts, 'ERC20Token', ['Silver', 'SILV', SUPPLY]),
    deploymentOf(artifacts, 'AmmFactory', []),
    deploymentOf(artifacts, 'AmmRouter', [contract(2n)]),
  ]
  const tokens = [gold, silver]
  const others = accounts.slice(1)
  const approvals = (account: LoadAccount): Offer[] =>
    tokens.map((token) => offerOf(account, calls.approve(token)))
  const gifts = others.flatMap(({ address }) =>
    tokens.map((token) => calls.tokenTransfer(token, address, SHARE)),
  )
  // Signed in the order in which they run.
  const setUp = [
    deployments.map((call) => offerOf(owner, call)),
    approvals(owner),
    [calls.addLiquidity(owner.address), ...gifts].map((call) => offerOf(owner, call)),
    others.flatMap(approvals),
  ]
  let index = 0
  const next = (kind: LoadKind, count: number): readonly Offer[] =>
    Array.from({ length: count }, () => {
      const sender = accounts[index % senders] as LoadAccount
      // Multiplied by a number without common factors, so that neighbours differ.
      const recipient = wordToAddress(0x1000_0000n + BigInt((index * 7919) % recipients))
      index += 1
      return offerOf(sender, callOf(kind, calls, gold, sender.address, recipient))
    })
  return { genesis: genesisWith(accounts), setUp, next }
}

function callOf(
  kind: LoadKind,
  calls: MarketCalls,
  gold: Address,
  sender: Address,
  recipient: Address,
): Call {
  switch (kind) {
    case 'transfers':
      return { to: recipient, value: 1n, gasLimit: 21_000n }
    case 'ERC-20 transfers':
      return calls.tokenTransfer(gold, recipient, 1n)
    case 'AMM swaps':
      return calls.swap(sender, gold, 10n ** 15n)
  }
}

/** Decoded from its bytes, as a node has it. */
function offerOf(account: LoadAccount, call: Call): Offer {
  const transaction: Transaction = decodeTransaction(hexToBytes(account.sign(call).raw))
  return { transaction, sender: account.address }
}

function genesisWith(accounts: readonly LoadAccount[]): Genesis {
  const genesis = devGenesis({ gasLimit: BLOCK_GAS_LIMIT })
  const alloc = new Map<Address, GenesisAccount>(genesis.alloc)
  for (const { address } of accounts) {
    alloc.set(address, { balance: BALANCE, nonce: 0n, code: EMPTY_BYTES, storage: new Map() })
  }
  return { ...genesis, alloc }
}
