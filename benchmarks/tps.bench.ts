/**
 * Transactions a second, from the inside out. In process: blocks of 2,000 transactions with known senders, executed and
 * committed up to the header with its roots, on one thread with the state in memory. On a ledger: what a node of a network
 * does with a small block that another one made, from the pool to LMDB. Over HTTP: `throughput.bench.ts`.
 *
 * Arguments: `--part in-process|ledger|http` (all of them by default), `--engine NAME` (tiered), `--count N` transactions of a
 * block in process and of a run over HTTP (2,000), `--blocks N` measured (30), `--runs N` over HTTP (7).
 */
import { setImmediate } from 'node:timers/promises'
import type { BlockExecutor } from '../src/execution/executor.ts'
import { openNodeEngine } from '../src/node/node-engine.ts'
import { LedgerChain, MemoryChain } from './block-chain.ts'
import { createBlockLoad, LOAD_KINDS, type LoadKind } from './block-load.ts'
import { oneOf, parseOptions, wholeNumber } from './options.ts'
import { spreadOf, type Figure, type Measurements, type Progress, type Suite } from './suite.ts'
import { measureThroughput } from './throughput.bench.ts'

const SENDERS = 1_000
const RECIPIENTS = 10_000
/** Blocks before the first that counts: by then the code is optimised. */
const WARM_UP_BLOCKS = 15
const LEDGER_WARM_UP_BLOCKS = 300
/** Of one sample: the system counts processor time in steps of milliseconds. */
const LEDGER_BLOCKS = 32
const LEDGER_SAMPLES = 8
const LEDGER_COUNTS = [5, 50]
/** In process, ERC-20 transfers a second. */
const TARGET = 40_000

const PARTS = ['in-process', 'ledger', 'http']

export const suite: Suite = {
  async run(args, progress) {
    const { values } = parseOptions({
      args: [...args],
      options: {
        part: { type: 'string' },
        engine: { type: 'string', default: 'tiered' },
        count: { type: 'string', default: '2000' },
        blocks: { type: 'string', default: '30' },
        runs: { type: 'string', default: '7' },
      },
    })
    const { engine } = values
    const part = values.part === undefined ? undefined : oneOf('--part', values.part, PARTS)
    const count = wholeNumber('--count', values.count, { min: 1 })
    const blocks = wholeNumber('--blocks', values.blocks, { min: 1 })
    const runs = wholeNumber('--runs', values.runs, { min: 1 })
    const isWanted = (name: string): boolean => part === undefined || part === name
    // As a node has it, with the thread that compiles and the memo of hashes.
    const opened = await openNodeEngine(engine, { profile: undefined, onError: console.error })
    const { executor } = opened
    const inProcess = isWanted('in-process') ? await measureInProcess(executor, count, blocks, progress) : []
    const ledger = isWanted('ledger') ? await measureLedger(executor, progress) : []
    await opened.close()
    const http = isWanted('http') ? await measureThroughput({ count, runs }, progress) : undefined
    return report([...inProcess, ...ledger], http, { engine, count })
  },
}

function report(
  own: readonly Figure[],
  http: Measurements | undefined,
  { engine, count }: { readonly engine: string; readonly count: number },
): Measurements {
  const rates = {
    ...rateOf('inProcessErc20PerSecond', 'ERC-20 transfers', own),
    ...rateOf('inProcessTransfersPerSecond', 'transfers', own),
    ...rateOf('inProcessSwapsPerSecond', 'AMM swaps', own),
  }
  const erc20 = rates['inProcessErc20PerSecond']
  return {
    input:
      `engine ${engine}; in process: blocks of ${count} transactions of ${SENDERS} senders to ${RECIPIENTS} recipients in turn; ` +
      `on a ledger: blocks of ${LEDGER_COUNTS.join(' and ')} ERC-20 transfers of the same; over HTTP: ${http?.input ?? 'not measured'}`,
    warmUp: `in process ${WARM_UP_BLOCKS} blocks, on a ledger ${LEDGER_WARM_UP_BLOCKS}, over HTTP ${http?.warmUp ?? 'nothing'}`,
    baseline: http?.baseline ?? 'none',
    sample: `in process one block, on a ledger the mean of ${LEDGER_BLOCKS}; over HTTP ${http?.sample ?? 'nothing'}`,
    peers: http?.peers ?? {},
    figures: [...own, ...(http?.figures ?? [])],
    checks:
      erc20 === undefined
        ? []
        : [
            {
              claim: 'ERC-20 transfers in process with state root',
              measured: `${erc20.toFixed(0)} a second, at least ${TARGET} wanted`,
              passed: erc20 >= TARGET,
            },
          ],
    notes: [
      'processor time is that of the thread that executes; collecting garbage beside it is not in it',
      ...(http?.notes ?? []),
    ],
    summary: { ...rates, ...http?.summary },
  }
}

