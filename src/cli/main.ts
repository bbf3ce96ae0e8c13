#!/usr/bin/env node
/** Entry point of the command line. Checks the version of Node before anything newer is linked. */
import { enableCompileCache } from 'node:module'
import { requireNode } from './check-node.ts'

requireNode()
// Compiled code of the modules is kept between starts: what makes the second start fast.
enableCompileCache()
const { runProgram } = await import('./program.ts')
await runProgram(process.argv)
