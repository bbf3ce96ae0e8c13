/** Gives the reporter of evidence what it needs of a node: states, fees, the pool, and the operator's log. */
import {
  EvidenceReporter,
  type Operator,
  type ReporterEvent,
} from '../consensus/accountability/evidence-reporter.ts'
import type { NodeId } from '../consensus/election/election.ts'
import type { Clock } from '../consensus/plugin.ts'
import { unreachable } from '../primitives/assert.ts'
import type { Backend } from '../rpc/backend.ts'
import type { Log } from './log.ts'

export interface EvidenceReportingOptions {
  readonly backend: Pick<
    Backend,
    'config' | 'ledger' | 'latestState' | 'stateAt' | 'nextEnvironment' | 'submit'
  >
  readonly clock: Clock
  readonly log: Log
  readonly operator: Operator
  /** This node's key; `undefined` for one that only follows. */
  readonly self: NodeId | undefined
  /** The node must stop. */
  onError(error: unknown): void
}

/** Takes the evidence of `ConsensusEvent`s from now on; the node stops it before its chain. */
export function openEvidenceReporter(options: EvidenceReportingOptions): EvidenceReporter {
  const { backend, clock, log, operator, self, onError } = options
  const { chainId } = backend.config
  return new EvidenceReporter({ chainId, self, operator }, clock, {
    state: (commit) =>
      commit === 'final' ? backend.stateAt(backend.ledger.committed('final')) : backend.latestState(),
    baseFeePerGas: () => backend.nextEnvironment().baseFeePerGas,
    submit: async (transaction) => {
      await backend.submit(transaction.bytes)
    },
    onEvent: (event) => write(log, event),
    onError,
  })
}

function write(log: Log, event: ReporterEvent): void {
  const { layer, epoch, view, member } = event.offence
  const fields = { layer, epoch, view, member }
  switch (event.kind) {
    case 'found':
      return log.warn('a member contradicted itself', fields)
    case 'submitted':
      return log.info('evidence submitted', { ...fields, transaction: event.transaction })
    case 'refused':
      return log.warn('evidence refused by the pool', { ...fields, reason: event.error.message })
    case 'recorded':
      return log.info('evidence recorded', fields)
    case 'givenUp':
      return log.error('evidence not recorded', fields)
    default:
      return unreachable(event)
  }
}
