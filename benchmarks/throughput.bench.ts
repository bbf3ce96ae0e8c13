/**
 * Transactions a second that a node takes over HTTP and executes, from the first request to the answer that says that all
 * of them are in blocks. Transactions are signed and requests written beforehand; the client has 8 connections that stay
 * open and sends one request at a time on each. All subjects are treated alike, run by turns, and have been under the same
 * load before the first figure is taken. Two ways to have blocks made:
 *
 * - `automine`, as all these nodes do unless they are told otherwise: a block whenever transactions wait.
 * - `manual`: `evm_setAutomine` off, all transactions are sent, then `evm_mine` until none waits.
 *
 * Beside it anvil and Hardhat where they are installed. Arguments: `--count N` transactions of a run that has its blocks at
 * the end (2,000), a fourth of them with automine; `--runs N` that count (7); `--mining automine|manual` only; `--peers NAME,…`
 * beside which.
 */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { encodeFunctionData, encodeDeployData, type Abi } from 'viem'
import { artifactOf, compileContracts } from '../contracts/build/compile.ts'
import { createAddress } from '../src/chain/contract-address.ts'
import { DEV_ACCOUNTS } from '../src/chain/dev-genesis.ts'
import { hexToBytes, wordToAddress, type Address } from '../src/primitives/bytes.ts'
import { LoadAccount, type Call, type SignedTransaction } from './load-accounts.ts'
import { oneOf, parseOptions, wholeNumber } from './options.ts'
import { findPeers, type Peer } from './peers.ts'
import { firstAnswer, freePort, processorMilliseconds, start, stop } from './processes.ts'
import { RpcConnection } from './rpc-connection.ts'
import { spreadOf, type Figure, type Measurements, type Progress, type Suite } from './suite.ts'

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const CONNECTIONS = 8
const RECIPIENTS = 1_000
const SUPPLY = 10n ** 30n
/** Runs before the first that counts: a node that serves people has been up for a while. */
const WARM_UP_RUNS = 5
/** An anvil makes a few hundred blocks a second. */
const AUTOMINE_SHARE = 4
const RECEIPT_POLL_MS = 1

const KINDS = ['transfers', 'token transfers'] as const
type Kind = (typeof KINDS)[number]
const MINING = ['automine', 'manual'] as const
type Mining = (typeof MINING)[number]

type Contestant = Pick<Peer, 'name' | 'command'>

const OURS: Contestant = {
  name: 'aevir',
  command: (port) => ({
    file: process.execPath,
    args: [MAIN, 'dev', '--memory', '--quiet', '--port', `${port}`],
  }),
}

export const suite: Suite = {
  async run(args, progress) {
    const { values } = parseOptions({
      args: [...args],
      options: {
        count: { type: 'string', default: '2000' },
        runs: { type: 'string', default: '7' },
        mining: { type: 'string' },
        peers: { type: 'string' },
      },
    })
    const count = wholeNumber('--count', values.count, { min: 1 })
    const runs = wholeNumber('--runs', values.runs, { min: 1 })
    const mining = values.mining === undefined ? MINING : [oneOf('--mining', values.mining, MINING) as Mining]
    return measureThroughput({ count, runs, mining, peers: values.peers?.split(',') }, progress)
  },
}

export interface ThroughputOptions {
  /** Transactions of a run with its blocks at the end. */
  readonly count: number
  /** Runs that count. */
  readonly runs: number
  /** Both by default. */
  readonly mining?: readonly Mining[]
  /** Names; all that are installed when it is `undefined`. */
  readonly peers?: readonly string[] | undefined
}

