/**
 * One call at many amounts of gas: at every one up to what it takes, when that is little, else around every amount at
 * which the frame came to another instruction. Out of gas comes at the same instruction on every engine, or not at all.
 */
import type { Address } from '../../../src/primitives/bytes.ts'
import { runCall } from '../../../src/execution/driver.ts'
import { JournalHost } from '../../../src/execution/journal-host.ts'
import type { ExecutionTracer } from '../../../src/execution/tracing.ts'
import { memoryStateOf } from '../../../src/state/genesis-state.ts'
import { Journal } from '../../../src/state/journal.ts'
import type { StateReader } from '../../../src/state/state-reader.ts'
import { precompilesOf } from '../../../runtime/evm/precompiles/table.ts'
import { CALL_STIPEND } from '../../../runtime/evm/gas.ts'
import type { Engine } from '../../../runtime/host.ts'
import { environmentOf, type Case } from '../case.ts'
import type { BlockEnvironment } from '../../../src/execution/environment.ts'
import { differenceOf, isRecorded, tellState, type EngineDifference, type Facts } from './compare-engines.ts'
import { recorded } from './transcript.ts'

/** Amounts of gas that are tried at most. */
const AMOUNTS_MAX = 250
const SSTORE = 0x55
/** Amounts for stores that are tried at most. */
const STORES_MAX = 20
/** Programs that take more are not run again and again. */
const STEPS_MAX = 20_000

/** A call of a contract, without a transaction around it. */
interface Call {
  readonly state: StateReader
  readonly environment: BlockEnvironment
  readonly caller: Address
  readonly to: Address
  readonly value: bigint
  readonly input: Uint8Array
}

export interface Sweep {
  /** Calls that were compared. */
  readonly runs: number
  readonly difference: Omit<EngineDifference, 'transaction'> | undefined
}

/** Sweeps the first transaction of a case, as a call. */
export function sweepCase(one: Case, engines: readonly Engine[], amountsMax = AMOUNTS_MAX): Sweep {
  const [measure, ...others] = engines
  const [offer] = one.transactions
  const to = offer?.transaction.fields.to
  if (measure === undefined || offer === undefined || to === null || to === undefined)
    return { runs: 0, difference: undefined }
  const call: Call = {
    state: memoryStateOf(one.accounts),
    environment: environmentOf(one.block),
    caller: offer.sender,
    to,
    value: offer.transaction.fields.value,
    input: offer.transaction.fields.data,
  }
  let runs = 0
  for (const gas of amountsOf(call, measure, offer.transaction.fields.gasLimit, amountsMax)) {
    const expected = runAt(call, measure, gas)
    for (const engine of others) {
      runs += 1
      const found = differenceOf(runAt(call, engine, gas), expected)
      if (found === undefined) continue
      const difference = { engine: engine.name, ...found, what: `gas limit ${gas} of a call: ${found.what}` }
      return { runs, difference }
    }
  }
  return { runs, difference: undefined }
}

/** Gas at which something may change. */
function amountsOf(call: Call, measure: Engine, gas: bigint, amountsMax: number): readonly bigint[] {
  const spent = new Set<bigint>()
  const stores = new Set<bigint>()
  let steps = 0
  const tracer: ExecutionTracer = {
    step: (view) => {
      steps += 1
      if (view.depth !== 0) return
      spent.add(gas - view.gas)
      // EIP-2200: with the stipend or less nothing is stored.
      if (view.opcode === SSTORE)
        for (const more of [0n, 1n]) stores.add(gas - view.gas + BigInt(CALL_STIPEND) + more)
    },
  }
  runAt(call, measure, gas, tracer)
  if (steps > STEPS_MAX) return []
  const last = Math.min(Number([...spent].at(-1) ?? 0n) + 200, amountsMax)
  const amounts = new Set(Array.from({ length: last }, (_, amount) => BigInt(amount)))
  for (const amount of [...stores].slice(0, STORES_MAX)) amounts.add(amount)
  // Those that are left, evenly.
  const stride = Math.max(1, Math.ceil((3 * spent.size) / amountsMax))
  for (const [index, amount] of [...spent].entries()) {
    if (index % stride !== 0) continue
    for (const near of [amount - 1n, amount, amount + 1n]) if (near >= 0n) amounts.add(near)
  }
  return [...amounts]
}

function runAt(call: Call, engine: Engine, gas: bigint, tracer?: ExecutionTracer): Facts {
  const { state, environment, caller, to, value, input } = call
  const { rules } = environment
  const journal = new Journal(state)
  const precompiles = precompilesOf(rules.evm)
  const transaction = { origin: caller, gasPrice: 0n, blobVersionedHashes: [] }
  const host = new JournalHost(journal, environment, transaction, precompiles, tracer)
  const frames: string[] = []
  for (const address of [caller, to]) journal.accessAccount(address)
  try {
    const { outcome } = runCall(
      {
        journal,
        host,
        engine: isRecorded(Number(gas)) ? recorded(engine, frames) : engine,
        rules,
        precompiles,
        tracer,
      },
      {
        kind: 'call',
        gas,
        to,
        codeAddress: to,
        isDelegated: false,
        caller,
        value,
        transfersValue: value !== 0n,
        isStatic: false,
        input,
      },
    )
    const refund = String(journal.refund)
    const logs = journal.logs.map(({ address, topics, data }) => [address, ...topics, data.toHex()].join(' '))
    journal.endTransaction()
    return { frames, kind: outcome.kind, refund, logs, state: tellState(journal.diff()) }
  } catch (error) {
    return { frames, crashed: error instanceof Error ? String(error.stack) : String(error) }
  }
}
