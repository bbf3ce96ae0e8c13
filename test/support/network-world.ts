/** Nodes on a network within a test: keys, handlers that record what happens, and waiting for what should happen. */
import assert from 'node:assert/strict'
import { sha256 } from '@noble/hashes/sha2.js'
import { bls } from '../../src/consensus/bls.ts'
import type { NodeId } from '../../src/consensus/election/election.ts'
import type { Clock } from '../../src/consensus/plugin.ts'
import type { Signer } from '../../src/consensus/signature-scheme.ts'
import type { MessageClass } from '../../src/network/message-classes.ts'
import type { Topic } from '../../src/network/topics.ts'
import type { GossipVerdict, Notice, Transport, TransportHandlers } from '../../src/network/transport.ts'
import { bytesToHex, toHash } from '../../src/primitives/bytes.ts'

export const CHAIN = { chainId: 31337n, genesisHash: toHash(`0x${'ab'.repeat(32)}`) }
/** Longer than anything here takes; a test that waits so long has failed. */
const PATIENCE_MS = 8_000
const POLL_MS = 20

export type NetworkEvent =
  | { readonly kind: 'up' | 'down'; readonly peer: NodeId }
  | {
      readonly kind: 'message'
      readonly peer: NodeId
      readonly messageClass: MessageClass
      readonly bytes: Uint8Array
    }
  | { readonly kind: 'gossip'; readonly peer: NodeId; readonly topic: Topic; readonly bytes: Uint8Array }
  | { readonly kind: 'notice'; readonly notice: Notice }

/** Records what a transport tells. */
export class Recorder implements TransportHandlers {
  readonly events: NetworkEvent[] = []
  readonly errors: unknown[] = []
  /** What to answer to gossip. */
  verdict: GossipVerdict = 'accept'
  /** What `onMessage` returns. */
  pending: Promise<void> | undefined
  #check: (() => void) | undefined

  onMessage(peer: NodeId, messageClass: MessageClass, bytes: Uint8Array): void | Promise<void> {
    this.#add({ kind: 'message', peer, messageClass, bytes })
    return this.pending
  }

  onGossip(peer: NodeId, topic: Topic, bytes: Uint8Array): GossipVerdict {
    this.#add({ kind: 'gossip', peer, topic, bytes })
    return this.verdict
  }

  onPeerUp(peer: NodeId): void {
    this.#add({ kind: 'up', peer })
  }

  onPeerDown(peer: NodeId): void {
    this.#add({ kind: 'down', peer })
  }

  onNotice(notice: Notice): void {
    this.#add({ kind: 'notice', notice })
  }

  onError(error: unknown): void {
    this.errors.push(error)
    this.#check?.()
  }

  all<K extends NetworkEvent['kind']>(kind: K): Extract<NetworkEvent, { kind: K }>[] {
    // The kind selects the member of the union.
    return this.events.filter((event) => event.kind === kind) as Extract<NetworkEvent, { kind: K }>[]
  }

  messages(messageClass: MessageClass): Uint8Array[] {
    return this.all('message').flatMap((event) => (event.messageClass === messageClass ? event.bytes : []))
  }

  hasNotice(reason: RegExp): boolean {
    return this.all('notice').some(({ notice }) => reason.test(JSON.stringify(notice)))
  }

  /** Waits until what was recorded satisfies the condition. */
  async until(what: string, condition: (recorder: Recorder) => boolean): Promise<void> {
    await waitFor(
      () => condition(this),
      (check) => {
        this.#check = check
      },
      () => `${what}; recorded: ${this.events.map(describeEvent).join(', ')} ${this.errors.join(', ')}`,
    )
  }

  #add(event: NetworkEvent): void {
    this.events.push(event)
    this.#check?.()
  }
}

function describeEvent(event: NetworkEvent): string {
  return event.kind === 'notice' ? JSON.stringify(event.notice) : `${event.kind} ${event.peer.slice(0, 8)}`
}

async function waitFor(
  condition: () => boolean,
  subscribe: (check: (() => void) | undefined) => void,
  describe: () => string,
): Promise<void> {
  if (condition()) return
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(
    () => reject(new assert.AssertionError({ message: `waited for ${describe()}` })),
    PATIENCE_MS,
  )
  subscribe(() => {
    if (condition()) resolve()
  })
  try {
    await promise
  } finally {
    clearTimeout(timer)
    subscribe(undefined)
  }
}

/** Repeats an action until a condition holds: for what takes effect at a time that nobody announces. */
export async function eventually(what: string, condition: () => boolean, action: () => void): Promise<void> {
  const endMs = Date.now() + PATIENCE_MS
  for (;;) {
    action()
    await new Promise((resolve) => {
      setTimeout(resolve, POLL_MS)
    })
    if (condition()) return
    assert.ok(Date.now() < endMs, `waited for ${what}`)
  }
}

/** A consensus key of one's own for each name. */
export function keyOf(name: string): {
  readonly signer: Signer
  readonly node: NodeId
  readonly seed: Uint8Array
} {
  const seed = sha256(new TextEncoder().encode(name))
  // Below the order of the group, whatever the hash.
  const secret = seed.slice()
  secret[0] = 1
  const signer = bls.signer(secret)
  return { signer, node: bytesToHex(signer.publicKey), seed }
}

/** Runs the system's time faster, so that time-outs of seconds pass in a test. */
export function fastClock(factor: number): Clock {
  const startedMs = Date.now()
  return {
    nowMs: () => Math.round(startedMs + (Date.now() - startedMs) * factor),
    schedule: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs / factor)
      return () => clearTimeout(timer)
    },
  }
}

export interface RunningNode<T extends Transport = Transport> {
  readonly transport: T
  readonly recorder: Recorder
}

/** Starts a transport with a recorder. */
export async function startNode<T extends Transport>(
  transport: T,
  recorder: Recorder = new Recorder(),
): Promise<RunningNode<T>> {
  await transport.start(recorder)
  return { transport, recorder }
}
