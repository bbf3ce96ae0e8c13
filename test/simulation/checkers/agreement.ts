/**
 * Agreement: there is one final block a height, whoever reports it and when. What was ever final stays so: a node that
 * forgets, or a chain that loses a block, would come up with another one.
 */
import { short } from '../trace.ts'
import type { MakeChecker } from './checker.ts'

export const agreement: MakeChecker = (world) => {
  const finalHashes = new Map<number, string>()
  return {
    onFinalized(node, { proposal: { height, hash } }) {
      if (node.isByzantine) return
      const first = finalHashes.get(height)
      if (first === undefined) finalHashes.set(height, hash)
      else if (first !== hash) {
        world.violate('agreement', `h${height} is ${short(first)} to others, ${short(hash)} to ${node.name}`)
      }
    },
  }
}
