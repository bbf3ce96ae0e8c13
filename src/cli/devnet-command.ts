/** The options of `aevir devnet`; what they do is in `devnet.ts`, which is loaded when it runs. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { committeeShape, CommitteeSizeError } from '../consensus/simplex/config.ts'
import { LOG_LEVELS } from '../node/log.ts'
import { count, setting, wholeNumber } from './options.ts'

const PORT_MAX = 65_535
const HISTORY_MAX = 1_000_000_000
/** Chain ids are JavaScript numbers in many clients. */
const CHAIN_ID_MAX = BigInt(Number.MAX_SAFE_INTEGER)
const HEARTBEAT_MAX_MS = 60_000
const CYCLE_MAX = 1_000_000

export function devnetCommand(): Command {
  return new Command('devnet')
    .description('run a whole network on this machine: executors, witnesses, and a switch for their faults')
    .addOption(
      new Option('--executors <number>', 'nodes that order and execute').default(4).argParser(committeeSize),
    )
    .addOption(
      new Option('--witnesses <number>', 'nodes that execute again and seal')
        .default(7)
        .argParser(committeeSize),
    )
    .addOption(new Option('--in-process', 'all nodes in this process (the default)').conflicts('processes'))
    .addOption(new Option('--processes', 'a process for each node, connected over TCP on this machine'))
    .addOption(
      setting('--data <dir>', 'directory of the network; without it, nothing survives').env(
        'AEVIR_DEVNET_DATA',
      ),
    )
    .addOption(
      setting('-p, --port <number>', 'port of the first node for HTTP and WebSocket; 0 takes any free one')
        .default(8545)
        .argParser(count(0, PORT_MAX)),
    )
    .addOption(new Option('--rpc-all', 'a port for each node: the next ones, or any with --port 0'))
    .addOption(
      setting('--chain-id <number>', 'chain id of a new network')
        .default(31_337n, '31337')
        .argParser(wholeNumber(1n, CHAIN_ID_MAX)),
    )
    .addOption(
      new Option('--cycle-blocks <number>', 'blocks between two elections of a new network').argParser(
        count(2, CYCLE_MAX),
      ),
    )
    .addOption(
      new Option('--heartbeat <ms>', 'how often an idle new network makes an empty block').argParser(
        count(10, HEARTBEAT_MAX_MS),
      ),
    )
    .addOption(
      setting('--history <blocks>', 'blocks whose state each node keeps')
        .default(1_000, '1000')
        .argParser(count(0, HISTORY_MAX)),
    )
    .addOption(
      setting('--engine <name>', 'engine that executes: tiered, tier0, tier1, tier2, reference').default(
        'tiered',
      ),
    )
    .addOption(
      new Option(
        '--share-execution',
        'in one process: one node executes a block for all, and they only seem to check it; for more load',
      ).conflicts('processes'),
    )
    .addOption(
      setting('--log-level <level>', 'least important lines of the nodes that are shown')
        .choices(LOG_LEVELS)
        .default('warn'),
    )
    .addOption(new Option('--json', 'one line of JSON when ready, and one for each seal'))
    .addOption(new Option('-q, --quiet', 'print nothing but what the nodes complain of'))
    .action(async (options) => {
      const { runDevnet } = await import('./devnet.ts')
      await runDevnet(options)
    })
}

function committeeSize(text: string): number {
  try {
    return committeeShape(/^[0-9]{1,4}$/.test(text) ? Number(text) : 0).size
  } catch (error) {
    if (!(error instanceof CommitteeSizeError)) throw error
    throw new InvalidArgumentError(`${error.message}.`)
  }
}
