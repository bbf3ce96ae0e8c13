/** The tests of instructions, every program compiled. */
import { createTier2 } from '../../../../runtime/evm/tier2/engine.ts'
import { REGION_LIMITS } from '../../../../runtime/evm/tier2/compile.ts'
import { testEngine } from '../../../support/fake-host.ts'

testEngine(createTier2({ name: 'tier2', limits: REGION_LIMITS, compilesInitcode: true }))
await import('../environment.test.ts')
await import('../flow.test.ts')
await import('../gas.test.ts')
await import('../memory.test.ts')
await import('../storage.test.ts')
await import('../system.test.ts')
