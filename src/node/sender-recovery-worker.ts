/** A thread that helps `SenderRecovery`: it takes slots of a round until none is left, and sleeps until the next. */
import { workerData } from 'node:worker_threads'
import { RecoverySlots } from './recovery-slots.ts'

const slots = new RecoverySlots(workerData as SharedArrayBuffer)

// Not while the module is evaluated: Node 26 aborts when a thread is ended at that.
setImmediate(help)

function help(): void {
  for (let round = slots.waitForRound(0); round !== undefined; round = slots.waitForRound(round)) {
    for (let slot = slots.take(); slot >= 0; slot = slots.take()) slots.work(slot)
  }
}
