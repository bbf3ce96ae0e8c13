/**
 * The classes of direct messages: one table of their urgency and limits.
 *
 * Votes and certificates are small and decide the latency of everything; a block is large and urgent; transactions wait
 * for the next block anyway; answers to nodes that catch up are large and can wait. Each class has its own stream and its own queue to each peer. The limits are a
 * multiple of what a committee of 72 needs at ten blocks a second, so that an honest peer never meets them.
 */

export type MessageClass = 'votes' | 'blocks' | 'pool' | 'sync'

export interface MessageClassLimits {
  /** Size of a message in bytes; a longer one is an offence of its sender. */
  readonly messageSizeMax: number
  /** What may wait for one peer. */
  readonly queueMessagesMax: number
  readonly queueBytesMax: number
  /** A full queue loses its oldest message, because a newer vote outdates it, or refuses the new one. */
  readonly whenFull: 'drop-oldest' | 'refuse'
  /** Above this the messages of a peer are dropped and it is blamed. */
  readonly messagesPerSecond: number
  readonly messagesBurst: number
  /** Above this a peer is read no faster. */
  readonly bytesPerSecond: number
  readonly bytesBurst: number
  /** Time from the first byte of a message to its last. */
  readonly messageTimeoutMs: number
  /** Whether only members of a committee may send it. */
  readonly isMembersOnly: boolean
}

const KIB = 1024
const MIB = 1024 * KIB

/** In the order of urgency. */
export const MESSAGE_CLASSES: Readonly<Record<MessageClass, MessageClassLimits>> = {
  votes: {
    messageSizeMax: 256 * KIB,
    queueMessagesMax: 4096,
    queueBytesMax: 4 * MIB,
    whenFull: 'drop-oldest',
    messagesPerSecond: 2000,
    messagesBurst: 4000,
    bytesPerSecond: 8 * MIB,
    bytesBurst: 16 * MIB,
    messageTimeoutMs: 5_000,
    isMembersOnly: true,
  },
  blocks: {
    messageSizeMax: 12 * MIB,
    queueMessagesMax: 64,
    queueBytesMax: 32 * MIB,
    whenFull: 'drop-oldest',
    messagesPerSecond: 100,
    messagesBurst: 200,
    bytesPerSecond: 64 * MIB,
    bytesBurst: 128 * MIB,
    messageTimeoutMs: 20_000,
    isMembersOnly: true,
  },
  pool: {
    messageSizeMax: 256 * KIB,
    queueMessagesMax: 1024,
    queueBytesMax: 16 * MIB,
    whenFull: 'refuse',
    messagesPerSecond: 400,
    messagesBurst: 800,
    bytesPerSecond: 8 * MIB,
    bytesBurst: 16 * MIB,
    messageTimeoutMs: 10_000,
    isMembersOnly: true,
  },
  sync: {
    messageSizeMax: 12 * MIB,
    queueMessagesMax: 256,
    queueBytesMax: 32 * MIB,
    whenFull: 'refuse',
    messagesPerSecond: 200,
    messagesBurst: 400,
    bytesPerSecond: 32 * MIB,
    bytesBurst: 64 * MIB,
    messageTimeoutMs: 30_000,
    isMembersOnly: false,
  },
}

/** The names, most urgent first. */
export const CLASSES_BY_URGENCY: readonly MessageClass[] = ['votes', 'blocks', 'pool', 'sync']
