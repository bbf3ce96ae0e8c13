/** The engines that `--engine` can name, as the suites need them. */
import { ENGINE_NAMES, UnknownEngineError, type EngineName } from '../../src/execution/engines.ts'

/** @throws UnknownEngineError */
export function engineNameOf(name: string): EngineName {
  const found = ENGINE_NAMES.find((known) => known === name)
  if (found === undefined) throw new UnknownEngineError(name)
  return found
}
