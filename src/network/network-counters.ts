/** What a transport counts: traffic by class and topic, drops by cause, offences, refusals. */
import { CLASSES_BY_URGENCY, type MessageClass } from './message-classes.ts'
import { OFFENCES, type Offence } from './peer-scores.ts'
import { TOPIC_NAMES, type Topic } from './topics.ts'

export interface TrafficCounters {
  sentMessages: number
  sentBytes: number
  receivedMessages: number
  receivedBytes: number
  /** Not sent, because a queue was full or the peer not connected. */
  droppedOutbound: number
  /** Not delivered, because of a limit. */
  droppedInbound: number
}

export interface NetworkStatistics {
  readonly classes: Readonly<Record<MessageClass, Readonly<TrafficCounters>>>
  readonly topics: Readonly<Record<Topic, Readonly<TrafficCounters>>>
  readonly offences: Readonly<Record<Offence, number>>
  /** Connections refused, by reason. */
  readonly refusals: Readonly<Record<string, number>>
  readonly bans: number
  readonly connections: number
}

/** The live counters; {@link snapshot} copies them. */
export class NetworkCounters {
  readonly classes: Record<MessageClass, TrafficCounters> = byName(CLASSES_BY_URGENCY, traffic)
  readonly topics: Record<Topic, TrafficCounters> = byName(TOPIC_NAMES, traffic)
  readonly offences: Record<Offence, number> = byName(OFFENCES, () => 0)
  readonly refusals = new Map<string, number>()
  bans = 0

  countRefusal(reason: string): void {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1)
  }

  snapshot(connections: number): NetworkStatistics {
    return {
      classes: byName(CLASSES_BY_URGENCY, (name) => ({ ...this.classes[name] })),
      topics: byName(TOPIC_NAMES, (name) => ({ ...this.topics[name] })),
      offences: { ...this.offences },
      refusals: Object.fromEntries(this.refusals),
      bans: this.bans,
      connections,
    }
  }
}

function traffic(): TrafficCounters {
  return {
    sentMessages: 0,
    sentBytes: 0,
    receivedMessages: 0,
    receivedBytes: 0,
    droppedOutbound: 0,
    droppedInbound: 0,
  }
}

function byName<N extends string, V>(names: readonly N[], valueOf: (name: N) => V): Record<N, V> {
  // The entries are all names there are, each once.
  return Object.fromEntries(names.map((name) => [name, valueOf(name)])) as Record<N, V>
}
