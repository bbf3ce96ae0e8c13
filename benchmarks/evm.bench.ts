/**
 * The interpreter beside @ethereumjs/evm on the programs of `../shared/vectors/bench`, each run on a fresh state with
 * its analysis cached. Arguments: names of programs, all by default. Set-up of the state is not measured.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Common, Hardfork, Mainnet } from '@ethereumjs/common'
import { createEVM } from '@ethereumjs/evm'
import { createAccount, createAddressFromString } from '@ethereumjs/util'
import { FORKS } from '../src/chain/forks.ts'
import { bigintToFixedBytes, hexToBytes, toAddress } from '../src/primitives/bytes.ts'
import { AevirError } from '../src/primitives/errors.ts'
import { keccak256Hash } from '../src/primitives/keccak.ts'
import { tier0 } from '../runtime/evm/engine.ts'
import { FakeHost, keyOf } from '../test/support/fake-host.ts'
import { parseJson, sharedVectors } from '../test/support/shared.ts'
import { spreadOf, type Figure, type Suite } from './suite.ts'

/** The programs are no part of the repository. */
class ProgramsAbsentError extends AevirError {
  override readonly code = 'PROGRAMS_ABSENT'
  constructor() {
    super('the folder ../shared/vectors is absent: there are no programs to run')
  }
}

const BUDGET_MS = 1500
const RUNS_MAX = 2000
const WARM_UP_RUNS = 2

interface Program {
  readonly name: string
  readonly code: string
  readonly calldata: string
  readonly gas: number
  readonly address: string
  readonly caller: string
  /** Slots set beforehand. */
  readonly storage?: Readonly<Record<string, string>>
}

/** One run's time in milliseconds and the gas it used. */
interface Run {
  readonly timeMs: number
  readonly gasUsed: bigint
}

function runTier0(program: Program): Run {
  const host = new FakeHost()
  const address = toAddress(program.address)
  const code = hexToBytes(program.code)
  const codeHash = keccak256Hash(code)
  host.accounts.set(address, { nonce: 1n, code })
  for (const [slot, value] of Object.entries(program.storage ?? {})) {
    host.originalSlots.set(keyOf(address, BigInt(slot)), BigInt(value))
  }
  const caller = toAddress(program.caller)
  const input = hexToBytes(program.calldata)
  const gas = BigInt(program.gas)
  const message = { depth: 0, isStatic: false, gas, address, caller, value: 0n, input, code, codeHash }
  const start = performance.now()
  const outcome = tier0.start(message, host, FORKS.osaka).run()
  const timeMs = performance.now() - start
  assert(outcome.kind === 'return', program.name)
  return { timeMs, gasUsed: gas - outcome.gasLeft }
}

async function runEthereumJs(program: Program): Promise<Run> {
  const evm = await createEVM({ common: new Common({ chain: Mainnet, hardfork: Hardfork.Osaka }) })
  const to = createAddressFromString(program.address)
  const code = hexToBytes(program.code)
  await evm.stateManager.putAccount(to, createAccount({ nonce: 1n }))
  await evm.stateManager.putCode(to, code)
  for (const [slot, value] of Object.entries(program.storage ?? {})) {
    await evm.stateManager.putStorage(to, wordBytes(slot), wordBytes(value))
  }
  const options = {
    code,
    to,
    caller: createAddressFromString(program.caller),
    data: hexToBytes(program.calldata),
    gasLimit: BigInt(program.gas),
  }
  const start = performance.now()
  const { executionGasUsed, exceptionError } = await evm.runCode(options)
  const timeMs = performance.now() - start
  assert.equal(exceptionError, undefined, program.name)
  return { timeMs, gasUsed: executionGasUsed }
}

function wordBytes(word: string): Uint8Array {
  return bigintToFixedBytes(BigInt(word), 32)
}

/** Times in milliseconds of as many runs as fit into the budget, and the gas of each. */
async function measure(
  run: () => Run | Promise<Run>,
): Promise<{ readonly times: readonly number[]; readonly gasUsed: bigint }> {
  let { gasUsed } = await run()
  for (let i = 1; i < WARM_UP_RUNS; i++) ({ gasUsed } = await run())
  const times: number[] = []
  const end = performance.now() + BUDGET_MS
  do times.push((await run()).timeMs)
  while (performance.now() < end && times.length < RUNS_MAX)
  return { times, gasUsed }
}

function programs(folder: string, names: readonly string[]): Program[] {
  return readdirSync(folder)
    .filter((file) => names.length === 0 || names.includes(file.replace('.json', '')))
    .toSorted()
    .map((file) => parseJson<Program>(readFileSync(join(folder, file))))
}

function figure(program: Program, subject: string, times: readonly number[]): Figure {
  return { task: program.name, subject, quantity: 'time', unit: 'ms', spread: spreadOf(times) }
}

export const suite: Suite = {
  async run(names, progress) {
    const vectors = sharedVectors()
    if (vectors === undefined) throw new ProgramsAbsentError()
    const chosen = programs(join(vectors, 'bench'), names)
    const figures: Figure[] = []
    let product = 1
    for (const program of chosen) {
      progress(program.name)
      const ours = await measure(() => runTier0(program))
      const theirs = await measure(() => runEthereumJs(program))
      assert.equal(ours.gasUsed, theirs.gasUsed, `${program.name}: gas`)
      const pair = [
        figure(program, 'aevir', ours.times),
        figure(program, '@ethereumjs/evm', theirs.times),
      ] as const
      figures.push(...pair)
      product *= (pair[1].spread.min / pair[0].spread.min) ** (1 / chosen.length)
    }
    return {
      input: `${chosen.length} programs of ../shared/vectors/bench, each run on a fresh state, code analysis cached`,
      warmUp: `${WARM_UP_RUNS} runs of each program on each engine`,
      baseline: '@ethereumjs/evm: the same code, call data and state; both must use the same gas',
      sample: `one run without setting the state up; ${BUDGET_MS} ms of runs, at most ${RUNS_MAX}`,
      peers: { '@ethereumjs/evm': '10.1.3' },
      figures,
      checks: [],
      notes: [`geometric mean of the ratios of the fastest runs: ${product.toFixed(1)}×`],
    }
  },
}
