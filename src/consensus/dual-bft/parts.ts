/** What both layers of a node have in common, and what their epochs are made of. */
import { ResetTriggers } from '../execution-layer/reset-triggers.ts'
import type { Application, Clock } from '../plugin.ts'
import type { DualBftOptions } from './dual-bft.ts'
import { Elections } from './elections.ts'
import { FinalChainView } from './final-chain-view.ts'
import { Rejects } from './rejects.ts'
import { Resets } from './resets.ts'
import { RunningInstances } from './running.ts'
import { SealedChain } from './sealed-chain.ts'
import { Transitions } from './transitions.ts'

export interface Parts {
  readonly application: Application
  readonly clock: Clock
  readonly options: DualBftOptions
  readonly transitions: Transitions
  readonly instances: RunningInstances
  readonly sealed: SealedChain
  readonly elections: Elections
  readonly triggers: ResetTriggers
  readonly resets: Resets
  readonly rejects: Rejects
  readonly chain: FinalChainView
}

export function makeParts(application: Application, clock: Clock, options: DualBftOptions): Parts {
  const { parameters, registry, store, genesis } = options
  const transitions = new Transitions((error) => options.onError(error))
  const instances = new RunningInstances(options, transitions)
  const sealed = new SealedChain(store, genesis)
  const elections = new Elections(registry, parameters, sealed)
  const triggers = new ResetTriggers(sealed, parameters)
  const common = { application, options, elections, sealed }
  const resets = new Resets({ ...common, triggers })
  const rejects = new Rejects(common)
  const chain = new FinalChainView(
    application,
    options,
    (epoch) => instances.executionVerifier(epoch),
    () => rejects.proof,
  )
  return { ...common, clock, transitions, instances, triggers, resets, rejects, chain }
}
