/**
 * The interpreter beside @ethereumjs/evm on the programs of `../shared/vectors/bench`, each run on a fresh state with
 * its analysis cached. Run: `node benchmarks/evm.bench.ts [program …]`.
 *
 * Figures are the least and the median of all runs within the time budget, after a warm-up of two runs, in
 * milliseconds; both engines must use the same gas. Set-up of the state is not measured.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { Common, Hardfork, Mainnet } from '@ethereumjs/common'
import { createEVM } from '@ethereumjs/evm'
import { createAccount, createAddressFromString } from '@ethereumjs/util'
import { FORKS } from '../src/chain/forks.ts'
import { bigintToFixedBytes, hexToBytes, toAddress } from '../src/primitives/bytes.ts'
import { keccak256Hash } from '../src/primitives/keccak.ts'
import { tier0 } from '../runtime/evm/engine.ts'
import { FakeHost, keyOf } from '../test/support/fake-host.ts'
import { parseJson, sharedVectors } from '../test/support/shared.ts'

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

interface Measurement {
  readonly leastMs: number
  readonly medianMs: number
  readonly gasUsed: bigint
}

async function measure(run: () => Run | Promise<Run>): Promise<Measurement> {
  let { gasUsed } = await run()
  for (let i = 1; i < WARM_UP_RUNS; i++) ({ gasUsed } = await run())
  const times: number[] = []
  const end = performance.now() + BUDGET_MS
  do times.push((await run()).timeMs)
  while (performance.now() < end && times.length < RUNS_MAX)
  times.sort((a, b) => a - b)
  return { leastMs: times[0] ?? 0, medianMs: times[times.length >> 1] ?? 0, gasUsed }
}

function programs(folder: string, names: readonly string[]): Program[] {
  return readdirSync(folder)
    .filter((file) => names.length === 0 || names.includes(file.replace('.json', '')))
    .toSorted()
    .map((file) => parseJson<Program>(readFileSync(join(folder, file))))
}

async function main(names: readonly string[]): Promise<void> {
  const vectors = sharedVectors()
  if (vectors === undefined) {
    console.log('the folder ../shared/vectors is absent: there are no programs to run')
    return
  }
  console.log(`${cpus()[0]?.model}, Node ${process.version}, @ethereumjs/evm 10.1.3; least / median ms`)
  let product = 1
  const chosen = programs(join(vectors, 'bench'), names)
  for (const program of chosen) {
    const ours = await measure(() => runTier0(program))
    const theirs = await measure(() => runEthereumJs(program))
    assert.equal(ours.gasUsed, theirs.gasUsed, `${program.name}: gas`)
    const ratio = theirs.leastMs / ours.leastMs
    product *= ratio ** (1 / chosen.length)
    const columns = [
      program.name.padEnd(26),
      `${ours.gasUsed}`.padStart(12),
      `${ours.leastMs.toFixed(4)} / ${ours.medianMs.toFixed(4)}`.padStart(22),
      `${theirs.leastMs.toFixed(3)} / ${theirs.medianMs.toFixed(3)}`.padStart(22),
      `${ratio.toFixed(1)}×`.padStart(8),
    ]
    console.log(columns.join(' '))
  }
  console.log(`geometric mean ${product.toFixed(1)}×`)
}

await main(process.argv.slice(2))
