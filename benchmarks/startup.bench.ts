/**
 * From the start of the process to the answer of the first request (`eth_chainId`, asked as soon as the port takes a
 * connection), and resident memory then and after 1,000 requests. Beside it a server of Node alone, which is the least
 * that any program on Node takes, and anvil and Hardhat where they are installed.
 * Arguments: `--runs N` (10 by default), `--install-peers` to install anvil and Hardhat first.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseOptions, wholeNumber } from './options.ts'
import { findPeers, type Peer } from './peers.ts'
import {
  firstAnswer,
  freePort,
  processorMilliseconds,
  residentMegabytes,
  start,
  stop,
  type Command,
} from './processes.ts'
import type { RpcConnection } from './rpc-connection.ts'
import { atMost, spreadOf, type Check, type Figure, type Suite } from './suite.ts'

const RUNS_DEFAULT = 10
const REQUESTS = 1_000
/** Targets of a second start, in the figures' units. */
const LIMITS: ReadonlyMap<string, number> = new Map([
  ['first answer', 500],
  ['resident', 150],
  ['resident, later', 150],
])
const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MAIN = join(ROOT, 'src/cli/main.ts')
/** Answers everything as a chain id, with nothing loaded but what Node brings along. */
const BARE_SERVER = `require('node:http').createServer((q, s) => q.resume().on('end', () => {
  const body = '{"jsonrpc":"2.0","id":1,"result":"0x7a69"}'
  s.writeHead(200, { 'content-length': body.length }).end(body)
})).listen(Number(process.argv[1]), '127.0.0.1')`
const FIRST_ACCOUNT = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266'

interface Case {
  readonly task: string
  readonly subject: string
  readonly command: (port: number) => Command
  /** Puts things back as they were before a run. */
  readonly reset?: () => void
  /** Runs that are not counted. */
  readonly warmUps: number
}

interface Run {
  readonly answerMs: number
  /** Of all threads until then: what other load on the machine does not change. */
  readonly processorMs: number
  readonly residentMb: number
  readonly laterResidentMb: number
}

export const suite: Suite = {
  async run(args, progress) {
    const { values } = parseOptions({
      args: [...args],
      options: { runs: { type: 'string' }, 'install-peers': { type: 'boolean', default: false } },
    })
    const runs = wholeNumber('--runs', values.runs ?? `${RUNS_DEFAULT}`, { min: 1 })
    const found = await findPeers({ install: values['install-peers'] })
    const peers = typeof found === 'string' ? [] : found
    const scratch = mkdtempSync(join(tmpdir(), 'aevir-startup-'))
    const figures: Figure[] = []
    try {
      for (const { reset, warmUps, ...measured } of [...ownCases(scratch), ...peers.map(caseOf)]) {
        progress(`${measured.task}: ${measured.subject}`)
        const samples: Run[] = []
        for (let index = -warmUps; index < runs; index++) {
          reset?.()
          const run = await runOnce(measured.command)
          if (index >= 0) samples.push(run)
        }
        figures.push(...figuresOf(measured, samples))
      }
    } finally {
      rmSync(scratch, { recursive: true, force: true })
    }
    return {
      input: `one process; then ${REQUESTS} requests (eth_blockNumber, eth_getBalance, eth_getBlockByNumber in turn)`,
      warmUp:
        'one start before those of a "second start"; a "first start" has neither a compile cache nor a database',
      baseline: 'Node alone: an HTTP server without a line of ours; anvil and Hardhat with their defaults',
      sample: 'one start',
      peers: Object.fromEntries(peers.map(({ name, version }) => [name, version])),
      figures,
      checks: checksOf(figures),
      notes: [
        'the port is tried every millisecond; resident memory (VmRSS) and processor time count all processes that the ' +
          'command started',
        ...(typeof found === 'string' ? [`without anvil and Hardhat: ${found}`] : []),
      ],
    }
  },
}

function ownCases(scratch: string): readonly Case[] {
  const cache = join(scratch, 'compile-cache')
  const data = join(scratch, 'data')
  const dev =
    (...more: string[]): Case['command'] =>
    (port) => ({
      file: process.execPath,
      args: [MAIN, 'dev', '--port', `${port}`, ...more],
      env: { NODE_COMPILE_CACHE: cache },
    })
  const remove = (path: string): void => rmSync(path, { recursive: true, force: true })
  const subject = 'aevir'
  return [
    {
      task: 'first start',
      subject,
      command: dev('--data', data),
      warmUps: 0,
      reset: () => {
        remove(cache)
        remove(data)
      },
    },
    { task: 'second start', subject, command: dev('--data', data), warmUps: 1 },
    { task: 'second start, in memory', subject, command: dev('--memory'), warmUps: 1 },
    {
      task: 'second start',
      subject: 'npm start',
      command: (port) => ({
        file: 'npm',
        args: ['start', '--silent', '--', '--port', `${port}`, '--data', data],
        cwd: ROOT,
        env: { NODE_COMPILE_CACHE: cache },
      }),
      warmUps: 1,
    },
    {
      task: 'second start',
      subject: 'Node alone',
      command: (port) => ({ file: process.execPath, args: ['-e', BARE_SERVER, `${port}`] }),
      warmUps: 1,
    },
  ]
}

function caseOf({ name, command }: Peer): Case {
  return { task: 'second start', subject: name, command, warmUps: 1 }
}

async function runOnce(command: Case['command']): Promise<Run> {
  const port = await freePort()
  const startMs = performance.now()
  const child = start(command(port))
  try {
    const connection = await firstAnswer(child, port)
    const answerMs = performance.now() - startMs
    const processorMs = processorMilliseconds(child)
    const residentMb = residentMegabytes(child)
    await ask(connection)
    const laterResidentMb = residentMegabytes(child)
    connection.close()
    return { answerMs, processorMs, residentMb, laterResidentMb }
  } finally {
    await stop(child)
  }
}

async function ask(connection: RpcConnection): Promise<void> {
  for (let index = 0; index < REQUESTS; index += 3) {
    await connection.call('eth_blockNumber')
    await connection.call('eth_getBalance', [FIRST_ACCOUNT, 'latest'])
    await connection.call('eth_getBlockByNumber', ['latest', false])
  }
}

function figuresOf({ task, subject }: Pick<Case, 'task' | 'subject'>, runs: readonly Run[]): Figure[] {
  const figure = (quantity: string, unit: string, of: (run: Run) => number): Figure => ({
    task,
    subject,
    quantity,
    unit,
    spread: spreadOf(runs.map(of)),
  })
  return [
    figure('first answer', 'ms', ({ answerMs }) => answerMs),
    figure('processor until then', 'ms', ({ processorMs }) => processorMs),
    figure('resident', 'MB', ({ residentMb }) => residentMb),
    figure('resident, later', 'MB', ({ laterResidentMb }) => laterResidentMb),
  ]
}

function checksOf(figures: readonly Figure[]): Check[] {
  return figures
    .filter(({ task, subject }) => subject === 'aevir' && task.startsWith('second start'))
    .flatMap((figure) => {
      const limit = LIMITS.get(figure.quantity)
      return limit === undefined ? [] : [atMost(`${figure.task}: ${figure.quantity}`, figure, limit)]
    })
}
