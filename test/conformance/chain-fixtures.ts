/** What state and blockchain fixtures share: accounts, fork names, blob parameters. */
import { keccak256Hash } from '../../src/primitives/keccak.ts'
import {
  FORK_NAMES,
  MAINNET_DEPOSIT_CONTRACT,
  type BlobSchedule,
  type ChainConfig,
  type ForkName,
} from '../../src/chain/forks.ts'
import type { GenesisAccount } from '../../src/chain/genesis.ts'
import type { GenesisAlloc } from '../../src/state/genesis-state.ts'
import type { StateReader } from '../../src/state/state-reader.ts'
import { addressOf, bytesOf, integerOf, wordOf } from './fixture-values.ts'
import { expectEqual, SkippedCase } from './suite.ts'

export type FixtureAlloc = Readonly<Record<string, FixtureAccount>>

/** What is left out is nothing. */
export interface FixtureAccount {
  readonly nonce?: string
  readonly balance?: string
  readonly code?: string
  readonly storage?: Readonly<Record<string, string>>
}

export interface FixtureConfig {
  readonly chainid?: string
  readonly blobSchedule?: Readonly<Record<string, FixtureBlobSchedule>>
}

interface FixtureBlobSchedule {
  readonly target: string
  readonly max: string
  readonly baseFeeUpdateFraction: string
}

/** When the second fork of a transition network begins, in seconds: "AtTime15k". */
const TRANSITION_TIME = 15_000n
const TRANSITION = /^(\w+)To(\w+)AtTime15k$/

/**
 * The chain that a fixture runs on.
 * @param network a fork's name, or `AToBAtTime15k` for a chain that passes from one to the next.
 * @throws SkippedCase when it begins before the oldest fork that this node knows.
 */
export function chainConfigOf(network: string, config: FixtureConfig | undefined): ChainConfig {
  const [, before, after] = TRANSITION.exec(network) ?? []
  const forks =
    before === undefined || after === undefined
      ? [{ name: forkNameOf(network), timestamp: 0n }]
      : [
          { name: forkNameOf(before), timestamp: 0n },
          { name: forkNameOf(after), timestamp: TRANSITION_TIME },
        ]
  const blobSchedule: Partial<Record<ForkName, BlobSchedule>> = {}
  for (const [name, { target, max, baseFeeUpdateFraction }] of Object.entries(config?.blobSchedule ?? {})) {
    const fork = FORK_NAMES.find((known) => known === name.toLowerCase())
    if (fork === undefined) continue
    blobSchedule[fork] = {
      target: Number(integerOf(target)),
      max: Number(integerOf(max)),
      baseFeeUpdateFraction: integerOf(baseFeeUpdateFraction),
    }
  }
  return {
    chainId: integerOf(config?.chainid ?? 1),
    forks,
    blobSchedule,
    depositContractAddress: MAINNET_DEPOSIT_CONTRACT,
  }
}

function forkNameOf(name: string): ForkName {
  const fork = FORK_NAMES.find((known) => known === name.toLowerCase())
  if (fork === undefined) throw new SkippedCase(`rules of ${name}: this node knows Cancun to BPO5`)
  return fork
}

export function allocOf(accounts: FixtureAlloc): GenesisAlloc {
  return new Map(Object.entries(accounts).map(([key, account]) => [addressOf(key), accountOf(account)]))
}

function accountOf({
  nonce = '0x',
  balance = '0x',
  code = '0x',
  storage = {},
}: FixtureAccount): GenesisAccount {
  return {
    nonce: integerOf(nonce),
    balance: integerOf(balance),
    code: bytesOf(code),
    storage: new Map(
      Object.entries(storage).map(([slot, value]) => [BigInt(wordOf(slot)), BigInt(wordOf(value))]),
    ),
  }
}

/** @throws Error that names the first account or slot which is not as expected. */
export function expectAccounts(state: StateReader, expected: FixtureAlloc): void {
  for (const [address, account] of allocOf(expected)) {
    const found = state.account(address)
    if (found === undefined) throw new Error(`account ${address} does not exist`)
    expectEqual(found.nonce, account.nonce, `nonce of ${address}`)
    expectEqual(found.balance, account.balance, `balance of ${address}`)
    expectEqual(found.codeHash, keccak256Hash(account.code), `code hash of ${address}`)
    for (const [slot, value] of account.storage) {
      expectEqual(state.storage(address, slot), value, `storage of ${address} at ${slot}`)
    }
  }
}
