/** The commands. Each loads what it needs when it runs: `aevir dev` must answer within half a second. */
import { Command, CommanderError, Option } from 'commander'
import { VERSION } from '../node/version.ts'
import { devnetCommand } from './devnet-command.ts'
import { count, seconds, setting, wholeNumber } from './options.ts'
import { describeError } from './report-error.ts'

/** What a header can hold: geth and most others take no more than 2⁶³ − 1. */
const GAS_LIMIT_MAX = 2n ** 63n - 1n
const GAS_LIMIT_MIN = 5_000n
/** Chain ids are JavaScript numbers in many clients. */
const CHAIN_ID_MAX = BigInt(Number.MAX_SAFE_INTEGER)
/** More than all ether there is, and far from the end of 256 bits. */
const COINS_MAX = 10n ** 18n
const BASE_FEE_MAX = 10n ** 18n
const HISTORY_MAX = 1_000_000_000
const PORT_MAX = 65_535
const SEATS_MAX = 51
/** As `node/log.ts` and `node/structured-log.ts` have them; loading the latter loads pino. */
const LOG_LEVELS = ['debug', 'info', 'warn', 'error']
const LOG_FORMATS = ['auto', 'json', 'pretty']
/** Blocks are at most a safe integer, and cycles have more than one. */
const CYCLE_MAX = 2 ** 48

