/** A running node with viem's clients on it, and the contract that tests of clients deploy. */
import {
  createPublicClient,
  createWalletClient,
  defineChain,
  getContract,
  http,
  parseAbi,
  type Account,
  type Address,
  type Chain,
  type GetContractReturnType,
  type HttpTransport,
  type PublicClient,
  type WalletClient,
} from 'viem'
import { mnemonicToAccount, type HDAccount } from 'viem/accounts'
import { MNEMONIC, startDevNode, type DevNode } from './dev-node.ts'
import { compileVault } from './solidity.ts'

/** `test/clients/contracts/Vault.sol`, in words that give viem its types. */
export const VAULT_ABI = parseAbi([
  'event Deposited(address indexed by, uint256 amount, string note)',
  'event Withdrawn(address indexed by, address indexed to, uint256 amount)',
  'error BalanceTooLow(address owner, uint256 balance, uint256 wanted)',
  'constructor()',
  'receive() external payable',
  'function balanceOf(address owner) view returns (uint256)',
  'function total() view returns (uint256)',
  'function createdAt() view returns (uint256)',
  'function deposit(string note) payable',
  'function withdraw(address to, uint256 amount)',
  'function share(uint256 parts) view returns (uint256)',
  'function refuse() pure',
  'function burn() pure',
])

type Reader = PublicClient<HttpTransport, Chain>
type Writer = WalletClient<HttpTransport, Chain, Account>
export type Vault = GetContractReturnType<typeof VAULT_ABI, { public: Reader; wallet: Writer }>

export interface ViemWorld {
  readonly node: DevNode
  readonly chain: Chain
  readonly reader: Reader
  /** Signs with account 0 of the mnemonic. */
  readonly wallet: Writer
  readonly accounts: readonly [HDAccount, HDAccount, HDAccount]
  /** Initcode of the vault. */
  readonly bytecode: Address
  /** A new vault, made by account 0. */
  deployVault(): Promise<Vault>
  walletOf(account: Account): Writer
}

export async function viemWorld(args: readonly string[] = []): Promise<ViemWorld> {
  const { bytecode } = await compileVault()
  const node = await startDevNode({ args })
  const chain = defineChain({
    id: 31_337,
    name: 'Aevir dev',
    nativeCurrency: { name: 'Aevir', symbol: 'AEV', decimals: 18 },
    rpcUrls: { default: { http: [node.url], webSocket: [node.webSocketUrl] } },
  })
  // A failure is to be seen, not tried again.
  const transport = http(node.url, { retryCount: 0 })
  const reader = createPublicClient({ chain, transport, pollingInterval: 20, cacheTime: 0 })
  const accounts = [accountOf(0), accountOf(1), accountOf(2)] as const
  const walletOf = (account: Account): Writer => createWalletClient({ account, chain, transport })
  const wallet = walletOf(accounts[0])
  return {
    node,
    chain,
    reader,
    wallet,
    accounts,
    bytecode,
    walletOf,
    async deployVault() {
      const hash = await wallet.deployContract({ abi: VAULT_ABI, bytecode })
      const { contractAddress } = await reader.waitForTransactionReceipt({ hash })
      if (!contractAddress) throw new Error('the receipt of a creation names no contract')
      return getContract({ address: contractAddress, abi: VAULT_ABI, client: { public: reader, wallet } })
    },
  }
}

function accountOf(addressIndex: number): HDAccount {
  return mnemonicToAccount(MNEMONIC, { addressIndex })
}
