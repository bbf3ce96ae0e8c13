/** From "all blocks up to this number reached a state" to the blocks that did so just now. */
import { COMMIT_STATES, type CommitState, type Ledger } from '../execution/ledger.ts'
import type { NodeEvent } from './backend.ts'

export class CommitProgress {
  /** Blocks up to this number were told to have reached the state. */
  readonly #told: Map<CommitState, bigint>

  constructor(ledger: Pick<Ledger, 'committed'>) {
    this.#told = new Map(COMMIT_STATES.map((state) => [state, ledger.committed(state)]))
  }

  /** Numbers of the blocks that reached the state of a `committed` event with it, oldest first. Once for each event. */
  onEvent(event: NodeEvent): readonly bigint[] {
    // A development chain can go back behind sealed blocks.
    if (event.kind === 'revoked') this.#forgetFrom(event.block.header.number)
    return event.kind === 'committed' ? this.#reached(event.state, event.number) : []
  }

  #reached(state: CommitState, number: bigint): readonly bigint[] {
    const numbers: bigint[] = []
    for (let next = (this.#told.get(state) ?? 0n) + 1n; next <= number; next++) numbers.push(next)
    this.#told.set(state, number)
    return numbers
  }

  #forgetFrom(number: bigint): void {
    for (const [state, told] of this.#told) if (told >= number) this.#told.set(state, number - 1n)
  }
}
