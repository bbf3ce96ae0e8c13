/** A thread that runs the worlds that it is sent. */
import { parentPort } from 'node:worker_threads'
import { runSeed, type SeedOptions } from './run-seed.ts'

parentPort?.on('message', async (options: SeedOptions) => parentPort?.postMessage(await runSeed(options)))