export async function measureThroughput(
  { count, runs, mining: ways = MINING, peers: wanted }: ThroughputOptions,
  progress: Progress,
): Promise<Measurements> {
  const found = await findPeers({ install: false })
  const installed = typeof found === 'string' ? [] : found
  const peers = installed.filter(({ name }) => wanted?.includes(name) ?? true)
  const figures: Figure[] = []
  for (const kind of KINDS) {
    for (const mining of ways) {
      const size = mining === 'automine' ? Math.ceil(count / AUTOMINE_SHARE) : count
      progress(`${kind}, ${mining}`)
      figures.push(...(await compare([OURS, ...peers], { kind, mining, count: size }, runs)))
    }
  }
  return {
    input:
      `${count} transactions (with automine a fourth of them) of ${DEV_ACCOUNTS.length} accounts to ${RECIPIENTS} recipients, ` +
      `signed beforehand, over ${CONNECTIONS} connections, one request at a time each`,
    warmUp: `${WARM_UP_RUNS} runs in the same processes`,
    baseline: 'anvil and Hardhat with their defaults; each must execute every transaction',
    sample: 'one run, from the first request to the answer that tells of the last transaction’s block',
    peers: Object.fromEntries(peers.map(({ name, version }) => [name, version])),
    figures,
    checks: [],
    notes: [
      'client and nodes share the machine; ours keeps the chain in memory, as the others do',
      'what the client itself costs is in the figures of processor time',
      ...(typeof found === 'string' ? [`without anvil and Hardhat: ${found}`] : []),
    ],
    summary: {
      ...ratioToAnvil('httpTransfersVsAnvil', taskOf('transfers', 'manual'), figures),
      ...ratioToAnvil('httpErc20VsAnvil', taskOf('token transfers', 'manual'), figures),
      ...ratioToAnvil('httpTransfersAutomineVsAnvil', taskOf('transfers', 'automine'), figures),
      ...ratioToAnvil('httpErc20AutomineVsAnvil', taskOf('token transfers', 'automine'), figures),
    },
  }
}

function taskOf(kind: Kind, mining: Mining): string {
  return mining === 'automine' ? `${kind}, automine` : `${kind}, blocks at the end`
}

/** How many times anvil's rate ours is; empty without anvil. */
function ratioToAnvil(name: string, task: string, figures: readonly Figure[]): Record<string, number> {
  const rateOf = (subject: string): number | undefined =>
    figures.find((one) => one.task === task && one.subject === subject && one.quantity === 'all')?.spread
      .median
  const [ours, anvil] = [rateOf(OURS.name), rateOf('anvil')]
  return ours === undefined || anvil === undefined ? {} : { [name]: ours / anvil }
}

// ---- Runs ----------------------------------------------------------------------------------------------------------

interface Task {
  readonly kind: Kind
  readonly mining: Mining
  /** Transactions of a run. */
  readonly count: number
}

/** Processor times are of all threads together. */
interface Run {
  readonly sendMs: number
  /** From the last answer to a transaction until all are in blocks. */
  readonly mineMs: number
  readonly nodeMs: number
  readonly clientMs: number
}

async function compare(contestants: readonly Contestant[], task: Task, runs: number): Promise<Figure[]> {
  const subjects: { readonly name: string; readonly subject: Subject; readonly samples: Run[] }[] = []
  try {
    for (const { name, command } of contestants) {
      subjects.push({ name, subject: await Subject.start(command, task), samples: [] })
    }
    // By turns, so that what else the machine does slows all of them alike.
    for (let run = 0; run < WARM_UP_RUNS + runs; run++) {
      for (const { subject, samples } of subjects) {
        const sample = await subject.run()
        if (run >= WARM_UP_RUNS) samples.push(sample)
      }
    }
  } finally {
    for (const { subject } of subjects) await subject.stop()
  }
  return subjects.flatMap(({ name, samples }) => figuresOf(task, name, samples))
}

/** A node under load. */
class Subject {
  private readonly child: ChildProcess
  private readonly port: number
  private readonly accounts: readonly LoadAccount[]
  private readonly callOf: (index: number) => Call
  private readonly task: Task

  private constructor(
    child: ChildProcess,
    port: number,
    accounts: readonly LoadAccount[],
    callOf: (index: number) => Call,
    task: Task,
  ) {
    this.child = child
    this.port = port
    this.accounts = accounts
    this.callOf = callOf
    this.task = task
  }

  static async start(command: Peer['command'], task: Task): Promise<Subject> {
    const port = await freePort()
    const child = start(command(port))
    try {
      const connection = await firstAnswer(child, port)
      const accounts = DEV_ACCOUNTS.map(({ privateKey }) => new LoadAccount(hexToBytes(privateKey)))
      await connection.call('evm_setAutomine', [false])
      const callOf = task.kind === 'transfers' ? transfer : await tokenTransfers(connection, accounts)
      await connection.call('evm_setAutomine', [task.mining === 'automine'])
      connection.close()
      return new Subject(child, port, accounts, callOf, task)
    } catch (error) {
      await stop(child)
      throw error
    }
  }

