/** The thread behind {@link BackgroundCompiler}: code in, modules out. */
import { parentPort } from 'node:worker_threads'
import { present } from '../primitives/assert.ts'
import { compileCode } from '../../runtime/evm/tier2/code-cache.ts'
import type { CompileAnswer, CompileRequest } from './background-compiler.ts'

const port = present(parentPort, 'the port of the main thread')

port.on('message', ({ code, fork }: CompileRequest) => {
  const answer: CompileAnswer = { module: new WebAssembly.Module(compileCode(code, fork)) }
  port.postMessage(answer)
})
