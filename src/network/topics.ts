/** The topics of gossip and their limits: what every node may want, whether or not it sits in a committee. */

/** Transactions for the pool; seals (certificates of sealed blocks); what followers are told about new blocks. */
export type Topic = 'transactions' | 'seals' | 'followers'

export interface TopicLimits {
  /** Size of a message in bytes. */
  readonly messageSizeMax: number
  /** New messages of one peer; above this they are dropped and the peer is blamed. */
  readonly messagesPerSecond: number
  readonly messagesBurst: number
  /** Whether the publisher sends to every subscriber at once rather than to its part of the mesh. */
  readonly isUrgent: boolean
}

export const TOPICS: Readonly<Record<Topic, TopicLimits>> = {
  transactions: {
    messageSizeMax: 256 * 1024,
    messagesPerSecond: 4000,
    messagesBurst: 16_000,
    isUrgent: false,
  },
  seals: { messageSizeMax: 64 * 1024, messagesPerSecond: 100, messagesBurst: 400, isUrgent: true },
  followers: { messageSizeMax: 64 * 1024, messagesPerSecond: 100, messagesBurst: 400, isUrgent: true },
}

export const TOPIC_NAMES: readonly Topic[] = ['transactions', 'seals', 'followers']
