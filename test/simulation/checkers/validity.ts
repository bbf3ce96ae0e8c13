/** Validity: what becomes final was executed correctly by somebody who did not just believe the leader. */
import type { Hash } from '../../../src/primitives/bytes.ts'
import { execute, ROOT } from '../application.ts'
import { short } from '../trace.ts'
import type { MakeChecker } from './checker.ts'

export const validity: MakeChecker = (world) => {
  const payloads = new Map<Hash, Hash>([[ROOT.hash, ROOT.hash]])
  return {
    onFinalized(node, { proposal, body }) {
      if (node.isByzantine) return
      const parent = payloads.get(proposal.parentHash)
      if (parent === undefined) return
      const payload = execute(parent, body)
      payloads.set(proposal.hash, payload)
      if (payload !== proposal.payloadHash) {
        world.violate(
          'validity',
          `h${proposal.height} ${short(proposal.hash)} is final for ${node.name}, but invalid`,
        )
      }
    },
  }
}
