/** The thread behind {@link SignatureVerifier}: requests in, results out, one at a time. */
import { parentPort, workerData } from 'node:worker_threads'
import { bls } from '../../consensus/bls.ts'
import { verifyRequest } from '../../consensus/simplex/verification.ts'
import { present } from '../../primitives/assert.ts'
import type { CommitteeKeys, VerifierAnswer, VerifierQuestion } from './verifier.ts'

const port = present(parentPort, 'the port of the main thread')
// Given by the main thread, which found the keys good.
const { domain, publicKeys } = workerData as CommitteeKeys
const verifier = { scheme: bls, domain, keyring: bls.keyring(publicKeys) }

port.on('message', ({ id, request }: VerifierQuestion) => {
  const answer: VerifierAnswer = { id, result: verifyRequest(verifier, request) }
  port.postMessage(answer)
})
port.postMessage('ready')
