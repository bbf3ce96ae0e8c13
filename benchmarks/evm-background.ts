/** The engine that compiles what is hot in a thread, put together as a node does it, and its thread watched. */
import { setTimeout as delay } from 'node:timers/promises'
import { BackgroundCompiler } from '../src/node/background-compiler.ts'
import type { CompilePort } from '../runtime/evm/tiering/compile-port.ts'
import { createTieredEngine, type TieringOptions } from '../runtime/evm/tiering/engine.ts'
import type { OpenEngine } from './evm-engines.ts'

const SETTLE_MS_MAX = 10_000
const POLL_MS = 5

export function createBackgroundEngine(options: Omit<TieringOptions, 'port'> = {}): OpenEngine {
  const compiler = new BackgroundCompiler((error) => console.error(error))
  const waiting = new Set<unknown>()
  const port: CompilePort = {
    request(job, onDone) {
      // Before the request: the answer may come at once.
      waiting.add(job)
      const isTaken = compiler.request(job, (compiled) => {
        waiting.delete(job)
        onDone(compiled)
      })
      if (!isTaken) waiting.delete(job)
      return isTaken
    },
    poll: () => compiler.poll(),
  }
  return {
    engine: createTieredEngine({ ...options, port }),
    async settle() {
      const { size } = waiting
      const end = performance.now() + SETTLE_MS_MAX
      while (waiting.size > 0 && performance.now() < end) {
        await delay(POLL_MS)
        compiler.poll()
      }
      return size
    },
  }
}