  stop(): Promise<void> {
    return stop(this.child)
  }

  async run(): Promise<Run> {
    const { port, task, child } = this
    const queues = this.queues()
    // Hardhat closes them when they are idle while others run.
    const connections = await Promise.all(queues.map(() => RpcConnection.open(port)))
    const requests = queues.map((queue, index) =>
      queue.map(({ raw }) => (connections[index] as RpcConnection).prepare('eth_sendRawTransaction', [raw])),
    )
    const [nodeStartMs, clientStart, startMs] = [
      processorMilliseconds(child),
      process.cpuUsage(),
      performance.now(),
    ]
    await Promise.all(connections.map((connection, index) => sendAll(connection, requests[index] ?? [])))
    const sentMs = performance.now()
    if (task.mining === 'manual') await mineAll(connections[0] as RpcConnection, task.count)
    else await Promise.all(connections.map((one, index) => confirm(one, lastOfAccounts(queues[index] ?? []))))
    const endMs = performance.now()
    const { user, system } = process.cpuUsage(clientStart)
    for (const connection of connections) connection.close()
    return {
      sendMs: sentMs - startMs,
      mineMs: endMs - sentMs,
      nodeMs: processorMilliseconds(child) - nodeStartMs,
      clientMs: (user + system) / 1000,
    }
  }

  /** The nonces of an account arrive in order: the connection of a transaction is that of its account. */
  private queues(): readonly (readonly SignedTransaction[])[] {
    const queues = Array.from({ length: CONNECTIONS }, (): SignedTransaction[] => [])
    for (let index = 0; index < this.task.count; index++) {
      const number = index % this.accounts.length
      const account = this.accounts[number] as LoadAccount
      queues[number % CONNECTIONS]?.push(account.sign(this.callOf(index)))
    }
    return queues
  }
}

async function sendAll(connection: RpcConnection, requests: readonly Uint8Array[]): Promise<void> {
  for (const request of requests) await connection.send(request)
}

/** The last one of each account: those before it have lower nonces. */
function lastOfAccounts(queue: readonly SignedTransaction[]): readonly SignedTransaction[] {
  return queue.slice(-Math.ceil(DEV_ACCOUNTS.length / CONNECTIONS))
}

/** Waits for receipts. */
async function confirm(connection: RpcConnection, transactions: readonly SignedTransaction[]): Promise<void> {
  for (const { hash } of transactions) {
    for (;;) {
      const receipt = await connection.call<{ status: string } | null>('eth_getTransactionReceipt', [hash])
      if (receipt !== null) {
        assert.equal(receipt.status, '0x1', `transaction ${hash} failed`)
        break
      }
      await delay(RECEIPT_POLL_MS)
    }
  }
}

async function mineAll(connection: RpcConnection, count: number): Promise<void> {
  for (let executed = 0; executed < count;) {
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

function figuresOf(task: Task, subject: string, runs: readonly Run[]): Figure[] {
  const { kind, mining, count } = task
  const figure = (quantity: string, unit: string, of: (run: Run) => number): Figure => ({
    task: taskOf(kind, mining),
    subject,
    quantity,
    unit,
    spread: spreadOf(runs.map(of)),
  })
  const perSecond = (milliseconds: number): number => (count / milliseconds) * 1000
  const parts = [
    figure('sending', 'tx/s', ({ sendMs }) => perSecond(sendMs)),
    figure('mining', 'tx/s', ({ mineMs }) => perSecond(mineMs)),
  ]
  return [
    figure('all', 'tx/s', ({ sendMs, mineMs }) => perSecond(sendMs + mineMs)),
    ...(mining === 'manual' ? parts : []),
    figure('processor time', 'µs/tx', ({ nodeMs }) => (nodeMs * 1000) / count),
    figure('client’s processor time', 'µs/tx', ({ clientMs }) => (clientMs * 1000) / count),
  ]
}
