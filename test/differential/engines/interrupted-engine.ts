/**
 * An engine that has something else to do now and then: while a frame waits for its callee, frames of another host run
 * on the same engine, as those of an `eth_call` may. Waiting frames have to make room, and to go on afterwards.
 */
import { FORKS } from '../../../src/chain/forks.ts'
import type { Engine, Frame } from '../../../runtime/host.ts'
import type { Outcome } from '../../../runtime/outcome.ts'
import { assemble } from '../../support/assembler.ts'
import { FakeHost, finish, startFrame } from '../../support/fake-host.ts'

/** Leaves traces in whatever linear memory it runs: on the stack, in memory, in storage of both kinds. */
const OTHER_CODE = assemble(
  'PUSH32 0x1111111111111111111111111111111111111111111111111111111111111111 DUP1 DUP1 DUP1 PUSH2 0x800 MSTORE PUSH0 MSTORE',
  'PUSH1 2 TSTORE PUSH1 3 DUP1 SSTORE PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS CALL PUSH1 32 PUSH0 RETURN',
)

/** @param isInterrupted asked whenever a frame begins to wait. */
export function createInterruptedEngine(name: string, engine: Engine, isInterrupted: () => boolean): Engine {
  return {
    name,
    start(message, host, rules, tracer): Frame {
      const frame = engine.start(message, host, rules, tracer)
      const after = (outcome: Outcome): Outcome => {
        const waits = outcome.kind === 'call' || outcome.kind === 'create'
        if (waits && isInterrupted()) {
          finish(startFrame(OTHER_CODE, { host: new FakeHost(), rules: FORKS[rules.name], engine }))
        }
        return outcome
      }
      return {
        message,
        run: () => after(frame.run()),
        resume: (ended, created) => after(frame.resume(ended, created)),
      }
    },
  }
}
