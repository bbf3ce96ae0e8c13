/** The child's end of the channel: lets its parent break the node, and its user break the network. */
import type { NodeId } from '../../consensus/election/election.ts'
import type { InstanceHost } from '../../consensus/dual-bft/instances.ts'
import type { Clock } from '../../consensus/plugin.ts'
import type { Signer } from '../../consensus/signature-scheme.ts'
import { FaultyTransport } from '../../network/faulty-transport.ts'
import type { Transport } from '../../network/transport.ts'
import {
  FaultRefusedError,
  type FaultControl,
  type FaultyNode,
  type NodeFault,
} from '../../rpc/fault-control.ts'
import type { FromChild, ToChild } from './child-messages.ts'
import { equivocatingHost, type EquivocationSwitch } from './equivocation.ts'
import { networkFaultOf } from './faults.ts'

export interface ChildChannel {
  send(message: FromChild): void
  readonly clock: Clock
  /** The parent wants the node to end in order. */
  onStop(): void
}

export class ChildControl implements FaultControl {
  readonly #channel: ChildChannel
  readonly #lying: EquivocationSwitch = { isOn: false }
  readonly #waiting = new Map<number, (refused: string | undefined) => void>()
  #nodes: readonly FaultyNode[] = []
  #transport: FaultyTransport | undefined
  #nextRequest = 0

  constructor(channel: ChildChannel) {
    this.#channel = channel
  }

  receive(message: ToChild): void {
    switch (message.kind) {
      case 'nodes':
        this.#nodes = message.nodes
        break
      case 'fault':
        this.#lying.isOn = message.fault.kind === 'equivocate'
        this.#transport?.setFault(networkFaultOf(message.fault))
        this.#channel.send({ kind: 'faultSet' })
        break
      case 'answer':
        this.#waiting.get(message.request)?.(message.refused)
        this.#waiting.delete(message.request)
        break
      case 'stop':
        this.#channel.onStop()
        break
    }
  }

  // ---- Around the node ------------------------------------------------------------------------------------------------

  wrapTransport(transport: Transport): Transport {
    this.#transport = new FaultyTransport(transport, this.#channel.clock)
    return this.#transport
  }

  decorateHost(host: InstanceHost, signer: Signer): InstanceHost {
    return equivocatingHost(host, { signer, clock: this.#channel.clock, lying: this.#lying })
  }

  // ---- For its user -----------------------------------------------------------------------------------------------------

  nodes(): readonly FaultyNode[] {
    return this.#nodes
  }

  async setFault(node: NodeId, fault: NodeFault): Promise<void> {
    const request = this.#nextRequest++
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    this.#waiting.set(request, resolve)
    this.#channel.send({ kind: 'setFault', request, node, fault })
    const refused = await promise
    if (refused !== undefined) throw new FaultRefusedError(refused)
  }
}
