/** The thread behind {@link SignatureVerifier}: requests in, results out, one at a time. */
import { parentPort } from 'node:worker_threads'
import { bls } from '../../consensus/bls.ts'
import { verifyRequest, type Verifier } from '../../consensus/simplex/verification.ts'
import { present } from '../../primitives/assert.ts'
import type { VerifierAnswer, VerifierQuestion } from './verifier.ts'

const port = present(parentPort, 'the port of the main thread')
const verifiers = new Map<number, Verifier>()

port.on('message', (question: VerifierQuestion) => {
  const { committee } = question
  if (question.kind === 'forget') {
    verifiers.delete(committee)
    return
  }
  const { id, keys, request } = question
  if (keys !== undefined) {
    // The main thread found the keys good.
    const { domain, publicKeys } = keys
    verifiers.set(committee, { scheme: bls, domain, keyring: bls.keyring(publicKeys) })
  }
  const result = verifyRequest(present(verifiers.get(committee), 'the keys of the committee'), request)
  const answer: VerifierAnswer = { id, result }
  port.postMessage(answer)
})
port.postMessage('ready')
