/**
 * How fast a node takes transactions and makes blocks of them: transactions signed beforehand are sent over several
 * connections while no block is made, then blocks are made until none waits. Beside it anvil and Hardhat where they are
 * installed. Arguments: `--count N` transactions (2,000 by default), `--runs N` (5).
 */
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { encodeFunctionData, encodeDeployData, type Abi } from 'viem'
import { artifactOf, compileContracts } from '../contracts/build/compile.ts'
import { createAddress } from '../src/chain/contract-address.ts'
import { DEV_ACCOUNTS } from '../src/chain/dev-genesis.ts'
import { hexToBytes, wordToAddress, type Address } from '../src/primitives/bytes.ts'
import { LoadAccount, type Call } from './load-accounts.ts'
import { findPeers, type Peer } from './peers.ts'
import { firstAnswer, freePort, start, stop } from './processes.ts'
import { RpcConnection } from './rpc-connection.ts'
import { spreadOf, type Figure, type Measurements, type Progress, type Suite } from './suite.ts'

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const CONNECTIONS = 8
const RECIPIENTS = 1_000
const SUPPLY = 10n ** 30n

type Task = 'transfers' | 'token transfers'
const TASKS: readonly Task[] = ['transfers', 'token transfers']

interface Run {
  readonly sendMs: number
  readonly mineMs: number
  readonly blocks: number
}

export const suite: Suite = {
  async run(args, progress) {
    const { values } = parseArgs({
      args: [...args],
      options: { count: { type: 'string', default: '2000' }, runs: { type: 'string', default: '5' } },
    })
    return measureThroughput(Number(values.count), Number(values.runs), progress)
  },
}

/** @param count transactions of each run. */
export async function measureThroughput(
  count: number,
  runs: number,
  progress: Progress,
): Promise<Measurements> {
  const found = await findPeers({ install: false })
  const peers = typeof found === 'string' ? [] : found
  const figures: Figure[] = []
  for (const task of TASKS) {
    const subjects = [OURS, ...peers].map((peer) => ({ ...peer, samples: [] as Run[] }))
    // By turns, so that what else the machine does slows all of them alike.
    for (let run = 0; run < runs; run++) {
      for (const { name, command, samples } of subjects) {
        progress(`${task}: ${name}, run ${run + 1}`)
        samples.push(await runOnce(command, task, count))
      }
    }
    for (const { name, samples } of subjects) figures.push(...figuresOf(task, name, count, samples))
  }
  return {
    input: `${count} transactions of ${DEV_ACCOUNTS.length} accounts, signed beforehand, over ${CONNECTIONS} connections, one request at a time each`,
    warmUp: 'none: each run is a new process with an empty chain',
    baseline: 'anvil and Hardhat with their defaults; each must execute every transaction',
    sample: 'one run: all transactions sent without a block, then blocks until none waits',
    peers: Object.fromEntries(peers.map(({ name, version }) => [name, version])),
    figures,
    checks: [],
    notes: [
      'client and node share the machine; ours keeps the chain in memory, as the others do',
      ...(typeof found === 'string' ? [`without anvil and Hardhat: ${found}`] : []),
    ],
    summary: {
      ...ratioToAnvil('httpTransfersVsAnvil', 'transfers', figures),
      ...ratioToAnvil('httpErc20VsAnvil', 'token transfers', figures),
    },
  }
}

/** How many times anvil's rate ours is, from sending to the last block; empty without anvil. */
function ratioToAnvil(name: string, task: Task, figures: readonly Figure[]): Record<string, number> {
  const rateOf = (subject: string): number | undefined =>
    figures.find((one) => one.task === task && one.subject === subject && one.quantity === 'both')?.spread
      .median
  const [ours, anvil] = [rateOf(OURS.name), rateOf('anvil')]
  return ours === undefined || anvil === undefined ? {} : { [name]: ours / anvil }
}

const OURS: Pick<Peer, 'name' | 'command'> = {
  name: 'aevir',
  command: (port) => ({
    file: process.execPath,
    args: [MAIN, 'dev', '--memory', '--quiet', '--port', `${port}`],
  }),
}

