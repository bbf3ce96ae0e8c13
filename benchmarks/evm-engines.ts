/**
 * Our engines by name, as benchmarks run them: those that a node can be started with, and variants of one of them, which
 * are measured beside it to tell what an option is worth.
 */
import { ENGINE_NAMES } from '../src/execution/engines.ts'
import type { Engine } from '../runtime/host.ts'

/** An engine, and what it does in the background. */
export interface OpenEngine {
  readonly engine: Engine
  /** Waits for what is being compiled. @returns how much that was */
  settle(): Promise<number>
}

/** Our engines, slowest first; the reference is not ours. */
export const OWN_ENGINES: readonly string[] = ENGINE_NAMES.filter((name) => name !== 'reference')

/** What nodes run: others are compared with it. */
export const DEFAULT_ENGINE = 'tiered'

/** Each is loaded when it is asked for: a process runs one of them. */
const OPENERS: Readonly<Record<string, () => Promise<OpenEngine>>> = {
  tier0: async () => still((await import('../runtime/evm/engine.ts')).tier0),
  tier1: async () => still((await import('../runtime/evm/tier1/engine.ts')).tier1),
  tier2: async () => still((await import('../runtime/evm/tier2/engine.ts')).tier2),
  // As a node has it: it compiles in a thread of its own.
  tiered: async () => (await import('./evm-background.ts')).createBackgroundEngine(),
  'with memo': async () =>
    (await import('./evm-background.ts')).createBackgroundEngine({ remembersHashes: true }),
}

/** Of {@link DEFAULT_ENGINE}. */
export const ENGINE_VARIANTS: readonly string[] = Object.keys(OPENERS).filter(
  (name) => !OWN_ENGINES.includes(name),
)

/** `undefined` when none of ours has this name. */
export async function openEngine(name: string): Promise<OpenEngine | undefined> {
  return OPENERS[name]?.()
}

function still(engine: Engine): OpenEngine {
  return { engine, settle: async () => 0 }
}
