/** Counts what the programs of a run did: a comparison that finds nothing is worth as much as the ground it covers. */
import type { ExecutionTracer } from '../../../src/execution/tracing.ts'
import { INSTRUCTION_SETS } from '../../../runtime/evm/opcodes.ts'
import type { Facts } from './compare-engines.ts'

export class Coverage {
  steps = 0
  frames = 0
  depthMax = 0
  transactions = 0
  readonly #opcodes = new Float64Array(256)
  readonly #endings = new Map<string, number>()
  readonly #frameEndings = new Map<string, number>()
  readonly tracer: ExecutionTracer = {
    step: ({ opcode, depth }) => {
      this.steps += 1
      this.#opcodes[opcode] = (this.#opcodes[opcode] ?? 0) + 1
      if (depth > this.depthMax) this.depthMax = depth
    },
    exit: ({ failure }) => {
      this.frames += 1
      const ending = failure === undefined ? 'succeeded' : 'reason' in failure ? failure.reason : failure.kind
      count(this.#frameEndings, ending)
    },
  }

  /** A transaction is over. */
  ended(facts: Facts): void {
    this.transactions += 1
    const { refused, crashed, status } = facts
    count(
      this.#endings,
      crashed !== undefined ? 'crashed' : refused !== undefined ? 'refused' : String(status),
    )
  }

  /** Instructions of the newest set that never ran. */
  get missingOpcodes(): readonly string[] {
    return INSTRUCTION_SETS.osaka.flatMap((instruction) =>
      instruction === undefined || this.#opcodes[instruction.byte] !== 0 ? [] : [instruction.name],
    )
  }

  toString(): string {
    const missing = this.missingOpcodes
    return [
      `transactions ${this.transactions}: ${shares(this.#endings)}`,
      `frames       ${this.frames}, deepest ${this.depthMax}: ${shares(this.#frameEndings)}`,
      `opcodes      ${missing.length === 0 ? 'all' : `all but ${missing.join(', ')}`}`,
    ].join('\n')
  }
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
