/**
 * What an instance of the core is given by its node: a place in the network, a log, somebody who checks signatures.
 * A node runs one instance of each layer, and for a while those of two epochs.
 */
import type { Committee } from '../committees/committee.ts'
import type { DriverPorts } from '../simplex/driver.ts'
import type { Blame, Peer } from '../simplex/events.ts'
import type { Message } from '../simplex/messages.ts'
import type { Domain } from '../simplex/config.ts'
import type { View } from '../simplex/types.ts'
import type { WalRecord } from '../simplex/wal-records.ts'

export interface InstanceDescription {
  readonly committee: Committee
  readonly domain: Domain
  /** This node's index in the committee; `undefined` for one that follows. */
  readonly self: number | undefined
  /** Takes decoded messages of this committee's domain. Not before `open` has resolved. */
  receive(from: Peer, message: Message): void
}

/** What {@link InstanceHost.open} gives. */
export interface InstancePorts {
  /** Proposals and certificates also go to those who follow, votes to members only. */
  readonly transport: DriverPorts['transport']
  readonly log: DriverPorts['log']
  readonly verify: DriverPorts['verify']
  /** What the log held. */
  readonly records: readonly WalRecord[]
  /** The last view in which this node may have said something that the log does not tell. */
  readonly abstainThrough: View
  /** Holds an offence against a peer. */
  blame(peer: Peer, reason: Blame): void
  /** The epoch is over: its log is no longer needed. Also ends what `open` began. */
  retire(): Promise<void>
  /** Ends what `open` began; the log stays. */
  close(): Promise<void>
}

export interface InstanceHost {
  /** @throws an AevirError when the log or the double-sign guard refuse. */
  open(instance: InstanceDescription): Promise<InstancePorts>
  /** Members of all committees that this node has an instance for, when they change. */
  setCommittees(committees: readonly Committee[]): void
}
