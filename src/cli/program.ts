/** The commands. Each loads what it needs when it runs: `aevir dev` must answer within half a second. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { AevirError } from '../primitives/errors.ts'
import { VERSION } from '../node/version.ts'

/** Runs a command line and sets the exit code. */
export async function runProgram(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(argv)
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode
      return
    }
    // An expected failure is told in a line; anything else is a bug, and its stack helps.
    const text =
      error instanceof AevirError ? error.message : error instanceof Error ? error.stack : String(error)
    process.stderr.write(`aevir: ${text}\n`)
    process.exitCode = 1
  }
}

function program(): Command {
  const root = new Command('aevir')
  root
    .description('Smart contracts and AI tasks, executed and sealed by two layers of BFT consensus.')
    .version(VERSION)
    .showHelpAfterError('(aevir --help lists the commands)')
    .showSuggestionAfterError()
    .exitOverride()
  root.addCommand(devCommand())
  root.addCommand(importCommand())
  root.addCommand(databaseCommand())
  for (const command of root.commands) command.exitOverride()
  return root
}

function devCommand(): Command {
  return new Command('dev')
    .description('start a development node: one process, instant blocks, funded accounts, everything on')
    .addOption(new Option('--host <address>', 'address to listen on').default('127.0.0.1').env('AEVIR_HOST'))
    .addOption(
      new Option('-p, --port <number>', 'port for HTTP and WebSocket')
        .default(8545)
        .env('AEVIR_PORT')
        .argParser(port),
    )
    .addOption(new Option('--data <dir>', 'directory of the chain').default('.aevir/dev').env('AEVIR_DATA'))
    .addOption(new Option('--memory', 'keep the chain in memory: nothing is written, nothing survives'))
    .addOption(new Option('--reset', 'start over: remove the chain in the directory first'))
    .addOption(new Option('--genesis <file>', 'genesis file instead of the development genesis'))
    .addOption(
      new Option('--chain-id <number>', 'chain id of a new chain')
        .default(31337n, '31337')
        .argParser(unsigned),
    )
    .addOption(
      new Option('--balance <coins>', 'coins of each account of a new chain')
        .default(10_000n, '10000')
        .argParser(unsigned),
    )
    .addOption(
      new Option('--gas-limit <gas>', 'gas limit of the blocks of a new chain')
        .default(30_000_000n, '30000000')
        .argParser(unsigned),
    )
    .addOption(
      new Option('--base-fee <wei>', 'base fee of the first block of a new chain')
        .default(1_000_000_000n, '1000000000')
        .argParser(unsigned),
    )
    .addOption(
      new Option(
        '-b, --block-time <seconds>',
        'make a block this often instead of for each transaction',
      ).argParser(seconds),
    )
    .addOption(new Option('--no-mining', 'make blocks only when asked (evm_mine)'))
    .addOption(
      new Option('--history <blocks>', 'blocks whose state is kept')
        .default(10_000, '10000')
        .env('AEVIR_HISTORY')
        .argParser(count),
    )
    .addOption(
      new Option('--engine <name>', 'engine that executes: tier0, reference')
        .default('tier0')
        .env('AEVIR_ENGINE'),
    )
    .addOption(new Option('-q, --quiet', 'print nothing but errors'))
    .action(async (options) => {
      const { runDev } = await import('./dev.ts')
      await runDev(options)
    })
}

function importCommand(): Command {
  return new Command('import')
    .description('execute the blocks of a file (RLP, as geth exports them) into a database')
    .requiredOption('--genesis <file>', 'genesis file of the chain (JSON, as geth takes it)')
    .requiredOption('--chain <file>', 'file of blocks')
    .addOption(new Option('--data <dir>', 'directory of the chain').default('.aevir/chain').env('AEVIR_DATA'))
    .addOption(
      new Option('--history <blocks>', 'blocks whose state is kept')
        .default(10_000, '10000')
        .argParser(count),
    )
    .addOption(new Option('--engine <name>', 'engine that executes: tier0, reference').default('tier0'))
    .option('--json', 'print the summary as JSON')
    .action(async (options) => {
      const { runImport } = await import('./import.ts')
      await runImport(options)
    })
}

function databaseCommand(): Command {
  const database = new Command('db').description('look after a database')
  database
    .command('verify')
    .description('recompute roots and indexes and compare; exit code 1 when something is wrong')
    .addOption(new Option('--data <dir>', 'directory of the chain').default('.aevir/dev').env('AEVIR_DATA'))
    .option('--json', 'print the result as JSON')
    .action(async (options) => {
      const { runVerify } = await import('./database.ts')
      await runVerify(options)
    })
  database
    .command('stats')
    .description('sizes of the tables')
    .addOption(new Option('--data <dir>', 'directory of the chain').default('.aevir/dev').env('AEVIR_DATA'))
    .option('--json', 'print the result as JSON')
    .action(async (options) => {
      const { runStatistics } = await import('./database.ts')
      await runStatistics(options)
    })
  for (const command of database.commands) command.exitOverride()
  return database
}

function unsigned(text: string): bigint {
  if (!/^[0-9]+$/.test(text)) throw new InvalidArgumentError('Expected a whole number.')
  return BigInt(text)
}

function count(text: string): number {
  const value = Number(unsigned(text))
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('Expected a smaller number.')
  return value
}

function port(text: string): number {
  const value = count(text)
  if (value > 65_535) throw new InvalidArgumentError('Expected a port, 0 to 65535.')
  return value
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 86_400))
    throw new InvalidArgumentError('Expected seconds, more than 0 and at most 86400.')
  return value
}
