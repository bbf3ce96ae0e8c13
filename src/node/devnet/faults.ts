/** The fault switch of a development network ({@link FaultControl}), over its nodes wherever they run. */
import type { NodeId } from '../../consensus/election/election.ts'
import type { NetworkFault } from '../../network/faulty-transport.ts'
import { present, unreachable } from '../../primitives/assert.ts'
import { FaultRefusedError, type FaultControl, type NodeFault } from '../../rpc/fault-control.ts'

/** A node that can be broken. */
export interface BreakableNode {
  readonly name: string
  readonly id: NodeId
  readonly fault: NodeFault
  /** Resolves when the fault is in effect. Called again only after that. @throws FaultRefusedError */
  setFault(fault: NodeFault): Promise<void>
}

/**
 * The switch as one node has it.
 * @param self answers the calls, and must not crash before it has answered.
 */
export function faultControlOf(nodes: readonly BreakableNode[], self: NodeId): FaultControl {
  return {
    nodes: () => nodes.map(({ name, id, fault }) => ({ name, id, fault })),
    setFault: async (id, fault) => {
      const node = present(
        nodes.find((other) => other.id === id),
        'a node of the network',
      )
      if (id === self && fault.kind === 'crash') {
        throw new FaultRefusedError(
          `${node.name} answers this call and cannot crash in it: ask another node, or pause this one`,
        )
      }
      await node.setFault(fault)
    },
  }
}

/** Runs one thing after the other, whoever asks for it. */
export class Turns {
  #last: Promise<void> = Promise.resolve()

  take(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work)
    // Whoever asked hears of a failure; whoever comes next goes on.
    this.#last = done.catch(() => undefined)
    return done
  }
}

/** What the connections of a node with this fault are like. */
export function networkFaultOf(fault: Exclude<NodeFault, { kind: 'crash' }>): NetworkFault {
  switch (fault.kind) {
    case 'none':
    case 'equivocate':
      return { kind: 'none' }
    case 'pause':
    case 'delay':
    case 'partition':
      return fault
    default:
      return unreachable(fault)
  }
}
