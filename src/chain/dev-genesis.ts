/**
 * The genesis of a development chain: the newest rules from the start and ten accounts with coins. Their keys are those
 * that every Ethereum development tool derives from the mnemonic "test test test test test test test test test test
 * test junk" (BIP-44, m/44'/60'/0'/0/0 to 9). They are public: whatever else such an account owns is anyone's.
 */
import {
  EMPTY_BYTES,
  hexToBytes,
  toAddress,
  type Address,
  type Hex,
  ZERO_ADDRESS,
} from '../primitives/bytes.ts'
import { FORK_NAMES, type ChainConfig } from './forks.ts'
import { genesisHeader, type Genesis, type GenesisAccount } from './genesis.ts'
import { SYSTEM_CONTRACTS } from './system-contracts.ts'

export interface DevAccount {
  readonly address: Address
  /** 32 bytes. */
  readonly privateKey: Hex
}

/** The chain id that development tools expect. */
export const DEV_CHAIN_ID = 31_337n
/** What each development account starts with, in wei: 10,000 coins. */
export const DEV_BALANCE: bigint = 10_000n * 10n ** 18n

export const DEV_ACCOUNTS: readonly DevAccount[] = [
  devAccount(
    '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266',
    '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  ),
  devAccount(
    '0x70997970c51812dc3a010c7d01b50e0d17dc79c8',
    '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  ),
  devAccount(
    '0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc',
    '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  ),
  devAccount(
    '0x90f79bf6eb2c4f870365e785982e1f101e93b906',
    '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
  ),
  devAccount(
    '0x15d34aaf54267db7d7c367839aaf71a00a2c6a65',
    '0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a',
  ),
  devAccount(
    '0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc',
    '0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba',
  ),
  devAccount(
    '0x976ea74026e726554db657fa54763abd0c3a0aa9',
    '0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e',
  ),
  devAccount(
    '0x14dc79964da2c08b23698b3d3cc7ca32193d9955',
    '0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356',
  ),
  devAccount(
    '0x23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f',
    '0xdbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97',
  ),
  devAccount(
    '0xa0ee7a142d267c1f36714e4a8f75612f20a79720',
    '0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6',
  ),
]

/**
 * The deployer that tools create contracts through when the address is to be the same on every chain (CREATE2): forge
 * scripts with a salt and most deployment frameworks expect it, and anvil has it. Its code: deploys the data after the
 * first word with that word as salt, and returns the address.
 */
export const CREATE2_DEPLOYER: { readonly address: Address; readonly code: Uint8Array } = {
  address: toAddress('0x4e59b44847b379578588920ca78fbf26c0b4956c'),
  code: hexToBytes(
    '0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0' +
      '3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3',
  ),
}

export interface DevGenesisOptions {
  readonly chainId?: bigint
  /** Seconds since 1970; 0 makes the genesis the same each time. */
  readonly timestamp?: bigint
  readonly gasLimit?: bigint
  /** In wei per gas. */
  readonly baseFeePerGas?: bigint
  /** Of each account, in wei. */
  readonly balance?: bigint
}

/** A genesis with Osaka's rules, {@link DEV_ACCOUNTS}, the system contracts and {@link CREATE2_DEPLOYER}. */
export function devGenesis(options: DevGenesisOptions = {}): Genesis {
  const config: ChainConfig = {
    chainId: options.chainId ?? DEV_CHAIN_ID,
    forks: FORK_NAMES.slice(0, FORK_NAMES.indexOf('osaka') + 1).map((name) => ({ name, timestamp: 0n })),
    blobSchedule: {},
    depositContractAddress: ZERO_ADDRESS,
  }
  const header = genesisHeader(config, {
    timestamp: options.timestamp ?? 0n,
    gasLimit: options.gasLimit ?? 30_000_000n,
    baseFeePerGas: options.baseFeePerGas ?? 1_000_000_000n,
  })
  return { config, header, alloc: devAlloc(options.balance ?? DEV_BALANCE) }
}

function devAlloc(balance: bigint): Map<Address, GenesisAccount> {
  const alloc = new Map<Address, GenesisAccount>()
  for (const { address } of DEV_ACCOUNTS) {
    alloc.set(address, { balance, nonce: 0n, code: EMPTY_BYTES, storage: new Map() })
  }
  for (const { address, code } of [...SYSTEM_CONTRACTS, CREATE2_DEPLOYER]) {
    alloc.set(address, { balance: 0n, nonce: 1n, code, storage: new Map() })
  }
  return alloc
}

function devAccount(address: string, privateKey: Hex): DevAccount {
  return { address: toAddress(address), privateKey }
}
