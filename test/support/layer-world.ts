/**
 * The nodes of one layer of consensus in one process and in virtual time, and between them a network that a test can
 * look into and tamper with. Signatures are stand-ins, messages travel in no time.
 */
import assert from 'node:assert/strict'
import type { Domain } from '../../src/consensus/simplex/config.ts'
import type { DriverPorts } from '../../src/consensus/simplex/driver.ts'
import type { Message } from '../../src/consensus/simplex/messages.ts'
import { signedBytes } from '../../src/consensus/simplex/signing.ts'
import { leaderOf } from '../../src/consensus/simplex/state.ts'
import type { Statement, View } from '../../src/consensus/simplex/types.ts'
import { verifyRequest } from '../../src/consensus/simplex/verification.ts'
import type { WalRecord } from '../../src/consensus/simplex/wal-records.ts'
import { present } from '../../src/primitives/assert.ts'
import { stubKeyring, stubScheme, stubSigner } from '../simulation/stub-scheme.ts'
import { memoryLog, VirtualWorld } from './virtual-world.ts'

/** Sees every message before it travels: what it returns travels instead. */
export type Tamper = (from: number, to: number, message: Message) => readonly Message[]

interface Layer {
  readonly core: { readonly config: { readonly size: number }; readonly view: View }
  start(): Promise<void>
  stop(): Promise<void>
  /** Resolves when it does nothing any more. */
  settled(): Promise<void>
  receive(from: number, message: Message): void
}

interface LayerNode<L extends Layer> {
  layer: L
  isUp: boolean
}

interface Letter {
  readonly from: number
  readonly to: number
  readonly message: Message
}

export abstract class LayerWorld<L extends Layer, N extends LayerNode<L>> extends VirtualWorld {
  /** Members first, then those who follow. */
  abstract readonly nodes: readonly N[]
  abstract readonly domain: Domain
  /** Members of the committee. */
  protected abstract readonly size: number
  tamper: Tamper = (_from, _to, message) => [message]
  private readonly inFlight: Letter[] = []

  /** Of a node that starts, with what it kept. */
  protected abstract createLayer(node: N): L

  /** Whether nodes without a seat get what is sent to all. */
  protected abstract isForFollowers(message: Message): boolean

  node(index: number): N {
    return present(this.nodes[index], 'node')
  }

  async start(): Promise<void> {
    for (const { layer } of this.nodes) await layer.start()
    await this.settle()
  }

  /** Cuts a node off and ends it; what it stored stays. */
  async stop(index: number): Promise<void> {
    const node = this.node(index)
    node.isUp = false
    await node.layer.stop()
  }

  async restart(index: number): Promise<void> {
    const node = this.node(index)
    node.layer = this.createLayer(node)
    node.isUp = true
    await node.layer.start()
    await this.settle()
  }

  /** Ends all nodes. */
  async close(): Promise<void> {
    for (const { layer, isUp } of this.nodes) if (isUp) await layer.stop()
    assert.equal(this.clock.scheduledCount, 0, 'no timer is left')
  }

  async settle(): Promise<void> {
    for (;;) {
      for (let next = this.inFlight.shift(); next !== undefined; next = this.inFlight.shift()) {
        const { isUp, layer } = this.node(next.to)
        if (isUp) layer.receive(next.from, next.message)
      }
      for (const { layer } of this.nodes) await layer.settled()
      if (this.inFlight.length === 0) return
    }
  }

  /** Of the view that the first node is in. */
  leader(): number {
    const { core } = this.node(0).layer
    return leaderOf(core.config, core.view)
  }

  /** Signs as a member would. */
  sign(index: number, statement: Statement): Uint8Array {
    return stubSigner(index).sign(signedBytes(this.domain, statement))
  }

  protected portsOf(index: number, records: WalRecord[]): Pick<DriverPorts, 'transport' | 'log' | 'verify'> {
    const verifier = { scheme: stubScheme, domain: this.domain, keyring: stubKeyring(this.size) }
    return {
      transport: {
        send: (to, message) => this.post(index, to, message),
        broadcast: (message) => {
          const end = this.isForFollowers(message) ? this.nodes.length : this.size
          for (let to = 0; to < end; to++) if (to !== index) this.post(index, to, message)
        },
      },
      log: memoryLog(records),
      verify: (request, onResult) => onResult(verifyRequest(verifier, request)),
    }
  }

  private post(from: number, to: number, message: Message): void {
    if (!this.node(from).isUp) return
    for (const sent of this.tamper(from, to, message)) this.inFlight.push({ from, to, message: sent })
  }
}
