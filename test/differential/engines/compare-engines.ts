/**
 * Runs a case on several of our engines and says where they first differ from the first of them: in what a frame asked
 * for or how it ended, in gas, reason of a halt, output, logs or refund, in the state afterwards. The first engine runs
 * with a tracer that counts: it is the measure, and should be tier 0.
 */
import { bytesToHex } from '../../../src/primitives/bytes.ts'
import { GAS_PER_BLOB } from '../../../src/execution/fees.ts'
import { InvalidTransactionError } from '../../../src/execution/errors.ts'
import type { ExecutionTracer } from '../../../src/execution/tracing.ts'
import { executeTransaction } from '../../../src/execution/transaction.ts'
import { memoryStateOf } from '../../../src/state/genesis-state.ts'
import { Journal } from '../../../src/state/journal.ts'
import type { StateDiff } from '../../../src/state/state-reader.ts'
import type { Engine } from '../../../runtime/host.ts'
import { environmentOf, type Case } from '../case.ts'
import { factsOf, type Difference } from '../compare.ts'
import type { Coverage } from './coverage.ts'
import { recorded } from './transcript.ts'

/** Where two engines part: `ours` is what the engine under test did, `theirs` what the first one did. */
export interface EngineDifference extends Difference {
  readonly engine: string
}

/** Everything compared, by name; several lines are compared one by one. */
export type Facts = Readonly<Record<string, string | readonly string[]>>

/** @param engines the first is the measure. */
export function compareEngines(
  one: Case,
  engines: readonly Engine[],
  coverage?: Coverage,
): EngineDifference | undefined {
  const [measure, ...others] = engines
  if (measure === undefined) return undefined
  const state = memoryStateOf(one.accounts)
  const environment = environmentOf(one.block)
  const allowance = { gas: one.block.gasLimit, blobGas: BigInt(environment.rules.blobs.max) * GAS_PER_BLOB }
  const journals = new Map(engines.map((engine) => [engine, new Journal(state)]))

  const attempt = (engine: Engine, index: number, tracer?: ExecutionTracer): Facts => {
    const offer = one.transactions[index]
    const journal = journals.get(engine)
    if (offer === undefined || journal === undefined) return {}
    const frames: string[] = []
    try {
      const { transaction, sender } = offer
      const result = executeTransaction(journal, environment, transaction, sender, allowance, {
        engine: isRecorded(index) ? recorded(engine, frames) : engine,
        tracer,
      })
      const { haltReason } = result
      return { frames, ...factsOf(result), haltReason: String(haltReason), state: tellState(journal.diff()) }
    } catch (error) {
      if (error instanceof InvalidTransactionError) return { refused: error.reason }
      return { frames, crashed: error instanceof Error ? String(error.stack) : String(error) }
    }
  }

  for (const index of one.transactions.keys()) {
    const expected = attempt(measure, index, coverage?.tracer)
    coverage?.ended(expected)
    for (const engine of others) {
      const found = differenceOf(attempt(engine, index), expected)
      if (found !== undefined) return { transaction: index, engine: engine.name, ...found }
    }
  }
  return undefined
}

/**
 * Whether frames are written down. That reads gas and output of every frame, which engines leave where they lie until
 * somebody asks: each second run is as nodes have it.
 */
export function isRecorded(run: number): boolean {
  return run % 2 === 0
}

/** The first fact that differs, and of several lines the first one. */
export function differenceOf(
  ours: Facts,
  theirs: Facts,
): { readonly what: string; readonly ours: string; readonly theirs: string } | undefined {
  for (const what of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
    const [our, their] = [linesOf(ours[what]), linesOf(theirs[what])]
    const size = Math.max(our.length, their.length)
    for (let line = 0; line < size; line++) {
      if (our[line] === their[line]) continue
      return { what, ours: context(our, line), theirs: context(their, line) }
    }
  }
  return undefined
}

function linesOf(fact: string | readonly string[] | undefined): readonly string[] {
  return fact === undefined ? [] : typeof fact === 'string' ? [fact] : fact
}

/** The line, and of many the one before. */
function context(lines: readonly string[], line: number): string {
  const before = line > 0 ? `${lines[line - 1]}\n         ` : ''
  return `${before}${lines[line] ?? 'nothing'}`
}

/** A change of state as text in a fixed order. */
export function tellState({ accounts, storage, clearedStorage, codes }: StateDiff): readonly string[] {
  return [
    ...[...accounts].map(([address, account]) =>
      account === null
        ? `${address} gone`
        : `${address} nonce ${account.nonce} balance ${account.balance} code ${account.codeHash}`,
    ),
    ...[...storage].flatMap(([address, slots]) =>
      [...slots].map(([slot, value]) => `${address}[${slot}] = ${value}`),
    ),
    ...[...clearedStorage].map((address) => `${address} cleared`),
    ...[...codes].map(([hash, code]) => `${hash} is ${bytesToHex(code)}`),
  ].toSorted()
}
