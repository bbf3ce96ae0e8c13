/** The thread behind {@link SenderRecovery}: transactions' bytes in, senders out. */
import { parentPort } from 'node:worker_threads'
import { present } from '../primitives/assert.ts'
import { decodeTransaction } from '../chain/transaction-codec.ts'
import { recoverSender } from '../chain/transaction-signature.ts'
import type { RecoveryAnswer, RecoveryRequest } from './sender-recovery.ts'

const port = present(parentPort, 'the port of the main thread')

port.on('message', ({ transactions }: RecoveryRequest) => {
  const senders = transactions.map((bytes) => recoverSender(decodeTransaction(bytes)) ?? null)
  const answer: RecoveryAnswer = { senders }
  port.postMessage(answer)
})