/** Runs a command line and sets the exit code: 0, or 1 after one line that says what is wrong and what helps. */
export async function runProgram(argv: readonly string[]): Promise<void> {
  // The reader of our output may go away (`aevir dev | head`); that is no reason to end.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosedPipe)
  try {
    await program().parseAsync(argv)
  } catch (error) {
    process.exitCode = 1
    if (error instanceof CommanderError) process.exitCode = error.exitCode
    else process.stderr.write(`aevir: ${describeError(error)}\n`)
  }
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

function program(): Command {
  const root = new Command('aevir')
  root
    .description('Smart contracts and AI tasks, executed and sealed by two layers of BFT consensus.')
    .version(VERSION)
    .addHelpText('after', '\naevir COMMAND --help describes the options of a command. Start with: aevir dev')
  root.addCommand(devCommand())
  root.addCommand(devnetCommand())
  root.addCommand(initCommand())
  root.addCommand(startCommand())
  root.addCommand(importCommand())
  root.addCommand(databaseCommand())
  root.addCommand(keysCommand())
  root.addCommand(lightCommand())
  root.addCommand(electionCommand())
  root.addCommand(engineCommand())
  settle(root, 'aevir')
  return root
}

/** The same manners for each command: errors are one line in our form, and end nothing but the command. */
function settle(command: Command, name: string): void {
  command.exitOverride().configureOutput({
    outputError: (text, write) => write(oneLine(text, name)),
  })
  for (const inner of command.commands) settle(inner, `${name} ${inner.name()}`)
}

/** Commander's `error: …` and its suggestion, which stands on a line of its own. */
function oneLine(text: string, name: string): string {
  const [first = '', suggestion] = text.trim().split('\n')
  const hint = suggestion?.replace(/^\((?:Did you mean )(.*)\?\)$/, 'did you mean $1?')
  return `aevir: ${first.replace(/^error: |\.$/g, '')}; ${hint ?? `see ${name} --help`}\n`
}

function devCommand(): Command {
  return new Command('dev')
    .description('start a development node: one process, instant blocks, funded accounts, everything on')
    .addOption(setting('--host <address>', 'address to listen on').default('127.0.0.1'))
    .addOption(
      setting('-p, --port <number>', 'port for HTTP and WebSocket; 0 takes any free one')
        .default(8545)
        .argParser(count(0, PORT_MAX)),
    )
    .addOption(setting('--data <dir>', 'directory of the chain').default('.aevir/dev'))
    .addOption(new Option('--memory', 'keep the chain in memory: nothing is written, nothing survives'))
    .addOption(new Option('--reset', 'start over: remove the chain in the directory first'))
    .addOption(
      setting('--genesis <file>', 'genesis file instead of the development genesis').conflicts([
        'chainId',
        'balance',
        'gasLimit',
        'baseFee',
      ]),
    )
    .addOption(
      setting('--chain-id <number>', 'chain id of a new chain')
        .default(31_337n, '31337')
        .argParser(wholeNumber(1n, CHAIN_ID_MAX)),
    )
    .addOption(
      setting('--balance <coins>', 'coins of each account of a new chain')
        .default(10_000n, '10000')
        .argParser(wholeNumber(0n, COINS_MAX)),
    )
    .addOption(
      setting('--gas-limit <gas>', 'gas limit of the blocks of a new chain')
        .default(30_000_000n, '30000000')
        .argParser(wholeNumber(GAS_LIMIT_MIN, GAS_LIMIT_MAX)),
    )
    .addOption(
      setting('--base-fee <wei>', 'base fee of the first block of a new chain')
        .default(1_000_000_000n, '1000000000')
        .argParser(wholeNumber(0n, BASE_FEE_MAX)),
    )
    .addOption(
      setting(
        '-b, --block-time <seconds>',
        'make a block this often instead of for each transaction',
      ).argParser(seconds),
    )
    .addOption(new Option('--no-mining', 'make blocks only when asked (evm_mine)').conflicts('blockTime'))
    .addOption(historyOption())
    .addOption(engineOption())
    .addOption(new Option('--json', 'say what is ready as one line of JSON instead of the banner'))
    .addOption(new Option('-q, --quiet', 'print nothing but errors'))
    .action(async (options, command: Command) => {
      const { runDev } = await import('./dev.ts')
      // What was asked for, not what is so by default.
      const isGiven = (name: string): boolean => command.getOptionValueSource(name) !== 'default'
      await runDev(options, isGiven)
    })
}

function initCommand(): Command {
  return new Command('init')
    .description('make the directory of a node, or of all nodes of a new network on this machine')
    .argument('<dir>', 'directory to make')
    .option('--network <genesis>', 'genesis file of the network that the node is for')
    .addOption(
      new Option('--executors <number>', 'executors of a new network').argParser(count(1, SEATS_MAX)),
    )
    .addOption(
      new Option('--witnesses <number>', 'witnesses of a new network').argParser(count(1, SEATS_MAX)),
    )
    .addOption(
      new Option('--chain-id <number>', 'chain id of a new network')
        .default(31_337n, '31337')
        .argParser(wholeNumber(1n, CHAIN_ID_MAX)),
    )
    .addOption(
      new Option('--cycle-blocks <number>', 'blocks between two elections of a new network').argParser(
        count(2, HISTORY_MAX),
      ),
    )
    .addOption(
      new Option('--network-port <number>', 'port for other nodes; each further node has the next')
        .default(30_303)
        .argParser(count(1, PORT_MAX)),
    )
    .addOption(
      new Option('--rpc-port <number>', 'port for users; each further node has the next')
        .default(8545)
        .argParser(count(1, PORT_MAX)),
    )
    .option('--bootstrap <address...>', 'addresses of nodes of the network (multiaddrs)')
    .option(
      '--password-file <file>',
      'password of the keys, in place of a new one beside each; or AEVIR_PASSWORD',
    )
    .option('--json', 'print the result as JSON')
    .action(async (directory: string, options) => {
      const { runInit } = await import('./init.ts')
      await runInit(directory, options)
    })
}

function startCommand(): Command {
  return new Command('start')
    .description('run a node of a network as its configuration says; options come before it')
    .addOption(setting('--config <file>', 'configuration').default('aevir.toml'))
    .addOption(setting('--data <dir>', 'directory of the chain'))
    .addOption(setting('--genesis <file>', 'genesis file of the network'))
    .addOption(setting('--engine <name>', 'engine that executes: tiered, tier0, tier1, tier2, reference'))
    .addOption(setting('--keys <dir>', 'directory of the keys'))
    .addOption(setting('--password-file <file>', 'file with the password of the key; or set AEVIR_PASSWORD'))
    .option('--listen <address...>', 'multiaddrs to listen on for other nodes')
    .option('--bootstrap <address...>', 'multiaddrs of nodes to begin with')
    .addOption(setting('--host <address>', 'address to listen on for users'))
    .addOption(
      setting('-p, --port <number>', 'port for HTTP and WebSocket; 0 takes any free one').argParser(
        count(0, PORT_MAX),
      ),
    )
    .addOption(setting('--log-level <level>', 'least important entries that are logged').choices(LOG_LEVELS))
    .addOption(
      setting('--log-format <format>', 'json, or pretty for people; auto asks the terminal').choices(
        LOG_FORMATS,
      ),
    )
    .action(async (options) => {
      const { runStart } = await import('./start.ts')
      await runStart(options)
    })
}

function importCommand(): Command {
  return new Command('import')
    .description('execute the blocks of a file (RLP, as geth exports them) into a database')
    .requiredOption('--genesis <file>', 'genesis file of the chain (JSON, as geth takes it)')
    .requiredOption('--chain <file>', 'file of blocks; those that are there already are passed over')
    .addOption(setting('--data <dir>', 'directory of the chain').default('.aevir/chain'))
    .addOption(historyOption())
    .addOption(engineOption())
    .option('--json', 'print the summary as JSON')
    .action(async (options) => {
      const { runImport } = await import('./import.ts')
      await runImport(options)
    })
}

function databaseCommand(): Command {
  const database = new Command('db').description('look after a database that no node has open')
  database
    .command('verify')
    .description('recompute roots and indexes and compare; exit code 1 when something is wrong')
    .addOption(databaseOption())
    .option('--json', 'print the result as JSON')
    .action(async (options) => {
      const { runVerify } = await import('./database.ts')
      await runVerify(options)
    })
  database
    .command('stats')
    .description('sizes of the tables')
    .addOption(databaseOption())
    .option('--json', 'print the result as JSON')
    .action(async (options) => {
      const { runStatistics } = await import('./database.ts')
      await runStatistics(options)
    })
  database
    .command('export')
    .description('write all blocks to a file (RLP), for aevir import and others')
    .requiredOption('--chain <file>', 'file to write, which must not exist')
    .addOption(databaseOption())
    .option('--json', 'print the summary as JSON')
    .action(async (options) => {
      const { runExport } = await import('./export.ts')
      await runExport(options)
    })
  return database
}

function keysCommand(): Command {
  const keys = new Command('keys').description('make, list and import the keys of a node')
  const directory = (): Option => setting('--keys <dir>', 'directory of the keys').default('.aevir/keys')
  const password = (): Option =>
    setting('--password-file <file>', 'file with the password of the key; or set AEVIR_PASSWORD')
  keys
    .command('new')
    .description('make a key to vote with, and one for the network where there is none')
    .addOption(directory())
    .addOption(password())
    .option('--description <text>', 'a note for people, kept with the key')
    .option('--json', 'print the result as JSON')
    .action(async (options) => {
      const { runNewKey } = await import('./keys.ts')
      await runNewKey(options)
    })
  keys
    .command('list')
    .description('say which keys there are; needs no password')
    .addOption(directory())
    .option('--json', 'print the result as JSON')
    .action(async (options) => {
      const { runListKeys } = await import('./keys.ts')
      await runListKeys(options)
    })
  keys
    .command('import')
    .description('take over a key: a keystore (ERC-2335), or a file with 64 hex digits')
    .argument('<file>')
    .addOption(directory())
    .addOption(password())
    .option('--from-password-file <file>', 'file with the password of the keystore, where it is another')
    .option('--description <text>', 'a note for people, kept with the key')
    .option('--json', 'print the result as JSON')
    .action(async (file: string, options) => {
      const { runImportKey } = await import('./keys.ts')
      await runImportKey(file, options)
    })
  return keys
}

function lightCommand(): Command {
  const light = new Command('light').description('sealed headers that prove themselves, without a node')
  light
    .command('verify')
    .description('check a file of sealed headers by its certificates alone, from genesis on')
    .argument('<file>')
    .addOption(networkOption())
    .option('--json', 'print the result as JSON')
    .action(async (file: string, options) => {
      const { runLightVerify } = await import('./light.ts')
      await runLightVerify(file, options)
    })
  light
    .command('export')
    .description('write the sealed headers of a database to a file, with what proves them')
    .argument('<file>', 'file to write, which must not exist')
    .addOption(databaseOption())
    .option('--json', 'print the summary as JSON')
    .action(async (file: string, options) => {
      const { runLightExport } = await import('./light.ts')
      await runLightExport(file, options)
    })
  return light
}

function electionCommand(): Command {
  const election = new Command('election').description('who serves in which cycle')
  election
    .command('verify')
    .description('draw the committees of a cycle again, and compare; exit code 1 when the chain has others')
    .argument('<cycle>', 'counted from 0', count(0, CYCLE_MAX))
    .addOption(networkOption())
    .addOption(databaseOption())
    .addOption(setting('--rpc <url>', 'ask a running node instead of reading a database'))
    .option('--json', 'print the result as JSON')
    .action(async (cycle: number, options) => {
      const { runElectionVerify } = await import('./election.ts')
      await runElectionVerify(cycle, options)
    })
  return election
}

function engineCommand(): Command {
  const engine = new Command('engine').description('how contracts are executed')
  engine
    .command('explain')
    .description('show the blocks and regions that the compiler makes of a contract')
    .argument('<code>', 'bytecode in hex')
    .addOption(setting('--fork <name>', 'instruction set: cancun, prague, osaka').default('osaka'))
    .option('--ir', 'print the intermediate form of each region')
    .action(async (code: string, options) => {
      const { runEngineExplain } = await import('./engine.ts')
      runEngineExplain(code, options)
    })
  return engine
}

function networkOption(): Option {
  return setting('--genesis <file>', 'genesis file of the network').makeOptionMandatory()
}

function databaseOption(): Option {
  return setting('--data <dir>', 'directory of the chain').default('.aevir/dev')
}

function historyOption(): Option {
  return setting('--history <blocks>', 'blocks whose state is kept')
    .default(10_000, '10000')
    .argParser(count(0, HISTORY_MAX))
}

function engineOption(): Option {
  return setting('--engine <name>', 'engine that executes: tiered, tier0, tier1, tier2, reference').default(
    'tiered',
  )
}
