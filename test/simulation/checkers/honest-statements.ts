/** No honest node ever says two things that convict it, whatever happens to its power and its disks. */
import { isOffence, verifyEvidence } from '../../../src/consensus/simplex/evidence.ts'
import type { Statement } from '../../../src/consensus/simplex/types.ts'
import { describeStatement } from '../trace.ts'
import type { MakeChecker } from './checker.ts'

export const honestStatements: MakeChecker = (world) => {
  /** By member and view: what was said, each thing once. */
  const said = new Map<string, Statement[]>()
  return {
    onSent(node, message) {
      const statement: Statement | undefined =
        message.kind === 'vote'
          ? message.vote
          : message.kind === 'propose'
            ? { kind: 'propose', view: message.block.proposal.view, hash: message.block.proposal.hash }
            : undefined
      if (statement === undefined) return
      const key = `${node.index} ${statement.view}`
      const earlier = said.get(key)
      if (earlier === undefined) {
        said.set(key, [statement])
        return
      }
      if (earlier.some(({ kind, hash }) => kind === statement.kind && hash === statement.hash)) return
      for (const other of earlier) {
        if (!isOffence(other, statement)) continue
        world.violate(
          'honest-statements',
          `${node.name} says ${describeStatement(other)} and ${describeStatement(statement)}`,
        )
      }
      earlier.push(statement)
    },
    onEvidence(node, { first, second }) {
      if (!verifyEvidence(world.domain, world.verifier.keyring, { first, second })) {
        world.violate('honest-statements', `${node.name} has evidence that does not hold`)
      }
      if (world.plan.byzantine.has(first.signer)) return
      world.violate(
        'honest-statements',
        `${node.name} has ${describeStatement(first)} and ${describeStatement(second)} of n${first.signer}`,
      )
    },
  }
}
