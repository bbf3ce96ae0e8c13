/**
 * Answers of a verifier that several nodes of one process ask. What one of them asks, the others ask as well, moments
 * later: a check of signatures costs a millisecond, finding the answer a hundredth of it. A request is known by all its
 * bytes, signatures included, so that an answer is never given for anything but what was checked.
 */
import { createHash } from 'node:crypto'
import { unreachable } from '../../primitives/assert.ts'
import type { VerifyRequest, VerifyResult } from '../../consensus/simplex/verification.ts'

/** Of a committee: several views of it, at 51 members. The oldest are forgotten. */
const ANSWERS_MAX = 4096

type OnResult = (result: VerifyResult) => void
type Entry = { readonly waiting: OnResult[] } | { readonly result: VerifyResult }

export class SharedAnswers {
  readonly #entries = new Map<string, Entry>()

  /** @param check checks the request, and calls back once or never. */
  ask(request: VerifyRequest, onResult: OnResult, check: (settle: OnResult) => void): void {
    const key = keyOf(request)
    const known = this.#entries.get(key)
    if (known !== undefined) {
      if ('result' in known) onResult(known.result)
      else known.waiting.push(onResult)
      return
    }
    const waiting = [onResult]
    this.#entries.set(key, { waiting })
    this.#forgetOldest()
    check((result) => {
      this.#entries.set(key, { result })
      for (const settle of waiting) settle(result)
    })
  }

  #forgetOldest(): void {
    if (this.#entries.size <= ANSWERS_MAX) return
    const [oldest] = this.#entries.keys()
    // Those that wait for it are told: they are called by what checks it.
    if (oldest !== undefined) this.#entries.delete(oldest)
  }
}

function keyOf(request: VerifyRequest): string {
  const hash = createHash('sha256')
  switch (request.kind) {
    case 'votes': {
      const { statement, votes } = request
      hash.update(`votes ${statement.kind} ${statement.view} ${statement.hash}`)
      // The sum is the same in every order.
      for (const { signer, signature } of votes.toSorted((a, b) => a.signer - b.signer)) {
        hash.update(` ${signer} ${signature.length} `).update(signature)
      }
      break
    }
    case 'certificate': {
      const { kind, view, hash: of, bitmap, signature } = request.certificate
      hash.update(`certificate ${kind} ${view} ${of} ${bitmap.length} `).update(bitmap).update(signature)
      break
    }
    case 'statements':
      hash.update('statements')
      for (const { kind, view, hash: of, signer, signature } of request.statements) {
        hash.update(` ${kind} ${view} ${of} ${signer} ${signature.length} `).update(signature)
      }
      break
    default:
      unreachable(request)
  }
  return hash.digest('latin1')
}
