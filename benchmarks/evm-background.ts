/** The engine that compiles what is hot in a thread, put together as a node does it. */
import { existsSync } from 'node:fs'
import type { Engine } from '../runtime/host.ts'

const TIERING = '../runtime/evm/tiering/engine.ts'
const TIER2 = '../runtime/evm/tier2/engine.ts'
const COMPILER = '../src/node/background-compiler.ts'

interface EngineModule {
  readonly createTieredEngine: (compiler: unknown) => Engine
}

interface CompilerModule {
  readonly BackgroundCompiler: new (onError: (error: Error) => void) => { readonly compile?: unknown }
}

export async function createBackgroundEngine(): Promise<Engine> {
  const isNew = existsSync(new URL(TIERING, import.meta.url))
  const engines = (await import(isNew ? TIERING : TIER2)) as EngineModule
  const { BackgroundCompiler } = (await import(COMPILER)) as CompilerModule
  const compiler = new BackgroundCompiler((error) => console.error(error))
  return engines.createTieredEngine(isNew ? { port: compiler } : compiler.compile)
}
