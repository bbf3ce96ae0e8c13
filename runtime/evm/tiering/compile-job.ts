/** What stands behind a {@link CompilePort}: loading this loads the compiler. */
import { compile, REGION_LIMITS } from '../tier2/compile.ts'
import type { RegionLimits } from '../tier2/region-graph.ts'
import type { CompiledCode, CompileJob, CompilePort } from './compile-port.ts'

/**
 * @param nowMs processor time of this thread; without one, bytes alone are limited, and results depend on nothing else.
 */
export function runCompileJob(
  { code, fork, budget }: CompileJob,
  nowMs: () => number = () => 0,
  limits: RegionLimits = REGION_LIMITS,
): CompiledCode {
  const startMs = nowMs()
  const { bytes, isPartial } = compile(code, fork, {
    limits,
    bytesMax: budget.bytesMax,
    isOutOfTime: () => nowMs() - startMs > budget.msMax,
  })
  const module = new WebAssembly.Module(bytes)
  return { module, byteCount: bytes.length, ms: nowMs() - startMs, isPartial }
}

/** Compiles on the spot: for tests, which want to know in which tier code runs. */
export function immediatePort(limits: RegionLimits = REGION_LIMITS): CompilePort {
  return {
    request: (job, onDone) => {
      onDone(runCompileJob(job, undefined, limits))
      return true
    },
    poll: () => undefined,
  }
}
