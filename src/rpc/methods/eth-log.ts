/** Logs: searching them, and filters that are polled. */
import type { MethodTable } from '../method.ts'
import { parseLogFilter, searchLogs } from '../logs.ts'
import { pauseOf } from '../pause.ts'
import { isAbsent, parseBoolean, parseString } from '../parse.ts'

export const methods = {
  eth_getLogs: {
    params: [1, 1],
    run: ([filter], context) =>
      searchLogs(context.backend.ledger, parseLogFilter(filter, 'filter'), pauseOf(context)),
  },
  eth_newFilter: {
    params: [1, 1],
    run: ([filter], { filters, subscriber }) =>
      filters.add({ kind: 'logs', filter: parseLogFilter(filter, 'filter') }, subscriber),
  },
  eth_newBlockFilter: {
    params: [0, 0],
    run: (_, { filters, subscriber }) => filters.add({ kind: 'blocks' }, subscriber),
  },
  eth_newPendingTransactionFilter: {
    params: [0, 1],
    run: ([bodies], { filters, subscriber }) => {
      const hasBodies = !isAbsent(bodies) && parseBoolean(bodies, 'bodies')
      return filters.add({ kind: 'transactions', hasBodies }, subscriber)
    },
  },
  eth_getFilterChanges: {
    params: [1, 1],
    run: ([id], { filters }) => filters.takeChanges(parseFilterId(id)),
  },
  eth_getFilterLogs: {
    params: [1, 1],
    run: ([id], context) =>
      searchLogs(context.backend.ledger, context.filters.logFilter(parseFilterId(id)), pauseOf(context)),
  },
  eth_uninstallFilter: { params: [1, 1], run: ([id], { filters }) => filters.remove(parseFilterId(id)) },
} as const satisfies MethodTable

const ID_LENGTH_MAX = 66

/** Any short text: what it is not is a filter that exists. */
function parseFilterId(value: unknown): string {
  return parseString(value, 'filter id').slice(0, ID_LENGTH_MAX).toLowerCase()
}
