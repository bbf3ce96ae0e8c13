/** `eth_subscribe` and `eth_unsubscribe`: over WebSocket only. */
import { RPC_CODES, RpcError } from '../errors.ts'
import { parseLogMatcher } from '../logs.ts'
import type { MethodContext, MethodTable } from '../method.ts'
import {
  isAbsent,
  parseArray,
  parseBoolean,
  parseHash,
  parseObject,
  parseOneOf,
  parseString,
} from '../parse.ts'
import type { Subscriber, SubscriptionKind } from '../subscriptions.ts'
import { unreachable } from '../../primitives/assert.ts'

const KINDS = [
  'newHeads',
  'logs',
  'newPendingTransactions',
  'transactionReceipts',
  'syncing',
  'aevirNewHeads',
] as const satisfies readonly SubscriptionKind['kind'][]

/** Hashes that a subscription to receipts can name. */
const RECEIPT_HASHES_MAX = 200

export const methods = {
  eth_subscribe: {
    params: [1, 2],
    run: ([kind, options], context) => {
      const wanted = parseKind(kind, options)
      const id = context.subscriptions.add(wanted, requireSubscriber(context))
      context.opened.push(id)
      return id
    },
  },
  eth_unsubscribe: {
    params: [1, 1],
    run: ([id], context) =>
      context.subscriptions.remove(parseString(id, 'subscription id'), requireSubscriber(context)),
  },
} as const satisfies MethodTable

function requireSubscriber({ subscriber }: MethodContext): Subscriber {
  if (subscriber !== undefined) return subscriber
  throw new RpcError(
    RPC_CODES.notFound,
    'notifications not supported: HTTP cannot carry them; connect to the same port by WebSocket (ws://)',
  )
}

function parseKind(value: unknown, options: unknown): SubscriptionKind {
  const kind = parseOneOf(value, 'subscription', KINDS)
  switch (kind) {
    case 'newHeads':
    case 'syncing':
    case 'aevirNewHeads':
      return { kind }
    case 'logs':
      return { kind, matcher: parseLogMatcher(options ?? {}, 'filter') }
    case 'newPendingTransactions':
      return { kind, hasBodies: !isAbsent(options) && parseBoolean(options, 'bodies') }
    case 'transactionReceipts': {
      const hashes = parseObject(options ?? {}, 'filter')['transactionHashes']
      const list = isAbsent(hashes)
        ? []
        : parseArray(hashes, 'filter.transactionHashes', RECEIPT_HASHES_MAX, parseHash)
      return { kind, hashes: list.length === 0 ? undefined : new Set(list) }
    }
    default:
      return unreachable(kind)
  }
}
