/** The contracts that a load uses: two tokens, their market, and shares of all for every account that takes part. */
import { encodeDeployData, encodeFunctionData, type Abi } from 'viem'
import { artifactOf, compileContracts, type ContractArtifacts } from '../contracts/build/compile.ts'
import { hexToBytes, type Address } from '../src/primitives/bytes.ts'
import type { Call, LoadAccount } from './load-accounts.ts'
import type { RpcConnection } from './rpc-connection.ts'

const GAS_LIMIT = 5_000_000n
const SUPPLY = 10n ** 30n
const SHARE = 10n ** 24n
const COINS = 10n ** 20n
const DEADLINE = 10n ** 12n

export interface Market {
  readonly gold: Address
  readonly silver: Address
  readonly router: Address
  tokenTransfer(token: Address, to: Address, amount: bigint): Call
  mint(to: Address, amount: bigint): Call
  /** Sells `amountIn` of one token for the other, whatever it brings. */
  swap(trader: Address, from: Address, amountIn: bigint): Call
  deployment(): Call
  balanceOf(token: Address, owner: Address): { readonly to: Address; readonly data: string }
}

/** The node did not do as it was asked, so nothing can be measured. */
export class SetupError extends Error {}

/**
 * Deploys the market and gives every trader coins, tokens and allowances.
 * @param owner pays for all of it and may mint; its nonce is 0.
 */
export async function openMarket(
  connection: RpcConnection,
  owner: LoadAccount,
  traders: readonly LoadAccount[],
): Promise<Market> {
  const artifacts = await compileContracts()
  const deploy = async (name: string, args: readonly unknown[]): Promise<Address> =>
    (await confirmed(connection, owner, deploymentOf(artifacts, name, args))) as Address
  const gold = await deploy('ERC20Token', ['Gold', 'GOLD', SUPPLY])
  const silver = await deploy('ERC20Token', ['Silver', 'SILV', SUPPLY])
  const factory = await deploy('AmmFactory', [])
  const router = await deploy('AmmRouter', [factory])
  const calls = marketCalls(artifacts, { gold, silver, router })
  for (const token of [gold, silver]) await confirmed(connection, owner, calls.approve(token))
  await confirmed(connection, owner, calls.addLiquidity(owner.address))
  for (const trader of traders) {
    if (trader !== owner) {
      await confirmed(connection, owner, { to: trader.address, value: COINS, gasLimit: 21_000n })
      for (const token of [gold, silver]) {
        await confirmed(connection, owner, calls.tokenTransfer(token, trader.address, SHARE))
      }
    }
    for (const token of [gold, silver]) await confirmed(connection, trader, calls.approve(token))
  }
  return { gold, silver, router, ...calls }
}

interface Addresses {
  readonly gold: Address
  readonly silver: Address
  readonly router: Address
}

export type MarketCalls = ReturnType<typeof marketCalls>

/** Calls of contracts at these addresses. */
export function marketCalls(artifacts: ContractArtifacts, { gold, silver, router }: Addresses) {
  const token = artifactOf(artifacts, 'ERC20Token').abi as Abi
  const routerAbi = artifactOf(artifacts, 'AmmRouter').abi as Abi
  const counter = deploymentOf(artifacts, 'Counter', [])
  const call = (to: Address, abi: Abi, functionName: string, args: readonly unknown[]): Call => ({
    to,
    data: hexToBytes(encodeFunctionData({ abi, functionName, args: [...args] })),
    gasLimit: 500_000n,
  })
  return {
    approve: (of: Address) => call(of, token, 'approve', [router, SUPPLY]),
    addLiquidity: (provider: Address) => ({
      ...call(router, routerAbi, 'addLiquidity', [gold, silver, SHARE, SHARE, 0n, 0n, provider, DEADLINE]),
      gasLimit: GAS_LIMIT,
    }),
    tokenTransfer: (of: Address, to: Address, amount: bigint) => call(of, token, 'transfer', [to, amount]),
    mint: (to: Address, amount: bigint) => call(gold, token, 'mint', [to, amount]),
    swap(trader: Address, from: Address, amountIn: bigint) {
      const path = from === gold ? [gold, silver] : [silver, gold]
      return call(router, routerAbi, 'swapExactTokensForTokens', [amountIn, 0n, path, trader, DEADLINE])
    },
    deployment: () => counter,
    balanceOf: (of: Address, owner: Address) => ({
      to: of,
      data: encodeFunctionData({ abi: token, functionName: 'balanceOf', args: [owner] }),
    }),
  }
}

/** Creates a contract by its name. */
export function deploymentOf(artifacts: ContractArtifacts, name: string, args: readonly unknown[]): Call {
  const { abi, bytecode } = artifactOf(artifacts, name)
  const data = hexToBytes(encodeDeployData({ abi: abi as Abi, bytecode, args: [...args] }))
  return { to: null, data, gasLimit: GAS_LIMIT }
}

/** Sends a transaction and waits for it. @returns the address of the contract it made, if any. @throws SetupError */
async function confirmed(connection: RpcConnection, sender: LoadAccount, call: Call): Promise<string | null> {
  const { raw } = sender.sign(call)
  const receipt = await connection.call<{ status: string; contractAddress: string | null }>(
    'eth_sendRawTransactionSync',
    [raw, 10_000],
  )
  if (receipt.status !== '0x1')
    throw new SetupError(`a transaction of the set-up failed: ${JSON.stringify(receipt)}`)
  return receipt.contractAddress
}
