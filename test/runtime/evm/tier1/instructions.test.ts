/** The tests of tier 0's instructions once more, on tier 1. */
import { tier1 } from '../../../../runtime/evm/tier1/engine.ts'
import { testEngine } from '../../../support/fake-host.ts'

testEngine(tier1)

await import('../environment.test.ts')
await import('../flow.test.ts')
await import('../gas.test.ts')
await import('../memory.test.ts')
await import('../storage.test.ts')
await import('../system.test.ts')
await import('../tracing.test.ts')
