/** Honest nodes blame liars only: a node that follows the protocol must never be cut off by its peers. */
import type { MakeChecker } from './checker.ts'

export const blameIsDeserved: MakeChecker = (world) => ({
  onBlame(node, peer, reason) {
    if (world.plan.byzantine.has(peer)) return
    world.violate('blame', `${node.name} blames n${peer}, which is honest: ${reason}`)
  },
})
