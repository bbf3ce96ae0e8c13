/** What the pool may grow to, and its prices. One table; a node's configuration may override single values. */
export interface PoolLimits {
  /** Transactions in all. */
  readonly transactionsMax: number
  /** Encoded bytes in all. */
  readonly bytesMax: number
  /** Transactions of one sender, and how far ahead of the account a nonce may be. */
  readonly perSenderMax: number
  /** Encoded bytes of one transaction. */
  readonly transactionSizeMax: number
  /** A replacement must pay this much more, in percent, for fee cap and tip. */
  readonly replacementPercent: bigint
  /** Hashes of departed transactions whose reason is remembered. */
  readonly droppedMax: number
  /** Whether blob transactions are let in; Aevir has no data availability layer to keep their blobs. */
  readonly acceptsBlobs: boolean
}

export const POOL_LIMITS: PoolLimits = {
  transactionsMax: 20_000,
  bytesMax: 128 * 1024 * 1024,
  perSenderMax: 4_096,
  transactionSizeMax: 128 * 1024,
  replacementPercent: 10n,
  droppedMax: 10_000,
  acceptsBlobs: false,
}
