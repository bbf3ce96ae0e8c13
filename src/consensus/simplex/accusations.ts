/** Noticing that a member contradicts itself. Both statements are verified before anybody hears of it. */
import { isOffence } from './evidence.ts'
import { requestVerification, roundAt, type Core } from './state.ts'
import type { SignedStatement } from './types.ts'

/** At most one accusation of a member a view. Statements that do not contradict each other are no news. */
export function accuse(core: Core, first: SignedStatement, second: SignedStatement): void {
  const { accused } = roundAt(core, first.view)
  if (accused.has(first.signer) || !isOffence(first, second)) return
  accused.add(first.signer)
  const job = { kind: 'evidence', first, second } as const
  requestVerification(core, job, { kind: 'statements', statements: [first, second] })
}

export function settleAccusation(
  core: Core,
  first: SignedStatement,
  second: SignedStatement,
  isValid: boolean,
): void {
  if (isValid) core.effects.push({ kind: 'evidence', evidence: { first, second } })
  else core.effects.push({ kind: 'blame', peer: first.signer, reason: 'invalidSignature' })
}
