/** The engines that `--engine` can name, as the suites run them: `tiered` with switches between tiers all the time. */
import { createExecution, engineNameOf, type Execution } from '../../src/execution/engines.ts'
import { forcedTiering } from '../support/forced-tiering.ts'

/** @throws UnknownEngineError */
export async function executionOf(name: string): Promise<Execution> {
  const tiering = engineNameOf(name) === 'tiered' ? forcedTiering('conformance') : undefined
  return createExecution(name, tiering)
}
