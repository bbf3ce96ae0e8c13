/** A thread that helps `SenderRecovery`: it takes signatures until none is left, and sleeps until it is called. */
import { workerData } from 'node:worker_threads'
import { RecoverySlots } from './recovery-slots.ts'

const slots = new RecoverySlots(workerData as SharedArrayBuffer)

// Not while the module is evaluated: Node 26 aborts when a thread is ended at that.
setImmediate(help)

function help(): void {
  for (let call = slots.waitForCall(0); call !== undefined; call = slots.waitForCall(call)) {
    for (let number = slots.take(); number >= 0; number = slots.take()) slots.work(number)
  }
}