async function runOnce(command: Peer['command'], task: Task, count: number): Promise<Run> {
  const port = await freePort()
  const child = start(command(port))
  try {
    const connection = await firstAnswer(child, port)
    const accounts = DEV_ACCOUNTS.map(({ privateKey }) => new LoadAccount(hexToBytes(privateKey)))
    await connection.call('evm_setAutomine', [false])
    const callOf = task === 'transfers' ? transfer : await tokenTransfers(connection, accounts)
    const signed = Array.from({ length: count }, (_, index) => {
      const account = accounts[index % accounts.length] as LoadAccount
      return account.sign(callOf(index)).raw
    })
    const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => RpcConnection.open(port)))
    const startMs = performance.now()
    await Promise.all(connections.map((one, index) => send(one, signed, index)))
    const sentMs = performance.now()
    // The first connection has been idle for so long that Hardhat may have closed it.
    const blocks = await mineAll(connections[0] as RpcConnection, count)
    const endMs = performance.now()
    for (const one of [connection, ...connections]) one.close()
    return { sendMs: sentMs - startMs, mineMs: endMs - sentMs, blocks }
  } finally {
    await stop(child)
  }
}

/** The nonces of an account arrive in order: the connection of a transaction is that of its account. */
async function send(connection: RpcConnection, signed: readonly string[], index: number): Promise<void> {
  for (const [number, raw] of signed.entries()) {
    if ((number % DEV_ACCOUNTS.length) % CONNECTIONS !== index) continue
    await connection.call('eth_sendRawTransaction', [raw])
  }
}

/** @returns the number of blocks it took. */
async function mineAll(connection: RpcConnection, count: number): Promise<number> {
  let executed = 0
  for (let blocks = 0; ; blocks++) {
    if (executed === count) return blocks
    await connection.call('evm_mine')
    const { transactions } = await connection.call<{ transactions: unknown[] }>('eth_getBlockByNumber', [
      'latest',
      false,
    ])
    assert.ok(transactions.length > 0, `${executed} of ${count} transactions executed, and none waits`)
    executed += transactions.length
  }
}

function recipient(index: number): Address {
  return wordToAddress(0x1000_0000n + BigInt(index % RECIPIENTS))
}

function transfer(index: number): Call {
  return { to: recipient(index), value: 1n, gasLimit: 21_000n }
}

/** Deploys a token and gives every account some. */
async function tokenTransfers(
  connection: RpcConnection,
  accounts: readonly LoadAccount[],
): Promise<(index: number) => Call> {
  const { abi: untyped, bytecode } = artifactOf(await compileContracts(), 'ERC20Token')
  const abi = untyped as Abi
  const [owner, ...others] = accounts as [LoadAccount, ...LoadAccount[]]
  const data = hexToBytes(encodeDeployData({ abi, bytecode, args: ['Gold', 'GOLD', SUPPLY] }))
  await connection.call('eth_sendRawTransaction', [owner.sign({ to: null, data, gasLimit: 3_000_000n }).raw])
  const to = createAddress(owner.address, 0n)
  const give = (receiver: Address, amount: bigint): Call => ({
    to,
    data: hexToBytes(encodeFunctionData({ abi, functionName: 'transfer', args: [receiver, amount] })),
    gasLimit: 60_000n,
  })
  for (const { address } of others) {
    await connection.call('eth_sendRawTransaction', [owner.sign(give(address, 10n ** 20n)).raw])
  }
  await connection.call('evm_mine')
  return (index) => give(recipient(index), 1n)
}

function figuresOf(task: Task, subject: string, count: number, runs: readonly Run[]): Figure[] {
  const perSecond = (quantity: string, milliseconds: (run: Run) => number): Figure => ({
    task,
    subject,
    quantity,
    unit: 'tx/s',
    spread: spreadOf(runs.map((run) => (count / milliseconds(run)) * 1000)),
  })
  return [
    perSecond('sending', ({ sendMs }) => sendMs),
    perSecond('mining', ({ mineMs }) => mineMs),
    perSecond('both', ({ sendMs, mineMs }) => sendMs + mineMs),
  ]
}
