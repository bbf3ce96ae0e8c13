/**
 * `npm run demo`: what a first day on a development node looks like. Deploys two tokens and the market on the node at
 * http://127.0.0.1:8545, on another one (`npm run demo -- URL`), or, where none runs, on one of its own; adds
 * liquidity, trades, takes the liquidity back, and tells what happened with the numbers that the chain reports. It is
 * an ordinary client: viem over JSON-RPC.
 */
import {
  BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  formatEther,
  http,
  isAddressEqual,
  parseEther,
  type Abi,
  type Address,
  type Chain,
  type Hash,
  type PublicClient,
  type TransactionReceipt,
  type WalletClient,
} from 'viem'
import { mnemonicToAccount, type HDAccount } from 'viem/accounts'
import { present } from '../src/primitives/assert.ts'
import { AevirError } from '../src/primitives/errors.ts'
import { artifactOf, compileContracts, type ContractArtifacts } from './build/compile.ts'
import { startDemoNode } from './demo-node.ts'

const DEFAULT_URL = 'http://127.0.0.1:8545'
const MNEMONIC = 'test test test test test test test test test test test junk'
const SUPPLY = parseEther('1000000')
const DEADLINE_SECONDS = 600n
/** Least part of the expected amount that a trade may bring, in percent. */
const SLIPPAGE_PERCENT = 99n

/** There is no node to talk to, or not one that this demonstration may use. */
export class DemoError extends AevirError {
  override readonly code = 'DEMO_FAILED'
}

interface Contract {
  /** What the story calls it: a token by its symbol. */
  readonly label: string
  readonly address: Address
  readonly abi: Abi
}

/** Everything the steps need: who acts, on which node, and where the story goes. */
interface Scene {
  readonly client: PublicClient
  readonly wallet: WalletClient
  readonly chain: Chain
  readonly artifacts: ContractArtifacts
  readonly print: (line: string) => void
}

/** Runs the demonstration. @param print receives the story line by line. @throws DemoError */
export async function runDemo(url: string, print: (line: string) => void): Promise<void> {
  const artifacts = await compileContracts(print)
  const transport = http(url)
  const chain = await chainAt(url)
  const scene: Scene = {
    client: createPublicClient({ chain, transport, pollingInterval: 50 }),
    wallet: createWalletClient({ chain, transport }),
    chain,
    artifacts,
    print,
  }
  const [provider, trader] = [0, 1].map((addressIndex) => mnemonicToAccount(MNEMONIC, { addressIndex }))
  await play(scene, present(provider, 'provider'), present(trader, 'trader'))
}

async function chainAt(url: string): Promise<Chain> {
  const transport = http(url, { retryCount: 0, timeout: 5_000 })
  const id = await createPublicClient({ transport })
    .getChainId()
    .catch((cause: unknown) => {
      throw new DemoError(`no node answers at ${url}: start one in another terminal with "npm start"`, {
        cause,
      })
    })
  const nativeCurrency = { name: 'Aevir', symbol: 'AEV', decimals: 18 }
  return { id, name: `chain ${id}`, nativeCurrency, rpcUrls: { default: { http: [url] } } }
}

async function play(scene: Scene, provider: HDAccount, trader: HDAccount): Promise<void> {
  const { print } = scene
  print(`\nChain ${scene.chain.id}, block ${await scene.client.getBlockNumber()}`)
  print(`Provider ${provider.address}\nTrader   ${trader.address}\n`)

  print('1. The provider deploys two tokens, the factory of pairs and the router')
  const gold = await deploy(scene, provider, 'ERC20Token', ['Gold', 'GOLD', SUPPLY])
  const silver = await deploy(scene, provider, 'ERC20Token', ['Silver', 'SILV', SUPPLY])
  const factory = await deploy(scene, provider, 'AmmFactory', [])
  const router = await deploy(scene, provider, 'AmmRouter', [factory.address])

  print('\n2. The provider opens a market: 10,000 GOLD and 40,000 SILV, so 1 GOLD is worth 4 SILV')
  for (const token of [gold, silver]) await send(scene, provider, token, 'approve', [router.address, SUPPLY])
  const { timestamp } = await scene.client.getBlock()
  const deadline = timestamp + DEADLINE_SECONDS
  const amounts = [parseEther('10000'), parseEther('40000')]
  const added = [gold.address, silver.address, ...amounts, ...amounts, provider.address, deadline]
  await send(scene, provider, router, 'addLiquidity', added)
  const pairAddress = await read(scene, factory, 'pairOf', [gold.address, silver.address])
  const pair: Contract = {
    label: 'AmmPair',
    address: pairAddress as Address,
    abi: artifactOf(scene.artifacts, 'AmmPair').abi as Abi,
  }
  await printReserves(scene, pair, gold)

  print('\n3. The trader gets 100 GOLD and sells them, asking for at least 99 % of what is quoted')
  const amountIn = parseEther('100')
  await send(scene, provider, gold, 'transfer', [trader.address, amountIn])
  await send(scene, trader, gold, 'approve', [router.address, amountIn])
  const path = [gold.address, silver.address]
  const [, quoted] = (await read(scene, router, 'amountsOut', [amountIn, path])) as [bigint, bigint]
  const minimum = (quoted * SLIPPAGE_PERCENT) / 100n
  print(`   quoted ${formatEther(quoted)} SILV: 0.3 % fee, and the price moves as one buys`)
  await send(scene, trader, router, 'swapExactTokensForTokens', [
    amountIn,
    minimum,
    path,
    trader.address,
    deadline,
  ])
  print(`   the trader now has ${await balance(scene, silver, trader.address)} SILV`)
  await printReserves(scene, pair, gold)

  print('\n4. A trade that asks for more than the market gives is refused, and nothing changes')
  print(`   ${await refusal(scene, trader, router, [amountIn, quoted * 2n, path, trader.address, deadline])}`)

  print('\n5. The provider takes half of the liquidity back, with its part of the fee')
  const shares = ((await read(scene, pair, 'balanceOf', [provider.address])) as bigint) / 2n
  await send(scene, provider, pair, 'approve', [router.address, shares])
  const removed = [gold.address, silver.address, shares, 0n, 0n, provider.address, deadline]
  await send(scene, provider, router, 'removeLiquidity', removed)
  await printReserves(scene, pair, gold)
  print(`\nDone at block ${await scene.client.getBlockNumber()}.`)
}