function rateOf(name: string, task: LoadKind, figures: readonly Figure[]): Record<string, number> {
  const found = figures.find((figure) => figure.task === `in process: ${task}` && figure.quantity === 'rate')
  return found === undefined ? {} : { [name]: found.spread.median }
}

// ---- In process ----------------------------------------------------------------------------------------------------

async function measureInProcess(
  executor: BlockExecutor,
  count: number,
  blocks: number,
  progress: Progress,
): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const kind of LOAD_KINDS) {
    progress(`in process: ${kind}`)
    const load = await createBlockLoad(SENDERS, RECIPIENTS)
    const chain = await MemoryChain.open(executor, load)
    const samples: Sample[] = []
    // Signed before anything is measured: whoever executes has them decoded.
    const all = Array.from({ length: WARM_UP_BLOCKS + blocks }, () => load.next(kind, count))
    for (const [i, offers] of all.entries()) {
      // What was compiled meanwhile arrives.
      await setImmediate()
      const { result, ...sample } = await timed(() => chain.execute(offers))
      // What a ledger would write is measured on one.
      chain.adopt(result)
      if (i >= WARM_UP_BLOCKS) samples.push(sample)
    }
    const task = `in process: ${kind}`
    figures.push(
      figure(
        task,
        'rate',
        'tx/s',
        samples.map(({ wallMs }) => (count / wallMs) * 1000),
      ),
      figure(
        task,
        'processor time',
        'µs/tx',
        samples.map(({ processorMs }) => (processorMs * 1000) / count),
      ),
    )
  }
  return figures
}

// ---- On a ledger ---------------------------------------------------------------------------------------------------

async function measureLedger(executor: BlockExecutor, progress: Progress): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const count of LEDGER_COUNTS) {
    progress(`ledger: blocks of ${count}`)
    const load = await createBlockLoad(SENDERS, RECIPIENTS)
    const chain = await LedgerChain.open(executor, load)
    const extend = async (): Promise<readonly [pool: Sample, block: Sample]> => {
      const offers = load.next('ERC-20 transfers', count)
      const body = await chain.propose(offers)
      return [await timed(async () => chain.receive(offers)), await timed(() => chain.follow(body))]
    }
    for (let i = 0; i < LEDGER_WARM_UP_BLOCKS; i++) await extend()
    const samples: (readonly [pool: Sample, block: Sample])[] = []
    for (let i = 0; i < LEDGER_SAMPLES; i++) {
      const blocks: (readonly [pool: Sample, block: Sample])[] = []
      for (let j = 0; j < LEDGER_BLOCKS; j++) blocks.push(await extend())
      samples.push([mean(blocks.map(([pool]) => pool)), mean(blocks.map(([, block]) => block))])
    }
    await chain.close()
    const task = `ledger: blocks of ${count}`
    figures.push(
      figure(
        task,
        'processor time',
        'µs/block',
        samples.map(([, { processorMs }]) => processorMs * 1000),
      ),
      figure(
        task,
        'time',
        'µs/block',
        samples.map(([, { wallMs }]) => wallMs * 1000),
      ),
      figure(
        task,
        'pool, time',
        'µs/tx',
        samples.map(([{ wallMs }]) => (wallMs * 1000) / count),
      ),
    )
  }
  return figures
}

// ---- Clocks --------------------------------------------------------------------------------------------------------

interface Sample {
  readonly wallMs: number
  /** Of this thread. */
  readonly processorMs: number
}

function mean(samples: readonly Sample[]): Sample {
  const sum = { wallMs: 0, processorMs: 0 }
  for (const { wallMs, processorMs } of samples) {
    sum.wallMs += wallMs / samples.length
    sum.processorMs += processorMs / samples.length
  }
  return sum
}

async function timed<T>(work: () => Promise<T>): Promise<Sample & { readonly result: T }> {
  const processorStart = process.threadCpuUsage()
  const start = performance.now()
  const result = await work()
  const wallMs = performance.now() - start
  const { user, system } = process.threadCpuUsage(processorStart)
  return { wallMs, processorMs: (user + system) / 1000, result }
}

function figure(task: string, quantity: string, unit: string, samples: readonly number[]): Figure {
  return { task, subject: 'aevir', quantity, unit, spread: spreadOf(samples) }
}
