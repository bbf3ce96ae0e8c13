/**
 * Which proposals a member has sent. Their bodies are megabytes to be hashed on the main thread, their headers are not: who
 * sends the same one again and again would else keep a node busy with what it has.
 *
 * A leader makes one proposal in a view. A second one convicts it, and is read; a third tells nothing new.
 */
import { isOfSameView } from '../../consensus/simplex/proposal.ts'
import { equalBytes } from '../../primitives/bytes.ts'

/** Views whose proposals are remembered. */
const VIEWS_MAX = 64
/** Different proposals of one view that are read. */
const PROPOSALS_MAX = 2
/** A leader that starts anew says again what it proposed; one that starts so often in one view is no accident. */
const REPEATS_MAX = 4

interface HeardView {
  readonly headers: Uint8Array[]
  repeats: number
}

/** `flood`: known, and repeated too often. `excess`: not known, and one too many of its view. */
export type Novelty = 'new' | 'known' | 'flood' | 'excess'

export class HeardProposals {
  /** In the order in which they were heard of. */
  readonly #views: HeardView[] = []

  /** @param header an encoded proposal, which is known from now on. */
  note(header: Uint8Array): Novelty {
    const heard = this.#views.find(({ headers }) => headers.some((other) => isOfSameView(other, header)))
    // A copy: the header is a part of a message of megabytes.
    if (heard === undefined) {
      this.#views.push({ headers: [header.slice()], repeats: 0 })
      if (this.#views.length > VIEWS_MAX) this.#views.shift()
      return 'new'
    }
    if (heard.headers.some((other) => equalBytes(other, header))) {
      heard.repeats += 1
      return heard.repeats > REPEATS_MAX ? 'flood' : 'known'
    }
    if (heard.headers.length >= PROPOSALS_MAX) return 'excess'
    heard.headers.push(header.slice())
    return 'new'
  }
}
