/**
 * Transfers of an ERC-20 token at a fixed rate, whatever the network does with them: who waits for answers before sending
 * the next measures a slower load than the one it speaks of. A transaction's clock starts when it was due, not when it
 * left: what this process is late by counts as latency.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { encodeDeployData, encodeFunctionData, type Abi } from 'viem'
import { artifactOf, compileContracts } from '../../../contracts/build/compile.ts'
import { LoadAccount, type Call } from '../../../benchmarks/load-accounts.ts'
import { createAddress } from '../../../src/chain/contract-address.ts'
import { DEV_ACCOUNTS } from '../../../src/chain/dev-genesis.ts'
import { present } from '../../../src/primitives/assert.ts'
import { hexToBytes, wordToAddress, type Address } from '../../../src/primitives/bytes.ts'
import { TokenSender, type Sent } from './token-sender.ts'
import { ask, type NodeHandle } from './node-handle.ts'

const SUPPLY = 10n ** 30n
const SHARE = 10n ** 24n
const RECIPIENTS = 1_000
const TRANSFER_GAS = 60_000n
const DEPLOYMENT_GAS = 3_000_000n
const SETUP_TIMEOUT_MS = 20_000
/** Between looks at what is due. */
const TICK_MS = 2

export interface LoadCounts {
  due: number
  /** Requests that a node refused or never answered, by reason. */
  readonly errors: Map<string, number>
}

export interface LoadListener {
  /** A transaction is about to leave. */
  sent(sent: Sent): void
  /** The node has not taken it, as far as the client knows. */
  refused(hash: string): void
}

export class TokenLoad {
  readonly counts: LoadCounts
  readonly #senders: readonly TokenSender[]

  private constructor(senders: readonly TokenSender[], counts: LoadCounts) {
    this.#senders = senders
    this.counts = counts
  }

  /**
   * Deploys the token and gives every development account some of it.
   * @param nodes whom accounts send through, in turn.
   */
  static async open(nodes: readonly NodeHandle[], listener: LoadListener): Promise<TokenLoad> {
    const transferOf = await deployToken(present(nodes[0], 'a node'))
    const counts: LoadCounts = { due: 0, errors: new Map() }
    const senders = DEV_ACCOUNTS.map(({ privateKey }, index) => {
      const key = hexToBytes(privateKey)
      const recipientOf = (number: number): Address =>
        wordToAddress(0x1000_0000n + BigInt(number % RECIPIENTS))
      return new TokenSender({
        nodes,
        first: index,
        key,
        callOf: (number) => transferOf(recipientOf(number), 1n),
        onSent: (sent) => listener.sent(sent),
        onError: (reason, hash) => {
          counts.errors.set(reason, (counts.errors.get(reason) ?? 0) + 1)
          if (hash !== undefined) listener.refused(hash)
        },
      })
    })
    for (const sender of senders) await sender.connect()
    return new TokenLoad(senders, counts)
  }

  /** Sends for so long; resolves when the last request was answered. */
  async run({ perSecond, seconds }: { readonly perSecond: number; readonly seconds: number }): Promise<void> {
    const end = this.begin(perSecond)
    await delay(seconds * 1000)
    await end()
  }

  /** Sends until the result is called, which resolves when the last request was answered. */
  begin(perSecond: number): () => Promise<void> {
    const startMs = performance.now()
    let next = 0
    const timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startMs) / 1000) * perSecond)
      for (; next < due; next++) {
        const sender = present(this.#senders[next % this.#senders.length], 'a sender')
        this.counts.due += 1
        sender.send(next, startMs + (next / perSecond) * 1000)
      }
    }, TICK_MS)
    return async () => {
      clearInterval(timer)
      await Promise.all(this.#senders.map((sender) => sender.drained()))
    }
  }

  close(): void {
    for (const sender of this.#senders) sender.close()
  }
}

/** @returns the call that transfers some of the token. */
async function deployToken(node: NodeHandle): Promise<(to: Address, amount: bigint) => Call> {
  const { abi: untyped, bytecode } = artifactOf(await compileContracts(), 'ERC20Token')
  const abi = untyped as Abi
  const [owner, ...others] = DEV_ACCOUNTS.map(({ privateKey }) => new LoadAccount(hexToBytes(privateKey)))
  const deployer = present(owner, 'an account')
  const token = createAddress(deployer.address, 0n)
  const transferOf = (to: Address, amount: bigint): Call => ({
    to: token,
    data: hexToBytes(encodeFunctionData({ abi, functionName: 'transfer', args: [to, amount] })),
    gasLimit: TRANSFER_GAS,
  })
  const data = hexToBytes(encodeDeployData({ abi, bytecode, args: ['Gold', 'GOLD', SUPPLY] }))
  const calls = [
    { to: null, data, gasLimit: DEPLOYMENT_GAS },
    ...others.map(({ address }) => transferOf(address, SHARE)),
  ]
  for (const call of calls) {
    const { raw } = deployer.sign(call)
    const { status } = await ask<{ status: string }>(node, 'eth_sendRawTransactionSync', [
      raw,
      SETUP_TIMEOUT_MS,
    ])
    if (status !== '0x1') throw new Error('a transaction that prepares the load failed')
  }
  return transferOf
}