async function deploy(
  { client, wallet, chain, artifacts, print }: Scene,
  account: HDAccount,
  name: string,
  args: readonly unknown[],
): Promise<Contract> {
  const { bytecode, abi } = artifactOf(artifacts, name)
  const hash = await wallet.deployContract({ abi: abi as Abi, bytecode, args: [...args], account, chain })
  const receipt = await confirmed(client, hash, name)
  const address = present(receipt.contractAddress, `address of ${name}`)
  const label = name === 'ERC20Token' ? String(args[1]) : name
  print(`   ${label.padEnd(11)} ${address}  ${receipt.gasUsed} gas`)
  return { label, address, abi: abi as Abi }
}

async function send(
  { client, wallet, chain, print }: Scene,
  account: HDAccount,
  { label, address, abi }: Contract,
  functionName: string,
  args: readonly unknown[],
): Promise<void> {
  const hash = await wallet.writeContract({ address, abi, functionName, args: [...args], account, chain })
  const { gasUsed, blockNumber } = await confirmed(client, hash, `${label}.${functionName}`)
  print(`   ${`${label}.${functionName}`.padEnd(36)} block ${blockNumber}, ${gasUsed} gas`)
}

async function confirmed(client: PublicClient, hash: Hash, what: string): Promise<TransactionReceipt> {
  const receipt = await client.waitForTransactionReceipt({ hash })
  if (receipt.status !== 'success') throw new DemoError(`${what} failed on chain: transaction ${hash}`)
  return receipt
}

function read(
  { client }: Scene,
  { address, abi }: Contract,
  functionName: string,
  args: readonly unknown[],
): Promise<unknown> {
  return client.readContract({ address, abi, functionName, args: [...args] })
}

async function balance(scene: Scene, token: Contract, account: Address): Promise<string> {
  return formatEther((await read(scene, token, 'balanceOf', [account])) as bigint)
}

async function printReserves(scene: Scene, pair: Contract, gold: Contract): Promise<void> {
  const [reserve0, reserve1] = (await read(scene, pair, 'reserves', [])) as [bigint, bigint]
  const isGoldFirst = isAddressEqual((await read(scene, pair, 'token0', [])) as Address, gold.address)
  const [goldReserve, silverReserve] = isGoldFirst ? [reserve0, reserve1] : [reserve1, reserve0]
  const price = Number(silverReserve) / Number(goldReserve)
  scene.print(
    `   reserves: ${formatEther(goldReserve)} GOLD, ${formatEther(silverReserve)} SILV; ` +
      `1 GOLD = ${price.toFixed(4)} SILV`,
  )
}

/** Why the node refuses a trade, in the contract's own words. */
async function refusal(
  { client }: Scene,
  account: HDAccount,
  { address, abi }: Contract,
  args: readonly unknown[],
): Promise<string> {
  const functionName = 'swapExactTokensForTokens'
  try {
    await client.simulateContract({ address, abi, functionName, args: [...args], account })
  } catch (error) {
    const revert =
      error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionRevertedError)
    if (!(revert instanceof ContractFunctionRevertedError) || revert.data === undefined) throw error
    const [, offered, minimum] = revert.data.args as [Address, bigint, bigint]
    return `${revert.data.errorName}: ${formatEther(offered)} SILV offered, at least ${formatEther(minimum)} asked for`
  }
  throw new DemoError('the trade should have been refused')
}

/** Tells the story on the node that the caller names, on the one that runs here, or on one started for it. */
async function main(url: string | undefined): Promise<void> {
  if (url !== undefined) return runDemo(url, console.log)
  const isRunning = await chainAt(DEFAULT_URL).then(
    () => true,
    () => false,
  )
  if (isRunning) return runDemo(DEFAULT_URL, console.log)
  const node = await startDemoNode()
  console.log(
    `No node answers at ${DEFAULT_URL}: this one runs in memory at ${node.url} for as long as the story takes.`,
  )
  try {
    await runDemo(node.url, console.log)
  } finally {
    await node.close()
  }
}

if (import.meta.main) {
  try {
    await main(process.argv[2])
  } catch (error) {
    // viem's full message repeats the whole request.
    const text =
      error instanceof BaseError ? error.shortMessage : error instanceof AevirError ? error.message : ''
    if (text === '') throw error
    console.error(text)
    process.exitCode = 1
  }
}
