#!/usr/bin/env node
/** Entry point of the command line. Checks the version of Node before anything newer is linked. */
import { requireNode } from './check-node.ts'

const FLUSH_DELAY_MS = 1_000

requireNode()
// Not a static import: an old Node has no such export, and would fail before the check could say what to do.
const { enableCompileCache, flushCompileCache } = await import('node:module')
// Compiled code of the modules is kept between starts: what makes the second start fast.
enableCompileCache()
const { runProgram } = await import('./program.ts')
await runProgram(process.argv)
// Node writes it when the process ends in order, and a killed node never does. Later, so that functions that run at the
// first requests are in it too.
setTimeout(flushCompileCache, FLUSH_DELAY_MS).unref()
