/**
 * What a run of the generator reached: a comparison that finds nothing is worth as much as the ground it covers. Each
 * transaction runs once more with a tracer, through the interpreter's other loop; it must end as it did without.
 */
import assert from 'node:assert/strict'
import { GAS_PER_BLOB } from '../../src/execution/fees.ts'
import { executeTransaction } from '../../src/execution/transaction.ts'
import type { ExecutionTracer } from '../../src/execution/tracing.ts'
import { memoryStateOf } from '../../src/state/genesis-state.ts'
import { Journal } from '../../src/state/journal.ts'
import { INSTRUCTION_SETS } from '../../runtime/evm/opcodes.ts'
import { precompilesOf } from '../../runtime/evm/precompiles/table.ts'
import { environmentOf, type Case } from './case.ts'
import { factsOf, type Comparison } from './compare.ts'

export class Statistics {
  readonly #endings = new Map<string, number>()
  readonly #types = new Map<string, number>()
  readonly #frames = new Map<string, number>()
  readonly #frameFailures = new Map<string, number>()
  readonly #opcodes = new Map<number, number>()
  readonly #precompiles = new Map<string, { succeeded: number; failed: number }>()
  #cases = 0
  #transactions = 0
  readonly #gasUsed: bigint[] = []
  #steps = 0
  #depthMax = 0

  /** Opcodes of the newest instruction set that never ran. */
  get missingOpcodes(): readonly string[] {
    return INSTRUCTION_SETS.osaka.flatMap((instruction) =>
      instruction === undefined || this.#opcodes.has(instruction.byte) ? [] : [instruction.name],
    )
  }

  /** Precompiles of the newest fork that never ran, or never with success. */
  get missingPrecompiles(): readonly string[] {
    return [...precompilesOf('osaka').values()]
      .filter(({ address }) => (this.#precompiles.get(address)?.succeeded ?? 0) === 0)
      .map(({ name }) => name)
  }

  /** Counts a case and runs it with a tracer. @throws AssertionError when that changes a result. */
  add(one: Case, { attempts }: Comparison): void {
    this.#cases += 1
    const journal = new Journal(memoryStateOf(one.accounts))
    const environment = environmentOf(one.block)
    const allowance = { gas: one.block.gasLimit, blobGas: BigInt(environment.rules.blobs.max) * GAS_PER_BLOB }
    for (const [index, attempt] of attempts.entries()) {
      const offer = one.transactions[index]
      if (offer === undefined) break
      this.#transactions += 1
      count(this.#types, `type ${offer.transaction.fields.type}`)
      if (attempt.kind === 'refused') {
        count(this.#endings, `refused: ${attempt.refusal.reason}`)
        continue
      }
      if (attempt.kind === 'crashed') break
      const { result } = attempt
      count(this.#endings, result.haltReason === undefined ? result.status : `halted: ${result.haltReason}`)
      this.#gasUsed.push(result.gasUsed)
      const { transaction, sender } = offer
      const traced = executeTransaction(journal, environment, transaction, sender, allowance, {
        tracer: this.#tracer(),
      })
      assert.deepEqual(factsOf(traced), factsOf(result), 'a traced run ends like one without a tracer')
    }
  }

  toString(): string {
    const opcodes = INSTRUCTION_SETS.osaka.filter((instruction) => instruction !== undefined).length
    const steps = Math.round(this.#steps / Math.max(1, this.#transactions))
    const gas = median(this.#gasUsed)
    return [
      `${this.#transactions} transactions in ${this.#cases} cases; median ${gas} gas, on average ${steps} steps; deepest frame ${this.#depthMax}`,
      `endings      ${shares(this.#endings)}`,
      `types        ${shares(this.#types)}`,
      `frames       ${shares(this.#frames)}`,
      `failures     ${shares(this.#frameFailures)}`,
      `opcodes      ${opcodes - this.missingOpcodes.length} of ${opcodes}${listed(this.missingOpcodes)}`,
      `precompiles  ${precompilesOf('osaka').size - this.missingPrecompiles.length} of ${precompilesOf('osaka').size}${listed(this.missingPrecompiles)}`,
    ].join('\n')
  }

  #tracer(): ExecutionTracer {
    const precompiles: (string | undefined)[] = []
    return {
      step: ({ opcode, depth }) => {
        this.#steps += 1
        this.#opcodes.set(opcode, (this.#opcodes.get(opcode) ?? 0) + 1)
        this.#depthMax = Math.max(this.#depthMax, depth)
      },
      enter: ({ kind, codeAddress, isPrecompile }) => {
        count(this.#frames, isPrecompile ? 'precompile' : kind)
        precompiles.push(isPrecompile ? codeAddress : undefined)
      },
      exit: ({ failure }) => {
        const address = precompiles.pop()
        if (failure !== undefined)
          count(this.#frameFailures, 'reason' in failure ? failure.reason : failure.kind)
        if (address === undefined) return
        const counts = this.#precompiles.get(address) ?? { succeeded: 0, failed: 0 }
        counts[failure === undefined ? 'succeeded' : 'failed'] += 1
        this.#precompiles.set(address, counts)
      },
    }
  }
}

function median(values: readonly bigint[]): bigint {
  return values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))[values.length >> 1] ?? 0n
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1)
}

function shares(counts: ReadonlyMap<string, number>): string {
  const total = [...counts.values()].reduce((sum, value) => sum + value, 0)
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([what, value]) => `${what} ${((100 * value) / total).toFixed(1)} %`)
    .join(', ')
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? '' : `, without ${names.join(', ')}`
}
